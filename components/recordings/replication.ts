import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { serviceTrust } from "../shared/iam.ts";
import { named, type Tags } from "../shared/tags.ts";
import { backfillPolicy, replicationPolicy } from "./replication-policy.ts";

/** Part of every URN beneath it: never change without an alias. */
export const RECORDINGS_REPLICATION_TYPE = "meet:data:RecordingsReplication";

/** A home's bucket. Plain: names are computed, never looked up. */
export interface RecordingsDestination {
  /** The home's stack; names the rule. */
  readonly id: string;
  readonly bucketName: string;
  readonly bucketArn: string;
}

export interface RecordingsReplicationArgs {
  readonly sourceBucket: string;
  readonly sourceBucketArn: string;
  /** AWS region of the source bucket, which may be another than this stack's. */
  readonly sourceRegion: string;
  /** At least one; plain, because it decides the rules. */
  readonly destinations: readonly RecordingsDestination[];
  /** IAM is global: the name carries the stack and the source. */
  readonly roleName: string;
  /** The same for the role of S3 Batch Replication, which `fleet recordings backfill` passes to it. */
  readonly backfillRoleName: string;
  /**
   * Versioning of those of the buckets that this stack owns. S3 refuses a configuration whose source or destination is
   * not versioned yet, and the provider does not retry the latter.
   */
  readonly versioning: readonly pulumi.Resource[];
  readonly tags: Tags;
}

/**
 * Everything recorded into one bucket is copied to the homes' buckets, so that either home has all recordings.
 * Creates the role, its policy, the role of a backfill and the bucket's one replication configuration: S3 has one per bucket, and two
 * resources for it would overwrite each other for ever.
 *
 * A replica is never replicated again, so every bucket replicates to every home itself. Only what is written after
 * the rule exists is copied (Batch Replication does the rest). Deleting by key is copied; deleting a version and expiry
 * are not, which is why every bucket has the same lifecycle. Cost driver: traffic between regions.
 */
export class RecordingsReplication extends pulumi.ComponentResource {
  readonly roleArn: pulumi.Output<string>;

  constructor(
    name: string,
    args: RecordingsReplicationArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(RECORDINGS_REPLICATION_TYPE, name, {}, opts);
    validate(this, name, args);
    const role = new aws.iam.Role(
      name,
      {
        name: args.roleName,
        assumeRolePolicy: serviceTrust("s3.amazonaws.com"),
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    const rolePolicy = new aws.iam.RolePolicy(
      name,
      {
        role: role.name,
        policy: replicationPolicy(
          args.sourceBucketArn,
          args.destinations.map((destination) => destination.bucketArn),
        ),
      },
      { parent: this },
    );
    new aws.s3.BucketReplicationConfig(
      name,
      {
        region: args.sourceRegion,
        bucket: args.sourceBucket,
        role: role.arn,
        rules: replicationRules(args.destinations),
      },
      // Without the policy the first recordings fail for good: S3 does not retry a replication that was denied.
      { parent: this, dependsOn: [rolePolicy, ...args.versioning] },
    );
    this.backfillRole(name, args);
    this.roleArn = role.arn;
    this.registerOutputs({ roleArn: this.roleArn });
  }

  /** Made beforehand, because whoever backfills should not need to make roles. It copies nothing by itself. */
  private backfillRole(name: string, args: RecordingsReplicationArgs): void {
    const role = new aws.iam.Role(
      `${name}-backfill`,
      {
        name: args.backfillRoleName,
        assumeRolePolicy: serviceTrust("batchoperations.s3.amazonaws.com"),
        tags: named(args.tags, `${name}-backfill`),
      },
      { parent: this },
    );
    new aws.iam.RolePolicy(
      `${name}-backfill`,
      { role: role.name, policy: backfillPolicy(args.sourceBucketArn) },
      { parent: this },
    );
  }
}

/** One rule per home, in the order of their names, so that priorities do not depend on the order of the arguments. */
export function replicationRules(
  destinations: readonly RecordingsDestination[],
): aws.types.input.s3.BucketReplicationConfigRule[] {
  return [...destinations]
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .map((destination, index) => ({
      id: `to-${destination.id}`,
      priority: index + 1,
      status: "Enabled",
      filter: { prefix: "" },
      deleteMarkerReplication: { status: "Enabled" },
      // Tags that a home sets on a replica flow back to the original.
      sourceSelectionCriteria: { replicaModifications: { status: "Enabled" } },
      destination: {
        bucket: destination.bucketArn,
        // Backlog and failures as CloudWatch metrics. No replication time control: it costs $0.015 per GB for a
        // promise of 15 minutes, and downloads find the object where it was recorded until it has arrived.
        metrics: { status: "Enabled" },
      },
    }));
}

function validate(resource: pulumi.Resource, name: string, args: RecordingsReplicationArgs): void {
  const faults = new Faults("RecordingsReplication", name);
  faults.when(
    args.destinations.length === 0,
    "there is no destination. Leave the replication out, or name a home.",
  );
  faults.when(
    !args.sourceBucketArn.endsWith(`:${args.sourceBucket}`),
    `sourceBucketArn "${args.sourceBucketArn}" is not the ARN of "${args.sourceBucket}". Pass name and ARN of the same bucket.`,
  );
  for (const key of ["roleName", "backfillRoleName"] as const) {
    faults.when(
      args[key].length > 64,
      `${key} "${args[key]}" has ${args[key].length} characters, IAM allows 64. Shorten it.`,
    );
  }
  for (const [index, { id, bucketName, bucketArn }] of args.destinations.entries()) {
    faults.when(
      args.destinations.findIndex((other) => other.id === id) < index,
      `two destinations are called "${id}". Name each home once.`,
    );
    faults.when(
      bucketName === args.sourceBucket,
      `destination "${id}" is the source bucket itself. Leave it out.`,
    );
    faults.when(
      !bucketArn.endsWith(`:${bucketName}`),
      `destination "${id}" has ARN "${bucketArn}", which is not that of "${bucketName}". Pass name and ARN of the same bucket.`,
    );
  }
  faults.throwIfAny(resource);
}
