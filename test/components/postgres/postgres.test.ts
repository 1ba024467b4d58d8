import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { ignoredChanges } from "../../../components/postgres/instance-args.ts";
import {
  Postgres,
  POSTGRES_TYPE,
  type PostgresArgs,
} from "../../../components/postgres/postgres.ts";
import { record, value, type Recorded } from "../../support/record.ts";

const SOURCE_ARN = "arn:aws:rds:eu-west-3:123456789012:db:meet-eu-1";

function argsWithoutPassword(): PostgresArgs {
  return {
    identifier: "meet-eu-1",
    mode: { kind: "primary" },
    engineVersion: "16",
    instanceClass: "db.t4g.medium",
    storageGib: 50,
    maxStorageGib: 200,
    backupRetentionDays: 14,
    multiAz: true,
    vpcId: "vpc-1",
    subnetIds: ["subnet-a", "subnet-b"],
    clientSecurityGroupId: "sg-cluster",
    protection: { enabled: true },
    tags: { "meet:stack": "eu" },
  };
}

function args(more: Partial<PostgresArgs> = {}): PostgresArgs {
  return { ...argsWithoutPassword(), password: pulumi.secret("pass/word"), ...more };
}

const REPLICA = { mode: { kind: "replica", sourceArn: SOURCE_ARN } } as const;
const INSTANCE = "aws:rds/instance:Instance";

async function instance(more: Partial<PostgresArgs> = {}): Promise<Recorded> {
  return (await record(() => new Postgres("postgres", args(more)))).one(INSTANCE);
}

