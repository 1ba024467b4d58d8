import * as z from "zod";
import type { Registry } from "../command.ts";
import { giveOrder, untilEmpty, type EmptyKind } from "../draining.ts";
import { parseDuration, showDuration } from "../durations.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { anySchema, type GatewayStatus } from "../gateway-answers.ts";
import { statusOf } from "../region-status.ts";
import { isRolling } from "../rolling.ts";
import { readFleet, regionOf } from "../stack-files.ts";
import { drainText } from "../status-text.ts";
import type { World } from "../world.ts";

/** Options of `fleet drain` and `fleet evacuate`. */
export interface DrainOptions {
  /** Undefined: that of the order that the region has already, else the command's default. */
  readonly deadlineSeconds?: number | undefined;
  readonly wait: boolean;
  readonly dryRun: boolean;
}

const DEFAULT_SECONDS = { drain: 2 * 3600, evacuation: 600 } as const;

const optionsSchema = z
  .object({
    deadline: z.string().optional(),
    wait: z.boolean().default(true),
    dryRun: z.boolean().default(false),
  })
  .transform(({ deadline, ...options }) => ({
    ...options,
    deadlineSeconds: deadline === undefined ? undefined : parseDuration(deadline),
  }));

/** Registers `fleet drain`, `fleet evacuate` and `fleet undrain`. */
export function addDrain(registry: Registry): void {
  const add = (kind: EmptyKind, usage: string, description: string, examples: string[]): void => {
    registry.add({
      usage,
      description,
      examples,
      changes: true,
      asks: true,
      options: (command) =>
        command
          .option(
            "--deadline <time>",
            `such as 30m or 2h; ${showDuration(DEFAULT_SECONDS[kind])} unless given`,
          )
          .option("--no-wait", "give the order and return"),
      run: (world, [region = ""], options) =>
        empty(world, kind, region, optionsSchema.parse(options)),
    });
  };
  add(
    "drain",
    "drain <region>",
    "Lets a region take no new rooms, and waits until its meetings have ended.\n" +
      "At the deadline those that still run are moved to other regions, live.\n" +
      "The region stays drained until fleet undrain. Called again, it shows how far it is.",
    ["fleet drain eu", "fleet drain eu --deadline 30m", "fleet drain eu --no-wait"],
  );
  add(
    "evacuation",
    "evacuate <region>",
    "Moves all rooms of a region to other regions now, live: people are away for a second or so.\n" +
      "Recordings are stopped and saved first. The region stays drained until fleet undrain.",
    ["fleet evacuate eu --yes", "fleet evacuate eu --dry-run"],
  );
  registry.add({
    usage: "undrain <region>",
    description: "Lets a region take rooms again. Rooms that were moved away do not come back.",
    examples: ["fleet undrain eu"],
    changes: true,
    run: (world, [region = ""], options) =>
      undrain(world, region, optionsSchema.parse(options).dryRun),
  });
}

/** Empties a region. An order that it has already is not given anew, so that its deadline stays. */
export async function empty(
  world: World,
  kind: EmptyKind,
  region: string,
  options: DrainOptions,
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  regionOf(fleet, region);
  const gateways = await world.gateways(fleet);
  const before = await statusOf(gateways, region);
  // The order of a rolling deployment ends with it; this one is to stand until fleet undrain.
  const hasOrder =
    before.draining?.kind === kind &&
    !isRolling(before.draining) &&
    options.deadlineSeconds === undefined;
  if (options.dryRun) {
    const verb = kind === "drain" ? "be drained" : "be evacuated";
    const order = hasOrder ? `is being emptied already` : `would ${verb}`;
    world.output.result(
      { region, order: kind, given: hasOrder, rooms: before.rooms },
      `Region ${region} ${order}; it hosts ${before.rooms} rooms${peopleOf(before)}.`,
    );
    return EXIT.done;
  }
  if (!hasOrder) {
    await confirmOrder(world, kind, region, before);
    const seconds = options.deadlineSeconds ?? DEFAULT_SECONDS[kind];
    await giveOrder(world, gateways, region, { kind, seconds });
  }
  const after = options.wait
    ? await untilEmpty(world, gateways, region)
    : await statusOf(gateways, region);
  world.output.result(
    { region, rooms: after.rooms, draining: after.draining ?? null },
    after.rooms === 0
      ? `Region ${region} is empty and takes no rooms. fleet undrain ${region} lets it take some again.`
      : `Region ${region}: ${after.rooms} rooms left; ${drainText(after.draining, world.clock.now())}.`,
  );
  return EXIT.done;
}

/** Lets a region take rooms again. */
export async function undrain(world: World, region: string, dryRun: boolean): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  regionOf(fleet, region);
  const gateways = await world.gateways(fleet);
  const { draining } = await statusOf(gateways, region);
  if (draining === undefined || dryRun) {
    world.output.result(
      { region, wasDraining: draining !== undefined },
      draining === undefined
        ? `Region ${region} takes rooms; there is nothing to do.`
        : `Region ${region} would take rooms again.`,
    );
    return EXIT.done;
  }
  await gateways.ask(region, { method: "POST", path: "undrain" }, anySchema);
  world.output.result({ region, wasDraining: true }, `Region ${region} takes rooms again.`);
  return EXIT.done;
}

/** Asks where people would notice: a live move, or no region left that takes rooms. */
async function confirmOrder(
  world: World,
  kind: EmptyKind,
  region: string,
  status: GatewayStatus,
): Promise<void> {
  const takers = status.peers.filter(
    (peer) => peer.reachable && status.members[peer.region]?.state === "member",
  );
  if (takers.length === 0) {
    await world.confirm.ask(
      `Region "${region}": it reaches no other region, so nobody can begin a meeting until fleet undrain ${region}.`,
    );
  } else if (kind === "evacuation" && status.rooms > 0) {
    await world.confirm.ask(
      `Region "${region}": ${status.rooms} rooms${peopleOf(status)} are moved now. Everybody is away for a second or so, and recordings end.`,
    );
  }
}

function peopleOf({ participants }: GatewayStatus): string {
  return participants === undefined ? "" : ` with ${participants} people`;
}
