import * as pulumi from "@pulumi/pulumi";
import { TurnBalancer } from "../components/balancer/turn-balancer.ts";
import { Certificate } from "../components/certificates/certificate.ts";
import { Egress } from "../components/egress/egress.ts";
import { LiveKit } from "../components/livekit/livekit.ts";
import { ProportionalAutoscaler } from "../components/nodes/proportional-autoscaler.ts";
import { Recordings } from "../components/recordings/recordings.ts";
import { Rooms, roomsWebhookUrl } from "../components/rooms/rooms.ts";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import {
  livekitHost,
  NAMESPACES,
  regionalLivekitHost,
  turnHost,
} from "../components/shared/names.ts";
import type { StorageBucket } from "../components/shared/storage.ts";
import { Valkey } from "../components/valkey/valkey.ts";
import type { Foundation } from "./foundation.ts";
import { previousSecrets } from "./previous-secrets.ts";
import { replicationsOf, type Scope } from "./scope.ts";
import { compatibleBucket, storeOf } from "./storage.ts";

/** What every region has, whatever its role. */
export interface MediaRegion {
  /** Absent where recordings are kept in the primary's bucket, or not on AWS. */
  readonly recordings?: Recordings;
  /** Where Egress writes to. */
  readonly bucket: StorageBucket;
  readonly rooms: Rooms;
  readonly turn: TurnBalancer;
}

/** LiveKit with its Valkey, Egress with its bucket, the room gateway and TURN. */
export function deployMediaRegion(
  scope: Scope,
  foundation: Foundation,
  shared: SharedSecretOutputs,
): MediaRegion {
  const { config, tags } = scope;
  const { network, cluster } = foundation;
  const inCluster = { providers: { kubernetes: cluster.provider } };
  const valkey = new Valkey("livekit-valkey", {
    description: `LiveKit and room claims of ${config.stack}`,
    nodeType: config.livekitValkey.nodeType,
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    clientSecurityGroupIds: [cluster.systemNodeSecurityGroupId],
    token: config.fleet.secrets.valkey,
    protection: config.protection,
    tags,
  });
  const recordings = makeBucket(scope);
  const bucket = bucketOfEgress(scope, recordings, shared);
  const keys = { apiKey: shared.livekitApiKey, apiSecret: shared.livekitApiSecret };
  const livekit = new LiveKit(
    "livekit",
    {
      namespace: cluster.mediaNamespace,
      version: config.fleet.versions.livekit,
      region: config.stack,
      valkey,
      keys,
      turnHost: turnHost(config.stack, config.fleet.domain),
      udpPorts: config.media.udpPorts,
      webhookUrl: roomsWebhookUrl(NAMESPACES.meet),
      drainDeadlineMinutes: config.media.drainDeadlineMinutes,
      minReplicas: config.media.min,
    },
    inCluster,
  );
  follow(scope, foundation, "media", livekit);
  if (foundation.egressNodes !== undefined) {
    const egress = deployEgress(scope, foundation, { valkey, keys, livekit, bucket });
    follow(scope, foundation, "egress", egress);
  }
  return {
    ...(recordings === undefined ? {} : { recordings }),
    bucket,
    rooms: deployRooms(scope, foundation, shared, { valkey, livekit }),
    turn: deployTurn(scope, foundation),
  };
}

/** The region's own bucket, with its copies to the homes; in a fleet with a single one the primary's. */
function makeBucket(scope: Scope): Recordings | undefined {
  const { config, tags } = scope;
  const { expirationDays, storage } = config.fleet.recordings;
  if (
    storage.kind === "s3-compatible" ||
    (storage.kind === "single" && config.role !== "primary")
  ) {
    return undefined;
  }
  const copies = replicationsOf(config).find(({ source }) => source.stack === config.stack);
  const peers = copies?.destinations ?? [];
  return new Recordings("recordings", {
    ...scope.lookups,
    bucketName: scope.bucketOf(config).bucketName,
    awsRegion: config.awsRegion,
    peers: peers.map((home) => ({ id: home.stack, ...scope.bucketOf(home) })),
    ownsReplication: peers.length > 0,
    roleName: scope.roleName("replication"),
    backfillRoleName: scope.roleName("backfill"),
    expirationDays,
    protection: config.protection,
    tags,
  });
}

function bucketOfEgress(
  scope: Scope,
  own: Recordings | undefined,
  shared: SharedSecretOutputs,
): StorageBucket {
  const { config } = scope;
  const store = storeOf(config.fleet.recordings.storage, config.stack);
  if (store !== undefined) {
    return compatibleBucket(store, shared.storageKeys);
  }
  if (own !== undefined) {
    const { bucketName: name, bucketArn: arn } = own;
    return { kind: "aws", name, arn, awsRegion: config.awsRegion };
  }
  const { bucketName: name, bucketArn: arn, awsRegion } = scope.bucketOf(config.fleet.primary);
  return { kind: "aws", name, arn, awsRegion };
}

