import * as pulumi from "@pulumi/pulumi";
import { Backend, type MeetBucket } from "../components/backend/backend.ts";
import { Certificate } from "../components/certificates/certificate.ts";
import { Downloads, type DownloadsStorage } from "../components/downloads/downloads.ts";
import { BackupReplication } from "../components/postgres/backup-replication.ts";
import { caBundle } from "../components/postgres/ca-bundle.ts";
import { Postgres } from "../components/postgres/postgres.ts";
import { RecordingsReplication } from "../components/recordings/replication.ts";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import {
  bucketArn,
  livekitHost,
  meetHost,
  recordingsBucketPattern,
  regionalMeetHost,
} from "../components/shared/names.ts";
import type { CompatibleBucket } from "../components/shared/storage.ts";
import { Valkey } from "../components/valkey/valkey.ts";
import { Web } from "../components/web/web.ts";
import type { HomeConfig, Sibling, StackSecrets } from "./config.ts";
import type { Foundation } from "./foundation.ts";
import type { MediaRegion } from "./media-region.ts";
import { replicationsOf, type Scope } from "./scope.ts";
import { compatibleBucket, storeOf, storesOf } from "./storage.ts";

/** What only the primary and the standby have. */
export interface Home {
  readonly web: Web;
}

/** The secrets of the primary: those all regions share, those set by hand, and the first administrator's password. */
export interface PrimarySecrets extends StackSecrets {
  readonly shared: SharedSecretOutputs;
  readonly administratorPassword?: pulumi.Output<string>;
}

/** The primary: the database, and all of Meet behind `meet.<domain>`. */
export function deployPrimary(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
  secrets: PrimarySecrets,
): Home {
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
  const backend = deployMeet(scope, foundation, region, home, { database, valkey }, secrets);
  const storage = downloadsStorage(scope, region, secrets.shared);
  const downloads = deployDownloads(scope, foundation, storage, backend);
  return { web: deployWeb(scope, foundation, true, [backend, downloads]) };
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

function deployMeet(
  scope: Scope,
  { cluster }: Foundation,
  { rooms }: MediaRegion,
  home: HomeConfig,
  { database, valkey }: { readonly database: Postgres; readonly valkey: Valkey },
  secrets: PrimarySecrets,
): Backend {
  const { config, tags } = scope;
  const { fleet } = config;
  const { shared, oidcClientSecret, mailPassword, administratorPassword } = secrets;
  if (oidcClientSecret === undefined) {
    throw new Error(`Stack "${config.stack}": the primary has no meet:oidcClientSecret. Set it.`);
  }
  return new Backend(
    "backend",
    {
      namespace: cluster.meetNamespace,
      clusterName: cluster.clusterName,
      version: fleet.versions.meet,
      vpcCidr: config.network.cidr,
      domain: fleet.domain,
      regionalHost: regionalMeetHost(config.stack, fleet.domain),
      livekitUrl: `https://${livekitHost(fleet.domain)}`,
      databaseUrl: database.url,
      caBundle: caBundle(config.awsRegion),
      valkeyUrl: valkey.url,
      livekitKeys: { apiKey: shared.livekitApiKey, apiSecret: shared.livekitApiSecret },
      gatewayUrl: rooms.serviceUrl,
      oidc: fleet.oidc,
      oidcClientSecret,
      mail: fleet.mail,
      ...(mailPassword === undefined ? {} : { mailPassword }),
      ...(fleet.administrator === undefined || administratorPassword === undefined
        ? {}
        : { administrator: { ...fleet.administrator, password: administratorPassword } }),
      ...(fleet.telephony === undefined ? {} : { telephony: fleet.telephony }),
      djangoSecretKey: shared.djangoSecretKey,
      bucket: bucketOfMeet(scope, shared),
      recordings: fleet.recordings,
      roleName: scope.roleName("backend"),
      frontend: home.frontend,
      backend: home.backend,
      tags,
    },
    { providers: { kubernetes: cluster.provider } },
  );
}

function bucketOfMeet(
  scope: Scope,
  { storageKeys }: SharedSecretOutputs,
): MeetBucket | CompatibleBucket {
  const { config } = scope;
  const store = storeOf(config.fleet.recordings.storage, config.stack);
  if (store !== undefined) {
    return compatibleBucket(store, storageKeys);
  }
  const { bucketName: name, bucketArn: arn, awsRegion } = scope.bucketOf(config);
  return { kind: "aws", name, arn, awsRegion };
}

function downloadsStorage(
  { config, lookups, project }: Scope,
  { bucket }: MediaRegion,
  { storageKeys }: SharedSecretOutputs,
): DownloadsStorage {
  if (bucket.kind === "s3-compatible") {
    const stores = storesOf(config.fleet).map((store) => compatibleBucket(store, storageKeys));
    return { kind: "s3-compatible", stores };
  }
  const pattern = recordingsBucketPattern(project, lookups.accountId);
  return {
    kind: "aws",
    awsRegion: config.awsRegion,
    bucketName: bucket.name,
    // Also where there is a single bucket: what was recorded before it was the only one is still given out.
    bucketArnPattern: bucketArn(lookups.partition, pattern),
  };
}

function deployDownloads(
  scope: Scope,
  { cluster }: Foundation,
  storage: DownloadsStorage,
  backend: Backend,
): Downloads {
  const { config } = scope;
  return new Downloads(
    "downloads",
    {
      namespace: cluster.meetNamespace,
      nodeVersion: config.fleet.versions.node,
      region: config.stack,
      domain: config.fleet.domain,
      clusterName: cluster.clusterName,
      roleName: scope.roleName("downloads"),
      storage,
      meetUrl: pulumi.interpolate`http://${backend.serviceHost}`,
      replicas: config.downloads.replicas,
      vpcCidr: config.network.cidr,
      tags: scope.tags,
    },
    { providers: { kubernetes: cluster.provider } },
  );
}

function deployWeb(
  scope: Scope,
  { network, cluster }: Foundation,
  serves: boolean,
  behind: pulumi.Resource[],
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
    { dependsOn: behind },
  );
}
