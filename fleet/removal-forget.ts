import type { StackConfig } from "../infra/config.ts";
import { endingSteps } from "./removal.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { StateResource } from "./stacks.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/**
 * Removes a region whose AWS region will not answer: what is there is forgotten, also where it belongs to another
 * stack, and the rest of its stack (names, roles, copies elsewhere) is deleted.
 */
export function forgettingSteps(
  world: World,
  fleet: FleetFiles,
  region: StackConfig,
): readonly Step[] {
  const { stack, awsRegion } = region;
  const there = async (): Promise<ReadonlyMap<string, readonly string[]>> => {
    const found = new Map<string, readonly string[]>();
    for (const each of fleet.regions.values()) {
      const resources = await resourcesOf(world, each.stack);
      const lost = resources.filter((it) => livesIn(it, each.awsRegion, awsRegion));
      if (lost.length > 0) {
        found.set(
          each.stack,
          lost.map(({ urn }) => urn),
        );
      }
    }
    return found;
  };
  return [
    {
      name: `${stack}: forget what is in ${awsRegion}`,
      isDone: async () => (await there()).size === 0,
      run: async () => {
        for (const [owner, urns] of await there()) {
          await world.stacks.forget(owner, urns);
          world.output.say(`${owner}: ${urns.length} resources in ${awsRegion} are forgotten`);
        }
      },
    },
    ...endingSteps(world, fleet, region, {}),
  ];
}

/** Of these services AWS has one for all regions; every resource of another is in one (pulumi-aws 7, `region`). */
const GLOBAL = /^aws:(iam|route53)\//;

/**
 * Whether a resource of a stack is in an AWS region.
 * @param home the stack's own
 */
export function livesIn(
  { type, inputs }: Pick<StateResource, "type" | "inputs">,
  home: string,
  awsRegion: string,
): boolean {
  if (type.startsWith("kubernetes:")) {
    return home === awsRegion;
  }
  const own = inputs["region"];
  return (
    type.startsWith("aws:") &&
    !GLOBAL.test(type) &&
    (typeof own === "string" ? own : home) === awsRegion
  );
}

async function resourcesOf({ stacks }: World, stack: string): Promise<readonly StateResource[]> {
  return (await stacks.names()).has(stack) ? (await stacks.state(stack)).resources : [];
}