describe("Postgres", () => {
  it("makes exactly these resources, all below itself", async () => {
    const recording = await record(() => new Postgres("postgres", args()));
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:ec2/securityGroup:SecurityGroup postgres",
      "aws:kms/key:Key postgres-key",
      `${INSTANCE} postgres`,
      "aws:rds/parameterGroup:ParameterGroup postgres",
      "aws:rds/subnetGroup:SubnetGroup postgres",
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule postgres-from-clients",
      `${POSTGRES_TYPE} postgres`,
      "random:index/randomId:RandomId postgres-final-snapshot",
    ]);
    const [component, ...children] = recording.all;
    expect(children.map((child) => child.parent)).toEqual(children.map(() => component?.urn));
  });

  it("is encrypted, Multi-AZ, backed up, private and without extended support", async () => {
    const recording = await record(() => new Postgres("postgres", args()));
    const keyArn = "arn:aws:kms:eu-west-3:123456789012:postgres-key";
    const { inputs } = recording.one(INSTANCE);
    expect(inputs).toEqual({
      identifier: "meet-eu-1",
      engine: "postgres",
      engineVersion: "16",
      dbName: "meet",
      username: "meet",
      password: { "[secret]": "pass/word" },
      instanceClass: "db.t4g.medium",
      allocatedStorage: 50,
      maxAllocatedStorage: 200,
      storageType: "gp3",
      storageEncrypted: true,
      kmsKeyId: keyArn,
      multiAz: true,
      port: 5432,
      publiclyAccessible: false,
      dbSubnetGroupName: "postgres",
      vpcSecurityGroupIds: [expect.stringMatching(/^sg-/)],
      parameterGroupName: "postgres",
      caCertIdentifier: "rds-ca-rsa2048-g1",
      backupRetentionPeriod: 14,
      backupWindow: "02:00-03:00",
      maintenanceWindow: "sun:03:30-sun:04:30",
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: false,
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: expect.stringMatching(/^meet-eu-1-final-[0-9a-f]+$/) as string,
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      applyImmediately: true,
      engineLifecycleSupport: "open-source-rds-extended-support-disabled",
      performanceInsightsEnabled: true,
      performanceInsightsRetentionPeriod: 7,
      performanceInsightsKmsKeyId: keyArn,
      tags: { "meet:stack": "eu", Name: "postgres" },
    });
  });

  it.each([
    ["db-ABCDEFGHIJKL", { sourceDbiResourceId: "db-ABCDEFGHIJKL" }],
    [
      "arn:aws:rds:us-east-1:123456789012:auto-backup:ab-abcdefghijkl",
      {
        sourceDbInstanceAutomatedBackupsArn:
          "arn:aws:rds:us-east-1:123456789012:auto-backup:ab-abcdefghijkl",
      },
    ],
  ])(
    "restored from %s, has engine, user, database and key of its source, and today's password",
    async (from, source) => {
      const restore = { from, to: "2026-11-23T03:00:00Z" };
      const { inputs } = await instance({ mode: { kind: "primary", restore } });
      const own = (await instance()).inputs;
      const theirs = ["engine", "engineVersion", "dbName", "username", "kmsKeyId"];
      expect(inputs).toEqual({
        ...Object.fromEntries(Object.entries(own).filter(([key]) => !theirs.includes(key))),
        restoreToPointInTime: { ...source, restoreTime: restore.to },
      });
    },
  );

  it("is not made again when what it was restored from is forgotten", () => {
    expect(ignoredChanges({})).toEqual(
      expect.arrayContaining(["restoreToPointInTime", "kmsKeyId"]),
    );
  });

  it("admits its client's security group to port 5432 and nobody else", async () => {
    const recording = await record(() => new Postgres("postgres", args()));
    const group = recording.one("aws:ec2/securityGroup:SecurityGroup");
    expect(group.inputs).toEqual({
      vpcId: "vpc-1",
      description: "Meet's database",
      tags: { "meet:stack": "eu", Name: "postgres" },
    });
    const rule = recording.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(rule.inputs).toEqual({
      securityGroupId: await value(recording.result.securityGroupId),
      referencedSecurityGroupId: "sg-cluster",
      ipProtocol: "tcp",
      fromPort: 5432,
      toPort: 5432,
      description: "PostgreSQL from Meet's pods",
      tags: { "meet:stack": "eu", Name: "postgres-from-clients" },
    });
  });

  it("refuses connections without TLS and lies in the private subnets", async () => {
    const recording = await record(() => new Postgres("postgres", args()));
    expect(recording.one("aws:rds/parameterGroup:ParameterGroup").inputs).toEqual({
      family: "postgres16",
      description: "Meet's database on postgres16",
      parameters: [{ name: "rds.force_ssl", value: "1", applyMethod: "immediate" }],
      tags: { "meet:stack": "eu", Name: "postgres" },
    });
    expect(recording.one("aws:rds/subnetGroup:SubnetGroup").inputs["subnetIds"]).toEqual([
      "subnet-a",
      "subnet-b",
    ]);
  });

  it("gives a secret URL that verifies the server, with the password encoded", async () => {
    const { result } = await record(() => new Postgres("postgres", args()));
    expect(await pulumi.isSecret(result.url)).toBe(true);
    expect(await value(result.url)).toBe(
      `postgresql://meet:pass%2Fword@${await value(result.host)}:5432/meet?sslmode=verify-full&sslrootcert=/etc/meet/rds/ca.pem`,
    );
    expect(await value(result.port)).toBe(5432);
    expect(await value(result.arn)).toBe("arn:aws:rds:eu-west-3:123456789012:db:meet-eu-1");
  });

  it("is protected three times, and its key outlives it", async () => {
    const recording = await record(() => new Postgres("postgres", args()));
    const database = recording.one(INSTANCE);
    expect(database.protect).toBe(true);
    expect(database.inputs["deletionProtection"]).toBe(true);
    const key = recording.one("aws:kms/key:Key");
    expect(key.protect).toBe(true);
    expect(key.retainOnDelete).toBe(true);
    expect(key.inputs).toEqual({
      description: "Meet's database: storage, snapshots and backups",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      tags: { "meet:stack": "eu", Name: "postgres-key" },
    });
  });

  it("leaves snapshot, backups and key also when its protection is off, and says why it is", async () => {
    const recording = await record(
      () => new Postgres("postgres", args({ protection: { enabled: false, reason: "a trial" } })),
    );
    const database = recording.one(INSTANCE);
    expect(database.protect).toBe(false);
    expect(database.inputs).toMatchObject({
      deletionProtection: false,
      skipFinalSnapshot: false,
      deleteAutomatedBackups: false,
      tags: { "meet:unprotected-because": "a trial" },
    });
    expect(recording.one("aws:kms/key:Key").protect).toBe(false);
    expect(recording.one("aws:kms/key:Key").retainOnDelete).toBe(true);
  });

  it("is never renamed into another database", async () => {
    expect((await instance()).replaceOnChanges).toEqual(["identifier"]);
  });

  it("waits long enough for a large database to be copied to another region", async () => {
    expect((await instance()).customTimeouts).toEqual({ create: "3h", update: "3h", delete: "2h" });
  });

  it("leaves an exact version as it is, and upgrades only when told to", async () => {
    const exact = await instance({ engineVersion: "16.9" });
    expect(exact.inputs).toMatchObject({
      engineVersion: "16.9",
      autoMinorVersionUpgrade: false,
      allowMajorVersionUpgrade: false,
    });
    expect(exact.ignoreChanges).toEqual([
      "engine",
      "username",
      "dbName",
      "password",
      "restoreToPointInTime",
      "kmsKeyId",
      "engineVersion",
    ]);
    const upgrade = await instance({ engineVersion: "17", upgradeEngine: true });
    expect(upgrade.inputs["allowMajorVersionUpgrade"]).toBe(true);
    expect(upgrade.ignoreChanges).toEqual(
      exact.ignoreChanges.filter((key) => key !== "engineVersion"),
    );
  });

  it("makes the same resources in preview and update", async () => {
    const program = (): Postgres => new Postgres("postgres", args());
    const urns = async (preview: boolean): Promise<string[]> =>
      (await record(program, { preview })).all.map(({ urn }) => urn).sort();
    expect(await urns(true)).toEqual(await urns(false));
  });
});

