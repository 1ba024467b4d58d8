import { digest } from "../naming.ts";
import type { Making } from "../model.ts";
import { flag, number, text } from "../values.ts";
import { aws, byInput, fixed, input } from "./define.ts";

/** A snapshot that a removed instance left behind. */
export const SNAPSHOT = "aws:rds/snapshot:Snapshot";

/** Says of an instance that it was made as a replica, which its state does not show once it is promoted. */
export const MADE_AS_REPLICA = "aws:rds/instance:MadeAsReplica";

const host = (c: Making) =>
  `${input(c, "identifier")}.c${digest(c.accountId + c.region, 11)}.${c.region}.rds.amazonaws.com`;

/** What a replica has from its source; undefined for an instance of its own. */
const fromSource = (c: Making, key: string) =>
  sourceOf(c) === undefined ? undefined : text(sourceOf(c), key);

/** RDS types. */
export const rdsTypes = [
  aws("rds/subnetGroup:SubnetGroup", "RDS DB Subnet Group", ["RDS", "DBSubnetGroup"], {
    replaceOn: ["name", "namePrefix"],
    id: byInput("name"),
    computed: {
      arn: (c) => c.arn("rds", `subgrp:${input(c, "name")}`),
      description: fixed("Managed by Pulumi"),
      supportedNetworkTypes: fixed(["IPV4"]),
      vpcId: (c) =>
        text(c.cloud.find("aws:ec2/subnet:Subnet", input(c, "subnetIds.0"))?.state, "vpcId") ?? "",
    },
    autoname: { key: "name" },
    unique: {
      key: byInput("name"),
      errorCode: "DBSubnetGroupAlreadyExists",
      status: 400,
      message: (key) => `The DB subnet group '${key}' already exists.`,
    },
    hasTags: true,
  }),
  aws("rds/parameterGroup:ParameterGroup", "RDS DB Parameter Group", ["RDS", "DBParameterGroup"], {
    replaceOn: ["name", "namePrefix", "family", "description"],
    id: byInput("name"),
    computed: {
      arn: (c) => c.arn("rds", `pg:${input(c, "name")}`),
      description: fixed("Managed by Pulumi"),
    },
    autoname: { key: "name" },
    unique: {
      key: byInput("name"),
      errorCode: "DBParameterGroupAlreadyExists",
      status: 400,
      message: (key) => `Parameter group ${key} already exists`,
    },
    hasTags: true,
  }),
  aws("rds/instance:Instance", "RDS DB Instance", ["RDS", "DBInstance"], {
    replaceOn: [
      "identifierPrefix",
      "engine",
      "username",
      "dbName",
      "kmsKeyId",
      "storageEncrypted",
      "availabilityZone",
      "characterSetName",
      "snapshotIdentifier",
      "timezone",
    ],
    id: (c) => `db-${c.hex(26).toUpperCase()}`,
    computed: {
      arn: (c) => c.arn("rds", `db:${input(c, "identifier")}`),
      resourceId: (c) => c.id,
      address: host,
      port: fixed(5432),
      endpoint: (c) => `${host(c)}:${number(c.inputs, "port") ?? 5432}`,
      hostedZoneId: (c) => `Z${digest(c.region, 13).toUpperCase()}`,
      status: fixed("available"),
      engine: (c) => fromSource(c, "engine") ?? "postgres",
      engineVersion: (c) => fromSource(c, "engineVersion") ?? "16",
      engineVersionActual: (c) =>
        fromSource(c, "engineVersionActual") ?? (input(c, "engineVersion") || "16.10"),
      username: (c) => fromSource(c, "username") ?? "",
      dbName: (c) => fromSource(c, "dbName") ?? "",
      allocatedStorage: (c) => number(sourceOf(c), "allocatedStorage") ?? 20,
      storageType: fixed("gp2"),
      backupRetentionPeriod: fixed(0),
      backupWindow: fixed("03:00-03:30"),
      maintenanceWindow: fixed("sun:04:00-sun:04:30"),
      caCertIdentifier: fixed("rds-ca-rsa2048-g1"),
      licenseModel: fixed("postgresql-license"),
      multiAz: fixed(false),
      kmsKeyId: fixed(""),
      availabilityZone: (c) => `${c.region}a`,
      parameterGroupName: fixed("default.postgres16"),
      optionGroupName: fixed("default:postgres-16"),
      dbSubnetGroupName: fixed("default"),
      vpcSecurityGroupIds: fixed([]),
      masterUserSecrets: fixed([]),
      replicas: fixed([]),
      latestRestorableTime: fixed(""),
      networkType: fixed("IPV4"),
    },
    recomputed: ["engineVersionActual"],
    onDone: (cloud, op, thing) => {
      if (op === "create" && text(thing.state, "replicateSourceDb") !== undefined) {
        cloud.leave(MADE_AS_REPLICA, thing.id, thing.scope, {});
      }
      const snapshot = text(thing.state, "finalSnapshotIdentifier");
      if (op === "delete" && snapshot !== undefined && !flag(thing.state, "skipFinalSnapshot")) {
        cloud.leave(SNAPSHOT, snapshot, thing.scope, { source: text(thing.state, "arn") ?? "" });
      }
    },
    autoname: { key: "identifier", maxLength: 63 },
    unique: {
      key: byInput("identifier"),
      errorCode: "DBInstanceAlreadyExists",
      status: 400,
      message: () => "DB instance already exists",
    },
    hasTags: true,
  }),
  aws(
    "rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
    "RDS DB Instance Automated Backups Replication",
    ["RDS", "DBInstanceAutomatedBackupsReplication"],
    {
      replaceOn: ["kmsKeyId", "preSignedUrl", "retentionPeriod", "sourceDbInstanceArn"],
      id: (c) => c.arn("rds", `auto-backup:ab-${c.hex(26)}`),
      computed: { retentionPeriod: fixed(7) },
    },
  ),
];

function sourceOf(c: Making) {
  const source = text(c.inputs, "replicateSourceDb");
  return source === undefined
    ? undefined
    : c.cloud
        .all("aws:rds/instance:Instance")
        .find(({ state }) => text(state, "arn") === source || text(state, "identifier") === source)
        ?.state;
}
