import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { LIVEKIT_PORTS } from "../shared/names.ts";
import { protectionTags, type Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";
import { TLS_POLICY } from "./application-balancer.ts";
import { BALANCER_NAME_LENGTH } from "./balancer-faults.ts";

/** Part of every URN beneath it: never change without an alias. */
export const TURN_BALANCER_TYPE = "meet:edge:TurnBalancer";

/** Arguments of TurnBalancer. */
export interface TurnBalancerArgs {
  readonly vpcId: pulumi.Input<string>;
  /** Public subnets, one address each; keyed "a", "b", … in their order, so add new ones at the end. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Certificate of `turn.<region>.<domain>`. */
  readonly certificateArn: pulumi.Input<string>;
  /** The media nodes. */
  readonly autoscalingGroupName: pulumi.Input<string>;
  /** Security group of the media nodes; a rule for TURN from this balancer is added to it. */
  readonly nodeSecurityGroupId: pulumi.Input<string>;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * TURN over TLS on port 443, for people whose firewall lets only HTTPS out: a Network Load Balancer with one fixed
 * address per zone, so that such a firewall can name them. It ends TLS and passes plain TCP to LiveKit on the media
 * nodes (`turn.external_tls`); LiveKit tells every client port 443, whatever its own is (livekit/livekit
 * pkg/service/roommanager.go). Makes the addresses, the balancer, its security group, target group, attachment and
 * listener. A TLS connection that is silent for 350 s is cut; TURN refreshes more often. Cost: about 16 dollars a month,
 * 4 per address, and capacity units.
 */
export class TurnBalancer extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  /** Hosted zone of the balancer's own name, for an alias. */
  readonly zoneId: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** The fixed addresses, in the order of the subnets. */
  readonly addresses: pulumi.Output<string>[];
  readonly securityGroupId: pulumi.Output<string>;

  constructor(name: string, args: TurnBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TURN_BALANCER_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const securityGroup = this.securityGroup(name, args);
    const addresses = this.reserve(name, args);
    const balancer = new aws.lb.LoadBalancer(
      name,
      {
        loadBalancerType: "network",
        ipAddressType: "ipv4",
        // Given at creation: a network balancer made without a group can never get one (NLB user guide).
        securityGroups: [securityGroup.id],
        subnetMappings: addresses.map(({ subnetId, address }) => ({
          subnetId,
          allocationId: address.allocationId,
        })),
        // A zone's address must go on working when its only media node is away.
        enableCrossZoneLoadBalancing: true,
        enableDeletionProtection: args.protection.enabled,
        tags: { ...named(args.tags, name), ...protectionTags(args.protection) },
      },
      child,
    );
    this.listener(name, args, balancer);

    this.dnsName = balancer.dnsName;
    this.zoneId = balancer.zoneId;
    this.arn = balancer.arn;
    this.addresses = addresses.map(({ address }) => address.publicIp);
    this.securityGroupId = securityGroup.id;
    this.registerOutputs({
      dnsName: this.dnsName,
      zoneId: this.zoneId,
      arn: this.arn,
      addresses: this.addresses,
      securityGroupId: this.securityGroupId,
    });
  }

  private securityGroup(name: string, args: TurnBalancerArgs): aws.ec2.SecurityGroup {
    const child = { parent: this };
    const group = new aws.ec2.SecurityGroup(
      name,
      {
        vpcId: args.vpcId,
        description: "TURN over TLS from anywhere, to LiveKit on the media nodes only",
        tags: named(args.tags, name),
      },
      child,
    );
    const turn = {
      ipProtocol: "tcp",
      fromPort: LIVEKIT_PORTS.turnTls,
      toPort: LIVEKIT_PORTS.turnTls,
    };
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-tls`,
      {
        securityGroupId: group.id,
        description: "TURN over TLS from anywhere",
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
        cidrIpv4: "0.0.0.0/0",
        tags: named(args.tags, `${name}-tls`),
      },
      child,
    );
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-nodes`,
      {
        ...turn,
        securityGroupId: group.id,
        referencedSecurityGroupId: args.nodeSecurityGroupId,
        description: "TURN on the media nodes",
        tags: named(args.tags, `${name}-to-nodes`),
      },
      child,
    );
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-at-nodes`,
      {
        ...turn,
        securityGroupId: args.nodeSecurityGroupId,
        referencedSecurityGroupId: group.id,
        description: "TURN from its load balancer",
        tags: named(args.tags, `${name}-at-nodes`),
      },
      child,
    );
    return group;
  }

  /** One address per subnet. Once released an address is gone, and with it what firewalls were told: protected. */
  private reserve(
    name: string,
    args: TurnBalancerArgs,
  ): { readonly subnetId: pulumi.Input<string>; readonly address: aws.ec2.Eip }[] {
    return args.subnetIds.map((subnetId, index) => {
      const logicalName = `${name}-${zoneKey(index)}`;
      const address = new aws.ec2.Eip(
        logicalName,
        {
          domain: "vpc",
          tags: { ...named(args.tags, logicalName), ...protectionTags(args.protection) },
        },
        { parent: this, protect: args.protection.enabled },
      );
      return { subnetId, address };
    });
  }

  private listener(name: string, args: TurnBalancerArgs, balancer: aws.lb.LoadBalancer): void {
    const child = { parent: this };
    const group = new aws.lb.TargetGroup(
      name,
      {
        targetType: "instance",
        vpcId: args.vpcId,
        protocol: "TCP",
        port: LIVEKIT_PORTS.turnTls,
        // With the client's address kept, a media node could not reach TURN on itself through the balancer (NLB user
        // guide, "NAT loopback"); TURN works as well without it.
        preserveClientIp: "false",
        deregistrationDelay: 60,
        healthCheck: {
          protocol: "TCP",
          port: String(LIVEKIT_PORTS.turnTls),
          interval: 10,
          healthyThreshold: 2,
          unhealthyThreshold: 2,
        },
        tags: named(args.tags, name),
      },
      child,
    );
    new aws.autoscaling.Attachment(
      name,
      { autoscalingGroupName: args.autoscalingGroupName, lbTargetGroupArn: group.arn },
      child,
    );
    new aws.lb.Listener(
      name,
      {
        loadBalancerArn: balancer.arn,
        protocol: "TLS",
        port: 443,
        sslPolicy: TLS_POLICY,
        certificateArn: args.certificateArn,
        defaultActions: [{ type: "forward", targetGroupArn: group.arn }],
        tags: named(args.tags, name),
      },
      child,
    );
  }
}

/** "a", "b", … as the network keys its subnets. */
function zoneKey(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
}

function validate(resource: pulumi.Resource, name: string, args: TurnBalancerArgs): void {
  const faults = new Faults(TURN_BALANCER_TYPE, name);
  faults.when(
    args.subnetIds.length === 0,
    "there is no subnet. Give the public subnets, one per zone.",
  );
  faults.when(
    name.length > BALANCER_NAME_LENGTH,
    `"${name}" has ${name.length} characters, ${BALANCER_NAME_LENGTH} fit. Shorten the name.`,
  );
  faults.throwIfAny(resource);
}