/**
 * Inputs whose change replaces an instance (hashicorp/terraform-provider-aws internal/service/rds/instance.go), and the
 * identifier, whose change would rename it were it not for replaceOnChanges.
 */
const REPLACING = [
  "availabilityZone",
  "characterSetName",
  "customIamInstanceProfile",
  "dbName",
  "engine",
  "identifier",
  "identifierPrefix",
  "kmsKeyId",
  "ncharCharacterSetName",
  "region",
  "restoreToPointInTime",
  "snapshotIdentifier",
  "storageEncrypted",
  "timezone",
  "username",
];

describe("a replica", () => {
  it("has its source's ARN, a key of its own, and nothing that it inherits", async () => {
    const { inputs } = await instance(REPLICA);
    expect(inputs["replicateSourceDb"]).toBe(SOURCE_ARN);
    expect(inputs["kmsKeyId"]).toBe("arn:aws:kms:eu-west-3:123456789012:postgres-key");
    expect(inputs["skipFinalSnapshot"]).toBe(true);
    for (const inherited of [
      "engine",
      "engineVersion",
      "dbName",
      "username",
      "password",
      "finalSnapshotIdentifier",
    ]) {
      expect(inputs).not.toHaveProperty(inherited);
    }
  });

  it("has backups before it is promoted, because switching them on is an outage", async () => {
    expect((await instance(REPLICA)).inputs["backupRetentionPeriod"]).toBe(14);
  });

  it("becomes a primary by one update in place", async () => {
    const byUrn = async (more: Partial<PostgresArgs>): Promise<Recorded[]> =>
      [...(await record(() => new Postgres("postgres", args(more)))).all].sort((left, right) =>
        left.urn < right.urn ? -1 : 1,
      );
    const [before, after] = [await byUrn(REPLICA), await byUrn({})];
    expect(after.map(({ urn }) => urn)).toEqual(before.map(({ urn }) => urn));
    const changed = after.filter(
      (resource, index) => JSON.stringify(resource) !== JSON.stringify(before[index]),
    );
    expect(changed.map(({ type }) => type)).toEqual([INSTANCE]);

    const [replica] = before.filter(({ type }) => type === INSTANCE);
    const [primary] = changed;
    const ignored = new Set(replica?.ignoreChanges);
    expect(primary?.ignoreChanges).toEqual(replica?.ignoreChanges);
    const keys = new Set([
      ...Object.keys(replica?.inputs ?? {}),
      ...Object.keys(primary?.inputs ?? {}),
    ]);
    const seen = [...keys].filter(
      (key) =>
        !ignored.has(key) &&
        JSON.stringify(replica?.inputs[key]) !== JSON.stringify(primary?.inputs[key]),
    );
    expect(seen.sort()).toEqual([
      "finalSnapshotIdentifier",
      "replicateSourceDb",
      "skipFinalSnapshot",
    ]);
    expect(seen.filter((key) => REPLACING.includes(key))).toEqual([]);
  });

  it("would be replaced or disturbed by its promotion if nothing were ignored", async () => {
    const [replica, primary] = [await instance(REPLICA), await instance()];
    const appearing = Object.keys(primary.inputs).filter((key) => !(key in replica.inputs));
    expect(appearing.filter((key) => REPLACING.includes(key)).sort()).toEqual([
      "dbName",
      "engine",
      "username",
    ]);
    expect(appearing.filter((key) => !ignoredChanges({}).includes(key))).toEqual([
      "finalSnapshotIdentifier",
    ]);
  });

  it("is given another password only when told to, and by that is not replaced", async () => {
    const [before, after] = [await instance(), await instance({ changePassword: true })];
    expect(before.ignoreChanges).toContain("password");
    expect(after.ignoreChanges).toEqual(before.ignoreChanges.filter((key) => key !== "password"));
    expect(after.inputs).toEqual(before.inputs);
    expect(REPLACING).not.toContain("password");
  });

  it("has a URL without a password when it is given none", async () => {
    const replica = { ...argsWithoutPassword(), ...REPLICA };
    const { result } = await record(() => new Postgres("postgres", replica));
    expect(await value(result.url)).toMatch(/^postgresql:\/\/meet@meet-eu-1\./);
  });
});

