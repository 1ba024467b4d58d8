import { makeDatabase, makeNetwork } from "../fixtures.ts";
import { output, type Instance, type Made, type World } from "../world.ts";
import type { RuleCases } from "./case.ts";
import type { ValueMap } from "../../../../rehearsal/cloud/values.ts";

const key = async (aws: Instance) => output(await aws.create("aws:kms/key:Key", "data", {}), "arn");
const replica = (aws: Instance, source: Made, more: ValueMap = {}) =>
  aws.create("aws:rds/instance:Instance", "replica", {
    identifier: "meet-replica",
    replicateSourceDb: output(source, "arn"),
    instanceClass: "db.t4g.medium",
    skipFinalSnapshot: true,
    ...more,
  });
const backups = (aws: Instance, source: string, more: ValueMap = {}) =>
  aws.create(
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
    "it",
    { sourceDbInstanceArn: source, ...more },
  );
const restored = (aws: Instance, from: ValueMap) =>
  aws.create("aws:rds/instance:Instance", "restored", {
    identifier: "meet-restored",
    instanceClass: "db.t4g.medium",
    skipFinalSnapshot: true,
    restoreToPointInTime: { restoreTime: "2026-01-01T00:00:00Z", ...from },
  });
const subnetGroup = (aws: Instance, service: string, subnetIds: string[]) =>
  aws.create(`aws:${service}/subnetGroup:SubnetGroup`, "data", { name: "data", subnetIds });
const snapshot = { skipFinalSnapshot: false, finalSnapshotIdentifier: "meet-final" };
const parameters = (aws: Instance) =>
  aws.create("aws:rds/parameterGroup:ParameterGroup", "pg", { name: "pg", family: "postgres16" });

const cache = (aws: Instance, more: ValueMap) =>
  aws.create("aws:elasticache/replicationGroup:ReplicationGroup", "valkey", {
    replicationGroupId: "valkey",
    description: "Valkey",
    engine: "valkey",
    numCacheClusters: 2,
    ...more,
  });

const sourceWith = async ({ eu, us }: World, more: ValueMap) =>
  replica(us, await makeDatabase(eu, more));

const TOKENS = ["the-first-of-both-tokens", "the-second-of-both-tokens"] as const;

