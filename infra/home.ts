import * as pulumi from "@pulumi/pulumi";
import { Certificate } from "../components/certificates/certificate.ts";
import { BackupReplication } from "../components/postgres/backup-replication.ts";
import { caBundle } from "../components/postgres/ca-bundle.ts";
import { Postgres } from "../components/postgres/postgres.ts";
import { RecordingsReplication } from "../components/recordings/replication.ts";
import type { SharedSecretValues } from "../components/secrets/shared-secret-values.ts";
import { meetHost, regionalMeetHost } from "../components/shared/names.ts";
import { Valkey } from "../components/valkey/valkey.ts";
import { Web } from "../components/web/web.ts";
import type { HomeConfig, Sibling, StackSecrets } from "./config.ts";
import type { Foundation } from "./foundation.ts";
import type { MediaRegion } from "./media-region.ts";
import { deployMeet, type MeetSecrets, type Stores } from "./meet.ts";
import { replicationsOf, type Scope } from "./scope.ts";

/** What only the primary and the standby have. */
export interface Home {
  readonly web: Web;
}

/** The primary: the database, and all of Meet behind `meet.<domain>`. */
export function deployPrimary(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
  secrets: MeetSecrets,
): Home {
  const stores =
    externalStores(scope, secrets, secrets.valkeyUrl) ??
    makeStores(scope, foundation, region, home, secrets);
  const meet = deployMeet(scope, foundation, region, home, stores, secrets, "all");
  return { web: deployWeb(scope, foundation, true, meet) };
}

/** Meet beside the primary's, on the stores and the bucket that both use: see ADR 0017. */
export function deployActive(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
  own: MeetSecrets,
): Home {
  const { stack, fleet } = scope.config;
  const given = pulumi.secret(
    pulumi.output(own.shared.meet).apply((meet) => givenBy(fleet.primary.stack, stack, meet)),
  );
  const stores = externalStores(scope, own, given.valkeyUrl);
  if (stores === undefined) {
    throw new Error(`Stack "${stack}": an active region has no external stores. Set meet:stores.`);
  }
  const secrets = {
    ...own,
    oidcClientSecret: given.oidcClientSecret,
    ...(fleet.mail.user === undefined
      ? {}
      : { mailPassword: given.apply(({ mailPassword = "" }) => mailPassword) }),
  };
  const meet = deployMeet(scope, foundation, region, home, stores, secrets, "serve");
  return { web: deployWeb(scope, foundation, true, meet) };
}

/** What the primary gives to the Meets beside its own. */
function givenBy(
  primary: string,
  stack: string,
  meet: SharedSecretValues["meet"],
): NonNullable<SharedSecretValues["meet"]> {
  if (meet === undefined) {
    throw new pulumi.RunError(
      `Stack "${stack}": the primary has not been deployed since this region is active. Run pulumi up -s ${primary} first.`,
    );
  }
  return meet;
}

/** The user's own, if the fleet says so. */
function externalStores(
  { config: { fleet, stack } }: Scope,
  { databaseUrl }: StackSecrets,
  valkeyUrl: pulumi.Output<string> | undefined,
): Stores | undefined {
  const { stores } = fleet;
  if (stores.kind !== "external") {
    return undefined;
  }
  if (databaseUrl === undefined || valkeyUrl === undefined) {
    throw new Error(`Stack "${stack}": meet:databaseUrl or meet:valkeyUrl is missing. Set it.`);
  }
  const ports = [stores.databasePort, stores.valkeyPort];
  return { databaseUrl, valkeyUrl, caBundle: stores.databaseAuthority, ports };
}

/** A database and a Valkey of ours. */
function makeStores(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
  secrets: MeetSecrets,
): Stores {
  const { identifier } = scope.databaseOf(scope.config, home.database.generation);
  const { fenced, promotion, secrets: makes } = scope.config.fleet;
  const { restore } = home.database;
  const database = deployDatabase(
    scope,
    foundation,
    home,
    {
      identifier,
      mode: { kind: "primary", ...(restore === undefined ? {} : { restore }) },
      password: secrets.shared.databasePassword,
      // A promoted instance has the password that was handed over.
      changePassword: makes.database.generation > (promotion?.makes.database[0] ?? 1),
    },
    // First the gateway, which tells the others of the promotion: what a Meet that is not lost after all writes once
    // the replica has become a database of its own is lost.
    promotion === undefined ? [] : [region.rooms],
  );
  if (fenced !== undefined) {
    // What copies from the region before stays as it is: to change it, that region would have to answer.
    copyFrom(scope, region, home, fenced, fenced.databaseGeneration);
  }
  const valkey = deployValkey(scope, foundation, home);
  return {
    databaseUrl: database.url,
    valkeyUrl: valkey.url,
    caBundle: caBundle(scope.config.awsRegion),
  };
}

