import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { SERVICE_CIDR } from "../network/subnets.ts";
import { managedPolicyArn } from "../nodes/node-role.ts";
import { policy, serviceTrust } from "../shared/iam.ts";
import { fit } from "../shared/names.ts";
import { protectionTags } from "../shared/protection.ts";
import { named } from "../shared/tags.ts";
import type { ClusterArgs } from "./cluster.ts";

/** All that the control plane writes (EKS API, LogSetup); "audit" is the most of it and of its cost. */
const LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"] as const;

/**
 * The control plane with what it stands on: a key for its secrets, a log group with a retention, a role. The key and the
 * cluster are protected.
 */
export function makeControlPlane(
  name: string,
  args: ClusterArgs,
  child: pulumi.CustomResourceOptions,
): aws.eks.Cluster {
  const tags = { ...named(args.tags, name), ...protectionTags(args.protection) };
  const key = new aws.kms.Key(
    name,
    {
      description: `Secrets of the cluster ${args.clusterName}`,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      tags,
    },
    // Without its key the cluster cannot read one of its secrets.
    { ...child, protect: args.protection.enabled },
  );
  const { role, attachments } = clusterRole(name, args, key, child);
  const logs = new aws.cloudwatch.LogGroup(
    name,
    {
      // The name EKS writes to. Made here, it has a retention; made by EKS, it keeps everything for ever.
      name: `/aws/eks/${args.clusterName}/cluster`,
      retentionInDays: args.logRetentionDays,
      tags: named(args.tags, name),
    },
    child,
  );
  return new aws.eks.Cluster(
    name,
    {
      name: args.clusterName,
      version: args.kubernetesVersion,
      roleArn: role.arn,
      accessConfig: {
        authenticationMode: "API",
        bootstrapClusterCreatorAdminPermissions: false,
      },
      bootstrapSelfManagedAddons: false,
      // Upgraded by AWS at the end of standard support, instead of six times the price (EKS, extended support).
      upgradePolicy: { supportType: "STANDARD" },
      deletionProtection: args.protection.enabled,
      encryptionConfig: { provider: { keyArn: key.arn }, resources: ["secrets"] },
      enabledClusterLogTypes: [...LOG_TYPES],
      kubernetesNetworkConfig: { ipFamily: "ipv4", serviceIpv4Cidr: SERVICE_CIDR },
      vpcConfig: {
        subnetIds: [...args.privateSubnetIds],
        endpointPrivateAccess: true,
        endpointPublicAccess: args.publicAccessCidrs.length > 0,
        ...(args.publicAccessCidrs.length > 0
          ? { publicAccessCidrs: [...args.publicAccessCidrs] }
          : {}),
      },
      tags,
    },
    {
      ...child,
      protect: args.protection.enabled,
      // Without its role's policies EKS cannot delete the interfaces and groups it made; the log group must be there
      // before EKS makes one of its own.
      dependsOn: [...attachments, logs],
    },
  );
}

function clusterRole(
  name: string,
  args: ClusterArgs,
  key: aws.kms.Key,
  child: pulumi.CustomResourceOptions,
): { role: aws.iam.Role; attachments: pulumi.Resource[] } {
  const role = new aws.iam.Role(
    name,
    {
      name: fit(`${args.clusterName}-cluster`, 64),
      description: "The control plane: interfaces in the VPC, its key",
      assumeRolePolicy: serviceTrust("eks.amazonaws.com"),
      tags: named(args.tags, name),
    },
    child,
  );
  const managed = new aws.iam.RolePolicyAttachment(
    name,
    {
      role: role.name,
      policyArn: managedPolicyArn(args.partition ?? "aws", "AmazonEKSClusterPolicy"),
    },
    child,
  );
  const secrets = new aws.iam.RolePolicy(
    `${name}-secrets`,
    {
      role: role.name,
      policy: key.arn.apply((arn) =>
        policy({
          Effect: "Allow",
          Action: ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"],
          Resource: arn,
        }),
      ),
    },
    child,
  );
  return { role, attachments: [managed, secrets] };
}
