import type { Cloud } from "../cloud.ts";
import type { Rule, RuleCall } from "../model.ts";
import { at, flag, list, number, text, texts } from "../values.ts";
import { byArn, inUse, mustExist, others, types } from "./support.ts";

const network = "https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html";
/** Zones without an EKS control plane (the same page). */
const unsupportedZones = ["use1-az3", "usw1-az2", "cac1-az3"];
const podIdentity = "aws:eks/podIdentityAssociation:PodIdentityAssociation";
const accessPolicy = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation";

const clusterOf = ({ cloud, inputs, scope }: RuleCall) =>
  cloud.find(types.cluster, text(inputs, "clusterName"), scope);

/**
 * True when the cluster has nodes: a managed group, or a self-managed one that carries the cluster's tag and has
 * at least one instance.
 */
export function hasNodes(cloud: Cloud, clusterName: string, scope: string): boolean {
  const managed = cloud
    .all(types.nodeGroup)
    .some(
      (group) =>
        group.scope === scope &&
        text(group.state, "clusterName") === clusterName &&
        (number(group.state, "scalingConfig.desiredSize") ?? 1) > 0,
    );
  const selfManaged = cloud
    .all(types.autoscalingGroup)
    .some(
      (group) =>
        group.scope === scope &&
        (number(group.state, "desiredCapacity") ?? 0) > 0 &&
        list(group.state, "tags").some(
          (tag) => text(tag, "key") === `kubernetes.io/cluster/${clusterName}`,
        ),
    );
  return managed || selfManaged;
}

