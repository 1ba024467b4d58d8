import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { named, type Tags } from "../shared/tags.ts";
import { protectionTags, type Protection } from "../shared/protection.ts";
import { balancerFaults } from "./balancer-faults.ts";
import {
  action,
  conditions,
  nodePorts,
  type BalancerAction,
  type BalancerRule,
  type BalancerTarget,
} from "./balancer-rules.ts";

/** Part of every URN beneath it: never change without an alias. */
export const APPLICATION_BALANCER_TYPE = "meet:edge:ApplicationBalancer";

/**
 * What every listener of this project accepts: TLS 1.2 and 1.3 with forward secrecy and AEAD ciphers only, and hybrid
 * post-quantum key exchange with clients that offer it. AWS recommends it (ALB and NLB user guides, describe-ssl-policies).
 */
export const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";

/** Arguments of ApplicationBalancer. */
export interface ApplicationBalancerArgs {
  readonly vpcId: pulumi.Input<string>;
  /** At least two, in different zones: public ones, or for an inner balancer private ones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Range that alone may ask, of a balancer with private addresses. @default the world, at public addresses */
  readonly insideCidr?: string;
  /** The first is the listener's default, the others are chosen by server name. */
  readonly certificateArns: readonly [pulumi.Input<string>, ...pulumi.Input<string>[]];
  /** The group of nodes that carry the NodePorts. */
  readonly autoscalingGroupName: pulumi.Input<string>;
  /** Security group of these nodes; one rule per port is added to it. */
  readonly nodeSecurityGroupId: pulumi.Input<string>;
  /** After so many silent seconds a connection is cut, 1-4000. WebSockets need more than their ping interval. */
  readonly idleTimeoutSeconds: number;
  /** By key, which names the target group: change a key and the group is replaced. */
  readonly targets: Readonly<Record<string, BalancerTarget>>;
  /** Where a request goes that no rule matches. */
  readonly defaultTarget: BalancerAction;
  readonly rules: readonly BalancerRule[];
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * An HTTPS entry: an Application Load Balancer that Pulumi owns, with the nodes' autoscaling group as targets, so
 * that no controller in the cluster makes or forgets one. Makes the balancer, its security group, a target group with
 * attachment per target, listeners on 443 and on 80 (a redirect), and the rules. Open on 80 and 443, to the world or
 * with `insideCidr` to one range; from there only the named NodePorts are reached. The balancer replaces X-Forwarded-Proto (Elastic Load Balancing user
 * guide, x-forwarded-headers), which Meet relies on. Cost: about 16 dollars a month and capacity units.
 */
export class ApplicationBalancer extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  /** Hosted zone of the balancer's own name, for an alias. */
  readonly zoneId: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;

  constructor(name: string, args: ApplicationBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super(APPLICATION_BALANCER_TYPE, name, {}, opts);
    balancerFaults(APPLICATION_BALANCER_TYPE, name, args).throwIfAny(this);
    const child = { parent: this };
    const securityGroup = this.securityGroup(name, args);
    const balancer = new aws.lb.LoadBalancer(
      name,
      {
        loadBalancerType: "application",
        ...(args.insideCidr === undefined ? {} : { internal: true }),
        ipAddressType: "ipv4",
        subnets: [...args.subnetIds],
        securityGroups: [securityGroup.id],
        idleTimeout: args.idleTimeoutSeconds,
        dropInvalidHeaderFields: true,
        desyncMitigationMode: "defensive",
        enableDeletionProtection: args.protection.enabled,
        tags: { ...named(args.tags, name), ...protectionTags(args.protection) },
      },
      child,
    );
    const groups = this.targetGroups(name, args);
    this.listeners(name, args, balancer, groups);

    this.dnsName = balancer.dnsName;
    this.zoneId = balancer.zoneId;
    this.arn = balancer.arn;
    this.securityGroupId = securityGroup.id;
    this.registerOutputs({
      dnsName: this.dnsName,
      zoneId: this.zoneId,
      arn: this.arn,
      securityGroupId: this.securityGroupId,
    });
  }

