import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { architectureOf, isInstanceType } from "../nodes/instance-type.ts";
import { hardenedTemplate } from "../nodes/launch-template.ts";
import { makeNodeRole } from "../nodes/node-role.ts";
import { Faults } from "../shared/faults.ts";
import { fit } from "../shared/names.ts";
import { named, type Tags } from "../shared/tags.ts";

/** Part of every URN beneath it: never change without an alias. */
export const SYSTEM_NODES_TYPE = "meet:compute:SystemNodes";

/** Arguments of SystemNodes. */
export interface SystemNodesArgs {
  /** The cluster's name, plain: role names are built from it. */
  readonly clusterName: string;
  readonly cluster: aws.eks.Cluster;
  readonly subnetIds: readonly pulumi.Input<string>[];
  readonly instanceType: string;
  readonly min: number;
  readonly max: number;
  /** The add-ons a node cannot become ready without. */
  readonly after: readonly pulumi.Resource[];
  /** @default "aws" */
  readonly partition?: string;
  readonly tags: Tags;
}

/** Share of CPU above which a node is added; the pods' own autoscalers aim at less, so they come first. */
const TARGET_CPU_PERCENT = 60;

/** Images of Meet's backend, the gateway and the add-ons, and their logs. */
const DISK_GIB = 40;

/**
 * The nodes for everything but media and recording: add-ons, the room gateway, Meet itself. A managed node group, which
 * replaces its nodes one by one when Kubernetes is upgraded and drains a node before it ends; nothing here needs longer
 * than the minutes it gives. Creates the node role, a launch template, the group, and a policy that adds nodes when they
 * are busy. Cost: `min` instances all the time.
 */
export class SystemNodes extends pulumi.ComponentResource {
  readonly autoscalingGroupName: pulumi.Output<string>;
  readonly nodeGroup: aws.eks.NodeGroup;

  constructor(name: string, args: SystemNodesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(SYSTEM_NODES_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const node = makeNodeRole(
      name,
      {
        roleName: fit(`${args.clusterName}-system-node`, 64),
        partition: args.partition ?? "aws",
        description: "System nodes: fetch images, hand out pod credentials",
        tags: args.tags,
      },
      child,
    );
    // No image and no user data: EKS adds its own for the cluster's version. No security groups: it adds the cluster's.
    const template = new aws.ec2.LaunchTemplate(
      name,
      { ...hardenedTemplate(args.tags, name, DISK_GIB) },
      child,
    );
    this.nodeGroup = new aws.eks.NodeGroup(
      name,
      {
        clusterName: args.cluster.name,
        version: args.cluster.version,
        nodeRoleArn: node.role.arn,
        subnetIds: [...args.subnetIds],
        amiType: AMI_TYPES[architectureOf(args.instanceType)],
        capacityType: "ON_DEMAND",
        instanceTypes: [args.instanceType],
        // By number: "$Latest" would differ from what EKS reports in every preview.
        launchTemplate: {
          id: template.id,
          version: template.latestVersion.apply((version) => String(version)),
        },
        scalingConfig: { minSize: args.min, maxSize: args.max, desiredSize: args.min },
        updateConfig: { maxUnavailable: 1 },
        labels: { "meet/role": "system" },
        tags: named(args.tags, name),
      },
      {
        ...child,
        dependsOn: [...node.attachments, ...args.after],
        // The scaling policy below owns the number of nodes.
        ignoreChanges: ["scalingConfig.desiredSize"],
      },
    );
    this.autoscalingGroupName = this.nodeGroup.resources.apply(firstGroupName);
    if (args.max > args.min) {
      new aws.autoscaling.Policy(
        name,
        {
          autoscalingGroupName: this.autoscalingGroupName,
          policyType: "TargetTrackingScaling",
          targetTrackingConfiguration: {
            predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
            targetValue: TARGET_CPU_PERCENT,
          },
        },
        child,
      );
    }
    this.registerOutputs({ autoscalingGroupName: this.autoscalingGroupName });
  }
}

const AMI_TYPES = { x86_64: "AL2023_x86_64_STANDARD", arm64: "AL2023_ARM_64_STANDARD" } as const;

/** EKS makes one autoscaling group per node group. */
function firstGroupName(resources: aws.types.output.eks.NodeGroupResource[]): string {
  const group = resources[0]?.autoscalingGroups[0];
  if (group === undefined) {
    throw new Error(
      "EKS reported no autoscaling group for the system nodes. Run `pulumi refresh`, then `up` again.",
    );
  }
  return group.name;
}

function validate(resource: pulumi.Resource, name: string, args: SystemNodesArgs): void {
  const faults = new Faults(SYSTEM_NODES_TYPE, name);
  faults.when(
    !isInstanceType(args.instanceType),
    `instanceType "${args.instanceType}" is none. Write one such as m7i.large.`,
  );
  faults.when(
    !Number.isInteger(args.min) || args.min < 1,
    `min is ${args.min}, but the add-ons need a node. Use 1 or more.`,
  );
  faults.when(
    !Number.isInteger(args.max) || args.max < args.min,
    `max ${args.max} is below min ${args.min}. Raise max.`,
  );
  faults.when(args.subnetIds.length === 0, "there is no subnet. Give one in every zone.");
  faults.throwIfAny(resource);
}
