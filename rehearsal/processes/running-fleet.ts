import type { Endpoint } from "../network/partition.ts";
import type { Place } from "../network/place.ts";
import type { Rewrite } from "./rewrites.ts";

/** What a local process stands for. */
export type Workload = "livekit" | "rooms" | "valkey";

/** One local process that stands for one pod, or for the Valkey of a LiveKit cluster. */
export interface Pod {
  /** Unique in the fleet: `eu-livekit-0`. */
  readonly name: string;
  readonly region: string;
  readonly workload: Workload;
  /** The address that it is reached at from everywhere, cuts aside. */
  readonly address: string;
  /** By the names of the deployed container's ports: `http`, `metrics`, `signal`, `redis`, … */
  readonly ports: Readonly<Record<string, number>>;
  running(): boolean;
  /** SIGKILL, as the loss of its node; it stays down. */
  kill(): Promise<void>;
  /**
   * As the kubelet ends a pod: out of its Services, the deployed pause before SIGTERM, SIGKILL when the time is over.
   * @param graceSeconds what the pod is given in all. @default the deployed terminationGracePeriodSeconds
   */
  stop(graceSeconds?: number): Promise<void>;
  /** Keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same ports and waits until it is ready; a Valkey comes back empty. */
  start(): Promise<void>;
  /** Everything it has written, over all starts. */
  logs(): string;
}

/** A region whose workloads run. */
export interface RunningRegion {
  readonly name: string;
  readonly awsRegion: string;
  readonly pods: readonly Pod[];
  /** Where its public balancer listens, in its own place; how others get there is `RunningFleet.reach`. */
  readonly entry: Endpoint;
  /** The name of that balancer, which the region's DNS records point to. */
  readonly balancerName: string;
  /** The whole region is lost, and its address refuses. Its Valkey loses what it held. */
  refuse(): Promise<void>;
  /** The whole region is lost, and packets to it vanish. Its Valkey loses what it held. */
  silence(): Promise<void>;
  /** It returns after `refuse` or `silence`: reachable, and with everything started again. */
  restore(): Promise<void>;
}

/** What Meet received by webhook, once its signature was verified with the deployed keys. */
export interface Webhook {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event: string;
  readonly room: string;
  readonly id: string;
}

/** A key of LiveKit's. */
export interface LiveKitKey {
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** How to work with the fleet; from the objects that were deployed, and secret. */
export interface FleetAccess {
  readonly domain: string;
  readonly key: LiveKitKey;
  readonly operatorSecret: string;
  /** Base URL of each running region's gateways, as this process reaches them. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/** A Deployment that no local process stands for. */
export interface NotRun {
  readonly object: string;
  readonly image: string;
  readonly why: string;
}

/** A deployed fleet whose media workloads run as processes of this machine. */
export interface RunningFleet {
  readonly regions: ReadonlyMap<string, RunningRegion>;
  /** All that runs otherwise than it was deployed. */
  readonly rewrites: readonly Rewrite[];
  readonly notRun: readonly NotRun[];
  readonly network: "namespaces" | "relays";
  /** What makes the delay between continents; by a relay only TCP is delayed, media is not. */
  readonly delays: "netem" | "relay" | "none";
  /** Places where people are, by name: `europe`, `america`, `asia`. */
  readonly clients: ReadonlyMap<string, Place>;
  /** Where this process is, for what it listens at itself. */
  readonly here: Place;
  /** Where somebody at a place reaches a region's public balancer. */
  reach(place: string, region: string): Promise<Endpoint>;
  /** Where the rehearsal itself does, with no delay: health checkers and operators are not part of any place. */
  reachDirectly(region: string): Promise<Endpoint>;
  /** Cuts all links between the groups, silently; places and regions in none keep theirs. */
  partition(groups: readonly (readonly string[])[]): Promise<void>;
  /** Opens all links that `partition` has cut. */
  heal(): Promise<void>;
  /** Starts the workloads of a region that has been deployed since. */
  add(region: string): Promise<RunningRegion>;
  /** Ends those of a region that is to be removed. */
  remove(region: string): Promise<void>;
  /** Gives running pods the secret files that are deployed by now, as the kubelet does within a minute. */
  sync(region: string): Promise<void>;
  /** What Meet has received so far, oldest first. */
  webhooks(): readonly Webhook[];
  /** Webhooks that Meet did not believe, a sentence each. */
  refusedWebhooks(): readonly string[];
  access(): FleetAccess;
  /** Ends every process and removes the network and the files. */
  close(): Promise<void>;
}