/** The standby: a replica of the database, copies of backups and recordings, and a page that says it waits. */
export function deployStandby(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
): Home {
  const { config } = scope;
  const { primary, primaryDatabaseGeneration } = config.fleet;
  const source = scope.databaseOf(primary, primaryDatabaseGeneration);
  deployDatabase(scope, foundation, home, {
    identifier: scope.databaseOf(config, home.database.generation).identifier,
    mode: { kind: "replica", sourceArn: source.arn },
  });
  // Empty until a promotion, which cannot wait the quarter of an hour that ElastiCache takes to make one.
  deployValkey(scope, foundation, home);
  copyFrom(scope, region, home, primary, primaryDatabaseGeneration);
  return { web: deployWeb(scope, foundation, false, []) };
}

/** What was the primary: no Meet and no database, until it returns as the standby. */
export function deployFenced(scope: Scope, foundation: Foundation, home: HomeConfig): Home {
  deployValkey(scope, foundation, home);
  return { web: deployWeb(scope, foundation, false, []) };
}

/** Copies of the other home's backups and recordings, which live there and belong to this stack: see ADR 0006. */
function copyFrom(
  scope: Scope,
  region: MediaRegion,
  home: HomeConfig,
  primary: Sibling,
  databaseGeneration: number,
): void {
  const { config, tags } = scope;
  const source = scope.databaseOf(primary, databaseGeneration);
  const { backupPairChecked } = home.database;
  new BackupReplication("database-backups", {
    sourceArn: source.arn,
    sourceRegion: primary.awsRegion,
    awsRegion: config.awsRegion,
    ...(backupPairChecked === undefined ? {} : { pairChecked: backupPairChecked }),
    retentionDays: home.database.backupRetentionDays,
    tags,
  });
  for (const { source: from, destinations } of replicationsOf(config)) {
    if (from.stack === primary.stack) {
      const bucket = scope.bucketOf(primary);
      new RecordingsReplication("primary-recordings-replication", {
        sourceBucket: bucket.bucketName,
        sourceBucketArn: bucket.bucketArn,
        sourceRegion: primary.awsRegion,
        destinations: destinations.map((home) => ({ id: home.stack, ...scope.bucketOf(home) })),
        roleName: scope.roleName("primary-replication"),
        backfillRoleName: scope.roleName("primary-backfill"),
        versioning: region.recordings === undefined ? [] : [region.recordings.versioning],
        tags,
      });
    }
  }
}

function deployValkey(
  { config, tags }: Scope,
  { network, cluster }: Foundation,
  home: HomeConfig,
): Valkey {
  return new Valkey("meet-valkey", {
    description: "Sessions, lobby and tasks of Meet",
    nodeType: home.meetValkey.nodeType,
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    clientSecurityGroupIds: [cluster.systemNodeSecurityGroupId],
    token: config.fleet.secrets.valkey,
    protection: config.protection,
    tags,
  });
}

function deployDatabase(
  scope: Scope,
  { network, cluster }: Foundation,
  { database }: HomeConfig,
  which: Pick<
    ConstructorParameters<typeof Postgres>[1],
    "identifier" | "mode" | "password" | "changePassword"
  >,
  after: pulumi.Resource[] = [],
): Postgres {
  return new Postgres(
    "database",
    {
      ...which,
      engineVersion: database.engineVersion,
      instanceClass: database.instanceClass,
      storageGib: database.storageGib,
      maxStorageGib: database.maxStorageGib,
      backupRetentionDays: database.backupRetentionDays,
      multiAz: database.multiAz,
      vpcId: network.vpcId,
      subnetIds: network.privateSubnetIds,
      clientSecurityGroupId: cluster.systemNodeSecurityGroupId,
      protection: scope.config.protection,
      tags: scope.tags,
    },
    { dependsOn: after },
  );
}

function deployWeb(
  scope: Scope,
  { network, cluster }: Foundation,
  serves: boolean,
  behind: readonly pulumi.Resource[],
): Web {
  const { config, tags } = scope;
  const { domain } = config.fleet;
  const regionalHost = regionalMeetHost(config.stack, domain);
  const certificate = new Certificate("web-certificate", {
    domainName: regionalHost,
    sharedNames: [meetHost(domain)],
    ownsSharedRecords: config.role === "primary",
    zone: scope.lookups.dnsZone,
    tags,
  });
  return new Web(
    "web",
    {
      host: meetHost(domain),
      regionalHost,
      serves,
      vpcId: network.vpcId,
      subnetIds: network.publicSubnetIds,
      certificateArns: [certificate.arn],
      autoscalingGroupName: cluster.systemAutoscalingGroupName,
      nodeSecurityGroupId: cluster.systemNodeSecurityGroupId,
      protection: config.protection,
      tags,
    },
    { dependsOn: [...behind] },
  );
}
