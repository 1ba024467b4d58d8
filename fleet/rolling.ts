import type { StackConfig } from "../infra/config.ts";
import { sayProgress, showChanges } from "./deploy-stacks.ts";
import { giveOrder, untilEmpty, type EmptyKind } from "./draining.ts";
import { anySchema } from "./gateway-answers.ts";
import { statusOf } from "./region-status.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/** How regions are emptied before they are deployed. */
export interface Rolling {
  readonly kind: EmptyKind;
  readonly seconds: number;
}

/**
 * Deploys one region after another, each while nobody is in it: emptied before, taking rooms again after. So LiveKit
 * can be replaced and nobody's meeting is cut at the drain deadline of its pod.
 * @param isDone whether the region is deployed already
 */
export function rollingSteps(
  world: World,
  fleet: FleetFiles,
  regions: readonly StackConfig[],
  rolling: Rolling,
  isDone: (region: string) => boolean | Promise<boolean> = () => false,
): readonly Step[] {
  return regions.flatMap(({ stack }): readonly Step[] => [
    {
      name: `${stack}: ${rolling.kind === "drain" ? "drain" : "evacuate"}`,
      isDone: () => isDone(stack),
      run: async () => {
        const gateways = await world.gateways(fleet);
        const { draining } = await statusOf(gateways, stack);
        if (draining?.kind !== rolling.kind) {
          await giveOrder(world, gateways, stack, rolling);
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
      isDone: async () =>
        (await statusOf(await world.gateways(fleet), stack)).draining === undefined,
      run: async () => {
        const gateways = await world.gateways(fleet);
        await gateways.ask(stack, { method: "POST", path: "undrain" }, anySchema);
      },
    },
  ]);
}
