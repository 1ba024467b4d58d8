import * as z from "zod";
import { roomPath } from "../../services/rooms/admin/admin-request.ts";
import type { Registry } from "../command.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { moveSchema, pinSchema, roomSchema, type RoomAnswer } from "../gateway-answers.ts";
import type { Gateways } from "../gateways.ts";
import { readFleet, regionOf } from "../stack-files.ts";
import type { World } from "../world.ts";

const dryRunSchema = z.object({ dryRun: z.boolean().default(false) });

const toSchema = z.object({ to: z.string(), dryRun: z.boolean().default(false) });

/** Registers `fleet room show`, `move`, `pin` and `unpin`. */
export function addRoom(registry: Registry): void {
  const parent = registry.group("room", "Where one room is, and where it is to be");
  registry.add({
    parent,
    usage: "show <room>",
    description:
      "Shows which region hosts a room, and how many people are in it, region by region.",
    examples: ["fleet room show 3f0c9d2e-6c1b-4b7a-9a52-0d4f8c1e7b11"],
    run: (world, [room = ""]) => showRoom(world, room),
  });
  registry.add({
    parent,
    usage: "move <room>",
    description: "Moves a live room to another region: people are away for a second or so.",
    examples: ["fleet room move daily --to us --yes"],
    changes: true,
    asks: true,
    options: (command) => command.requiredOption("--to <region>", "the region that takes it"),
    run: (world, [room = ""], options) => moveRoom(world, room, toSchema.parse(options)),
  });
  registry.add({
    parent,
    usage: "pin <room>",
    description:
      "Says where a room's next meeting is to be. A meeting that runs stays where it is.",
    examples: ["fleet room pin board --to eu"],
    changes: true,
    options: (command) => command.requiredOption("--to <region>", "the region"),
    run: (world, [room = ""], options) => pinRoom(world, room, toSchema.parse(options)),
  });
  registry.add({
    parent,
    usage: "unpin <room>",
    description: "Takes a pin back: the room's next meeting is where rules or its first guest say.",
    examples: ["fleet room unpin board"],
    changes: true,
    run: (world, [room = ""], options) =>
      pinRoom(world, room, { dryRun: dryRunSchema.parse(options).dryRun }),
  });
}

/** Shows a room as all regions have it. */
export async function showRoom(world: World, room: string): Promise<ExitStatus> {
  const gateways = await world.gateways(readFleet(world.project));
  const answer = await roomOf(gateways, room);
  const host = hostOf(answer);
  const lines = answer.regions.map(({ region, fault, claim, participants }) => {
    const has =
      claim === undefined
        ? "knows nothing of it"
        : `says ${claim.region} hosts it (epoch ${claim.epoch}, ${claim.state}, by ${claim.cause})`;
    return `  ${region}: ${fault ?? `${has}; ${participants ?? 0} people connected here`}`;
  });
  const head =
    host === undefined ? `Room ${room} is in no region.` : `Room ${room} is in ${host.region}.`;
  world.output.result({ ...answer, host: host?.region ?? null }, [head, ...lines].join("\n"));
  return EXIT.done;
}

/** Moves a live room, by its host's gateway. Done already counts as done. */
export async function moveRoom(
  world: World,
  room: string,
  { to, dryRun }: { readonly to: string; readonly dryRun: boolean },
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  regionOf(fleet, to);
  const gateways = await world.gateways(fleet);
  const answer = await roomOf(gateways, room);
  const host = hostOf(answer);
  if (host === undefined || host.state !== "open") {
    throw new FleetError(
      `Room "${room}": no meeting runs in it. Use fleet room pin ${room} --to ${to} for its next one.`,
    );
  }
  if (host.region === to) {
    world.output.result({ room, region: to, moved: false }, `Room ${room} is in ${to} already.`);
    return EXIT.done;
  }
  const people = answer.regions.find(({ region }) => region === host.region)?.participants ?? 0;
  if (dryRun) {
    world.output.result(
      { room, from: host.region, to, people },
      `Room ${room} with ${people} people would be moved from ${host.region} to ${to}.`,
    );
    return EXIT.done;
  }
  await world.confirm.ask(
    `Room "${room}": ${people} people are moved from ${host.region} to ${to} and are away for a second or so; a recording ends.`,
  );
  const path = roomPath(room, "move");
  const body = { region: to };
  await gateways.ask(host.region, { method: "POST", path, body }, moveSchema);
  world.output.result({ room, region: to, moved: true }, `Room ${room} is in ${to} now.`);
  return EXIT.done;
}

/** Pins a room, or takes its pin back where no region is given. */
export async function pinRoom(
  world: World,
  room: string,
  { to, dryRun }: { readonly to?: string; readonly dryRun: boolean },
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  if (to !== undefined) {
    regionOf(fleet, to);
  }
  if (dryRun) {
    const text = to === undefined ? `would lose its pin` : `would be pinned to ${to}`;
    world.output.result({ room, region: to ?? null }, `Room ${room} ${text}.`);
    return EXIT.done;
  }
  const gateways = await world.gateways(fleet);
  const path = roomPath(room, "pin");
  const { notReached } = await gateways.askAny(
    gateways.regions(),
    to === undefined ? { method: "DELETE", path } : { method: "PUT", path, body: { region: to } },
    pinSchema,
  );
  const done =
    to === undefined
      ? `Room ${room} has no pin any more.`
      : `Room ${room}: its next meeting is in ${to}.`;
  const missing =
    notReached.length === 0
      ? ""
      : ` Not told yet: ${notReached.join(", ")}; they learn it when they are back.`;
  world.output.result({ room, region: to ?? null, notReached }, `${done}${missing}`);
  return EXIT.done;
}

function roomOf(gateways: Gateways, room: string): Promise<RoomAnswer> {
  return gateways.askAny(gateways.regions(), { method: "GET", path: roomPath(room) }, roomSchema);
}

/** The claim that holds: the highest epoch, then the higher name (docs/adr/0012-claim-protocol.md). */
function hostOf({
  regions,
}: RoomAnswer): { readonly region: string; readonly state: string } | undefined {
  return regions
    .flatMap(({ claim }) => (claim === undefined ? [] : [claim]))
    .sort((one, other) => other.epoch - one.epoch || (one.region < other.region ? 1 : -1))[0];
}
