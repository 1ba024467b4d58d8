import { digest } from "../naming.ts";
import type { Making } from "../model.ts";
import { number, text } from "../values.ts";
import { aws, byInput, fixed, input } from "./define.ts";

const endpoint = (kind: string) => (c: Making) =>
  `${kind}.${input(c, "replicationGroupId")}.${digest(c.accountId, 6)}.${c.region.replace(/^([a-z]{2})-([a-z])[a-z]*-(\d)$/, "$1$2$3")}.cache.amazonaws.com`;

/** ElastiCache types. */
export const elasticacheTypes = [
  aws(
    "elasticache/subnetGroup:SubnetGroup",
    "ElastiCache Subnet Group",
    ["ElastiCache", "CacheSubnetGroup"],
    {
      replaceOn: ["name"],
      id: byInput("name"),
      computed: {
        arn: (c) => c.arn("elasticache", `subnetgroup:${input(c, "name")}`),
        description: fixed("Managed by Pulumi"),
        vpcId: (c) =>
          text(c.cloud.find("aws:ec2/subnet:Subnet", input(c, "subnetIds.0"))?.state, "vpcId") ??
          "",
      },
      autoname: { key: "name" },
      unique: {
        key: byInput("name"),
        errorCode: "CacheSubnetGroupAlreadyExists",
        status: 400,
        message: (key) => `Cache subnet group ${key} already exists.`,
      },
      hasTags: true,
    },
  ),
  aws(
    "elasticache/parameterGroup:ParameterGroup",
    "ElastiCache Parameter Group",
    ["ElastiCache", "CacheParameterGroup"],
    {
      replaceOn: ["name", "family", "description"],
      id: byInput("name"),
      computed: {
        arn: (c) => c.arn("elasticache", `parametergroup:${input(c, "name")}`),
        description: fixed("Managed by Pulumi"),
      },
      autoname: { key: "name" },
      unique: {
        key: byInput("name"),
        errorCode: "CacheParameterGroupAlreadyExists",
        status: 400,
        message: (key) => `Cache parameter group ${key} already exists.`,
      },
      hasTags: true,
    },
  ),
  aws(
    "elasticache/replicationGroup:ReplicationGroup",
    "ElastiCache Replication Group",
    ["ElastiCache", "ReplicationGroup"],
    {
      replaceOn: [
        "replicationGroupId",
        "subnetGroupName",
        "atRestEncryptionEnabled",
        "kmsKeyId",
        "port",
        "networkType",
        "dataTieringEnabled",
        "snapshotArns",
        "snapshotName",
      ],
      id: byInput("replicationGroupId"),
      computed: {
        arn: (c) => c.arn("elasticache", `replicationgroup:${input(c, "replicationGroupId")}`),
        primaryEndpointAddress: endpoint("master"),
        readerEndpointAddress: endpoint("replica"),
        configurationEndpointAddress: fixed(""),
        port: fixed(6379),
        engine: fixed("redis"),
        engineVersion: fixed("8.0"),
        engineVersionActual: (c) => input(c, "engineVersion") || "8.0.1",
        clusterEnabled: fixed(false),
        clusterMode: fixed("disabled"),
        memberClusters: (c) =>
          Array.from(
            { length: number(c.inputs, "numCacheClusters") ?? 1 },
            (_, index) => `${input(c, "replicationGroupId")}-00${index + 1}`,
          ),
        atRestEncryptionEnabled: fixed(true),
        transitEncryptionMode: fixed(""),
        parameterGroupName: fixed("default.valkey8"),
        maintenanceWindow: fixed("sun:05:00-sun:06:00"),
        snapshotWindow: fixed("03:00-04:00"),
        numNodeGroups: fixed(1),
        replicasPerNodeGroup: (c) => (number(c.inputs, "numCacheClusters") ?? 1) - 1,
        networkType: fixed("ipv4"),
        ipDiscovery: fixed("ipv4"),
      },
      recomputed: ["memberClusters", "replicasPerNodeGroup", "engineVersionActual"],
      secretOutputs: ["authToken"],
      autoname: { key: "replicationGroupId", maxLength: 40 },
      unique: {
        key: byInput("replicationGroupId"),
        errorCode: "ReplicationGroupAlreadyExists",
        status: 400,
        message: (key) => `Replication group ${key} already exists.`,
      },
      hasTags: true,
    },
  ),
];
