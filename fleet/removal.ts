import type { StackConfig } from "../infra/config.ts";
import { known } from "./aws.ts";
import { sayProgress, showChanges } from "./deploy-stacks.ts";
import { giveOrder, untilEmpty } from "./draining.ts";
import { anySchema, statusSchema, type GatewayStatus } from "./gateway-answers.ts";
import { changeSetting, deleteFile, hasFile } from "./file-edits.ts";
import { lookAtRecordings, type RecordingsOptions } from "./removal-recordings.ts";
import { statusOf } from "./region-status.ts";
import { readFleet, regionOf, type FleetFiles } from "./stack-files.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/** Seconds for an evacuation before a removal. */
const EVACUATION_SECONDS = 600;

/** True once step "protection off" was written: what comes before it was done. */
export function isUnprotected(region: StackConfig): boolean {
  return !region.protection.enabled;
}

/** Empties the region and takes it out of the member list, while its gateway still serves. */
export function leavingSteps(
  world: World,
  fleet: FleetFiles,
  region: StackConfig,
  isLost: boolean,
): readonly Step[] {
  const { stack } = region;
  const others = [...fleet.regions.keys()].filter((name) => name !== stack);
  const wasLeft = async (): Promise<boolean> =>
    isUnprotected(region) || !(await world.stacks.names()).has(stack);
  const isGone = async (): Promise<boolean> => isLost || (await wasLeft());
  return [
    {
      name: `${stack}: evacuate`,
      isDone: isGone,
      run: async () => {
        const gateways = await world.gateways(fleet);
        const { draining } = await statusOf(gateways, stack);
        if (draining?.kind !== "evacuation") {
          const order = { kind: "evacuation", seconds: EVACUATION_SECONDS } as const;
          await giveOrder(world, gateways, stack, order);
        }
        await untilEmpty(world, gateways, stack);
      },
    },
    {
      name: `${stack}: leave the fleet's member list`,
      isDone: async () => {
        if (await wasLeft()) {
          return true;
        }
        const gateways = await world.gateways(fleet);
        const request = { method: "GET", path: "status" } as const;
        const { members } = await gateways.askAny(others, request, statusSchema);
        return members[stack]?.state !== "member";
      },
      run: async () => {
        const gateways = await world.gateways(fleet);
        const path = `members/${stack}/remove`;
        await gateways.askAny(others, { method: "POST", path }, anySchema);
      },
    },
  ];
}

/** Deletes all of a region: protection off, destroy, stack and file removed. Recordings are looked at first. */
export function deletionSteps(
  world: World,
  fleet: FleetFiles,
  region: StackConfig,
  options: RecordingsOptions & { readonly keepFile?: boolean; readonly reason: string },
): readonly Step[] {
  const { stack } = region;
  const { folder } = fleet;
  const isEmpty = (): Promise<boolean> => isWithoutResources(world, stack);
  return [
    {
      name: `${stack}: recordings`,
      isDone: isEmpty,
      run: () => lookAtRecordings(world, fleet, region, options, false),
    },
    {
      name: `${stack}: protection off`,
      isDone: async () =>
        (await isEmpty()) ||
        (isUnprotected(region) &&
          (await world.stacks.state(stack)).resources.every((it) => !it.protect)),
      run: async () => {
        if (!isUnprotected(region)) {
          changeSetting(folder, stack, ["meet:protection"], {
            enabled: false,
            reason: options.reason,
          });
        }
        const changes = await world.stacks.up(stack, sayProgress(world, stack));
        world.output.say(`${stack}: ${showChanges(changes)}`);
      },
    },
    ...endingSteps(world, fleet, region, {
      ...(options.keepFile === undefined ? {} : { keepFile: options.keepFile }),
      first: () => lookAtRecordings(world, fleet, region, options, true),
    }),
  ];
}

/** Deletes what the stack has, which nothing protects any more, then stack and file. */
export function endingSteps(
  world: World,
  { folder }: FleetFiles,
  { stack }: StackConfig,
  {
    keepFile = false,
    first,
  }: { readonly keepFile?: boolean; readonly first?: () => Promise<void> },
): readonly Step[] {
  const regionNow = (): StackConfig => regionOf(readFleet(folder), stack);
  return [
    {
      name: `${stack}: destroy`,
      isDone: () => isWithoutResources(world, stack),
      run: async () => {
        await first?.();
        const changes = await world.stacks.destroy(stack, sayProgress(world, stack));
        world.output.say(`${stack}: ${showChanges(changes)}`);
      },
    },
    {
      name: `${stack}: remove the stack`,
      isDone: async () => !(await world.stacks.names()).has(stack),
      run: () => world.stacks.remove(stack),
    },
    {
      name: keepFile ? `${stack}: protection on again in the file` : `${stack}: remove the file`,
      isDone: () => !hasFile(folder, stack) || (keepFile && !isUnprotected(regionNow())),
      run: () => {
        if (keepFile) {
          changeSetting(folder, stack, ["meet:protection"], undefined);
        } else {
          deleteFile(folder, stack);
        }
        return Promise.resolve();
      },
    },
  ];
}

async function isWithoutResources({ stacks }: World, stack: string): Promise<boolean> {
  return !(await stacks.names()).has(stack) || (await stacks.state(stack)).resources.length === 0;
}

/** The people that a removal disturbs, where its gateway says so. */
export async function peopleThere(
  world: World,
  fleet: FleetFiles,
  stack: string,
): Promise<GatewayStatus | undefined> {
  const status = await known(async () => statusOf(await world.gateways(fleet), stack));
  return status.known ? status.value : undefined;
}
