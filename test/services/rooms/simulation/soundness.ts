import { runSchedule } from "./schedule.ts";

/** What many schedules came to. */
export interface Soundness {
  /** One text for each seed that broke an invariant, with how to look at it. */
  readonly broken: readonly string[];
  /** Seeds in which a partition did what it still may. */
  readonly lapses: readonly number[];
}

/** Runs so many schedules from a seed on. */
export async function soundness(from: number, count: number): Promise<Soundness> {
  const broken: string[] = [];
  const lapses: number[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await runSchedule(seed);
    if (outcome.violations.length > 0) {
      const replay = `node --import tsx test/services/rooms/simulation/replay.ts ${seed}`;
      broken.push(
        `seed ${seed} (${outcome.profile}): ${outcome.violations.join("; ")}. Replay: ${replay}`,
      );
    }
    if (outcome.lapses.length > 0) {
      lapses.push(seed);
    }
  }
  return { broken, lapses };
}
