import type { HomeConfig, Size, StackConfig } from "./config.ts";

/** What a size sets; each value can be overridden in the stack's file. */
export interface SizeDefaults {
  readonly network: Pick<StackConfig["network"], "zoneCount" | "nat">;
  readonly systemNodes: StackConfig["cluster"]["systemNodes"];
  readonly logRetentionDays: number;
  readonly media: Omit<StackConfig["media"], "udpPorts">;
  readonly egress: StackConfig["egress"];
  readonly rooms: StackConfig["rooms"];
  readonly downloads: StackConfig["downloads"];
  readonly livekitValkey: StackConfig["livekitValkey"];
  readonly database: Omit<HomeConfig["database"], "generation" | "backupPairChecked">;
  readonly meetValkey: HomeConfig["meetValkey"];
  readonly backend: HomeConfig["backend"];
  readonly frontend: HomeConfig["frontend"];
}

/** The sizes, smallest first. */
export const SIZES = ["small", "medium", "large"] as const satisfies readonly Size[];

/** Default of `meet:database.engineVersion`: the major version Meet's own compose file runs. */
const DEFAULT_ENGINE_VERSION = "16";

/**
 * Nodes are amd64: that LiveKit's and Meet's images exist for arm64 has not been verified. RDS and ElastiCache run no
 * image of ours, so Graviton is used there. `networkOutMbps` is about half of the instance type's baseline bandwidth
 * (Amazon EC2 instance types guide, "Network specifications": c7i.large 781, c7i.xlarge 1562, c7i.4xlarge 6250 Mbit/s):
 * a node that starts when half is used is ready before the rest is. One room recording takes four vCPUs
 * (livekit/egress, README "Hardware requirements"), hence the egress nodes.
 */
export const SIZE_DEFAULTS: Readonly<Record<Size, SizeDefaults>> = {
  small: {
    network: { zoneCount: 2, nat: "single" },
    systemNodes: { instanceType: "t3.large", min: 2, max: 3 },
    logRetentionDays: 30,
    media: {
      instanceType: "c7i.large",
      min: 1,
      max: 3,
      drainDeadlineMinutes: 120,
      scaleIn: "manual",
      networkOutMbps: 400,
    },
    egress: { enabled: true, instanceType: "c7i.xlarge", min: 1, max: 2, scaleIn: "manual" },
    rooms: { minReplicas: 2, maxReplicas: 4 },
    downloads: { replicas: 2 },
    livekitValkey: { nodeType: "cache.t4g.small" },
    database: {
      instanceClass: "db.t4g.small",
      storageGib: 20,
      maxStorageGib: 100,
      backupRetentionDays: 7,
      multiAz: true,
      engineVersion: DEFAULT_ENGINE_VERSION,
    },
    meetValkey: { nodeType: "cache.t4g.small" },
    backend: { minReplicas: 2, maxReplicas: 4, workers: 2 },
    frontend: { replicas: 2 },
  },
  medium: {
    network: { zoneCount: 2, nat: "per-zone" },
    systemNodes: { instanceType: "m7i.large", min: 2, max: 5 },
    logRetentionDays: 90,
    media: {
      instanceType: "c7i.xlarge",
      min: 2,
      max: 8,
      drainDeadlineMinutes: 240,
      scaleIn: "manual",
      networkOutMbps: 800,
    },
    egress: { enabled: true, instanceType: "c7i.xlarge", min: 1, max: 8, scaleIn: "manual" },
    rooms: { minReplicas: 2, maxReplicas: 8 },
    downloads: { replicas: 2 },
    livekitValkey: { nodeType: "cache.t4g.medium" },
    database: {
      instanceClass: "db.t4g.medium",
      storageGib: 50,
      maxStorageGib: 500,
      backupRetentionDays: 14,
      multiAz: true,
      engineVersion: DEFAULT_ENGINE_VERSION,
    },
    meetValkey: { nodeType: "cache.t4g.medium" },
    backend: { minReplicas: 2, maxReplicas: 8, workers: 4 },
    frontend: { replicas: 2 },
  },
  large: {
    network: { zoneCount: 3, nat: "per-zone" },
    systemNodes: { instanceType: "m7i.xlarge", min: 3, max: 9 },
    logRetentionDays: 365,
    media: {
      instanceType: "c7i.4xlarge",
      min: 3,
      max: 24,
      drainDeadlineMinutes: 300,
      scaleIn: "manual",
      networkOutMbps: 3000,
    },
    egress: { enabled: true, instanceType: "c7i.xlarge", min: 2, max: 24, scaleIn: "manual" },
    rooms: { minReplicas: 3, maxReplicas: 16 },
    downloads: { replicas: 3 },
    livekitValkey: { nodeType: "cache.m7g.large" },
    database: {
      instanceClass: "db.m7g.large",
      storageGib: 200,
      maxStorageGib: 2000,
      backupRetentionDays: 30,
      multiAz: true,
      engineVersion: DEFAULT_ENGINE_VERSION,
    },
    meetValkey: { nodeType: "cache.m7g.large" },
    backend: { minReplicas: 3, maxReplicas: 16, workers: 4 },
    frontend: { replicas: 3 },
  },
};

/** Default versions: exact, so that two `up`s of one commit deploy the same. Raised by a commit that says so. */
export const DEFAULT_VERSIONS = {
  meet: "v1.27.0",
  livekit: "v1.13.5",
  egress: "v1.14.1",
  node: "24.19.0-bookworm-slim",
  clusterProportionalAutoscaler: "v1.10.3",
  nodeTerminationHandler: "v1.25.3",
} as const;

/** Default of `meet:cluster.kubernetesVersion`. */
export const DEFAULT_KUBERNETES_VERSION = "1.34";

/** Default of `meet:media.udpPorts`: 32 muxed ports, enough for the vCPUs of every default instance type. */
export const DEFAULT_UDP_PORTS = { from: 7882, to: 7913 } as const;

/** How many vCPUs an EC2 instance type has, from its size name; nothing for `metal` and unknown forms. */
export function vcpusOf(instanceType: string): number | undefined {
  const size = instanceType.split(".")[1] ?? "";
  if (["nano", "micro", "small", "medium", "large"].includes(size)) {
    return 2;
  }
  const times = /^(\d*)xlarge$/.exec(size)?.[1];
  return times === undefined ? undefined : 4 * Number(times === "" ? "1" : times);
}
