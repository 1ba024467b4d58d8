import type { Registry } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { fleetStatus } from "../region-status.ts";
import { readFleet } from "../stack-files.ts";
import { statusText } from "../status-text.ts";
import { troublesOf } from "../troubles.ts";
import type { World } from "../world.ts";

/** Registers `fleet status`. */
export function addStatus(registry: Registry): void {
  registry.add({
    usage: "status",
    description:
      "Shows every region: what is deployed, health, rooms, people, drain, webhooks, copies, certificates.\n" +
      "Ends with 4 if something is not well, and says what. What cannot be asked is shown as not known, with the reason.",
    examples: ["fleet status", "fleet status --json | jq '.troubles'"],
    run: (world) => status(world),
  });
}

/** Asks all regions, and says what is not well. */
export async function status(world: World): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  const found = await fleetStatus(world, fleet);
  const troubles = troublesOf(found);
  world.output.result({ ...found, troubles }, statusText(found, troubles));
  return troubles.length === 0 ? EXIT.done : EXIT.notWell;
}
