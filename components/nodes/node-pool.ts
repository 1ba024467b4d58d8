import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { named, type Tags } from "../shared/tags.ts";
import { drainFaults, HEARTBEAT_TIMEOUT_SECONDS } from "./drain.ts";
import { architectureOf, isInstanceType } from "./instance-type.ts";
import { hardenedTemplate } from "./launch-template.ts";
import { makeNodeRole } from "./node-role.ts";
import { makeNodeSecurityGroup } from "./node-security-group.ts";
import { portFaults, type OpenPort } from "./open-port.ts";
import { scalingFaults, targetTracking, type Scaling } from "./scaling.ts";
import { nodeUserData } from "./user-data.ts";

/** Part of every URN beneath it: never change without an alias. */
export const NODE_POOL_TYPE = "meet:compute:NodePool";

/** The termination handler looks after instances with this tag and no others (its default, `managedTag`). */
export const MANAGED_TAG = "aws-node-termination-handler/managed";

/** Arguments of NodePool. */
export interface NodePoolArgs {
  /** Label `meet/role` and taint `meet/role=<role>:NoSchedule` of its nodes. */
  readonly role: "media" | "egress";
  readonly clusterName: pulumi.Input<string>;
  readonly clusterEndpoint: pulumi.Input<string>;
  readonly certificateAuthority: pulumi.Input<string>;
  /** EKS's own group: the way to the API, and from pod to pod. */
  readonly clusterSecurityGroupId: pulumi.Input<string>;
  readonly kubernetesVersion: string;
  /** Of the nodes' IAM role, and of the instance profile. */
  readonly roleName: string;
  readonly vpcId: pulumi.Input<string>;
  /** One in every zone. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  readonly instanceType: string;
  readonly min: number;
  readonly max: number;
  /** Every node gets a public address of its own: media must reach it without a NAT gateway. */
  readonly publicAddresses: boolean;
  /** Open to the world, IPv4 and IPv6; media only. @default none */
  readonly openPorts?: readonly OpenPort[];
  readonly scaling: Scaling;
  /** Whether the group may end a node by itself; it is drained first either way. */
  readonly scaleIn: "manual" | "automatic";
  /** The longest grace period of a pod on these nodes. */
  readonly drainSeconds: number;
  /** @default 40 */
  readonly diskGib?: number;
  /** @default "aws" */
  readonly partition?: string;
  readonly tags: Tags;
}

/**
 * Nodes for work that must not be cut short: LiveKit's rooms, recordings. An autoscaling group of our own, because a
 * managed node group ends a node minutes after it began to drain, whatever the pods' grace period. A node that is to
 * end waits in a lifecycle hook until TerminationHandler has drained it; nothing replaces nodes on its own: zones are
 * not rebalanced, a new launch template reaches new nodes only. Creates the node role with its access to the cluster, a
 * security group, the launch template, the group, its hook and its scaling policy. Cost: `min` instances all the time,
 * detailed monitoring of each, and what the policy adds.
 */
export class NodePool extends pulumi.ComponentResource {
  readonly autoscalingGroupName: pulumi.Output<string>;
  readonly autoscalingGroupArn: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly nodeRoleArn: pulumi.Output<string>;

