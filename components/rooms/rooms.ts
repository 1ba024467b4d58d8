import * as pulumi from "@pulumi/pulumi";
import { ApplicationBalancer } from "../balancer/application-balancer.ts";
import {
  DNS_RULE,
  HTTPS_RULE,
  livekitRule,
  vpcRule,
} from "../service-bundle/node-service-policy.ts";
import { NodeService } from "../service-bundle/node-service.ts";
import { livekitHost, LIVEKIT_PORTS, NODE_PORTS } from "../shared/names.ts";
import type { Protection } from "../shared/protection.ts";
import type { Tags } from "../shared/tags.ts";
import { InnerEntry } from "./inner-entry.ts";
import { roomsEnvironment, roomsSecretFiles } from "./rooms-environment.ts";

/** Part of every URN beneath it: never change without an alias. */
export const ROOMS_TYPE = "meet:app:Rooms";

/** Path that LiveKit posts its events to. */
export const WEBHOOK_PATH = "/webhooks/livekit";

/** ElastiCache's port. */
const VALKEY_PORT = 6379;

/**
 * Signalling is a WebSocket with a ping every five seconds (livekit-client, SignalClient); the margin is for a phone that
 * sleeps, whose dead connection LiveKit ends itself.
 */
const IDLE_TIMEOUT_SECONDS = 350;

/** Tunnels are ended spread over this time when a pod goes, so that not everybody comes back at once. */
const SHUTDOWN_SECONDS = 60;

/**
 * For 5,000 tunnels in a pod at about 60 KB each, and the process itself. Node gives half of it to the heap. Their two
 * sockets each are no matter: Node raises its limit of open files to the hard one, which containerd leaves at 1,048,576.
 */
const RESOURCES = { cpuMillicores: 250, memoryMib: 768 } as const;

/** A LiveKit key with its secret. */
export interface RoomsLivekitKeys {
  readonly apiKey: pulumi.Input<string>;
  readonly apiSecret: pulumi.Input<string>;
}

/** Secrets that are accepted beside the current ones. */
export interface PreviousRoomsSecrets {
  readonly livekitKeys?: RoomsLivekitKeys;
  readonly peerSecret?: pulumi.Input<string>;
  readonly operatorSecret?: pulumi.Input<string>;
}

/** Where rooms are put that nobody has pinned. */
export interface RoomsPlacement {
  /** The first that fits decides. A room's name may end in `*`. */
  readonly rules: readonly {
    readonly rooms?: readonly string[];
    readonly countries?: readonly string[];
    readonly region: string;
  }[];
  /** Header in which a trusted edge in front of the balancer names the country. */
  readonly countryHeader?: string;
  /** The other regions from the nearest on; what it leaves out comes last. @default the members as they are listed */
  readonly order?: readonly string[];
}

export interface RoomsArgs {
  readonly namespace: pulumi.Input<string>;
  /** Tag of the stock Node image, of an exact version: `24.19.0-bookworm-slim`. */
  readonly nodeVersion: string;
  /** Name of the stack. */
  readonly region: string;
  readonly domain: string;
  /** The homes: every gateway begins with their addresses and learns the others from them. */
  readonly primaryRegion: string;
  /** Grows with each promotion, so that the gateway of a primary before learns that it is none. @default 1 */
  readonly primaryEpoch?: number;
  readonly standbyRegion?: string;
  /** The region's LiveKit inside the cluster, `http://livekit.media.svc.cluster.local:7880`. */
  readonly livekitUrl: pulumi.Input<string>;
  /** `rediss://` address of the region's Valkey, with its password. */
  readonly valkeyUrl: pulumi.Input<string>;
  readonly livekitKeys: RoomsLivekitKeys;
  /** What gateways sign requests to each other with. */
  readonly peerSecret: pulumi.Input<string>;
  /** What operators' requests are signed with. */
  readonly operatorSecret: pulumi.Input<string>;
  /** Second makes of these that are accepted, while they are rotated. @default none */
  readonly previous?: PreviousRoomsSecrets;
  /** @default every room in the nearest healthy region of its first participant */
  readonly placement?: RoomsPlacement;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly vpcId: pulumi.Input<string>;
  readonly vpcCidr: string;
  /** Public subnets of the balancer. */
  readonly publicSubnetIds: readonly pulumi.Input<string>[];
  /** Where `livekit.<domain>` is answered from inside the network as well. @default nowhere */
  readonly innerSubnetIds?: readonly pulumi.Input<string>[];
  /** Certificates for `livekit.<region>.<domain>` and `livekit.<domain>`. */
  readonly certificateArns: readonly [pulumi.Input<string>, ...pulumi.Input<string>[]];
  readonly autoscalingGroupName: pulumi.Input<string>;
  readonly nodeSecurityGroupId: pulumi.Input<string>;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * The region's room gateway behind its public entry: `livekit.<domain>` and `livekit.<region>.<domain>`. It decides
 * which region hosts a room and tunnels signalling there. Makes the service (two pods or more, over the zones, scaled
 * by CPU), an ApplicationBalancer, and where Meet runs an InnerEntry. If it is lost the region takes no joins, while its meetings go on; DNS then sends
 * joins to other regions. Cost: the balancer, about 16 dollars a month, and the pods' share of the system nodes.
 */
export class Rooms extends pulumi.ComponentResource {
  /** Name of the balancer: what the region's DNS records point to. */
  readonly dnsName: pulumi.Output<string>;
  readonly zoneId: pulumi.Output<string>;
  readonly balancerArn: pulumi.Output<string>;
  /** `http://rooms.<namespace>.svc.cluster.local:8080`, inside the cluster. */
  readonly serviceUrl: pulumi.Output<string>;

