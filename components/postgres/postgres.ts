import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Faults } from "../shared/faults.ts";
import { protectionTags, type Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";
import { connectionUrl } from "./connection-url.ts";
import { ignoredChanges, instanceArgs, PORT } from "./instance-args.ts";

/** Part of every URN beneath it: never change without an alias. */
export const POSTGRES_TYPE = "meet:data:Postgres";

/** Backups that an instance is made from, and up to when they are played back. */
export interface Restore {
  /** Resource id (`db-…`) of an instance in this region, or the ARN of copied backups (`…:auto-backup:ab-…`). */
  readonly from: string;
  /** UTC, such as `2026-11-23T03:00:00Z`. */
  readonly to: string;
}

/** A database of its own, or a read replica of another region's that can be promoted. */
export type PostgresMode =
  | {
      readonly kind: "primary";
      /** Decides only while the instance is made. @default an empty database */
      readonly restore?: Restore;
    }
  | { readonly kind: "replica"; readonly sourceArn: string };

export interface PostgresArgs {
  /** RDS identifier; plain, because the other home computes its source's ARN from it. */
  readonly identifier: string;
  readonly mode: PostgresMode;
  /** A major version ("17", RDS then installs minor ones itself) or an exact one ("17.6", it does not). */
  readonly engineVersion: string;
  /**
   * For the one update that changes the engine version. Otherwise a changed `engineVersion` is not acted on: a promoted
   * replica reports the exact version it runs, and asking for "17" in the middle of a failover may start an upgrade.
   * @default false
   */
  readonly upgradeEngine?: boolean;
  readonly instanceClass: string;
  readonly storageGib: number;
  /** Up to where RDS grows the storage by itself; at least a tenth more than `storageGib`. */
  readonly maxStorageGib: number;
  /** Days that point-in-time recovery reaches back, 1 to 35. */
  readonly backupRetentionDays: number;
  readonly multiAz: boolean;
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, at least two, in different zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** The only security group that may connect. */
  readonly clientSecurityGroupId: pulumi.Input<string>;
  /** The fleet's shared database password. Needed by a primary; a replica inherits its source's, and only its URL has it. */
  readonly password?: pulumi.Input<string>;
  /**
   * Whether an instance that has another password is given this one, in place. Not while it has the one that it was
   * made with, or inherited: see ignoredChanges. Meet cannot sign in until its pods have it, for some minutes. Two users
   * that take turns would spare those; but then something has to run SQL in the network, tables need an owner that is
   * neither, and a restored database has the users of its time.
   * @default false
   */
  readonly changePassword?: boolean;
  /** @default "meet" */
  readonly databaseName?: string;
  /** @default "meet" */
  readonly username?: string;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * Meet's database: RDS PostgreSQL, Multi-AZ, encrypted with a key of its own, reachable only from `clientSecurityGroupId`.
 * Creates KMS key, subnet group, security group with one rule, parameter group, final snapshot name, instance.
 *
 * If it is lost, accounts, rooms' settings and the list of recordings are lost; meetings that run go on. Deleting it
 * always leaves a final snapshot and the automated backups, and the key that reads them.
 *
 * Promotion is one update in place: mode `replica` becomes `primary`, `replicateSourceDb` disappears, and everything
 * that would replace the instance is the same in both modes or ignored. Cost driver: the instance class, twice when
 * Multi-AZ.
 */
export class Postgres extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly arn: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  /** `DATABASE_URL`; secret. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    super(POSTGRES_TYPE, name, {}, opts);
    validate(this, name, args);
    const { databaseName = "meet", username = "meet", password } = args;
    const child = { parent: this };
    const tags = { ...args.tags, ...protectionTags(args.protection) };
    const keyArn = createKey(this, name, tags, args.protection);
    const subnetGroup = new aws.rds.SubnetGroup(
      name,
      { subnetIds: [...args.subnetIds], tags: named(tags, name) },
      child,
    );
    const securityGroup = createSecurityGroup(this, name, args, tags);
    const parameterGroup = createParameterGroup(this, name, args.engineVersion, tags);
    // A name of its own for each life of the database: a second final snapshot of the same name would be refused.
    const snapshot = new random.RandomId(`${name}-final-snapshot`, { byteLength: 4 }, child);
    const instance = new aws.rds.Instance(
      name,
      {
        ...instanceArgs(args, { databaseName, username }),
        // RDS keeps a restored instance under the key of its backups (RestoreDBInstanceToPointInTime has no key).
        ...(isRestored(args.mode) ? {} : { kmsKeyId: keyArn }),
        performanceInsightsKmsKeyId: keyArn,
        dbSubnetGroupName: subnetGroup.name,
        vpcSecurityGroupIds: [securityGroup.id],
        parameterGroupName: parameterGroup.name,
        ...(args.mode.kind === "primary"
          ? {
              finalSnapshotIdentifier: pulumi.interpolate`${args.identifier}-final-${snapshot.hex}`,
            }
          : {}),
        tags: named(tags, name),
      },
      {
        ...child,
        protect: args.protection.enabled,
        ignoreChanges: ignoredChanges(args),
        // A new identifier is a new database. The provider would rename the old one instead, whose data must be kept.
        replaceOnChanges: ["identifier"],
        // Copying a database to another region takes hours when it is large; the provider gives up after 40 minutes.
        customTimeouts: { create: "3h", update: "3h", delete: "2h" },
      },
    );
    this.host = instance.address;
    this.port = instance.port;
    this.arn = instance.arn;
    this.securityGroupId = securityGroup.id;
    this.url = pulumi.secret(
      pulumi
        .all([instance.address, instance.port, pulumi.output(password)])
        .apply(([host, port, secret]) =>
          connectionUrl({ host, port, databaseName, username, password: secret }),
        ),
    );
    this.registerOutputs({
      host: this.host,
      port: this.port,
      arn: this.arn,
      securityGroupId: this.securityGroupId,
      url: this.url,
    });
  }
}

function isRestored(mode: PostgresMode): boolean {
  return mode.kind === "primary" && mode.restore !== undefined;
}

function createKey(
  parent: pulumi.Resource,
  name: string,
  tags: Tags,
  protection: Protection,
): pulumi.Output<string> {
  const key = new aws.kms.Key(
    `${name}-key`,
    {
      description: "Meet's database: storage, snapshots and backups",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      tags: named(tags, `${name}-key`),
    },
    // Never deleted with the stack: the final snapshot and the kept backups could not be read without it.
    { parent, protect: protection.enabled, retainOnDelete: true },
  );
  return key.arn;
}

function createSecurityGroup(
  parent: pulumi.Resource,
  name: string,
  args: PostgresArgs,
  tags: Tags,
): aws.ec2.SecurityGroup {
  const group = new aws.ec2.SecurityGroup(
    name,
    { vpcId: args.vpcId, description: "Meet's database", tags: named(tags, name) },
    { parent },
  );
  new aws.vpc.SecurityGroupIngressRule(
    `${name}-from-clients`,
    {
      securityGroupId: group.id,
      referencedSecurityGroupId: args.clientSecurityGroupId,
      ipProtocol: "tcp",
      fromPort: PORT,
      toPort: PORT,
      description: "PostgreSQL from Meet's pods",
      tags: named(tags, `${name}-from-clients`),
    },
    { parent },
  );
  return group;
}

function createParameterGroup(
  parent: pulumi.Resource,
  name: string,
  engineVersion: string,
  tags: Tags,
): aws.rds.ParameterGroup {
  const family = `postgres${engineVersion.split(".")[0] ?? ""}`;
  return new aws.rds.ParameterGroup(
    name,
    {
      family,
      description: `Meet's database on ${family}`,
      // 1 is the default since PostgreSQL 15; written down so that nobody's default decides it.
      parameters: [{ name: "rds.force_ssl", value: "1", applyMethod: "immediate" }],
      tags: named(tags, name),
    },
    { parent },
  );
}

const IDENTIFIER = /^(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
const SOURCE_ARN = /^arn:[\w-]+:rds:[\w-]+:\d{12}:db:[a-z][a-z0-9-]*$/;
const SQL_NAME = /^[a-z][a-z0-9_]{0,62}$/;

function validate(resource: pulumi.Resource, name: string, args: PostgresArgs): void {
  const { mode, storageGib, maxStorageGib, databaseName = "meet", username = "meet" } = args;
  const faults = new Faults("Postgres", name);
  faults.when(
    !IDENTIFIER.test(args.identifier),
    `identifier "${args.identifier}" is no RDS identifier. Use 2 to 63 lower-case letters, digits and single hyphens, starting with a letter.`,
  );
  faults.when(
    !/^(1[4-9]|[2-9]\d)(\.\d+)?$/.test(args.engineVersion),
    `engineVersion "${args.engineVersion}" is no PostgreSQL version from 14 on. Use a major version such as "17".`,
  );
  faults.when(
    args.subnetIds.length < 2,
    `${args.subnetIds.length} subnets, RDS needs two in different zones. Pass at least two private subnets.`,
  );
  faults.when(
    !Number.isInteger(args.backupRetentionDays) ||
      args.backupRetentionDays < 1 ||
      args.backupRetentionDays > 35,
    `backupRetentionDays ${args.backupRetentionDays} is not between 1 and 35. Without backups there is no recovery and no replica.`,
  );
  faults.when(
    storageGib < 20,
    `storageGib ${storageGib} is less than gp3 storage allows. Use 20 or more.`,
  );
  faults.when(
    maxStorageGib < storageGib * 1.1,
    `maxStorageGib ${maxStorageGib} leaves no room to grow from ${storageGib}. Use at least a tenth more.`,
  );
  faults.when(
    mode.kind === "primary" && args.password === undefined,
    "a primary has no password. Pass the fleet's shared database password.",
  );
  faults.when(
    mode.kind === "replica" && !SOURCE_ARN.test(mode.sourceArn),
    `sourceArn "${mode.kind === "replica" ? mode.sourceArn : ""}" is no ARN of an RDS instance. A replica in another region needs the ARN, not the identifier.`,
  );
  for (const [key, value] of Object.entries({ databaseName, username })) {
    faults.when(
      !SQL_NAME.test(value),
      `${key} "${value}" needs quoting in SQL. Use lower-case letters, digits and underscores, starting with a letter.`,
    );
  }
  faults.throwIfAny(resource);
}