/** EKS. */
export const eksRules: readonly Rule[] = [
  {
    id: "cluster-two-zones",
    what: "A cluster has subnets in at least two zones.",
    source: network,
    errorCode: "InvalidParameterException",
    types: [types.cluster],
    on: ["create"],
    check: ({ cloud, inputs, scope }) => {
      const zones = texts(inputs, "vpcConfig.subnetIds").map((id) =>
        text(cloud.find(types.subnet, id, scope)?.state, "availabilityZone"),
      );
      return new Set(zones.filter((zone) => zone !== undefined)).size >= 2
        ? undefined
        : "Subnets specified must be in at least two different AZs";
    },
  },
  {
    id: "cluster-zone-supported",
    what: "A cluster's subnets are in zones where EKS has a control plane.",
    source: network,
    errorCode: "UnsupportedAvailabilityZoneException",
    types: [types.cluster],
    on: ["create"],
    check: ({ cloud, inputs, scope }) => {
      const bad = texts(inputs, "vpcConfig.subnetIds")
        .map((id) => cloud.find(types.subnet, id, scope)?.state)
        .find((state) => unsupportedZones.includes(text(state, "availabilityZoneId") ?? ""));
      return bad === undefined
        ? undefined
        : `Cannot create cluster because ${text(bad, "availabilityZone") ?? ""}, the targeted availability zone, ` +
            "does not currently have sufficient capacity to support the cluster.";
    },
  },
  {
    id: "cluster-role-exists",
    what: "A cluster and its node groups and pod identities use roles that exist.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html",
    errorCode: "InvalidParameterException",
    types: [types.cluster, types.nodeGroup, podIdentity],
    on: ["create"],
    check: (call) => {
      const arn = text(call.inputs, "roleArn") ?? text(call.inputs, "nodeRoleArn");
      return byArn(call, types.role, arn) === undefined
        ? `Role with arn: ${arn ?? ""}, could not be assumed because it does not exist or the trusted entity is not correct`
        : undefined;
    },
  },
  mustExist({
    id: "cluster-exists",
    what: "Add-ons, node groups, access entries and pod identities belong to a cluster that exists.",
    source: "https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html",
    errorCode: "ResourceNotFoundException",
    status: 404,
    types: [types.addon, types.nodeGroup, types.accessEntry, accessPolicy, podIdentity],
    paths: ["clusterName"],
    found: (call) => clusterOf(call) !== undefined,
    message: (name) => `No cluster found for name: ${name}.`,
  }),
  {
    id: "nodes-after-network",
    what: "Without the self-managed add-ons, nodes join only once the vpc-cni add-on is there.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/managing-vpc-cni.html",
    errorCode: "NodeCreationFailure",
    waits: true,
    types: [types.nodeGroup],
    on: ["create"],
    check: (call) => {
      const cluster = clusterOf(call);
      const hasNetwork = others(call, types.addon).some(
        ({ state }) =>
          text(state, "clusterName") === cluster?.id && text(state, "addonName") === "vpc-cni",
      );
      return cluster !== undefined &&
        at(cluster.state, "bootstrapSelfManagedAddons") === false &&
        !hasNetwork
        ? "Unhealthy nodes in the kubernetes cluster (container runtime network not ready: cni plugin not initialized)"
        : undefined;
    },
  },
  {
    id: "add-on-needs-nodes",
    what: "coredns and metrics-server become active only when there are nodes to run on.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting-add-ons.html",
    errorCode: "InsufficientNumberOfReplicas",
    waits: true,
    types: [types.addon],
    on: ["create"],
    check: ({ cloud, inputs, scope }) =>
      ["coredns", "metrics-server"].includes(text(inputs, "addonName") ?? "") &&
      !hasNodes(cloud, text(inputs, "clusterName") ?? "", scope)
        ? "The add-on is unhealthy because it doesn't have the desired number of replicas. (DEGRADED)"
        : undefined,
  },
  inUse({
    id: "cluster-has-node-groups",
    what: "A cluster is not deleted while it has node groups.",
    source: "https://docs.aws.amazon.com/eks/latest/APIReference/API_DeleteCluster.html",
    errorCode: "ResourceInUseException",
    status: 409,
    type: types.cluster,
    by: [[types.nodeGroup, "clusterName"]],
    except: (user, cluster) => user.scope !== cluster.scope,
    message: () => "Cluster has nodegroups attached",
  }),
  {
    id: "cluster-protected",
    what: "A cluster with deletion protection is not deleted.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/deletion-protection.html",
    errorCode: "InvalidRequestException",
    types: [types.cluster],
    on: ["delete"],
    check: ({ thing }) =>
      flag(thing?.state, "deletionProtection")
        ? "Cluster deletion is not allowed while deletion protection is enabled."
        : undefined,
  },
  {
    id: "cluster-no-downgrade",
    what: "A cluster's Kubernetes version goes up by one minor version at a time, never down.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html",
    errorCode: "InvalidParameterException",
    call: "EKS: UpdateClusterVersion",
    types: [types.cluster],
    on: ["update"],
    check: ({ inputs, thing }) => {
      const minor = (version: string | undefined) => Number(version?.split(".")[1] ?? Number.NaN);
      const [from, to] = [text(thing?.state, "version"), text(inputs, "version")];
      const step = minor(to) - minor(from);
      return to === undefined || step === 0 || step === 1
        ? undefined
        : `Unsupported Kubernetes minor version update from ${from ?? ""} to ${to}`;
    },
  },
  {
    id: "access-entries-enabled",
    what: "Access entries need the authentication mode API or API_AND_CONFIG_MAP.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html",
    errorCode: "InvalidRequestException",
    types: [types.accessEntry, accessPolicy],
    on: ["create"],
    check: (call) => {
      const mode = text(clusterOf(call)?.state, "accessConfig.authenticationMode");
      return mode === "API" || mode === "API_AND_CONFIG_MAP"
        ? undefined
        : "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
    },
  },
  {
    id: "access-policy-needs-entry",
    what: "An access policy is associated with a principal that has an access entry.",
    source: "https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html",
    errorCode: "ResourceNotFoundException",
    status: 404,
    call: "EKS: AssociateAccessPolicy",
    types: [accessPolicy],
    on: ["create"],
    check: (call) => {
      const principal = text(call.inputs, "principalArn") ?? "";
      return others(call, types.accessEntry).some(
        ({ state }) =>
          text(state, "principalArn") === principal &&
          text(state, "clusterName") === text(call.inputs, "clusterName"),
      )
        ? undefined
        : `The specified principalArn could not be found. Ensure the principalArn ${principal} exists as an access entry.`;
    },
  },
];