  private securityGroup(name: string, args: ApplicationBalancerArgs): aws.ec2.SecurityGroup {
    const child = { parent: this };
    const { insideCidr } = args;
    const from = insideCidr ?? "anywhere";
    const group = new aws.ec2.SecurityGroup(
      name,
      {
        vpcId: args.vpcId,
        description: `Load balancer: HTTP and HTTPS from ${from}, to the NodePorts only`,
        tags: named(args.tags, name),
      },
      child,
    );
    for (const [key, port] of Object.entries({ http: 80, https: 443 })) {
      const logicalName = `${name}-${key}`;
      new aws.vpc.SecurityGroupIngressRule(
        logicalName,
        {
          securityGroupId: group.id,
          description: key === "http" ? "HTTP, redirected to HTTPS" : `HTTPS from ${from}`,
          ipProtocol: "tcp",
          fromPort: port,
          toPort: port,
          cidrIpv4: insideCidr ?? "0.0.0.0/0",
          tags: named(args.tags, logicalName),
        },
        child,
      );
    }
    for (const port of nodePorts(args.targets)) {
      const rule = { ipProtocol: "tcp", fromPort: port, toPort: port };
      const toNodes = `${name}-to-${port}`;
      new aws.vpc.SecurityGroupEgressRule(
        toNodes,
        {
          ...rule,
          securityGroupId: group.id,
          referencedSecurityGroupId: args.nodeSecurityGroupId,
          description: "NodePort on the nodes",
          tags: named(args.tags, toNodes),
        },
        child,
      );
      const atNodes = `${name}-at-${port}`;
      new aws.vpc.SecurityGroupIngressRule(
        atNodes,
        {
          ...rule,
          securityGroupId: args.nodeSecurityGroupId,
          referencedSecurityGroupId: group.id,
          description: "NodePort from the load balancer",
          tags: named(args.tags, atNodes),
        },
        child,
      );
    }
    return group;
  }

  private targetGroups(
    name: string,
    args: ApplicationBalancerArgs,
  ): ReadonlyMap<string, aws.lb.TargetGroup> {
    const child = { parent: this };
    const groups = new Map<string, aws.lb.TargetGroup>();
    for (const [key, target] of Object.entries(args.targets)) {
      const logicalName = `${name}-${key}`;
      const group = new aws.lb.TargetGroup(
        logicalName,
        {
          targetType: "instance",
          vpcId: args.vpcId,
          protocol: "HTTP",
          port: target.nodePort,
          deregistrationDelay: target.deregistrationDelaySeconds ?? 60,
          healthCheck: {
            protocol: "HTTP",
            path: target.healthCheckPath,
            port: String(target.healthCheckNodePort ?? target.nodePort),
            matcher: "200",
            interval: 10,
            timeout: 5,
            healthyThreshold: 2,
            unhealthyThreshold: 2,
          },
          tags: named(args.tags, logicalName),
        },
        child,
      );
      new aws.autoscaling.Attachment(
        logicalName,
        { autoscalingGroupName: args.autoscalingGroupName, lbTargetGroupArn: group.arn },
        child,
      );
      groups.set(key, group);
    }
    return groups;
  }

  private listeners(
    name: string,
    args: ApplicationBalancerArgs,
    balancer: aws.lb.LoadBalancer,
    groups: ReadonlyMap<string, aws.lb.TargetGroup>,
  ): void {
    const child = { parent: this };
    new aws.lb.Listener(
      `${name}-http`,
      {
        loadBalancerArn: balancer.arn,
        protocol: "HTTP",
        port: 80,
        defaultActions: [
          {
            type: "redirect",
            redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" },
          },
        ],
        tags: named(args.tags, `${name}-http`),
      },
      child,
    );
    const [certificateArn, ...otherCertificateArns] = args.certificateArns;
    const https = new aws.lb.Listener(
      `${name}-https`,
      {
        loadBalancerArn: balancer.arn,
        protocol: "HTTPS",
        port: 443,
        sslPolicy: TLS_POLICY,
        certificateArn,
        defaultActions: [action(args.defaultTarget, groups)],
        tags: named(args.tags, `${name}-https`),
      },
      child,
    );
    otherCertificateArns.forEach((arn, index) => {
      new aws.lb.ListenerCertificate(
        `${name}-certificate-${index + 2}`,
        { listenerArn: https.arn, certificateArn: arn },
        child,
      );
    });
    for (const rule of args.rules) {
      const logicalName = `${name}-rule-${rule.priority}`;
      new aws.lb.ListenerRule(
        logicalName,
        {
          listenerArn: https.arn,
          priority: rule.priority,
          conditions: conditions(rule),
          actions: [action(rule.to, groups)],
          tags: named(args.tags, logicalName),
        },
        child,
      );
    }
  }
}
