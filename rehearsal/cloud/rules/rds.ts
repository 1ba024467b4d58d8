import { MADE_AS_REPLICA, SNAPSHOT } from "../aws/rds.ts";
import type { Rule, RuleCall, Thing } from "../model.ts";
import { flag, number, text, texts } from "../values.ts";
import { byArn, inUse, mustExist, others, types } from "./support.ts";

const deletion =
  "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html";
const replicas =
  "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html";
const backups = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html";
const backupReplication =
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

/** Source of a replica: an ARN, or an identifier in the same region. */
function sourceOf(call: RuleCall): Thing | undefined {
  const source = text(call.inputs, "replicateSourceDb");
  return (
    byArn(call, types.database, source) ??
    others(call, types.database).find(({ state }) => text(state, "identifier") === source)
  );
}

const isReplica = ({ inputs }: RuleCall) => text(inputs, "replicateSourceDb") !== undefined;

/** Whether a thing was made as a replica and is none any more. */
const wasPromoted = ({ cloud }: RuleCall, { id, scope, state }: Thing) =>
  text(state, "replicateSourceDb") === undefined &&
  cloud.find(MADE_AS_REPLICA, id, scope) !== undefined;

/** RDS. */
export const rdsRules: readonly Rule[] = [
  {
    id: "database-protected",
    what: "An instance with deletion protection is not deleted.",
    source: deletion,
    errorCode: "InvalidParameterCombination",
    types: [types.database],
    on: ["delete"],
    check: ({ thing }) =>
      flag(thing?.state, "deletionProtection")
        ? "Cannot delete protected DB Instance, please disable deletion protection and try again."
        : undefined,
  },
  {
    id: "database-final-snapshot",
    what: "An instance that is no replica is deleted with a final snapshot, unless that is skipped on purpose.",
    source: deletion,
    errorCode: "InvalidParameterCombination",
    types: [types.database],
    on: ["delete"],
    check: ({ thing }) =>
      thing !== undefined &&
      !flag(thing.state, "skipFinalSnapshot") &&
      text(thing.state, "finalSnapshotIdentifier") === undefined
        ? "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        : undefined,
  },
  {
    id: "database-snapshot-once",
    what: "The name of a final snapshot is not taken.",
    source: deletion,
    errorCode: "DBSnapshotAlreadyExists",
    types: [types.database],
    on: ["delete"],
    check: ({ cloud, thing }) => {
      const name = text(thing?.state, "finalSnapshotIdentifier");
      return name !== undefined &&
        !flag(thing?.state, "skipFinalSnapshot") &&
        cloud.find(SNAPSHOT, name, thing?.scope) !== undefined
        ? `Cannot create the snapshot because a snapshot with the identifier ${name} already exists.`
        : undefined;
    },
  },
  {
    id: "replica-source-exists",
    what: "A replica's source exists.",
    source: replicas,
    errorCode: "DBInstanceNotFound",
    status: 404,
    call: "RDS: CreateDBInstanceReadReplica",
    types: [types.database],
    on: ["create"],
    check: (call) =>
      isReplica(call) && sourceOf(call) === undefined
        ? `The source instance could not be found: ${text(call.inputs, "replicateSourceDb") ?? ""}`
        : undefined,
  },
  {
    id: "replica-source-backups",
    what: "A replica's source has automated backups.",
    source: replicas,
    errorCode: "InvalidDBInstanceState",
    call: "RDS: CreateDBInstanceReadReplica",
    types: [types.database],
    on: ["create"],
    check: (call) =>
      isReplica(call) && (number(sourceOf(call)?.state, "backupRetentionPeriod") ?? 0) === 0
        ? "Automated backups are not enabled for this database instance. To enable automated backups, use " +
          "ModifyDBInstance to set the backup retention period to a non-zero value."
        : undefined,
  },
  {
    id: "replica-of-managed-password",
    what: "An instance whose password Secrets Manager manages has no replicas.",
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html",
    errorCode: "InvalidParameterCombination",
    call: "RDS: CreateDBInstanceReadReplica",
    types: [types.database],
    on: ["create"],
    check: (call) =>
      isReplica(call) && flag(sourceOf(call)?.state, "manageMasterUserPassword")
        ? "Creating a read replica is not supported for a source DB instance that manages its master user password in Secrets Manager."
        : undefined,
  },
  {
    id: "replica-encryption-key",
    what: "A replica of an encrypted instance in another region needs a key there.",
    source: replicas,
    errorCode: "InvalidParameterCombination",
    call: "RDS: CreateDBInstanceReadReplica",
    types: [types.database],
    on: ["create"],
    check: (call) => {
      const source = sourceOf(call);
      return source !== undefined &&
        source.scope !== call.scope &&
        flag(source.state, "storageEncrypted") &&
        text(call.inputs, "kmsKeyId") === undefined
        ? "Cannot create a cross region unencrypted read replica from encrypted source."
        : undefined;
    },
  },
  {
    id: "promoted-stays-promoted",
    what: "An instance that is no replica, such as a promoted one, is never made one again.",
    source: "hashicorp/terraform-provider-aws internal/service/rds/instance.go",
    errorCode: "InvalidDBInstanceState",
    types: [types.database],
    on: ["update"],
    check: (call) =>
      isReplica(call) && text(call.thing?.state, "replicateSourceDb") === undefined
        ? "cannot elevate new source database for replication"
        : undefined,
  },
  {
    // RDS itself would do it. The stand-in refuses, because no plan of this program may: see ADR 0016.
    id: "promoted-is-kept",
    what: "A promoted instance is neither deleted nor replaced: it holds what its source had.",
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html",
    errorCode: "InvalidDBInstanceState",
    types: [types.database],
    on: ["create", "delete"],
    check: (call) => {
      const promoted =
        call.op === "delete"
          ? [call.thing].filter((thing) => thing !== undefined)
          : others(call, types.database).filter(({ urn }) => urn === call.urn && !isReplica(call));
      const lost = promoted.find((thing) => wasPromoted(call, thing));
      return lost === undefined
        ? undefined
        : `${text(lost.state, "identifier") ?? lost.id} was promoted: without it the data that its source had is gone.`;
    },
  },
  {
    id: "database-password",
    what: 'A master password has 8 to 128 characters and none of / @ " and space.',
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
    errorCode: "InvalidParameterValue",
    types: [types.database],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const password = text(inputs, "password") ?? text(inputs, "passwordWo");
      return password === undefined || /^[!#-.0-?A-~]{8,128}$/.test(password)
        ? undefined
        : "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.";
    },
  },
  {
    id: "database-subnets",
    what: "A subnet group covers at least two zones.",
    source:
      "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html",
    errorCode: "DBSubnetGroupDoesNotCoverEnoughAZs",
    types: ["aws:rds/subnetGroup:SubnetGroup"],
    on: ["create", "update"],
    check: ({ cloud, inputs, scope }) => {
      const zones = texts(inputs, "subnetIds").map((id) =>
        text(cloud.find(types.subnet, id, scope)?.state, "availabilityZone"),
      );
      return new Set(zones.filter((zone) => zone !== undefined)).size >= 2
        ? undefined
        : "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: " +
            `${[...new Set(zones)].join(", ")}. Add subnets to cover at least 2 AZs.`;
    },
  },
  mustExist({
    id: "database-subnet-group-exists",
    what: "An instance's subnet group exists in its region.",
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
    errorCode: "DBSubnetGroupNotFoundFault",
    status: 404,
    types: [types.database],
    paths: ["dbSubnetGroupName"],
    found: ({ cloud, scope }, name) =>
      name === "default" ||
      cloud.find("aws:rds/subnetGroup:SubnetGroup", name, scope) !== undefined,
    message: (name) => `DB subnet group '${name}' does not exist.`,
  }),
  inUse({
    id: "database-subnet-group-in-use",
    what: "A subnet group is not deleted while an instance uses it.",
    source:
      "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html",
    errorCode: "InvalidDBSubnetGroupStateFault",
    type: "aws:rds/subnetGroup:SubnetGroup",
    by: [[types.database, "dbSubnetGroupName"]],
    except: (user, group) => user.scope !== group.scope,
    message: ({ id }, user) =>
      `Cannot delete the subnet group '${id}' because at least one database instance: ${text(user.state, "identifier") ?? user.id} is still using it.`,
  }),
  inUse({
    id: "database-parameter-group-in-use",
    what: "A parameter group is not deleted while an instance uses it.",
    source:
      "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBParameterGroup.html",
    errorCode: "InvalidDBParameterGroupState",
    type: "aws:rds/parameterGroup:ParameterGroup",
    by: [[types.database, "parameterGroupName"]],
    except: (user, group) => user.scope !== group.scope,
    message: () =>
      "One or more database instances are still members of this parameter group, so the group cannot be deleted",
  }),
  {
    id: "backups-source",
    what: "Backups are replicated from an instance that exists and has backups.",
    source: backups,
    errorCode: "InvalidDBInstanceState",
    call: "RDS: StartDBInstanceAutomatedBackupsReplication",
    types: [backupReplication],
    on: ["create"],
    check: (call) => {
      const arn = text(call.inputs, "sourceDbInstanceArn");
      const source = byArn(call, types.database, arn);
      return (number(source?.state, "backupRetentionPeriod") ?? 0) > 0
        ? undefined
        : `The source DB instance ${arn ?? ""} does not exist or has no automated backups.`;
    },
  },
  {
    id: "backups-elsewhere",
    what: "Backups are replicated to another region, from where the call is made.",
    source: backups,
    errorCode: "InvalidParameterValue",
    call: "RDS: StartDBInstanceAutomatedBackupsReplication",
    types: [backupReplication],
    on: ["create"],
    check: ({ inputs, scope }) =>
      text(inputs, "sourceDbInstanceArn")?.split(":")[3] === scope
        ? "The source DB instance must be in another AWS Region than the replicated automated backups."
        : undefined,
  },
  {
    id: "backups-encryption-key",
    what: "Replicated backups of an encrypted instance need a key of the destination region.",
    source: backups,
    errorCode: "InvalidParameterCombination",
    call: "RDS: StartDBInstanceAutomatedBackupsReplication",
    types: [backupReplication],
    on: ["create"],
    check: (call) => {
      const source = byArn(call, types.database, text(call.inputs, "sourceDbInstanceArn"));
      const keyRegion = text(call.inputs, "kmsKeyId")?.split(":")[3];
      return flag(source?.state, "storageEncrypted") && keyRegion !== call.scope
        ? "Replicated automated backups of an encrypted DB instance need a KMS key of the destination AWS Region."
        : undefined;
    },
  },
];
