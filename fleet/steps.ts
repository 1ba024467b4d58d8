import { EXIT, FleetError, sentenceOf } from "./exit.ts";
import type { World } from "./world.ts";

/** One step of a long command. */
export interface Step {
  /** What it does, such as `ap: evacuate`. */
  readonly name: string;
  /** True if the real state shows that nothing is left to do. Asked just before. @default never */
  readonly isDone?: () => boolean | Promise<boolean>;
  readonly run: () => Promise<void>;
}

/** What came of a step. */
export interface StepResult {
  readonly step: string;
  readonly state: "done" | "was done";
}

/**
 * Works through steps. What a step has done is seen in the real state (files, stacks, gateways), not in a journal: so a
 * command that was interrupted, on this machine or another, goes on when it is called again.
 * @throws FleetError with what is done, what is not, and the command to call again
 */
export async function runSteps(
  world: Pick<World, "output" | "interrupted">,
  command: string,
  steps: readonly Step[],
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    try {
      if (world.interrupted.aborted) {
        throw new FleetError("Interrupted.", EXIT.notFinished);
      }
      if ((await step.isDone?.()) === true) {
        results.push({ step: step.name, state: "was done" });
        world.output.say(`${step.name}: is done`);
        continue;
      }
      world.output.say(step.name);
      await step.run();
      results.push({ step: step.name, state: "done" });
    } catch (error) {
      const done = results.map(({ step: name }) => name);
      const left = steps.slice(index).map(({ name }) => name);
      throw new FleetError(
        [
          sentenceOf(error),
          `Done: ${done.length === 0 ? "nothing" : done.join("; ")}.`,
          `Left: ${left.join("; ")}.`,
          `Run ${command} again: it goes on.`,
        ].join("\n"),
        error instanceof FleetError ? error.exit : EXIT.failed,
      );
    }
  }
  return results;
}

/** The results as text. */
export function stepsText(results: readonly StepResult[]): string {
  return results
    .map(({ step, state }) => `${step}: ${state === "done" ? "done" : "was done before"}`)
    .join("\n");
}
