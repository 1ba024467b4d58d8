import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Previewed, StackProgress } from "./stacks.ts";

/** Names of steps under way that are shown at once. */
const SHOWN = 3;

/** Type and logical name of a resource; the types of its parents are left out. */
export function shortName(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  return `${types.split("$").at(-1) ?? ""} ${name}`;
}

/** Follows the events of one operation: how far it is, what it would change, what went wrong. */
export class EngineEvents {
  private readonly onProgress: (progress: StackProgress) => void;
  private readonly underWay = new Map<string, string>();
  private readonly steps: string[] = [];
  private readonly errors: string[] = [];
  private done = 0;

  constructor(onProgress: (progress: StackProgress) => void) {
    this.onProgress = onProgress;
  }

  /** Takes in one event. */
  take(event: EngineEvent): void {
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent !== undefined) {
      const { op, urn } = resourcePreEvent.metadata;
      if (op !== "same" && op !== "read") {
        const step = `${op} ${shortName(urn)}`;
        this.steps.push(step);
        this.underWay.set(urn, step);
        this.report();
      }
    }
    const ended = resOutputsEvent ?? resOpFailedEvent;
    if (ended !== undefined) {
      this.underWay.delete(ended.metadata.urn);
      this.done += resOutputsEvent === undefined ? 0 : 1;
      this.report();
    }
    if (diagnosticEvent?.severity === "error") {
      const message = withoutColour(diagnosticEvent.message).trim();
      // The engine's own last word, which only repeats that there were errors.
      if (message !== "" && !/^(update|preview|destroy) failed$/.test(message)) {
        const { urn } = diagnosticEvent;
        this.errors.push(urn === undefined ? message : `${shortName(urn)}: ${message}`);
      }
    }
  }

  /** What the engine called errors, each once. */
  faults(): readonly string[] {
    return [...new Set(this.errors)];
  }

  /** What a preview would change. */
  previewed(): Previewed {
    const changes: Record<string, number> = {};
    for (const step of this.steps) {
      const op = step.slice(0, step.indexOf(" "));
      changes[op] = (changes[op] ?? 0) + 1;
    }
    return { changes, steps: [...this.steps].sort() };
  }

  private report(): void {
    this.onProgress({ done: this.done, underWay: [...this.underWay.values()].slice(0, SHOWN) });
  }
}

/** Diagnostics come with markers such as `<{%reset%}>` and with terminal codes. */
function withoutColour(text: string): string {
  return text.replace(/<\{%[^%]*%\}>/g, "").replace(/\u001b\[[0-9;]*m/g, "");
}
