import * as pulumi from "@pulumi/pulumi";
import { Backend, type MeetBucket } from "../components/backend/backend.ts";
import { Downloads, type DownloadsStorage } from "../components/downloads/downloads.ts";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import {
  bucketArn,
  livekitHost,
  recordingsBucketPattern,
  regionalMeetHost,
} from "../components/shared/names.ts";
import type { CompatibleBucket } from "../components/shared/storage.ts";
import type { HomeConfig, StackSecrets } from "./config.ts";
import type { Foundation } from "./foundation.ts";
import type { MediaRegion } from "./media-region.ts";
import type { Scope } from "./scope.ts";
import { compatibleBucket, storeOf, storesOf } from "./storage.ts";

/** The secrets of a region that runs Meet: those all regions share, those set by hand, and the first administrator's password. */
export interface MeetSecrets extends StackSecrets {
  readonly shared: SharedSecretOutputs;
  readonly administratorPassword?: pulumi.Output<string>;
}

/** What Meet keeps its data in. */
export interface Stores {
  readonly databaseUrl: pulumi.Output<string>;
  readonly valkeyUrl: pulumi.Output<string>;
  /** What the database's certificate is verified with, as PEM. */
  readonly caBundle: string;
  /** Where they are outside of the network. */
  readonly ports?: readonly number[];
}

/** Meet, and the downloads of its recordings; `part` as for Backend. */
export function deployMeet(
  scope: Scope,
  foundation: Foundation,
  region: MediaRegion,
  home: HomeConfig,
  stores: Stores,
  secrets: MeetSecrets,
  part: "all" | "serve",
): readonly pulumi.Resource[] {
  const backend = deployBackend(scope, foundation, region, home, stores, secrets, part);
  const storage = downloadsStorage(scope, region, secrets.shared);
  return [backend, deployDownloads(scope, foundation, storage, backend)];
}

function deployBackend(
  scope: Scope,
  { cluster }: Foundation,
  { rooms }: MediaRegion,
  home: HomeConfig,
  stores: Stores,
  secrets: MeetSecrets,
  part: "all" | "serve",
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
      databaseUrl: stores.databaseUrl,
      caBundle: stores.caBundle,
      valkeyUrl: stores.valkeyUrl,
      ...(stores.ports === undefined ? {} : { storePorts: stores.ports }),
      part,
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
  // The primary's also in an active region: a file that one Meet has let in, any other has to find.
  const store = storeOf(config.fleet.recordings.storage, config.fleet.primary.stack);
  if (store !== undefined) {
    return compatibleBucket(store, storageKeys);
  }
  const { bucketName: name, bucketArn: arn, awsRegion } = scope.bucketOf(config.fleet.primary);
  return { kind: "aws", name, arn, awsRegion };
}

function downloadsStorage(
  scope: Scope,
  { bucket }: MediaRegion,
  { storageKeys }: SharedSecretOutputs,
): DownloadsStorage {
  const { config, lookups, project } = scope;
  if (bucket.kind === "s3-compatible") {
    const stores = storesOf(config.fleet).map((store) => compatibleBucket(store, storageKeys));
    const { expirationDays } = config.fleet.recordings;
    return { kind: "s3-compatible", stores, expirationDays };
  }
  const pattern = recordingsBucketPattern(project, lookups.accountId);
  // Where Meet's files are, and every region's recordings are copied to.
  const home = scope.bucketOf(config.fleet.primary);
  return {
    kind: "aws",
    awsRegion: home.awsRegion,
    bucketName: config.role === "primary" ? bucket.name : home.bucketName,
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
