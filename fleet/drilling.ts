import { roomPath } from "../services/rooms/admin/admin-request.ts";
import type { Canaries } from "./canaries.ts";
import { showDuration } from "./durations.ts";
import { FleetError, sentenceOf } from "./exit.ts";
import { roomSchema, type GatewayStatus } from "./gateway-answers.ts";
import type { Gateways } from "./gateways.ts";
import { statusOf } from "./region-status.ts";
import type { World } from "./world.ts";

/** What one step of a drill did to its canaries. */
export interface DrilledStep {
  readonly step: string;
  /** Milliseconds for which the worst canary was out. */
  readonly worstOutMs: number;
}

/** How long a canary should be out at most, in milliseconds. */
export const TARGET_MS = 2000;

/** How long it may be: one more round of its library's tries. Above it a guarantee is broken. */
export const LIMIT_MS = 2 * TARGET_MS;

/** What is done must have had its effect before anybody counts as back. */
const EFFECT_MS = 2000;

/** Beats after the return that have to be there before times are taken. */
const BEATS_MS = 500;

/** Seconds within which a region forgets a room that was moved away from it. */
const FORGOTTEN_SECONDS = 45;
const LOOK_MS = 1000;

/** Looks at every region before anything is done. @throws FleetError when one is not well, all reasons at once */
export async function mustBeWell(
  gateways: Gateways,
  regions: readonly string[],
): Promise<ReadonlyMap<string, GatewayStatus>> {
  const outcomes = await Promise.allSettled(regions.map((region) => statusOf(gateways, region)));
  const found = new Map<string, GatewayStatus>();
  const faults: string[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const region = regions[index] ?? "";
    if (outcome.status === "rejected") {
      faults.push(sentenceOf(outcome.reason));
    } else {
      found.set(region, outcome.value);
      faults.push(...faultsOf(region, outcome.value));
    }
  }
  if (faults.length > 0) {
    throw new FleetError(
      `Drill: nothing was done, because the fleet is not well. ${faults.join(" ")} Look at fleet status first.`,
    );
  }
  return found;
}

function faultsOf(region: string, status: GatewayStatus): readonly string[] {
  const away = status.peers.filter(
    (peer) => !peer.reachable && status.members[peer.region]?.state === "member",
  );
  return [
    ...(status.liveKitUp ? [] : [`Region "${region}": LiveKit is away.`]),
    ...(status.storeUp ? [] : [`Region "${region}": its store is away.`]),
    ...(status.draining === undefined ? [] : [`Region "${region}": it takes no rooms.`]),
    ...away.map((peer) => `Region "${region}": it does not reach ${peer.region}.`),
    ...(status.splitRooms.length === 0
      ? []
      : [`Region "${region}": rooms are split (${status.splitRooms.slice(0, 5).join(", ")}).`]),
  ];
}

/**
 * Does one thing to the canaries and holds it to what is promised: all are back in time, in one room, in one region.
 * @param to the region that has them after it; any one where the gateways choose
 * @throws FleetError with the first guarantee that is broken
 */
export async function drillStep(
  setting: {
    readonly world: Pick<World, "clock" | "output" | "interrupted">;
    readonly gateways: Gateways;
    readonly canaries: Canaries;
  },
  {
    step,
    to,
    act,
  }: { readonly step: string; readonly to?: string; readonly act: () => Promise<void> },
): Promise<DrilledStep> {
  const { world, gateways, canaries } = setting;
  const { clock, output } = world;
  const broken = (what: string): FleetError =>
    new FleetError(`Drill: a guarantee is broken at "${step}": ${what}. It was stopped there.`);
  const began = clock.now();
  output.say(step);
  await act();
  await clock.sleep(EFFECT_MS);
  try {
    await canaries.untilTogether(clock.now());
  } catch (error) {
    throw broken(`canaries are not together again (${sentenceOf(error)})`);
  }
  await clock.sleep(BEATS_MS);
  const outs = canaries.outs(began);
  const worstOutMs = Math.max(0, ...outs.values());
  const late = [...outs].filter(([, ms]) => ms > LIMIT_MS);
  if (late.length > 0) {
    const who = late.map(([identity, ms]) => `${identity} for ${shown(ms)}`).join(", ");
    throw broken(`out for more than ${showDuration(LIMIT_MS / 1000)}: ${who}`);
  }
  if (canaries.roomIds().length > 1) {
    throw broken(`canaries are in ${canaries.roomIds().length} rooms`);
  }
  const hosts = await hostsInTheEnd(world, gateways, canaries.room, to);
  if (hosts.length !== 1 || (to !== undefined && hosts[0] !== to)) {
    throw broken(
      `people of ${canaries.room} are in ${hosts.join(" and ") || "no region"}, not in ${to ?? "one"}`,
    );
  }
  output.say(
    `${step}: canaries were out for ${shown(worstOutMs)} at worst, target ${shown(TARGET_MS)}`,
  );
  return { step, worstOutMs };
}

/** Regions that have people in a room, once those that it was moved away from had time to forget it. */
async function hostsInTheEnd(
  { clock, interrupted }: Pick<World, "clock" | "interrupted">,
  gateways: Gateways,
  room: string,
  to: string | undefined,
): Promise<readonly string[]> {
  const deadline = clock.now() + FORGOTTEN_SECONDS * 1000;
  for (;;) {
    const { regions } = await gateways.askAny(
      gateways.regions(),
      { method: "GET", path: roomPath(room) },
      roomSchema,
    );
    const hosts = regions
      .filter(({ participants = 0 }) => participants > 0)
      .map(({ region }) => region);
    const isSettled = hosts.length === 1 && (to === undefined || hosts[0] === to);
    if (isSettled || clock.now() > deadline || interrupted.aborted) {
      return hosts;
    }
    await clock.sleep(LOOK_MS);
  }
}

/** Seconds with a tenth. */
function shown(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : "good";
}
