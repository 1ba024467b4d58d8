import { Cluster } from "../components/cluster/cluster.ts";
import { Network } from "../components/network/network.ts";
import { NodePool } from "../components/nodes/node-pool.ts";
import { TerminationHandler } from "../components/nodes/termination-handler.ts";
import { LIVEKIT_PORTS } from "../components/shared/names.ts";
import type { Scope } from "./scope.ts";

/** What everything else of a region stands on. */
export interface Foundation {
  readonly network: Network;
  readonly cluster: Cluster;
  readonly mediaNodes: NodePool;
  /** Absent where Egress is switched off. */
  readonly egressNodes?: NodePool;
}

/** Network, cluster, and the nodes for media and recording with what lets them end only when they are empty. */
export function layFoundation(scope: Scope): Foundation {
  const { config, tags } = scope;
  const network = new Network("network", {
    cidr: config.network.cidr,
    zones: scope.lookups.zones,
    nat: config.network.nat,
    awsRegion: config.awsRegion,
    clusterName: scope.clusterName,
    tags,
  });
  const cluster = new Cluster("cluster", {
    clusterName: scope.clusterName,
    kubernetesVersion: config.cluster.kubernetesVersion,
    awsRegion: config.awsRegion,
    partition: scope.lookups.partition,
    privateSubnetIds: network.privateSubnetIds,
    systemSubnetIds:
      config.network.nat === "none" ? network.publicSubnetIds : network.privateSubnetIds,
    publicAccessCidrs: config.cluster.publicAccessCidrs,
    administratorRoleArns: scope.lookups.administratorRoleArns,
    systemNodes: config.cluster.systemNodes,
    logRetentionDays: config.cluster.logRetentionDays,
    protection: config.protection,
    tags,
  });
  const mediaNodes = mediaPool(scope, network, cluster);
  const egressNodes = config.egress.enabled ? egressPool(scope, network, cluster) : undefined;
  const pools = [
    { pool: mediaNodes, max: config.media.max },
    ...(egressNodes === undefined ? [] : [{ pool: egressNodes, max: config.egress.max }]),
  ];
  new TerminationHandler(
    "termination-handler",
    {
      clusterName: cluster.clusterName,
      awsRegion: config.awsRegion,
      namespace: cluster.mediaNamespace,
      version: config.fleet.versions.nodeTerminationHandler,
      roleName: scope.roleName("termination-handler"),
      groups: pools.map(({ pool, max }) => ({
        name: pool.autoscalingGroupName,
        arn: pool.autoscalingGroupArn,
        max,
      })),
      drainSeconds: Math.max(mediaDrainSeconds(scope), egressDrainSeconds(scope)),
      tags,
    },
    { providers: { kubernetes: cluster.provider } },
  );
  return { network, cluster, mediaNodes, ...(egressNodes === undefined ? {} : { egressNodes }) };
}

function mediaDrainSeconds({ config }: Scope): number {
  return config.media.drainDeadlineMinutes * 60;
}

function egressDrainSeconds({ config }: Scope): number {
  return config.egress.enabled ? config.fleet.recordings.maxDurationMinutes * 60 : 0;
}

function mediaPool(scope: Scope, network: Network, cluster: Cluster): NodePool {
  const { media } = scope.config;
  return new NodePool("media-nodes", {
    ...poolBasics(scope, network, cluster, "media"),
    ...media,
    // Media goes straight from the browser to the node: no NAT, no balancer in between.
    subnetIds: network.publicSubnetIds,
    publicAddresses: true,
    openPorts: [
      { protocol: "udp", ...media.udpPorts, description: "WebRTC media" },
      tcpPort(LIVEKIT_PORTS.iceTcp, "WebRTC media over TCP"),
      { ...tcpPort(LIVEKIT_PORTS.turnUdp, "TURN over UDP"), protocol: "udp" },
    ],
    scaling: { metric: "networkOut", mbps: media.networkOutMbps },
    drainSeconds: mediaDrainSeconds(scope),
  });
}

function egressPool(scope: Scope, network: Network, cluster: Cluster): NodePool {
  const withoutNat = scope.config.network.nat === "none";
  return new NodePool("egress-nodes", {
    ...poolBasics(scope, network, cluster, "egress"),
    ...scope.config.egress,
    subnetIds: withoutNat ? network.publicSubnetIds : network.privateSubnetIds,
    publicAddresses: withoutNat,
    // An instance of Egress is idle or records, so the mean CPU is the share that records.
    scaling: { metric: "cpu", percent: 50 },
    drainSeconds: egressDrainSeconds(scope),
  });
}

function tcpPort(port: number, description: string) {
  return { protocol: "tcp" as const, from: port, to: port, description };
}

function poolBasics<R extends "media" | "egress">(
  scope: Scope,
  network: Network,
  cluster: Cluster,
  role: R,
) {
  return {
    role,
    clusterName: cluster.clusterName,
    clusterEndpoint: cluster.endpoint,
    certificateAuthority: cluster.certificateAuthority,
    clusterSecurityGroupId: cluster.securityGroupId,
    kubernetesVersion: scope.config.cluster.kubernetesVersion,
    roleName: scope.roleName(`${role}-node`),
    partition: scope.lookups.partition,
    vpcId: network.vpcId,
    tags: scope.tags,
  };
}