  constructor(name: string, args: RoomsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(ROOMS_TYPE, name, {}, opts);
    const child = { parent: this };
    const service = new NodeService(
      name,
      {
        namespace: args.namespace,
        app: ROOMS_APP,
        service: "rooms",
        nodeVersion: args.nodeVersion,
        nodePort: NODE_PORTS.rooms,
        replicas: { min: args.minReplicas, max: args.maxReplicas, cpuPercent: 60 },
        environment: roomsEnvironment(args),
        secretFiles: roomsSecretFiles(args),
        resources: RESOURCES,
        metrics: true,
        shutdownSeconds: SHUTDOWN_SECONDS,
        vpcCidr: args.vpcCidr,
        egress: [
          DNS_RULE,
          livekitRule(args.vpcCidr, LIVEKIT_PORTS.signal),
          vpcRule(args.vpcCidr, VALKEY_PORT),
          HTTPS_RULE,
        ],
      },
      child,
    );
    const balancer = new ApplicationBalancer(
      name,
      {
        vpcId: args.vpcId,
        subnetIds: args.publicSubnetIds,
        certificateArns: args.certificateArns,
        autoscalingGroupName: args.autoscalingGroupName,
        nodeSecurityGroupId: args.nodeSecurityGroupId,
        idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS,
        // Any host: the health checks and peers ask by the regional name, Meet and browsers by the fleet's.
        targets: { rooms: { nodePort: NODE_PORTS.rooms, healthCheckPath: "/readyz" } },
        defaultTarget: "rooms",
        rules: [],
        protection: args.protection,
        tags: args.tags,
      },
      child,
    );

    if (args.innerSubnetIds !== undefined) {
      new InnerEntry(
        `${name}-inner`,
        {
          host: livekitHost(args.domain),
          vpcId: args.vpcId,
          vpcCidr: args.vpcCidr,
          subnetIds: args.innerSubnetIds,
          certificateArn: args.certificateArns[0],
          autoscalingGroupName: args.autoscalingGroupName,
          nodeSecurityGroupId: args.nodeSecurityGroupId,
          idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS,
          protection: args.protection,
          tags: args.tags,
        },
        child,
      );
    }

    this.dnsName = balancer.dnsName;
    this.zoneId = balancer.zoneId;
    this.balancerArn = balancer.arn;
    this.serviceUrl = pulumi.interpolate`http://${service.serviceHost}`;
    this.registerOutputs({
      dnsName: this.dnsName,
      zoneId: this.zoneId,
      balancerArn: this.balancerArn,
      serviceUrl: this.serviceUrl,
    });
  }
}

/** Name of the gateway's objects in their namespace. */
export const ROOMS_APP = "rooms";

/**
 * Where the region's LiveKit posts its events: the gateway's Service. A function of names alone, because LiveKit is
 * made before the gateway, which needs LiveKit's address.
 */
export function roomsWebhookUrl(namespace: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.interpolate`http://${ROOMS_APP}.${namespace}.svc.cluster.local:8080${WEBHOOK_PATH}`;
}
