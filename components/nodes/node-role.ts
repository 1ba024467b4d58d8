import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { policy, serviceTrust } from "../shared/iam.ts";
import { named, type Tags } from "../shared/tags.ts";

/** A node's role and what has to exist before a node starts with it. */
export interface NodeRole {
  readonly role: aws.iam.Role;
  readonly attachments: readonly pulumi.Resource[];
}

/** Arguments of makeNodeRole. */
export interface NodeRoleArgs {
  /** The role's name in IAM; it carries the cluster's, as IAM is global. */
  readonly roleName: string;
  /** `aws`, or `aws-us-gov` and the like. */
  readonly partition: string;
  readonly description: string;
  readonly tags: Tags;
}

/**
 * What a node itself may do: fetch images, hand out credentials by Pod Identity, and look up its own name. The CNI has a
 * role of its own (see cluster.ts), so a pod that breaks out into its node cannot rewire the network.
 */
export function makeNodeRole(
  name: string,
  args: NodeRoleArgs,
  opts: pulumi.CustomResourceOptions,
): NodeRole {
  const role = new aws.iam.Role(
    name,
    {
      name: args.roleName,
      description: args.description,
      assumeRolePolicy: serviceTrust("ec2.amazonaws.com"),
      tags: named(args.tags, name),
    },
    opts,
  );
  const managed = [
    // eks-auth:AssumeRoleForPodIdentity and nothing else (AWS managed policy reference).
    ["pod-identity", "AmazonEKSWorkerNodeMinimalPolicy"],
    ["images", "AmazonEC2ContainerRegistryPullOnly"],
  ].map(
    ([key, policyName]) =>
      new aws.iam.RolePolicyAttachment(
        `${name}-${key}`,
        { role: role.name, policyArn: managedPolicyArn(args.partition, policyName ?? "") },
        opts,
      ),
  );
  const names = new aws.iam.RolePolicy(
    `${name}-names`,
    {
      role: role.name,
      // A node registers under its instance's private DNS name, which nodeadm asks EC2 for
      // (awslabs/amazon-eks-ami nodeadm/internal/kubelet/config.go). The call knows no narrower resource.
      policy: policy({ Effect: "Allow", Action: "ec2:DescribeInstances", Resource: "*" }),
    },
    opts,
  );
  return { role, attachments: [...managed, names] };
}

/** ARN of a policy that AWS keeps. */
export function managedPolicyArn(partition: string, policyName: string): string {
  return `arn:${partition}:iam::aws:policy/${policyName}`;
}
