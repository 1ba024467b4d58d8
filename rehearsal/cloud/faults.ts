import { setTimeout as sleep } from "node:timers/promises";

import { Refusal, type Operation } from "./model.ts";

/** What is done to a chosen call. */
export type FaultAction =
  | { readonly kind: "delay"; readonly milliseconds: number }
  /** The API answers `Throttling` so often; the provider retries like the AWS SDK, 25 attempts at most. */
  | { readonly kind: "throttle"; readonly answers: number }
  | { readonly kind: "fail"; readonly errorCode: string; readonly message: string }
  /** No answer, until `release` or the end of the engine. */
  | { readonly kind: "hang" };

/** A fault that waits for its call. All selectors that are set must match. */
export interface Fault {
  /** Type or function token; `*` stands for anything. @default any */
  readonly type?: string;
  /** Logical name; `*` stands for anything. @default any */
  readonly name?: string;
  /** AWS region, or ARN of the cluster, that the call goes to; empty for what has none. @default any */
  readonly scope?: string;
  /** @default any operation */
  readonly operation?: Operation;
  /** Lets so many matching calls pass first. @default 0 */
  readonly skip?: number;
  /** Strikes so many times, then never again. @default 1 */
  readonly times?: number;
  /** `after`: the cloud has done it, only the answer is lost. @default "before" */
  readonly when?: "before" | "after";
  readonly action: FaultAction;
}

/** A fault with what it has done so far. */
export interface ArmedFault extends Fault {
  readonly id: number;
  seen: number;
  struck: number;
}

/** One call, as faults and the call log see it. */
export interface CallName {
  readonly type: string;
  readonly name: string;
  readonly operation: Operation;
  /** Region or cluster; absent where a call has none. */
  readonly scope?: string;
}

const ATTEMPTS = 25;
const BACKOFF_MILLISECONDS = 5;

/** The faults that are armed, and the calls that hang in one of them. */
export class Faults {
  readonly armed: ArmedFault[] = [];
  #hanging: (() => void)[] = [];
  #nextId = 1;

  /** Arms a fault; the number disarms it. */
  add(fault: Fault): number {
    const id = this.#nextId++;
    this.armed.push({ ...fault, id, seen: 0, struck: 0 });
    return id;
  }

  /** Takes one fault away, or all of them. */
  remove(id?: number): void {
    const kept = id === undefined ? [] : this.armed.filter((fault) => fault.id !== id);
    this.armed.splice(0, this.armed.length, ...kept);
  }

  /** How many calls hang now. */
  get hanging(): number {
    return this.#hanging.length;
  }

  /** Lets every hanging call go on. */
  release(): void {
    for (const go of this.#hanging.splice(0)) {
      go();
    }
  }

  /** Does what the armed faults say about this call; `describe` gives the API call for an error text. */
  async strike(call: CallName, when: "before" | "after", apiCall: string): Promise<void> {
    for (const fault of this.armed) {
      if ((fault.when ?? "before") !== when || !matches(fault, call)) {
        continue;
      }
      fault.seen += 1;
      if (fault.seen <= (fault.skip ?? 0) || fault.struck >= (fault.times ?? 1)) {
        continue;
      }
      fault.struck += 1;
      await this.#act(fault.action, apiCall);
    }
  }

  async #act(action: FaultAction, apiCall: string): Promise<void> {
    switch (action.kind) {
      case "delay":
        await sleep(action.milliseconds);
        return;
      case "throttle":
        await sleep(Math.min(action.answers, ATTEMPTS) * BACKOFF_MILLISECONDS);
        if (action.answers >= ATTEMPTS) {
          throw new Refusal(
            "Throttling",
            `operation error ${apiCall}, exceeded maximum number of attempts, ${ATTEMPTS}, ` +
              "https response error StatusCode: 400, api error Throttling: Rate exceeded",
          );
        }
        return;
      case "fail":
        throw new Refusal(
          action.errorCode,
          `operation error ${apiCall}, https response error StatusCode: 500, ` +
            `api error ${action.errorCode}: ${action.message}`,
        );
      case "hang":
        await new Promise<void>((resolve) => {
          this.#hanging.push(resolve);
        });
    }
  }
}

function matches(fault: Fault, call: CallName): boolean {
  return (
    (fault.operation === undefined || fault.operation === call.operation) &&
    fits(fault.type, call.type) &&
    fits(fault.name, call.name) &&
    fits(fault.scope, call.scope ?? "")
  );
}

function fits(pattern: string | undefined, value: string): boolean {
  if (pattern === undefined) {
    return true;
  }
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(value);
}
