import { policy } from "../shared/iam.ts";

/**
 * What S3 needs to replicate one bucket, and no more (Amazon S3 User Guide, setting-repl-config-perm-overview): read the
 * configuration and list the source, read object versions there, write replicas in the destinations. Nothing is
 * needed for KMS, because every bucket is encrypted with S3's own keys.
 */
export function replicationPolicy(
  sourceBucketArn: string,
  destinationBucketArns: readonly string[],
): string {
  return policy(
    {
      Sid: "ReadSourceBucket",
      Effect: "Allow",
      Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
      Resource: sourceBucketArn,
    },
    {
      Sid: "ReadSourceObjects",
      Effect: "Allow",
      Action: [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
      ],
      Resource: `${sourceBucketArn}/*`,
    },
    {
      Sid: "WriteReplicas",
      Effect: "Allow",
      Action: ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
      Resource: destinationBucketArns.map((arn) => `${arn}/*`),
    },
  );
}

/**
 * What S3 Batch Replication needs of one bucket where it makes the list of objects itself and keeps neither that nor a
 * report (Amazon S3 User Guide, s3-batch-replication-policies). The copying itself is done by the role of the rule.
 */
export function backfillPolicy(sourceBucketArn: string): string {
  return policy(
    {
      Sid: "ReplicateWhatIsThere",
      Effect: "Allow",
      Action: "s3:InitiateReplication",
      Resource: `${sourceBucketArn}/*`,
    },
    {
      Sid: "ListWhatIsThere",
      Effect: "Allow",
      Action: ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
      Resource: sourceBucketArn,
    },
  );
}

/** Refuses every request to a bucket that is not over TLS 1.2 or newer, also from this account's administrators. */
export function tlsOnlyPolicy(bucketArn: string): string {
  const everything = {
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, `${bucketArn}/*`],
  } as const;
  return policy(
    {
      Sid: "DenyPlainHttp",
      ...everything,
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
    {
      Sid: "DenyOldTls",
      ...everything,
      Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
    },
  );
}
