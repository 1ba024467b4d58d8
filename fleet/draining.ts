import { showDuration } from "./durations.ts";
import { EXIT, FleetError } from "./exit.ts";
import { anySchema, type GatewayStatus } from "./gateway-answers.ts";
import { GatewayFault, type Gateways } from "./gateways.ts";
import { statusOf } from "./region-status.ts";
import type { World } from "./world.ts";

/** The two ways to empty a region: meetings end by themselves until the deadline, or are moved now. */
export type EmptyKind = "drain" | "evacuation";

/** Has a region take no new rooms and lose those it has. Its gateways go on by themselves. @throws GatewayFault */
export async function giveOrder(
  world: Pick<World, "output">,
  gateways: Gateways,
  region: string,
  order: { readonly kind: EmptyKind; readonly seconds: number },
): Promise<void> {
  const path = order.kind === "drain" ? "drain" : "evacuate";
  const body = { deadlineSeconds: order.seconds };
  await gateways.ask(region, { method: "POST", path, body }, anySchema);
  world.output.say(`${region}: takes no new rooms; deadline in ${showDuration(order.seconds)}`);
}

/** Milliseconds between two looks at a region that empties. */
const LOOK_MS = 2_000;

/** Seconds after the deadline in which the last rooms are moved; then it counts as stuck. */
const GRACE_SECONDS = 60;

/** Looks in a row without an answer after which the region counts as away. */
const SILENT_LOOKS = 15;

/** Looks in a row without the order after which somebody has taken it back: a gateway's other pods hear of it later. */
const ORDERLESS_LOOKS = 4;

/**
 * Watches a region until it hosts no room any more, and says how it goes.
 * @returns the last status
 * @throws FleetError when it was interrupted, undrained meanwhile, is stuck, or does not answer for long
 */
export async function untilEmpty(
  world: Pick<World, "output" | "clock" | "interrupted">,
  gateways: Gateways,
  region: string,
): Promise<GatewayStatus> {
  let said = "";
  let silent = 0;
  let orderless = 0;
  for (;;) {
    const status = await lookAt(gateways, region);
    if (world.interrupted.aborted) {
      throw new FleetError(
        `Region "${region}": interrupted here, but the region goes on by itself. The same command shows how far it is; fleet undrain ${region} ends it.`,
        EXIT.notFinished,
      );
    }
    if (status === undefined) {
      silent++;
      if (silent >= SILENT_LOOKS) {
        throw new FleetError(
          `Region "${region}": its gateway has not answered for ${showDuration((SILENT_LOOKS * LOOK_MS) / 1000)}. It goes on by itself when it is back; call the command again.`,
          EXIT.notFinished,
        );
      }
    } else {
      silent = 0;
      if (status.rooms === 0 && status.storeUp) {
        world.output.say(`${region}: empty`);
        return status;
      }
      const line = lineOf(region, status);
      if (line !== said) {
        world.output.say(line);
        said = line;
      }
      orderless = status.draining === undefined ? orderless + 1 : 0;
      if (status.draining !== undefined || orderless >= ORDERLESS_LOOKS) {
        stopIfStuck(region, status, world.clock.now());
      }
    }
    await world.clock.sleep(LOOK_MS);
  }
}

async function lookAt(gateways: Gateways, region: string): Promise<GatewayStatus | undefined> {
  try {
    return await statusOf(gateways, region);
  } catch (error) {
    if (error instanceof GatewayFault && error.isSilent) {
      return undefined;
    }
    throw error;
  }
}

function lineOf(region: string, { rooms, participants, draining }: GatewayStatus): string {
  const people = participants === undefined ? "" : ` with ${participants} people`;
  const moved = draining?.of === undefined ? "" : `, ${draining.done ?? 0} of ${draining.of} moved`;
  return `${region}: ${rooms} rooms${people} left${moved}`;
}

function stopIfStuck(region: string, { draining, rooms }: GatewayStatus, now: number): void {
  if (draining === undefined) {
    throw new FleetError(
      `Region "${region}": somebody has it take rooms again; ${rooms} are there. Ask who, then call the command again.`,
    );
  }
  if (now > draining.deadline + GRACE_SECONDS * 1000) {
    const { left = [] } = draining;
    const which = left.length === 0 ? "" : ` (${left.slice(0, 10).join(", ")})`;
    throw new FleetError(
      `Region "${region}": ${rooms} rooms are left${which} after the deadline, because no other region could take them. Look at fleet status, then call the command again, or fleet undrain ${region}.`,
    );
  }
}
