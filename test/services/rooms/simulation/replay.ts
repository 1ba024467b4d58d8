import { runSchedule } from "./schedule.ts";

/**
 * Shows one schedule, line by line: `node --import tsx test/services/rooms/simulation/replay.ts SEED`. With a second
 * number, runs that many schedules from the seed on and names those that broke something.
 */
const [seed = "1", count] = process.argv.slice(2);
if (count === undefined) {
  const outcome = await runSchedule(Number(seed));
  console.log([`seed ${seed}, ${outcome.profile}`, ...outcome.history].join("\n"));
} else {
  for (let at = Number(seed); at < Number(seed) + Number(count); at++) {
    const { profile, violations, lapses } = await runSchedule(at);
    if (violations.length + lapses.length > 0) {
      console.log(`seed ${at}, ${profile}:\n  ${[...violations, ...lapses].join("\n  ")}`);
    }
  }
}