export const dataCases: RuleCases = {
  "database-protected": {
    says: "Cannot delete protected DB Instance",
    broken: async ({ eu }) => eu.remove(await makeDatabase(eu, { deletionProtection: true })),
    fine: async ({ eu }) => {
      const made = await makeDatabase(eu, { deletionProtection: true });
      await eu.remove(await eu.update(made, { deletionProtection: false }));
    },
  },
  "database-final-snapshot": {
    says: "FinalDBSnapshotIdentifier is required",
    broken: async ({ eu }) => eu.remove(await makeDatabase(eu, { skipFinalSnapshot: false })),
    fine: async ({ eu }) => eu.remove(await makeDatabase(eu, snapshot)),
  },
  "database-snapshot-once": {
    says: "a snapshot with the identifier meet-final already exists",
    broken: async ({ eu }) => {
      await eu.remove(await makeDatabase(eu, snapshot));
      await eu.remove(await makeDatabase(eu, snapshot));
    },
    fine: async ({ eu }) => {
      await eu.remove(await makeDatabase(eu, snapshot));
      await eu.remove(await makeDatabase(eu, { ...snapshot, finalSnapshotIdentifier: "meet-2" }));
    },
  },
  "replica-source-exists": {
    says: "The source instance could not be found: nothing",
    broken: ({ us }) =>
      us.create("aws:rds/instance:Instance", "it", {
        identifier: "it",
        replicateSourceDb: "nothing",
      }),
    fine: (world) => sourceWith(world, {}),
  },
  "replica-source-backups": {
    says: "Automated backups are not enabled for this database instance.",
    broken: (world) => sourceWith(world, { backupRetentionPeriod: 0 }),
    fine: (world) => sourceWith(world, { backupRetentionPeriod: 1 }),
  },
  "replica-of-managed-password": {
    says: "manages its master user password in Secrets Manager",
    broken: (world) => sourceWith(world, { manageMasterUserPassword: true, password: null }),
    fine: (world) => sourceWith(world, {}),
  },
  "replica-encryption-key": {
    says: "Cannot create a cross region unencrypted read replica from encrypted source.",
    broken: (world) => sourceWith(world, { storageEncrypted: true }),
    fine: async ({ eu, us }) =>
      replica(us, await makeDatabase(eu, { storageEncrypted: true }), { kmsKeyId: await key(us) }),
  },
  "promoted-stays-promoted": {
    says: "cannot elevate new source database for replication",
    broken: async ({ eu, us }) => {
      const source = await makeDatabase(eu);
      const promoted = await us.update(await replica(us, source), { replicateSourceDb: null });
      return us.update(promoted, { replicateSourceDb: output(source, "arn") });
    },
    fine: async ({ eu, us }) =>
      us.update(await replica(us, await makeDatabase(eu)), { replicateSourceDb: null }),
  },
  "promoted-is-kept": {
    says: "meet-replica was promoted: without it the data that its source had is gone.",
    broken: async ({ eu, us }) => {
      const made = await replica(us, await makeDatabase(eu));
      return us.remove(await us.update(made, { replicateSourceDb: null }));
    },
    fine: async ({ eu, us }) => us.remove(await replica(us, await makeDatabase(eu))),
  },
  "database-password": {
    says: "The parameter MasterUserPassword is not a valid password.",
    broken: ({ eu }) => makeDatabase(eu, { password: "p@ssword/1" }),
    fine: ({ eu }) => makeDatabase(eu, { password: "password-1!" }),
  },
  "database-subnets": {
    says: "Add subnets to cover at least 2 AZs.",
    broken: async ({ eu }) => subnetGroup(eu, "rds", (await makeNetwork(eu)).subnetIds.slice(0, 1)),
    fine: async ({ eu }) => subnetGroup(eu, "rds", (await makeNetwork(eu)).subnetIds),
  },
  "database-subnet-group-exists": {
    says: "DB subnet group 'data' does not exist.",
    broken: ({ eu }) => makeDatabase(eu, { dbSubnetGroupName: "data" }),
    fine: async ({ eu }) => {
      await subnetGroup(eu, "rds", (await makeNetwork(eu)).subnetIds);
      return makeDatabase(eu, { dbSubnetGroupName: "data" });
    },
  },
  "database-subnet-group-in-use": {
    says: "at least one database instance: meet is still using it",
    broken: async ({ eu }) => {
      const group = await subnetGroup(eu, "rds", (await makeNetwork(eu)).subnetIds);
      await makeDatabase(eu, { dbSubnetGroupName: "data" });
      return eu.remove(group);
    },
    fine: async ({ eu }) =>
      eu.remove(await subnetGroup(eu, "rds", (await makeNetwork(eu)).subnetIds)),
  },
  "database-parameter-group-in-use": {
    says: "still members of this parameter group",
    broken: async ({ eu }) => {
      const group = await parameters(eu);
      await makeDatabase(eu, { parameterGroupName: "pg" });
      return eu.remove(group);
    },
    fine: async ({ eu }) => eu.remove(await parameters(eu)),
  },
  "restore-source-exists": {
    says: "No automated backup for this DB instance was found.",
    broken: async ({ eu, us }) =>
      restored(us, { sourceDbiResourceId: output(await makeDatabase(eu), "resourceId") }),
    fine: async ({ eu, us }) => {
      const copies = await backups(us, output(await makeDatabase(eu), "arn"));
      return restored(us, { sourceDbInstanceAutomatedBackupsArn: copies.id });
    },
  },
  "restore-source-has-backups": {
    says: "refers to a DB instance with BackupRetentionPeriod equal to 0",
    broken: async ({ eu }) => {
      const source = await makeDatabase(eu, { backupRetentionPeriod: 0 });
      return restored(eu, { sourceDbiResourceId: output(source, "resourceId") });
    },
    fine: async ({ eu }) =>
      restored(eu, { sourceDbiResourceId: output(await makeDatabase(eu), "resourceId") }),
  },
  "restore-one-time": {
    says: "must be before the latest restorable time",
    broken: async ({ eu }) => {
      const sourceDbiResourceId = output(await makeDatabase(eu), "resourceId");
      return restored(eu, { sourceDbiResourceId, restoreTime: "2999-01-01T00:00:00Z" });
    },
    fine: async ({ eu }) => {
      const sourceDbiResourceId = output(await makeDatabase(eu), "resourceId");
      return restored(eu, { sourceDbiResourceId, restoreTime: "2026-01-01T00:00:00Z" });
    },
  },
  "backups-source": {
    says: "does not exist or has no automated backups",
    broken: async ({ eu, us }) =>
      backups(us, output(await makeDatabase(eu, { backupRetentionPeriod: 0 }), "arn")),
    fine: async ({ eu, us }) => backups(us, output(await makeDatabase(eu), "arn")),
  },
  "backups-elsewhere": {
    says: "must be in another AWS Region",
    broken: async ({ eu }) => backups(eu, output(await makeDatabase(eu), "arn")),
    fine: async ({ eu }) =>
      backups(eu, output(await makeDatabase(eu), "arn"), { region: "us-east-1" }),
  },
  "backups-encryption-key": {
    says: "need a KMS key of the destination AWS Region",
    broken: async ({ eu, us }) => {
      const source = await makeDatabase(eu, { storageEncrypted: true });
      return backups(us, output(source, "arn"), { kmsKeyId: await key(eu) });
    },
    fine: async ({ eu, us }) => {
      const source = await makeDatabase(eu, { storageEncrypted: true });
      return backups(us, output(source, "arn"), { kmsKeyId: await key(us) });
    },
  },
  "cache-token-needs-tls": {
    says: "Auth token can only be set when transit encryption is enabled.",
    broken: ({ eu }) => cache(eu, { authToken: "a-token-of-20-chars-" }),
    fine: ({ eu }) =>
      cache(eu, { authToken: "a-token-of-20-chars-", transitEncryptionEnabled: true }),
  },
  "cache-token-form": {
    says: "Invalid AuthToken provided.",
    broken: ({ eu }) => cache(eu, { authToken: "too@short", transitEncryptionEnabled: true }),
    fine: ({ eu }) => cache(eu, { authToken: "!&#$^<>-12345678", transitEncryptionEnabled: true }),
  },
  "cache-token-set": {
    says: "The AUTH token update strategy SET is allowed only after ROTATE.",
    broken: async ({ eu }) => {
      const made = await cache(eu, { authToken: TOKENS[0], transitEncryptionEnabled: true });
      return eu.update(made, { authToken: TOKENS[1], authTokenUpdateStrategy: "SET" });
    },
    fine: async ({ eu }) => {
      const made = await cache(eu, { authToken: TOKENS[0], transitEncryptionEnabled: true });
      const both = { authToken: TOKENS[1], authTokenUpdateStrategy: "ROTATE" };
      return eu.update(await eu.update(made, both), { authTokenUpdateStrategy: "SET" });
    },
  },
  "cache-multi-zone": {
    says: "Must enable automatic failover",
    broken: ({ eu }) => cache(eu, { multiAzEnabled: true }),
    fine: ({ eu }) => cache(eu, { multiAzEnabled: true, automaticFailoverEnabled: true }),
  },
  "cache-failover-nodes": {
    says: "Automatic failover requires at least 2 cache clusters.",
    broken: ({ eu }) => cache(eu, { automaticFailoverEnabled: true, numCacheClusters: 1 }),
    fine: ({ eu }) => cache(eu, { automaticFailoverEnabled: true }),
  },
  "cache-name": {
    says: "The parameter ReplicationGroupIdentifier is not a valid identifier.",
    broken: ({ eu }) => cache(eu, { replicationGroupId: `v${"x".repeat(40)}` }),
    fine: ({ eu }) => cache(eu, { replicationGroupId: `v${"x".repeat(39)}` }),
  },
  "cache-subnet-group-exists": {
    says: "Cache Subnet Group data does not exist.",
    broken: ({ eu }) => cache(eu, { subnetGroupName: "data" }),
    fine: async ({ eu }) => {
      await subnetGroup(eu, "elasticache", (await makeNetwork(eu)).subnetIds);
      return cache(eu, { subnetGroupName: "data" });
    },
  },
  "cache-subnet-group-in-use": {
    says: "is currently in use by a cache cluster: valkey",
    broken: async ({ eu }) => {
      const group = await subnetGroup(eu, "elasticache", (await makeNetwork(eu)).subnetIds);
      await cache(eu, { subnetGroupName: "data" });
      return eu.remove(group);
    },
    fine: async ({ eu }) =>
      eu.remove(await subnetGroup(eu, "elasticache", (await makeNetwork(eu)).subnetIds)),
  },
};