  constructor(name: string, args: NodePoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super(NODE_POOL_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const node = makeNodeRole(
      name,
      {
        roleName: args.roleName,
        partition: args.partition ?? "aws",
        description: `Nodes of the role ${args.role}: fetch images, hand out pod credentials`,
        tags: args.tags,
      },
      child,
    );
    const access = new aws.eks.AccessEntry(
      name,
      {
        clusterName: args.clusterName,
        principalArn: node.role.arn,
        type: "EC2_LINUX",
        tags: named(args.tags, name),
      },
      child,
    );
    const profile = new aws.iam.InstanceProfile(
      name,
      { name: args.roleName, role: node.role.name, tags: named(args.tags, name) },
      child,
    );
    const securityGroup = makeNodeSecurityGroup(name, args, child);
    const template = this.launchTemplate(name, args, profile, securityGroup);
    // A node that starts before it may join, or without its policies, is refused until both exist.
    const group = this.group(name, args, template, [access, ...node.attachments]);

    this.autoscalingGroupName = group.name;
    this.autoscalingGroupArn = group.arn;
    this.securityGroupId = securityGroup.id;
    this.nodeRoleArn = node.role.arn;
    this.registerOutputs({
      autoscalingGroupName: this.autoscalingGroupName,
      autoscalingGroupArn: this.autoscalingGroupArn,
      securityGroupId: this.securityGroupId,
      nodeRoleArn: this.nodeRoleArn,
    });
  }

  private launchTemplate(
    name: string,
    args: NodePoolArgs,
    profile: aws.iam.InstanceProfile,
    securityGroup: aws.ec2.SecurityGroup,
  ): aws.ec2.LaunchTemplate {
    const userData = pulumi
      .all([args.clusterName, args.clusterEndpoint, args.certificateAuthority])
      .apply(([clusterName, endpoint, certificateAuthority]) =>
        Buffer.from(
          nodeUserData({
            clusterName,
            endpoint,
            certificateAuthority,
            role: args.role,
            openPorts: args.openPorts ?? [],
          }),
        ).toString("base64"),
      );
    return new aws.ec2.LaunchTemplate(
      name,
      {
        ...hardenedTemplate(args.tags, name, args.diskGib ?? 40),
        imageId: imageParameter(args.kubernetesVersion, args.instanceType),
        instanceType: args.instanceType,
        iamInstanceProfile: { arn: profile.arn },
        // One-minute metrics, which the scaling target is computed for.
        monitoring: { enabled: true },
        networkInterfaces: [
          {
            deviceIndex: 0,
            associatePublicIpAddress: String(args.publicAddresses),
            deleteOnTermination: "true",
            securityGroups: [args.clusterSecurityGroupId, securityGroup.id],
          },
        ],
        userData,
      },
      { parent: this },
    );
  }

  private group(
    name: string,
    args: NodePoolArgs,
    template: aws.ec2.LaunchTemplate,
    dependsOn: pulumi.Resource[],
  ): aws.autoscaling.Group {
    const child = { parent: this };
    const group = new aws.autoscaling.Group(
      name,
      {
        vpcZoneIdentifiers: [...args.subnetIds],
        minSize: args.min,
        maxSize: args.max,
        desiredCapacity: args.min,
        launchTemplate: {
          id: template.id,
          version: template.latestVersion.apply((version) => String(version)),
        },
        // Not ELB: a balancer that finds LiveKit unwell must not end the node with all its rooms.
        healthCheckType: "EC2",
        healthCheckGracePeriod: 300,
        // Rebalancing ends healthy nodes to even out zones.
        suspendedProcesses: ["AZRebalance"],
        protectFromScaleIn: args.scaleIn === "manual",
        terminationPolicies: ["OldestLaunchTemplate", "Default"],
        tags: [
          ...Object.entries(named(args.tags, name)).map(([key, value]) => ({
            key,
            value,
            // Instances have these from the launch template.
            propagateAtLaunch: false,
          })),
          { key: MANAGED_TAG, value: "true", propagateAtLaunch: true },
          {
            // By this the control plane knows an instance for a node of its own.
            key: pulumi.interpolate`kubernetes.io/cluster/${args.clusterName}`,
            value: "owned",
            propagateAtLaunch: true,
          },
        ],
      },
      // The scaling policy owns the number of nodes, TurnBalancer the target group of media nodes.
      { ...child, dependsOn, ignoreChanges: ["desiredCapacity", "targetGroupArns"] },
    );
    new aws.autoscaling.LifecycleHook(
      name,
      {
        autoscalingGroupName: group.name,
        lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        // When nobody answers, the instance ends: kept, it would cost and serve nobody.
        defaultResult: "CONTINUE",
        heartbeatTimeout: HEARTBEAT_TIMEOUT_SECONDS,
      },
      child,
    );
    new aws.autoscaling.Policy(
      name,
      {
        autoscalingGroupName: group.name,
        policyType: "TargetTrackingScaling",
        estimatedInstanceWarmup: 180,
        targetTrackingConfiguration: targetTracking(args.scaling, args.scaleIn),
      },
      child,
    );
    return group;
  }
}

/**
 * The newest EKS image of a Kubernetes version, resolved by EC2 at each launch (Amazon EKS user guide,
 * retrieve-ami-id; Amazon EC2 user guide, create-launch-template): no look-up, no difference when AWS releases one.
 */
export function imageParameter(kubernetesVersion: string, instanceType: string): string {
  const path = `amazon-linux-2023/${architectureOf(instanceType)}/standard/recommended/image_id`;
  return `resolve:ssm:/aws/service/eks/optimized-ami/${kubernetesVersion}/${path}`;
}

function validate(resource: pulumi.Resource, name: string, args: NodePoolArgs): void {
  const faults = new Faults(NODE_POOL_TYPE, name);
  const ports = args.openPorts ?? [];
  faults.when(
    !isInstanceType(args.instanceType),
    `instanceType "${args.instanceType}" is none. Write one such as c7i.xlarge.`,
  );
  faults.when(
    !Number.isInteger(args.min) || args.min < 1,
    `min is ${args.min}, but an empty group has no load to grow by. Use 1 or more.`,
  );
  faults.when(
    !Number.isInteger(args.max) || args.max < args.min,
    `max ${args.max} is below min ${args.min}. Raise max.`,
  );
  faults.when(args.subnetIds.length === 0, "there is no subnet. Give one in every zone.");
  faults.when(
    ports.length > 0 && args.role !== "media",
    `nodes of the role ${args.role} would be open to the world. Leave openPorts out.`,
  );
  faults.when(
    ports.length > 0 && !args.publicAddresses,
    "its ports are open, but nobody could reach them. Set publicAddresses, or leave openPorts out.",
  );
  const found = [
    ...portFaults(ports),
    ...scalingFaults(args.scaling),
    ...drainFaults(args.drainSeconds),
  ];
  for (const sentence of found) {
    faults.when(true, sentence);
  }
  faults.throwIfAny(resource);
}
