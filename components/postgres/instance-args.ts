import type * as aws from "@pulumi/aws";
import type { PostgresArgs } from "./postgres.ts";

/** PostgreSQL's port. */
export const PORT = 5432;

/**
 * What a replica may not have (hashicorp/terraform-provider-aws internal/service/rds/instance.go: each conflicts with
 * `replicate_source_db`), and what would replace or disturb the instance when it appears on promotion. A promoted
 * instance keeps what it inherited: user, database and password are the source's.
 * The password is ignored for a further reason: the provider sends ModifyDBInstance before PromoteReadReplica, and
 * RDS refuses a new master password on a replica. So it is acted on only once it was made anew here.
 * What it was restored from matters once, when it is made: without this, a setting that is removed would replace it. A
 * restored instance has the key of its backups, which is another one in another region.
 */
export function ignoredChanges({
  upgradeEngine = false,
  changePassword = false,
}: Pick<PostgresArgs, "upgradeEngine" | "changePassword">): string[] {
  return [
    ...["engine", "username", "dbName"],
    ...(changePassword ? [] : ["password"]),
    ...["restoreToPointInTime", "kmsKeyId"],
    ...(upgradeEngine ? [] : ["engineVersion"]),
  ];
}

/** What comes with the source: a replica and a restored instance have its engine, version, database and user. */
function originArgs(
  { mode, engineVersion, password }: PostgresArgs,
  { databaseName, username }: { readonly databaseName: string; readonly username: string },
): Partial<aws.rds.InstanceArgs> {
  // RDS makes no final snapshot of a replica (DeleteDBInstance API); its data is its source's.
  if (mode.kind === "replica") {
    return { replicateSourceDb: mode.sourceArn, skipFinalSnapshot: true };
  }
  // Not manageMasterUserPassword: a source with a managed password can have no replica (RDS User Guide,
  // rds-secrets-manager), and it would rotate every seven days under running pods. A restored instance has the
  // password of its time until the provider, which modifies it once it is there, has set this one.
  const shared = { ...(password === undefined ? {} : { password }), skipFinalSnapshot: false };
  if (mode.restore !== undefined) {
    const { from, to } = mode.restore;
    const source = from.startsWith("arn:")
      ? { sourceDbInstanceAutomatedBackupsArn: from }
      : { sourceDbiResourceId: from };
    return { ...shared, restoreToPointInTime: { ...source, restoreTime: to } };
  }
  return { ...shared, engine: "postgres", engineVersion, dbName: databaseName, username };
}

/** The inputs that depend on the arguments alone. Equal in both modes but for what `mode` brings. */
export function instanceArgs(
  args: PostgresArgs,
  names: { readonly databaseName: string; readonly username: string },
): aws.rds.InstanceArgs {
  return {
    identifier: args.identifier,
    ...originArgs(args, names),
    instanceClass: args.instanceClass,
    allocatedStorage: args.storageGib,
    maxAllocatedStorage: args.maxStorageGib,
    storageType: "gp3",
    // Ignored when a replica is made, but compared afterwards: leaving it out would replace the replica.
    storageEncrypted: true,
    multiAz: args.multiAz,
    port: PORT,
    publiclyAccessible: false,
    caCertIdentifier: "rds-ca-rsa2048-g1",
    // On a replica too (PostgreSQL 14 and later): from 0 to a value is an outage (ModifyDBInstance API), and that
    // would be in the middle of a failover. Backups at night, maintenance on Sunday, both in UTC.
    backupRetentionPeriod: args.backupRetentionDays,
    backupWindow: "02:00-03:00",
    maintenanceWindow: "sun:03:30-sun:04:30",
    copyTagsToSnapshot: true,
    deleteAutomatedBackups: false,
    deletionProtection: args.protection.enabled,
    // An exact version stays; with a major version alone RDS installs minor ones in the maintenance window.
    autoMinorVersionUpgrade: !args.engineVersion.includes("."),
    allowMajorVersionUpgrade: args.upgradeEngine ?? false,
    // What `up` reports as done is done: otherwise a change waits for Sunday and the state is ahead of the database.
    applyImmediately: true,
    engineLifecycleSupport: "open-source-rds-extended-support-disabled",
    performanceInsightsEnabled: true,
    performanceInsightsRetentionPeriod: 7,
  };
}