/** Keeps as many pods as there are nodes of the role. */
function follow(
  { config }: Scope,
  { cluster }: Foundation,
  role: "media" | "egress",
  workload: LiveKit | Egress,
): void {
  new ProportionalAutoscaler(
    `${role}-follower`,
    {
      namespace: cluster.mediaNamespace,
      deployment: role === "media" ? "livekit" : "egress",
      role,
      version: config.fleet.versions.clusterProportionalAutoscaler,
    },
    { providers: { kubernetes: cluster.provider }, dependsOn: [workload] },
  );
}

function deployEgress(
  scope: Scope,
  { cluster }: Foundation,
  parts: {
    readonly valkey: Valkey;
    readonly keys: { apiKey: pulumi.Output<string>; apiSecret: pulumi.Output<string> };
    readonly livekit: LiveKit;
    readonly bucket: StorageBucket;
  },
): Egress {
  const { config } = scope;
  return new Egress(
    "egress",
    {
      namespace: cluster.mediaNamespace,
      version: config.fleet.versions.egress,
      clusterName: cluster.clusterName,
      roleName: scope.roleName("egress"),
      bucket: parts.bucket,
      valkey: parts.valkey,
      keys: parts.keys,
      livekitHost: parts.livekit.serviceHost,
      maxDurationMinutes: config.fleet.recordings.maxDurationMinutes,
      vpcCidr: config.network.cidr,
      minReplicas: config.egress.min,
      tags: scope.tags,
    },
    { providers: { kubernetes: cluster.provider } },
  );
}

function deployRooms(
  scope: Scope,
  { network, cluster }: Foundation,
  shared: SharedSecretOutputs,
  parts: { readonly valkey: Valkey; readonly livekit: LiveKit },
): Rooms {
  const { config, tags } = scope;
  const { domain, primary, standby, fenced, promotion, versions, placement } = config.fleet;
  const otherHome = standby ?? fenced;
  const order = placement.order[config.stack];
  const certificate = new Certificate("gateway-certificate", {
    domainName: regionalLivekitHost(config.stack, domain),
    sharedNames: [livekitHost(domain)],
    ownsSharedRecords: config.role === "primary",
    zone: scope.lookups.dnsZone,
    tags,
  });
  return new Rooms(
    "rooms",
    {
      namespace: cluster.meetNamespace,
      nodeVersion: versions.node,
      region: config.stack,
      domain,
      primaryRegion: primary.stack,
      ...(promotion === undefined ? {} : { primaryEpoch: promotion.epoch }),
      ...(otherHome === undefined ? {} : { standbyRegion: otherHome.stack }),
      livekitUrl: pulumi.interpolate`http://${parts.livekit.serviceHost}`,
      valkeyUrl: parts.valkey.url,
      livekitKeys: { apiKey: shared.livekitApiKey, apiSecret: shared.livekitApiSecret },
      peerSecret: shared.peerSecret,
      operatorSecret: shared.operatorSecret,
      previous: previousSecrets(config.fleet, shared),
      placement: {
        rules: placement.rules,
        ...(placement.countryHeader === undefined
          ? {}
          : { countryHeader: placement.countryHeader }),
        ...(order === undefined ? {} : { order }),
      },
      ...config.rooms,
      vpcId: network.vpcId,
      vpcCidr: config.network.cidr,
      publicSubnetIds: network.publicSubnetIds,
      // Meet runs in the primary, or will: see ADR 0013 and 0016.
      ...(config.home !== undefined ? { innerSubnetIds: network.privateSubnetIds } : {}),
      certificateArns: [certificate.arn],
      autoscalingGroupName: cluster.systemAutoscalingGroupName,
      nodeSecurityGroupId: cluster.systemNodeSecurityGroupId,
      protection: config.protection,
      tags,
    },
    { providers: { kubernetes: cluster.provider } },
  );
}

function deployTurn(scope: Scope, { network, mediaNodes }: Foundation): TurnBalancer {
  const { config, tags } = scope;
  const certificate = new Certificate("turn-certificate", {
    domainName: turnHost(config.stack, config.fleet.domain),
    sharedNames: [],
    ownsSharedRecords: false,
    zone: scope.lookups.dnsZone,
    tags,
  });
  return new TurnBalancer("turn", {
    vpcId: network.vpcId,
    subnetIds: network.publicSubnetIds,
    certificateArn: certificate.arn,
    autoscalingGroupName: mediaNodes.autoscalingGroupName,
    nodeSecurityGroupId: mediaNodes.securityGroupId,
    protection: config.protection,
    tags,
  });
}
