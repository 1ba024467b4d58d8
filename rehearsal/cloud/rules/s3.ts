import type { Rule, RuleCall } from "../model.ts";
import { at, flag, list, map, number, text } from "../values.ts";
import { mustExist, others, types } from "./support.ts";

const replication = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html";
const configurations = [
  types.bucketVersioning,
  types.bucketReplication,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
];

function isVersioned({ cloud }: RuleCall, bucket: string): boolean {
  return cloud
    .all(types.bucketVersioning)
    .some(
      ({ state }) =>
        text(state, "bucket") === bucket &&
        text(state, "versioningConfiguration.status") === "Enabled",
    );
}

const destinations = ({ inputs }: RuleCall) =>
  list(inputs, "rules").map((rule) =>
    (text(rule, "destination.bucket") ?? "").replace(/^arn:aws:s3:::/, ""),
  );

/** S3. */
export const s3Rules: readonly Rule[] = [
  {
    id: "bucket-name",
    what: "A bucket name has 3 to 63 lower-case letters, digits, dots and hyphens.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
    errorCode: "InvalidBucketName",
    types: [types.bucket],
    on: ["create"],
    check: ({ inputs }) =>
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text(inputs, "bucket") ?? "")
        ? undefined
        : "The specified bucket is not valid.",
  },
  {
    id: "bucket-account-regional",
    what: "A bucket of the account-regional namespace is named <prefix>-<account>-<region>-an.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html",
    errorCode: "InvalidBucketNamespace",
    types: [types.bucket],
    on: ["create"],
    check: ({ inputs, cloud, scope }) => {
      const ending = `-${cloud.accountId}-${scope}-an`;
      return text(inputs, "bucketNamespace") === "account-regional" &&
        text(inputs, "bucket")?.endsWith(ending) !== true
        ? `The bucket name must end with ${ending} in the account regional namespace.`
        : undefined;
    },
  },
  mustExist({
    id: "bucket-exists",
    what: "A bucket's configuration is put on a bucket that exists.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    errorCode: "NoSuchBucket",
    status: 404,
    types: configurations,
    paths: ["bucket"],
    found: ({ cloud }, name) => cloud.find(types.bucket, name) !== undefined,
    message: () => "The specified bucket does not exist",
  }),
  mustExist({
    id: "bucket-region",
    what: "A bucket's configuration is put in the bucket's own region.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html",
    errorCode: "PermanentRedirect",
    status: 301,
    types: configurations,
    paths: ["bucket"],
    found: ({ cloud, scope }, name) => cloud.find(types.bucket, name, scope) !== undefined,
    message: () =>
      "The bucket you are attempting to access must be addressed using the specified endpoint.",
  }),
  {
    id: "bucket-configuration-once",
    what: "A bucket has one configuration of a kind. S3 would overwrite the first; two owners differ for ever, so it is refused here.",
    source: "pulumi/pulumi-aws sdk/nodejs/s3/bucketReplicationConfig.ts",
    errorCode: "OperationAborted",
    status: 409,
    types: configurations,
    on: ["create"],
    check: (call) =>
      others(call, call.type.token).some(
        ({ state }) => text(state, "bucket") === text(call.inputs, "bucket"),
      )
        ? "A conflicting conditional operation is currently in progress against this resource."
        : undefined,
  },
  {
    id: "bucket-not-empty",
    what: "A bucket with objects is not deleted, unless forceDestroy empties it.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html",
    errorCode: "BucketNotEmpty",
    status: 409,
    types: [types.bucket],
    on: ["delete"],
    check: ({ cloud, thing }) =>
      thing !== undefined &&
      cloud.objects(thing.id).length > 0 &&
      !flag(thing.state, "forceDestroy")
        ? "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        : undefined,
  },
  {
    id: "replication-source-versioned",
    what: "Replication needs versioning on the source bucket.",
    source: replication,
    errorCode: "InvalidRequest",
    call: "S3: PutBucketReplication",
    types: [types.bucketReplication],
    on: ["create", "update"],
    check: (call) =>
      isVersioned(call, text(call.inputs, "bucket") ?? "")
        ? undefined
        : "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
  },
  {
    id: "replication-destination-exists",
    what: "Replication needs a destination bucket that exists.",
    source: replication,
    errorCode: "InvalidRequest",
    call: "S3: PutBucketReplication",
    types: [types.bucketReplication],
    on: ["create", "update"],
    check: (call) =>
      destinations(call).every((name) => call.cloud.find(types.bucket, name) !== undefined)
        ? undefined
        : "Destination bucket must exist.",
  },
  {
    id: "replication-destination-versioned",
    what: "Replication needs versioning on the destination bucket.",
    source: replication,
    errorCode: "InvalidRequest",
    call: "S3: PutBucketReplication",
    types: [types.bucketReplication],
    on: ["create", "update"],
    check: (call) =>
      destinations(call).every((name) => isVersioned(call, name))
        ? undefined
        : "Destination bucket must have versioning enabled.",
  },
  {
    id: "replication-priorities",
    what: "Replication rules of one bucket have different priorities.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html",
    errorCode: "InvalidRequest",
    call: "S3: PutBucketReplication",
    types: [types.bucketReplication],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const priorities = list(inputs, "rules").map((rule) => number(rule, "priority") ?? 0);
      return new Set(priorities).size === priorities.length
        ? undefined
        : "Found duplicate priority. Priority must be unique between rules";
    },
  },
  {
    id: "replication-delete-markers",
    what: "A replication rule with a filter says what happens with delete markers.",
    source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html",
    errorCode: "InvalidRequest",
    call: "S3: PutBucketReplication",
    types: [types.bucketReplication],
    on: ["create", "update"],
    check: ({ inputs }) =>
      list(inputs, "rules").some(
        (rule) =>
          at(rule, "filter") !== undefined &&
          text(map(rule, "deleteMarkerReplication"), "status") === undefined,
      )
        ? "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema."
        : undefined,
  },
  {
    id: "versioning-under-replication",
    what: "Versioning is not suspended while the bucket is replicated.",
    source:
      "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-and-other-bucket-configs.html",
    errorCode: "InvalidBucketState",
    status: 409,
    call: "S3: PutBucketVersioning",
    types: [types.bucketVersioning],
    on: ["update", "delete"],
    check: (call) =>
      (call.op === "delete" || text(call.inputs, "versioningConfiguration.status") !== "Enabled") &&
      others(call, types.bucketReplication).some(
        ({ state }) => text(state, "bucket") === text(call.inputs, "bucket"),
      )
        ? "A replication configuration is present on this bucket, so the versioning state cannot be changed."
        : undefined,
  },
];
