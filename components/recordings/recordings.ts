import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { bucketArn } from "../shared/names.ts";
import { protectionTags, type Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";
import { RecordingsReplication, type RecordingsDestination } from "./replication.ts";
import { tlsOnlyPolicy } from "./replication-policy.ts";

/** Part of every URN beneath it: never change without an alias. */
export const RECORDINGS_TYPE = "meet:data:Recordings";

export interface RecordingsArgs {
  /** `<prefix>-<account>-<region>-an`, see recordingsBucketName: a contract with the other regions. */
  readonly bucketName: string;
  readonly awsRegion: string;
  readonly accountId: string;
  readonly partition: string;
  /** The homes of the same residency group, without this region. */
  readonly peers: readonly RecordingsDestination[];
  /** False in a primary: its replication to the standby belongs to the standby's stack. */
  readonly ownsReplication: boolean;
  /** Role of the replication; needed when `ownsReplication`. */
  readonly roleName: string;
  /** Role of a backfill; likewise. */
  readonly backfillRoleName: string;
  /** Days after which a recording is deleted. */
  readonly expirationDays: number;
  /** Days that a deleted or overwritten recording can still be brought back. @default 7 */
  readonly noncurrentDays?: number;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * A region's recordings: a private, versioned bucket in the account-regional namespace.
 * Creates bucket, ownership controls, versioning, public access block, encryption, lifecycle and policy, and where this
 * stack owns it the replication to the homes.
 *
 * Encrypted with S3's own keys (SSE-S3): with KMS, replication needs a key in each region, S3 does not check it when
 * the rule is made, and a wrong one loses copies silently (Amazon S3 User Guide, replication-config-for-kms-objects).
 * Who may read is decided by IAM either way. A bucket with objects is never deleted from here: `forceDestroy` is off.
 * Cost driver: storage, and the traffic of downloads.
 */
export class Recordings extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** For `dependsOn` of a replication that reads or writes this bucket. */
  readonly versioning: aws.s3.BucketVersioning;

  constructor(name: string, args: RecordingsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(RECORDINGS_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const arn = bucketArn(args.partition, args.bucketName);
    const tags = { ...args.tags, ...protectionTags(args.protection) };
    const bucket = new aws.s3.Bucket(
      name,
      {
        bucket: args.bucketName,
        bucketNamespace: "account-regional",
        forceDestroy: false,
        tags: named(tags, name),
      },
      { ...child, protect: args.protection.enabled },
    );
    const ownership = new aws.s3.BucketOwnershipControls(
      name,
      { bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      child,
    );
    this.versioning = new aws.s3.BucketVersioning(
      name,
      { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
      { ...child, protect: args.protection.enabled },
    );
    const access = new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket: bucket.bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      },
      child,
    );
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket: bucket.bucket,
        rules: lifecycleRules(args.expirationDays, args.noncurrentDays ?? DEFAULT_NONCURRENT_DAYS),
      },
      // Rules for noncurrent versions are accepted before versioning is on, and then do nothing.
      { ...child, dependsOn: [this.versioning] },
    );
    new aws.s3.BucketPolicy(
      name,
      { bucket: bucket.bucket, policy: tlsOnlyPolicy(arn) },
      // One after the other: S3 answers concurrent changes of a bucket's access with OperationAborted.
      { ...child, dependsOn: [ownership, access] },
    );
    if (args.ownsReplication && args.peers.length > 0) {
      new RecordingsReplication(
        `${name}-replication`,
        {
          sourceBucket: args.bucketName,
          sourceBucketArn: arn,
          sourceRegion: args.awsRegion,
          destinations: args.peers,
          roleName: args.roleName,
          backfillRoleName: args.backfillRoleName,
          versioning: [this.versioning],
          tags: args.tags,
        },
        child,
      );
    }
    this.bucketName = bucket.bucket;
    this.bucketArn = bucket.arn;
    this.registerOutputs({ bucketName: this.bucketName, bucketArn: this.bucketArn });
  }
}

const DEFAULT_NONCURRENT_DAYS = 7;

/** A multipart upload older than this was left behind by an egress that died; its parts are invisible and cost money. */
const UNFINISHED_UPLOAD_DAYS = 2;

/**
 * The same in every bucket, because expiry is never replicated. Current versions expire below two prefixes only: of
 * recordings, and of `deletion-intents/` (services/recordings/deletions/intents.ts), because an intent is younger than
 * its recording and of no use without it. People's uploads (`files/`) are Meet's to delete, and a deletion that waits
 * (`deletions/`) stays until it is done in every bucket. A rule of its own for the rest: S3 does not take the removal of
 * lone delete markers and an expiry in days in one.
 */
export function lifecycleRules(
  expirationDays: number,
  noncurrentDays: number,
): aws.types.input.s3.BucketLifecycleConfigurationRule[] {
  return [
    {
      id: "expire-recordings",
      status: "Enabled",
      filter: { prefix: "recordings/" },
      expiration: { days: expirationDays },
    },
    {
      id: "expire-deletion-intents",
      status: "Enabled",
      filter: { prefix: "deletion-intents/" },
      expiration: { days: expirationDays },
    },
    {
      id: "tidy-up",
      status: "Enabled",
      filter: { prefix: "" },
      expiration: { expiredObjectDeleteMarker: true },
      noncurrentVersionExpiration: { noncurrentDays },
      abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
    },
  ];
}

function validate(resource: pulumi.Resource, name: string, args: RecordingsArgs): void {
  const { bucketName, accountId, awsRegion, expirationDays } = args;
  const noncurrentDays = args.noncurrentDays ?? DEFAULT_NONCURRENT_DAYS;
  const suffix = `-${accountId}-${awsRegion}-an`;
  const faults = new Faults("Recordings", name);
  faults.when(
    !bucketName.endsWith(suffix) || !/^[a-z0-9][a-z0-9-]{2,62}$/.test(bucketName),
    `bucketName "${bucketName}" is no name in the account-regional namespace. Use at most 63 characters that end with "${suffix}".`,
  );
  faults.when(
    !Number.isInteger(expirationDays) || expirationDays < 1,
    `expirationDays ${expirationDays} is not a whole number of days from 1 on. Say how long recordings are kept.`,
  );
  faults.when(
    !Number.isInteger(noncurrentDays) || noncurrentDays < 1,
    `noncurrentDays ${noncurrentDays} is not a whole number of days from 1 on. Say how long a deleted recording can be brought back.`,
  );
  faults.when(
    args.peers.some((peer) => peer.bucketName === bucketName),
    `its own bucket "${bucketName}" is among the peers. Pass the other homes only.`,
  );
  faults.throwIfAny(resource);
}
