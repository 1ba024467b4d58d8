import type { StackConfig } from "../infra/config.ts";
import type { Known } from "./aws.ts";
import { known } from "./aws.ts";
import { versionFacts, type VersionFact } from "./deployed.ts";
import { sentenceOf } from "./exit.ts";
import { statusSchema, type GatewayStatus } from "./gateway-answers.ts";
import type { Gateways } from "./gateways.ts";
import { accountId, regionFacts, type RegionFacts } from "./region-facts.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { Stacks } from "./stacks.ts";
import type { World } from "./world.ts";

/** What a region's stack says. */
export interface StackFacts {
  readonly versions: readonly VersionFact[];
  /** Operations that a killed update left open. */
  readonly pending: number;
  readonly lastUpdate?: {
    readonly kind: string;
    readonly succeeded: boolean;
    /** ISO 8601. */
    readonly endedAt: string;
    readonly commit?: string;
  };
}

/** All that is known of one region. */
export interface RegionStatus {
  readonly region: string;
  readonly role: StackConfig["role"];
  readonly awsRegion: string;
  readonly stack: Known<StackFacts>;
  readonly gateway: Known<GatewayStatus>;
  readonly aws: RegionFacts;
}

/** The fleet at one moment. */
export interface FleetStatus {
  /** ISO 8601. */
  readonly at: string;
  readonly domain: string;
  readonly regions: readonly RegionStatus[];
  /** Rooms that more than one region hosts, as any gateway reports them. */
  readonly splitRooms: readonly string[];
}

/** Asks everything of all regions at once. Never fails for a region that is away: its facts say so. */
export async function fleetStatus(world: World, fleet: FleetFiles): Promise<FleetStatus> {
  const gateways = await known(() => world.gateways(fleet));
  const account = await accountId(world.aws);
  const now = world.clock.now();
  const stacks = oneAtATime(world.stacks);
  const regions = await Promise.all(
    [...fleet.regions.values()].map(async (region): Promise<RegionStatus> => {
      const { stack, role, awsRegion } = region;
      const [stackFacts, gateway, aws] = await Promise.all([
        known(() => factsOfStack(stacks, region)),
        gateways.known ? known(() => statusOf(gateways.value, stack)) : gateways,
        regionFacts(world.aws, account, { project: fleet.project, region, now }),
      ]);
      return { region: stack, role, awsRegion, stack: stackFacts, gateway, aws };
    }),
  );
  const splitRooms = new Set(
    regions.flatMap(({ gateway }) => (gateway.known ? gateway.value.splitRooms : [])),
  );
  return {
    at: new Date(now).toISOString(),
    domain: fleet.fleet.domain,
    regions: regions.sort(byRole),
    splitRooms: [...splitRooms].sort(),
  };
}

/** What a region's gateway says of itself. @throws GatewayFault */
export function statusOf(gateways: Gateways, region: string): Promise<GatewayStatus> {
  return gateways.ask(region, { method: "GET", path: "status" }, statusSchema);
}

async function factsOfStack(stacks: Pick<Stacks, "state" | "updates">, region: StackConfig) {
  const state = await stacks.state(region.stack);
  const [last] = await stacks.updates(region.stack, 1);
  const facts: StackFacts = {
    versions: versionFacts(region.fleet.versions, state),
    pending: state.pending.length,
    ...(last === undefined
      ? {}
      : {
          lastUpdate: {
            kind: last.kind,
            succeeded: last.succeeded,
            endedAt: new Date(last.endedAt).toISOString(),
            ...(last.commit === undefined ? {} : { commit: last.commit }),
          },
        }),
  };
  return facts;
}

/** Every look starts the engine: many at once would only wait for each other. */
function oneAtATime(stacks: Stacks): Pick<Stacks, "state" | "updates"> {
  let before: Promise<unknown> = Promise.resolve();
  const queue = <T>(work: () => Promise<T>): Promise<T> => {
    const next = before.then(work);
    before = next.catch(sentenceOf);
    return next;
  };
  return {
    state: (stack) => queue(() => stacks.state(stack)),
    updates: (stack, count) => queue(() => stacks.updates(stack, count)),
  };
}

function byRole(one: RegionStatus, other: RegionStatus): number {
  const order = ["primary", "standby", "active", "fenced", "media"];
  return (
    order.indexOf(one.role) - order.indexOf(other.role) || (one.region < other.region ? -1 : 1)
  );
}
