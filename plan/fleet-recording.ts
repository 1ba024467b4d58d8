import type { StackConfig } from "../infra/config.ts";
import type { Recorded } from "./recorded.ts";

/** One stack as the program would make it. */
export interface StackRecording {
  readonly config: StackConfig;
  readonly resources: readonly Recorded[];
}

/** The program refused a stack's configuration: its own sentence, with the stack's name. */
export class RecordingError extends Error {}

/** Records one stack; replaced in tests. */
export type RecordOne = (config: StackConfig) => Promise<readonly Recorded[]>;

/** Told before each stack is recorded, so that a person at a terminal sees that something happens. */
export type Progress = (stack: string, index: number, count: number) => void;

/**
 * Runs the program of every stack once, one after another: the SDK keeps one program per process. Each stack is
 * recorded exactly once, so the work grows with the number of regions and not faster.
 * @throws ConfigError with all faults of all files, before anything is run
 */
export async function recordFleet(
  files: ReadonlyMap<string, string>,
  progress: Progress = () => undefined,
  record?: RecordOne,
): Promise<Map<string, StackRecording>> {
  // Only now: the Pulumi SDK takes seconds to load, which a wrong option or revision need not wait for.
  const { resolveFleet } = await import("../infra/config.ts");
  const fleet = resolveFleet(files);
  const recordOf = record ?? (await import("./record-stack.ts")).recordStack;
  const recordings = new Map<string, StackRecording>();
  for (const [stack, config] of fleet) {
    progress(stack, recordings.size + 1, fleet.size);
    recordings.set(stack, { config, resources: await recordOne(stack, config, recordOf) });
  }
  return recordings;
}

/** A TypeError and its like are faults of the program and keep their stack; anything else is a sentence for the user. */
async function recordOne(
  stack: string,
  config: StackConfig,
  record: RecordOne,
): Promise<readonly Recorded[]> {
  try {
    return await record(config);
  } catch (error) {
    const isBug =
      error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
    if (isBug || !(error instanceof Error)) {
      throw error;
    }
    throw new RecordingError(`Stack "${stack}": ${error.message}`, { cause: error });
  }
}
