import type { Gateways } from "../../fleet/gateways.ts";
import type { Pod, RunningFleet, RunningRegion, Workload } from "../processes/running-fleet.ts";
import type { PlaceName } from "./crowd.ts";

/** The region that is primary, hosts the meetings of the drill and suffers. */
export const HOST = "eu";

/** Regions of the fleet when a drill begins. */
export const REGIONS = [HOST, "us"] as const;

/** What a scenario works with. */
export interface Stage {
  readonly fleet: RunningFleet;
  /** The operator's calls, as `fleet` makes them. */
  readonly gateways: Gateways;
  /** A line for whoever watches. */
  readonly say: (text: string) => void;
  /** Writes down that something happened now, for the timeline. */
  readonly mark: (what: string) => void;
  /** Joins and leaves a room of its own as somebody at a place does, and gives the region that hosted it. */
  readonly tryNewRoom: (place: PlaceName) => Promise<string>;
  /** Deploys one more region, and gives its name once `fleet.add` may be called; absent where nothing can be deployed. */
  readonly deployThird?: () => Promise<string>;
}

/** One fault, and what is promised of it. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done, in a sentence. */
  readonly done: string;
  readonly runbook: { readonly file: string; readonly says: string };
  /** Part of the quick drill. */
  readonly isQuick?: true;
  /** What the longest interruption should be, in milliseconds on an idle machine. */
  readonly targetMs: number;
  /** What it may be at most; that is a guarantee. @default twice the target: one more round of a library's tries */
  readonly limitMs?: number;
  /** Nobody's connection may break at all; what a busy machine does to the sound does not count. @default false */
  readonly isUnnoticed?: true;
  /** Whether the Node library, which tries for less time than a browser, may give up. @default false */
  readonly mayGiveUp?: true;
  /** Whether only people in browsers can take part. @default false */
  readonly browsersOnly?: true;
  /** Whether rooms may be in two regions while it lasts. @default false */
  readonly maySplit?: true;
  /** Seconds in which people have to be together again. @default 30 */
  readonly backSeconds?: number;
  /** Whether it deploys one more region. @default false */
  readonly needsThird?: true;
  /** What is done before people meet. */
  prepare?(stage: Stage): Promise<void>;
  /** The fault; done once it is whole. */
  act(stage: Stage): Promise<void>;
  /** Brings the fleet back to what it was, once people are together again. */
  mend?(stage: Stage): Promise<void>;
}

/** A region that runs. @throws for one that does not */
export function regionOf(fleet: RunningFleet, name: string = HOST): RunningRegion {
  const region = fleet.regions.get(name);
  if (region === undefined) {
    throw new Error(`Region "${name}": nothing of it runs.`);
  }
  return region;
}

/** Pods of one kind in a region. */
export function podsOf(
  fleet: RunningFleet,
  workload: Workload,
  name: string = HOST,
): readonly Pod[] {
  return regionOf(fleet, name).pods.filter((pod) => pod.workload === workload);
}

/** Starts what does not run. */
export async function startAgain(pods: readonly Pod[]): Promise<void> {
  await Promise.all(pods.filter((pod) => !pod.running()).map((pod) => pod.start()));
}
