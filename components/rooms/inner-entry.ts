import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ApplicationBalancer } from "../balancer/application-balancer.ts";
import { NODE_PORTS } from "../shared/names.ts";
import type { Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";

/** Part of every URN beneath it: never change without an alias. */
export const INNER_ENTRY_TYPE = "meet:edge:InnerEntry";

/** Arguments of InnerEntry. */
export interface InnerEntryArgs {
  /** `livekit.<domain>`: the name that is answered from within. */
  readonly host: string;
  readonly vpcId: pulumi.Input<string>;
  readonly vpcCidr: string;
  /** Private subnets, at least two, in different zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** A certificate for `host`; the public balancer's. */
  readonly certificateArn: pulumi.Input<string>;
  readonly autoscalingGroupName: pulumi.Input<string>;
  readonly nodeSecurityGroupId: pulumi.Input<string>;
  readonly idleTimeoutSeconds: number;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * The gateway under its public name, from inside the region's network: Meet has one LiveKit address for browsers and
 * for itself, and must reach its own region's gateway when the public entry or its name is away. Makes an inner
 * ApplicationBalancer and a private Route 53 zone of exactly that one name, which the VPC's resolver prefers to the
 * public one (Route 53 developer guide, hosted-zone-private-considerations); other names are not touched. If it is lost
 * Meet's calls to LiveKit fail, while meetings and joins go on. Cost: the balancer, about 16 dollars a month, and half a
 * dollar for the zone.
 */
export class InnerEntry extends pulumi.ComponentResource {
  constructor(name: string, args: InnerEntryArgs, opts?: pulumi.ComponentResourceOptions) {
    super(INNER_ENTRY_TYPE, name, {}, opts);
    const child = { parent: this };
    const balancer = new ApplicationBalancer(
      name,
      {
        vpcId: args.vpcId,
        subnetIds: args.subnetIds,
        insideCidr: args.vpcCidr,
        certificateArns: [args.certificateArn],
        autoscalingGroupName: args.autoscalingGroupName,
        nodeSecurityGroupId: args.nodeSecurityGroupId,
        idleTimeoutSeconds: args.idleTimeoutSeconds,
        // A target group belongs to one balancer, so this one has its own for the same NodePort.
        targets: { rooms: { nodePort: NODE_PORTS.rooms, healthCheckPath: "/readyz" } },
        defaultTarget: "rooms",
        rules: [],
        protection: args.protection,
        tags: args.tags,
      },
      child,
    );
    const zone = new aws.route53.Zone(
      name,
      {
        name: args.host,
        comment: `${args.host} inside the network: the region's own room gateway`,
        vpcs: [{ vpcId: args.vpcId }],
        tags: named(args.tags, name),
      },
      child,
    );
    new aws.route53.Record(
      name,
      {
        zoneId: zone.zoneId,
        name: args.host,
        type: "A",
        aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: false }],
      },
      child,
    );
    this.registerOutputs({});
  }
}
