import type { StackConfig } from "../infra/config.ts";
import { sayProgress, showChanges } from "./deploy-stacks.ts";
import { giveOrder, untilEmpty, type EmptyKind } from "./draining.ts";
import { anySchema, type DrainState } from "./gateway-answers.ts";
import { FleetError, sentenceOf } from "./exit.ts";
import type { Gateways } from "./gateways.ts";
import { statusOf } from "./region-status.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/** How regions are emptied before they are deployed. */
export interface Rolling {
  readonly kind: EmptyKind;
  readonly seconds: number;
}

/** Begins the names in which a rolling deployment gives its orders; the operator's follows. */
const ROLLING = "rolling.";

/** Most characters of a name that gateways take (services/rooms/peers/peer-token.ts). */
const MAX_NAME = 100;

/**
 * True for an order of a rolling deployment, which lets the region take rooms again by itself. Gateways of a version
 * that did not keep names show every order as an operator's.
 */
export function isRolling(draining: DrainState | undefined): boolean {
  return draining?.by?.startsWith(ROLLING) === true;
}

/**
 * Deploys one region after another, each while nobody is in it: emptied before, taking rooms again after. So LiveKit
 * can be replaced and nobody's meeting is cut at the drain deadline of its pod. A region that an operator had emptied
 * before stays so.
 * @param isDone whether the region is deployed already
 */
export function rollingSteps(
  world: World,
  fleet: FleetFiles,
  regions: readonly StackConfig[],
  rolling: Rolling,
  isDone: (region: string) => boolean | Promise<boolean> = () => false,
): readonly Step[] {
  const emptied = new Set<string>();
  const isOurs = (region: string, order: DrainState): boolean =>
    isRolling(order) || (order.by === undefined && emptied.has(region));
  return regions.flatMap(({ stack }): readonly Step[] => [
    {
      name: `${stack}: ${rolling.kind === "drain" ? "drain" : "evacuate"}`,
      isDone: () => isDone(stack),
      run: async () => {
        const gateways = await world.gateways(fleet);
        const { draining } = await statusOf(gateways, stack);
        const isOperators = draining !== undefined && !isOurs(stack, draining);
        if (draining?.kind !== rolling.kind) {
          const name = `${ROLLING}${gateways.operator()}`.slice(0, MAX_NAME);
          const giver = isOperators ? gateways : gateways.inTheNameOf(name);
          await giveOrder(world, giver, stack, rolling);
        }
        if (!isOperators) {
          emptied.add(stack);
        }
        await untilEmpty(world, gateways, stack);
      },
    },
    {
      name: `${stack}: up`,
      isDone: () => isDone(stack),
      run: async () => {
        const changes = await world.stacks.up(stack, sayProgress(world, stack));
        world.output.say(`${stack}: ${showChanges(changes)}`);
      },
    },
    {
      name: `${stack}: undrain`,
      isDone: async () => {
        const { draining } = await statusOf(await world.gateways(fleet), stack);
        if (draining === undefined || isOurs(stack, draining)) {
          return draining === undefined;
        }
        const who = draining.by ?? "an operator";
        world.output.say(
          `${stack}: was emptied by ${who} and stays so; fleet undrain ${stack} ends it`,
        );
        return true;
      },
      run: async () => {
        await undrain(await world.gateways(fleet), stack);
      },
    },
  ]);
}

/**
 * Lets regions take rooms again that an earlier rolling deployment had emptied, deployed and then not come back to,
 * because it was killed. What operators emptied stays so; a region that does not answer is named and left.
 * @returns whether there was one
 */
export async function takeRoomsAgain(
  world: World,
  fleet: FleetFiles,
  regions: readonly StackConfig[],
): Promise<boolean> {
  let found = false;
  for (const { stack } of regions) {
    try {
      const gateways = await world.gateways(fleet);
      const { draining } = await statusOf(gateways, stack);
      if (isRolling(draining)) {
        await undrain(gateways, stack);
        world.output.say(`${stack}: takes rooms again; an earlier call had not come to that`);
        found = true;
      }
    } catch (error) {
      if (!(error instanceof FleetError)) {
        throw error;
      }
      world.output.say(
        `${stack}: not known whether an earlier call left it drained; fleet status shows it. ${sentenceOf(error)}`,
      );
    }
  }
  return found;
}

async function undrain(gateways: Gateways, region: string): Promise<void> {
  await gateways.ask(region, { method: "POST", path: "undrain" }, anySchema);
}