describe("Postgres refuses", () => {
  it.each<[string, Partial<PostgresArgs>, string]>([
    [
      "an identifier with two hyphens",
      { identifier: "meet--1" },
      'identifier "meet--1" is no RDS identifier. Use 2 to 63 lower-case letters, digits and single hyphens, starting with a letter.',
    ],
    ["an identifier of 64 characters", { identifier: "m".repeat(64) }, "is no RDS identifier."],
    [
      "an old version",
      { engineVersion: "13" },
      'engineVersion "13" is no PostgreSQL version from 14 on. Use a major version such as "17".',
    ],
    [
      "one subnet",
      { subnetIds: ["subnet-a"] },
      "1 subnets, RDS needs two in different zones. Pass at least two private subnets.",
    ],
    [
      "no backups",
      { backupRetentionDays: 0 },
      "backupRetentionDays 0 is not between 1 and 35. Without backups there is no recovery and no replica.",
    ],
    ["36 days of backups", { backupRetentionDays: 36 }, "backupRetentionDays 36 is not between"],
    [
      "too little storage",
      { storageGib: 10 },
      "storageGib 10 is less than gp3 storage allows. Use 20 or more.",
    ],
    [
      "storage that cannot grow",
      { maxStorageGib: 52 },
      "maxStorageGib 52 leaves no room to grow from 50. Use at least a tenth more.",
    ],
    [
      "a source without ARN",
      { mode: { kind: "replica", sourceArn: "meet-eu-1" } },
      'sourceArn "meet-eu-1" is no ARN of an RDS instance. A replica in another region needs the ARN, not the identifier.',
    ],
    [
      "a database name with a hyphen",
      { databaseName: "meet-eu" },
      'databaseName "meet-eu" needs quoting in SQL. Use lower-case letters, digits and underscores, starting with a letter.',
    ],
    ["a user in capitals", { username: "Meet" }, 'username "Meet" needs quoting in SQL.'],
  ])("%s", async (_case, wrong, sentence) => {
    await expect(record(() => new Postgres("postgres", args(wrong)))).rejects.toThrow(sentence);
  });

  it("a primary without a password", async () => {
    await expect(record(() => new Postgres("postgres", argsWithoutPassword()))).rejects.toThrow(
      'Postgres "postgres": a primary has no password. Pass the fleet\'s shared database password.',
    );
  });

  it("everything at once, before anything is made", async () => {
    await expect(
      record(() => new Postgres("postgres", args({ storageGib: 10, subnetIds: [] }))),
    ).rejects.toThrow('Postgres "postgres": 2 faults.\n - 0 subnets');
  });
});
