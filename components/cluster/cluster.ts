import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { managedPolicyArn } from "../nodes/node-role.ts";
import { podIdentityTrust } from "../shared/iam.ts";
import { fit } from "../shared/names.ts";
import type { Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";
import {
  ADD_ONS_AFTER_NODES,
  ADD_ONS_BEFORE_NODES,
  addOnConfiguration,
  type AddOn,
} from "./add-ons.ts";
import { administratorKey, clusterFaults } from "./cluster-faults.ts";
import { makeControlPlane } from "./control-plane.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { makeNamespaces } from "./namespaces.ts";
import { SystemNodes } from "./system-nodes.ts";

/** Part of every URN beneath it: never change without an alias. */
export const CLUSTER_TYPE = "meet:compute:Cluster";

/** Arguments of Cluster. */
export interface ClusterArgs {
  /** From names.ts. Plain: role names, the log group and the provider's identity are built from it. */
  readonly clusterName: string;
  /** Minor version, such as "1.34". It cannot be lowered. */
  readonly kubernetesVersion: string;
  readonly awsRegion: string;
  /** Where EKS puts its own interfaces: at least two zones. */
  readonly privateSubnetIds: readonly pulumi.Input<string>[];
  /** Where system nodes live: the private subnets, or the public ones in a network without NAT. */
  readonly systemSubnetIds: readonly pulumi.Input<string>[];
  /** Who reaches the API from the internet; empty: nobody, only the VPC does. */
  readonly publicAccessCidrs: readonly string[];
  /** IAM roles (or users) that administer the cluster; the one that runs the program is one of them. */
  readonly administratorRoleArns: readonly string[];
  readonly systemNodes: {
    readonly instanceType: string;
    readonly min: number;
    readonly max: number;
  };
  readonly logRetentionDays: number;
  /** @default "aws" */
  readonly partition?: string;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * The Kubernetes cluster of one region (Amazon EKS): control plane, add-ons, system nodes and the two namespaces
 * everything else is put into. Its secrets are encrypted with a key of its own, its API is open to the VPC and to named
 * ranges only, and access is by access entries: nobody gets in by having made it. Order matters: access and network
 * add-ons, then nodes, then what runs on them; whoever uses `provider` waits for all of that. Cost: 73 dollars a month,
 * its logs, and the system nodes. Lost, it is made again from nothing: no data lives in it.
 */
export class Cluster extends pulumi.ComponentResource {
  readonly clusterName: pulumi.Output<string>;
  readonly clusterArn: pulumi.Output<string>;
  readonly endpoint: pulumi.Output<string>;
  readonly certificateAuthority: pulumi.Output<string>;
  /** The group EKS puts on its own interfaces and on every node. */
  readonly securityGroupId: pulumi.Output<string>;
  /** Secret: with AWS credentials it is the way in. */
  readonly kubeconfig: pulumi.Output<string>;
  /** For all objects in this cluster. */
  readonly provider: k8s.Provider;
  readonly systemAutoscalingGroupName: pulumi.Output<string>;
  /** What balancers must reach; system nodes carry the cluster's group and no other. */
  readonly systemNodeSecurityGroupId: pulumi.Output<string>;
  readonly meetNamespace: pulumi.Output<string>;
  readonly mediaNamespace: pulumi.Output<string>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super(CLUSTER_TYPE, name, {}, opts);
    clusterFaults(CLUSTER_TYPE, name, args).throwIfAny(this);
    const child = { parent: this };
    const cluster = makeControlPlane(name, args, child);
    const access = this.administrators(name, args, cluster);
    const early = this.addOns(name, args, cluster, ADD_ONS_BEFORE_NODES, []);
    const nodes = new SystemNodes(
      `${name}-system`,
      {
        ...args.systemNodes,
        clusterName: args.clusterName,
        cluster,
        subnetIds: args.systemSubnetIds,
        after: early,
        ...(args.partition === undefined ? {} : { partition: args.partition }),
        tags: args.tags,
      },
      child,
    );
    const late = this.addOns(name, args, cluster, ADD_ONS_AFTER_NODES, [nodes]);

    // By way of the add-ons: whoever names the cluster waits for its network and its pod credentials.
    this.clusterName = pulumi
      .all(early.map((addOn) => addOn.clusterName))
      .apply(([known]) => known ?? args.clusterName);
    this.clusterArn = cluster.arn;
    this.endpoint = cluster.endpoint;
    this.certificateAuthority = cluster.certificateAuthority.data;
    this.securityGroupId = cluster.vpcConfig.clusterSecurityGroupId;
    this.systemNodeSecurityGroupId = this.securityGroupId;
    this.systemAutoscalingGroupName = nodes.autoscalingGroupName;
    this.kubeconfig = this.access(args);
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: this.kubeconfig,
        // Known before the cluster is: otherwise a preview plans to replace every object whenever the kubeconfig is
        // unknown (pulumi/pulumi-kubernetes issue 2745).
        clusterIdentifier: `${args.awsRegion}/${args.clusterName}`,
        enableServerSideApply: true,
      },
      // Before the access entry every call is refused; before nodes and DNS no Deployment becomes available.
      { ...child, dependsOn: [...access, nodes, ...late] },
    );
    const namespaces = makeNamespaces(name, {
      ...child,
      provider: this.provider,
      // When the cluster goes, they go with it: no call to an API that is no longer there.
      deletedWith: cluster,
    });
    this.meetNamespace = namespaces.meet;
    this.mediaNamespace = namespaces.media;
    this.registerOutputs({
      clusterName: this.clusterName,
      clusterArn: this.clusterArn,
      endpoint: this.endpoint,
      certificateAuthority: this.certificateAuthority,
      securityGroupId: this.securityGroupId,
      kubeconfig: this.kubeconfig,
      systemAutoscalingGroupName: this.systemAutoscalingGroupName,
      systemNodeSecurityGroupId: this.systemNodeSecurityGroupId,
      meetNamespace: this.meetNamespace,
      mediaNamespace: this.mediaNamespace,
    });
  }

  private administrators(
    name: string,
    args: ClusterArgs,
    cluster: aws.eks.Cluster,
  ): pulumi.Resource[] {
    const partition = args.partition ?? "aws";
    return args.administratorRoleArns.map((principalArn) => {
      const logicalName = `${name}-admin-${administratorKey(principalArn)}`;
      const entry = new aws.eks.AccessEntry(
        logicalName,
        {
          clusterName: cluster.name,
          principalArn,
          type: "STANDARD",
          tags: named(args.tags, logicalName),
        },
        { parent: this },
      );
      return new aws.eks.AccessPolicyAssociation(
        logicalName,
        {
          clusterName: cluster.name,
          principalArn: entry.principalArn,
          policyArn: `arn:${partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`,
          accessScope: { type: "cluster" },
        },
        { parent: this },
      );
    });
  }

  private addOns(
    name: string,
    args: ClusterArgs,
    cluster: aws.eks.Cluster,
    addOns: readonly AddOn[],
    after: readonly pulumi.Resource[],
  ): aws.eks.Addon[] {
    return addOns.map((addOn) => {
      const logicalName = `${name}-${addOn}`;
      const configurationValues = addOnConfiguration(addOn);
      const identity = addOn === "vpc-cni" ? this.networkRole(logicalName, args) : undefined;
      return new aws.eks.Addon(
        logicalName,
        {
          clusterName: cluster.name,
          addonName: addOn,
          resolveConflictsOnCreate: "OVERWRITE",
          resolveConflictsOnUpdate: "OVERWRITE",
          ...(configurationValues === undefined ? {} : { configurationValues }),
          ...(identity === undefined
            ? {}
            : {
                podIdentityAssociations: [
                  { serviceAccount: "aws-node", roleArn: identity.role.arn },
                ],
              }),
          tags: named(args.tags, logicalName),
        },
        {
          parent: this,
          // Without its policy the CNI gives no pod an address, and nodes stay NotReady.
          dependsOn: [...after, ...(identity === undefined ? [] : [identity.attachment])],
        },
      );
    });
  }

  /** The CNI's own role, by Pod Identity: nodes then need no right to change network interfaces. */
  private networkRole(
    logicalName: string,
    args: ClusterArgs,
  ): { readonly role: aws.iam.Role; readonly attachment: pulumi.Resource } {
    const role = new aws.iam.Role(
      logicalName,
      {
        name: fit(`${args.clusterName}-vpc-cni`, 64),
        description: "VPC CNI: gives pods addresses of the VPC",
        assumeRolePolicy: podIdentityTrust(),
        tags: named(args.tags, logicalName),
      },
      { parent: this },
    );
    const attachment = new aws.iam.RolePolicyAttachment(
      logicalName,
      {
        role: role.name,
        policyArn: managedPolicyArn(args.partition ?? "aws", "AmazonEKS_CNI_Policy"),
      },
      { parent: this },
    );
    return { role, attachment };
  }

  private access(args: ClusterArgs): pulumi.Output<string> {
    return pulumi.secret(
      pulumi
        .all([this.clusterName, this.endpoint, this.certificateAuthority])
        .apply(([clusterName, endpoint, certificateAuthority]) =>
          kubeconfig({
            clusterName,
            awsRegion: args.awsRegion,
            endpoint,
            certificateAuthority,
          }),
        ),
    );
  }
}
