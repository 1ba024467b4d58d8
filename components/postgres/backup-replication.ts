import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { named, type Tags } from "../shared/tags.ts";
import { BACKUP_DESTINATIONS, replicatesBackups } from "./backup-regions.ts";

/** Part of every URN beneath it: never change without an alias. */
export const BACKUP_REPLICATION_TYPE = "meet:data:BackupReplication";

export interface BackupReplicationArgs {
  /** ARN of the primary's instance. Plain: computed, so that no other stack is read. */
  readonly sourceArn: string;
  /** The primary's AWS region. */
  readonly sourceRegion: string;
  /** Where the copies go: the region of the stack that makes this. */
  readonly awsRegion: string;
  /**
   * Who found, and when, that RDS replicates between these regions, for a pair that backup-regions.ts does not know.
   * @default only known pairs
   */
  readonly pairChecked?: string;
  /** Days the copies reach back, 1 to 35. */
  readonly retentionDays: number;
  readonly tags: Tags;
}

/**
 * Copies of the primary's automated backups in the standby's region, so that point-in-time recovery survives the loss
 * of the primary's region, and also what a replica copies at once: a deleted table.
 * Creates a KMS key in this region and the replication. Owned by the standby's stack, so the primary deploys without
 * it, and removed when the standby is promoted; the copies made until then stay. Cost driver: the traffic between the regions and the storage of one more set of backups.
 */
export class BackupReplication extends pulumi.ComponentResource {
  readonly keyArn: pulumi.Output<string>;

  constructor(name: string, args: BackupReplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BACKUP_REPLICATION_TYPE, name, {}, opts);
    validate(this, name, args);
    const key = new aws.kms.Key(
      `${name}-key`,
      {
        description: `Copies of the backups of Meet's database in ${args.sourceRegion}`,
        enableKeyRotation: true,
        deletionWindowInDays: 30,
        tags: named(args.tags, `${name}-key`),
      },
      // Copies outlive the replication, for as long as their retention says, and are unreadable without the key.
      // Not `protect`: a promotion removes this component, and must not be refused.
      { parent: this, retainOnDelete: true },
    );
    new aws.rds.InstanceAutomatedBackupsReplication(
      name,
      {
        // The API is called in the destination's region (StartDBInstanceAutomatedBackupsReplication).
        region: args.awsRegion,
        sourceDbInstanceArn: args.sourceArn,
        kmsKeyId: key.arn,
        retentionPeriod: args.retentionDays,
      },
      // Any change replaces it, also of the retention, and a source has one replication per region.
      { parent: this, deleteBeforeReplace: true },
    );
    this.keyArn = key.arn;
    this.registerOutputs({ keyArn: this.keyArn });
  }
}

function validate(resource: pulumi.Resource, name: string, args: BackupReplicationArgs): void {
  const { sourceRegion, awsRegion, retentionDays } = args;
  const possible = BACKUP_DESTINATIONS[sourceRegion] ?? [];
  const faults = new Faults("BackupReplication", name);
  faults.when(
    sourceRegion === awsRegion,
    `source and destination are both ${awsRegion}. Put the standby in another region.`,
  );
  faults.when(
    sourceRegion !== awsRegion &&
      args.pairChecked === undefined &&
      !replicatesBackups(sourceRegion, awsRegion),
    `RDS is not known to replicate backups from ${sourceRegion} to ${awsRegion}, only to ${possible.length === 0 ? "no region" : possible.join(", ")}. Ask aws rds describe-source-regions --region ${awsRegion} and pass pairChecked, or put the standby elsewhere.`,
  );
  faults.when(
    args.sourceArn.split(":")[3] !== sourceRegion,
    `sourceArn "${args.sourceArn}" is not in ${sourceRegion}. Pass the ARN of the primary's instance.`,
  );
  faults.when(
    !Number.isInteger(retentionDays) || retentionDays < 1 || retentionDays > 35,
    `retentionDays ${retentionDays} is not between 1 and 35. Use the primary's backup retention.`,
  );
  faults.throwIfAny(resource);
}
