import { aws, byInput, fixed, input } from "./define.ts";

/** One configuration per bucket: S3 knows it by the bucket's name. */
const ofBucket = (noun: string, title: string, api: string, computed = {}) =>
  aws(`s3/b${noun.slice(1)}:${noun}`, `S3 Bucket ${title}`, ["S3", api], {
    replaceOn: ["bucket", "expectedBucketOwner"],
    id: byInput("bucket"),
    computed,
  });

/** S3 types. */
export const s3Types = [
  aws("s3/bucket:Bucket", "S3 Bucket", ["S3", "Bucket"], {
    replaceOn: ["bucket", "bucketPrefix", "bucketNamespace", "objectLockEnabled"],
    id: byInput("bucket"),
    computed: {
      arn: (c) => `arn:aws:s3:::${input(c, "bucket")}`,
      bucketDomainName: (c) => `${input(c, "bucket")}.s3.amazonaws.com`,
      bucketRegionalDomainName: (c) => `${input(c, "bucket")}.s3.${c.region}.amazonaws.com`,
      bucketRegion: (c) => c.region,
      hostedZoneId: fixed("Z3R1K369G5AVDG"),
      bucketNamespace: fixed("global"),
      requestPayer: fixed("BucketOwner"),
      objectLockEnabled: fixed(false),
      accelerationStatus: fixed(""),
      policy: fixed(""),
    },
    onDone: (cloud, op, thing) => {
      if (op === "delete") {
        cloud.emptyBucket(thing.id);
      }
    },
    autoname: { key: "bucket", maxLength: 63 },
    unique: {
      key: byInput("bucket"),
      errorCode: "BucketAlreadyOwnedByYou",
      status: 409,
      message: () =>
        "Your previous request to create the named bucket succeeded and you already own it.",
      everywhere: true,
    },
    hasTags: true,
  }),
  ofBucket("BucketVersioning", "Versioning", "BucketVersioning"),
  ofBucket("BucketPublicAccessBlock", "Public Access Block", "PublicAccessBlock"),
  ofBucket(
    "BucketServerSideEncryptionConfiguration",
    "Server-side Encryption Configuration",
    "BucketEncryption",
  ),
  ofBucket(
    "BucketLifecycleConfiguration",
    "Lifecycle Configuration",
    "BucketLifecycleConfiguration",
    { transitionDefaultMinimumObjectSize: fixed("all_storage_classes_128K") },
  ),
  ofBucket("BucketPolicy", "Policy", "BucketPolicy"),
  ofBucket("BucketOwnershipControls", "Ownership Controls", "BucketOwnershipControls"),
  ofBucket("BucketReplicationConfig", "Replication Configuration", "BucketReplication"),
];
