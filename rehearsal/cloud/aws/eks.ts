import { digest } from "../naming.ts";
import type { Making } from "../model.ts";
import { map, text } from "../values.ts";
import { aws, byInput, fixed, input } from "./define.ts";

const now = fixed("2026-01-01T00:00:00Z");

/** EKS types. */
export const eksTypes = [
  aws("eks/cluster:Cluster", "EKS Cluster", ["EKS", "Cluster"], {
    replaceOn: [
      "name",
      "roleArn",
      "bootstrapSelfManagedAddons",
      "accessConfig.bootstrapClusterCreatorAdminPermissions",
      "kubernetesNetworkConfig.ipFamily",
      "kubernetesNetworkConfig.serviceIpv4Cidr",
      "encryptionConfig.provider",
    ],
    id: byInput("name"),
    computed: {
      arn: (c) => c.arn("eks", `cluster/${input(c, "name")}`),
      endpoint: (c) =>
        `https://${c.hex(32).toUpperCase()}.${c.hex(2)}.${c.region}.eks.amazonaws.com`,
      certificateAuthority: (c) => ({
        data: Buffer.from(
          `-----BEGIN CERTIFICATE-----\n${digest(c.id, 64)}\n-----END CERTIFICATE-----\n`,
        ).toString("base64"),
      }),
      identities: (c) => [
        {
          oidcs: [
            { issuer: `https://oidc.eks.${c.region}.amazonaws.com/id/${c.hex(32).toUpperCase()}` },
          ],
        },
      ],
      clusterId: fixed(""),
      createdAt: now,
      platformVersion: fixed("eks.1"),
      status: fixed("ACTIVE"),
      version: fixed("1.34"),
      accessConfig: fixed({ authenticationMode: "CONFIG_MAP" }),
    },
    derived: {
      vpcConfig: (c) => ({
        ...map(c.inputs, "vpcConfig"),
        clusterSecurityGroupId:
          text(c.old, "vpcConfig.clusterSecurityGroupId") ?? `sg-0${c.hex(16)}`,
        vpcId: text(c.old, "vpcConfig.vpcId") ?? vpcOf(c),
      }),
      kubernetesNetworkConfig: (c) => ({
        ipFamily: "ipv4",
        serviceIpv4Cidr: "172.20.0.0/16",
        ...map(c.inputs, "kubernetesNetworkConfig"),
      }),
    },
    onDone: (cloud, op, thing) => {
      if (op === "delete") {
        const arn = text(thing.state, "arn");
        cloud.removeWhere(({ provider, scope }) => provider === "kubernetes" && scope === arn);
      }
    },
    autoname: { key: "name", maxLength: 100 },
    unique: {
      key: byInput("name"),
      errorCode: "ResourceInUseException",
      status: 409,
      message: (key) => `Cluster already exists with name: ${key}`,
    },
    hasTags: true,
  }),
  aws("eks/addon:Addon", "EKS Add-On", ["EKS", "Addon"], {
    replaceOn: ["clusterName", "addonName"],
    id: (c) => `${input(c, "clusterName")}:${input(c, "addonName")}`,
    computed: {
      arn: (c) =>
        c.arn("eks", `addon/${input(c, "clusterName")}/${input(c, "addonName")}/${c.hex(32)}`),
      addonVersion: fixed("v1.20.4-eksbuild.1"),
      createdAt: now,
      modifiedAt: now,
      configurationValues: fixed(""),
    },
    hasTags: true,
    unique: {
      key: (c) => `${input(c, "clusterName")}:${input(c, "addonName")}`,
      errorCode: "ResourceInUseException",
      status: 409,
      message: (key) => `Addon already exists: ${key}`,
    },
  }),
  aws("eks/accessEntry:AccessEntry", "EKS Access Entry", ["EKS", "AccessEntry"], {
    replaceOn: ["clusterName", "principalArn", "type"],
    id: (c) => `${input(c, "clusterName")}:${input(c, "principalArn")}`,
    computed: {
      accessEntryArn: (c) => c.arn("eks", `access-entry/${input(c, "clusterName")}/${c.hex(32)}`),
      createdAt: now,
      modifiedAt: now,
      type: fixed("STANDARD"),
      kubernetesGroups: fixed([]),
      userName: (c) => input(c, "principalArn"),
    },
    hasTags: true,
    unique: {
      key: (c) => `${input(c, "clusterName")}:${input(c, "principalArn")}`,
      errorCode: "ResourceInUseException",
      status: 409,
      message: () => "The specified access entry resource is already in use on this cluster.",
    },
  }),
  aws(
    "eks/accessPolicyAssociation:AccessPolicyAssociation",
    "EKS Access Policy Association",
    ["EKS", "AccessPolicy"],
    {
      replaceOn: ["*"],
      id: (c) => `${input(c, "clusterName")}#${input(c, "principalArn")}#${input(c, "policyArn")}`,
      computed: { associatedAt: now, modifiedAt: now },
    },
  ),
  aws("eks/nodeGroup:NodeGroup", "EKS Node Group", ["EKS", "Nodegroup"], {
    replaceOn: [
      "clusterName",
      "nodeGroupName",
      "nodeRoleArn",
      "subnetIds",
      "instanceTypes",
      "amiType",
      "capacityType",
      "diskSize",
      "launchTemplate.id",
      "launchTemplate.name",
    ],
    id: (c) => `${input(c, "clusterName")}:${input(c, "nodeGroupName")}`,
    computed: {
      arn: (c) =>
        c.arn(
          "eks",
          `nodegroup/${input(c, "clusterName")}/${input(c, "nodeGroupName")}/${c.hex(8)}`,
        ),
      resources: (c) => [
        {
          autoscalingGroups: [
            { name: `eks-${input(c, "nodeGroupName")}-${c.hex(8)}-${c.hex(12)}` },
          ],
          remoteAccessSecurityGroupId: "",
        },
      ],
      status: fixed("ACTIVE"),
      amiType: fixed("AL2023_x86_64_STANDARD"),
      capacityType: fixed("ON_DEMAND"),
      diskSize: fixed(20),
      instanceTypes: fixed(["t3.medium"]),
      releaseVersion: fixed("1.34.1-20260101"),
      version: (c) =>
        text(c.cloud.find("aws:eks/cluster:Cluster", input(c, "clusterName"))?.state, "version") ??
        "1.34",
      updateConfig: fixed({ maxUnavailable: 1 }),
      labels: fixed({}),
    },
    autoname: { key: "nodeGroupName", maxLength: 63 },
    unique: {
      key: (c) => `${input(c, "clusterName")}:${input(c, "nodeGroupName")}`,
      errorCode: "ResourceInUseException",
      status: 409,
      message: (key) => `NodeGroup already exists with name ${key}`,
    },
    hasTags: true,
  }),
  aws(
    "eks/podIdentityAssociation:PodIdentityAssociation",
    "EKS Pod Identity Association",
    ["EKS", "PodIdentityAssociation"],
    {
      replaceOn: ["clusterName", "namespace", "serviceAccount"],
      id: (c) => `a-${c.hex(17)}`,
      computed: {
        associationId: (c) => c.id,
        associationArn: (c) =>
          c.arn("eks", `podidentityassociation/${input(c, "clusterName")}/${c.id}`),
        externalId: (c) => c.hex(32),
        disableSessionTags: fixed(false),
      },
      hasTags: true,
      unique: {
        key: (c) =>
          `${input(c, "clusterName")} ${input(c, "namespace")} ${input(c, "serviceAccount")}`,
        errorCode: "ResourceInUseException",
        status: 409,
        message: (key) => `Association already exists: ${key.split(" ").join(", ")}`,
      },
    },
  ),
];

function vpcOf(c: Making): string {
  const subnet = text(c.inputs, "vpcConfig.subnetIds.0");
  return text(c.cloud.find("aws:ec2/subnet:Subnet", subnet)?.state, "vpcId") ?? "";
}
