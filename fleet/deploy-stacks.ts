import type { StackConfig } from "../infra/config.ts";
import { EXIT, sentenceOf, type ExitStatus } from "./exit.ts";
import { engineKey, stackFileName, type FleetFiles } from "./stack-files.ts";
import type { Changes, StackProgress } from "./stacks.ts";
import { runWaves, wavesOf, type Outcome } from "./waves.ts";
import type { World } from "./world.ts";

/** Milliseconds between two lines about one stack. */
const SAY_EVERY_MS = 10_000;

/** Says now and then how far a stack is. */
export function sayProgress(
  world: Pick<World, "output" | "clock">,
  stack: string,
): (progress: StackProgress) => void {
  let last = world.clock.now();
  return ({ done, underWay }) => {
    const now = world.clock.now();
    if (now - last >= SAY_EVERY_MS) {
      last = now;
      const what = underWay.length === 0 ? "" : `, now ${underWay.join("; ")}`;
      world.output.say(`${stack}: ${done} resources done${what}`);
    }
  };
}

/**
 * Makes the stacks that the backend does not have. All of them before anything is deployed: a stack that refers to one
 * that does not exist ends the engine without a readable error. They get the primary's secrets provider.
 */
export async function createMissing(
  world: World,
  fleet: FleetFiles,
  regions: readonly StackConfig[],
): Promise<readonly string[]> {
  const there = await world.stacks.names();
  const primaryFile = fleet.files.get(stackFileName(fleet.fleet.primary.stack)) ?? "";
  const provider = engineKey(primaryFile, "secretsprovider");
  const missing = regions.map(({ stack }) => stack).filter((stack) => !there.has(stack));
  for (const stack of missing) {
    world.output.say(`${stack}: stack created`);
    await world.stacks.create(stack, provider);
  }
  return missing;
}

/** Deploys regions in their waves and says how it goes. */
export async function deployStacks(
  world: World,
  regions: readonly StackConfig[],
  atOnce: number,
): Promise<readonly Outcome<Changes>[]> {
  const waves = wavesOf(regions);
  return runWaves(
    waves,
    { atOnce, interrupted: world.interrupted, now: () => world.clock.now() },
    async (stack) => {
      world.output.say(`${stack}: up`);
      const changes = await world.stacks.up(stack, sayProgress(world, stack));
      world.output.say(`${stack}: ${showChanges(changes)}`);
      return changes;
    },
  );
}

/** The outcomes as JSON. */
export function outcomesJson(outcomes: readonly Outcome<Changes>[]): unknown {
  return outcomes.map((it) => {
    switch (it.outcome) {
      case "done":
        return { stack: it.stack, outcome: it.outcome, changes: it.value, seconds: it.seconds };
      case "failed":
        return {
          stack: it.stack,
          outcome: it.outcome,
          error: sentenceOf(it.error),
          seconds: it.seconds,
        };
      case "not started":
        return { stack: it.stack, outcome: it.outcome };
    }
  });
}

/** The outcomes as text, and what to do where not all is done. */
export function outcomesText(
  outcomes: readonly Outcome<Changes>[],
  command: string,
  wasInterrupted: boolean,
): string {
  const lines = outcomes.map((it) => {
    switch (it.outcome) {
      case "done":
        return `${it.stack}: done in ${Math.round(it.seconds)} s, ${showChanges(it.value)}`;
      case "failed":
        return `${it.stack}: not done. ${sentenceOf(it.error)}`;
      case "not started":
        return `${it.stack}: not started`;
    }
  });
  const isDone = outcomes.every(({ outcome }) => outcome === "done");
  const next = wasInterrupted ? "Interrupted." : "Not all is done.";
  return [...lines, ...(isDone ? [] : [`${next} Run ${command} again: it goes on.`])].join("\n");
}

/** The exit status that the outcomes come to. */
export function outcomesExit(
  outcomes: readonly Outcome<unknown>[],
  wasInterrupted: boolean,
): ExitStatus {
  if (outcomes.every(({ outcome }) => outcome === "done")) {
    return EXIT.done;
  }
  return wasInterrupted ? EXIT.notFinished : EXIT.failed;
}

/** `3 create, 1 update`, or that nothing changed. */
export function showChanges(changes: Changes): string {
  const parts = Object.entries(changes).map(([step, count]) => `${count} ${step}`);
  return parts.length === 0 ? "nothing changed" : parts.join(", ");
}
