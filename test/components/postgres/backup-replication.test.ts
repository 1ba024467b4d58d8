import { describe, expect, it } from "vitest";
import {
  BACKUP_REPLICATION_TYPE,
  BackupReplication,
  type BackupReplicationArgs,
} from "../../../components/postgres/backup-replication.ts";
import {
  BACKUP_DESTINATIONS,
  replicatesBackups,
} from "../../../components/postgres/backup-regions.ts";
import { record, value } from "../../support/record.ts";

const ARGS: BackupReplicationArgs = {
  sourceArn: "arn:aws:rds:eu-west-3:123456789012:db:meet-eu-1",
  sourceRegion: "eu-west-3",
  awsRegion: "us-east-1",
  retentionDays: 14,
  tags: { "meet:stack": "us" },
};

const REPLICATION =
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

describe("BackupReplication", () => {
  it("makes a key and the replication in its own region", async () => {
    const recording = await record(() => new BackupReplication("backups", ARGS));
    expect(recording.all.map(({ type, name }) => `${type} ${name}`)).toEqual([
      `${BACKUP_REPLICATION_TYPE} backups`,
      "aws:kms/key:Key backups-key",
      `${REPLICATION} backups`,
    ]);
    const key = recording.one("aws:kms/key:Key");
    expect(key.inputs).toEqual({
      description: "Copies of the backups of Meet's database in eu-west-3",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      tags: { "meet:stack": "us", Name: "backups-key" },
    });
    expect(recording.one(REPLICATION).inputs).toEqual({
      region: "us-east-1",
      sourceDbInstanceArn: "arn:aws:rds:eu-west-3:123456789012:db:meet-eu-1",
      kmsKeyId: await value(recording.result.keyArn),
      retentionPeriod: 14,
    });
  });

  it("can be removed by a promotion, and leaves the key that reads the copies", async () => {
    const recording = await record(() => new BackupReplication("backups", ARGS));
    const key = recording.one("aws:kms/key:Key");
    expect(key.retainOnDelete).toBe(true);
    expect(recording.all.map(({ protect }) => protect)).toEqual([false, false, false]);
  });

  it("stops before it starts anew, because a source has one replication per region", async () => {
    const recording = await record(() => new BackupReplication("backups", ARGS));
    expect(recording.one(REPLICATION).deleteBeforeReplace).toBe(true);
  });

  it("takes an unknown pair that somebody has checked", async () => {
    const recording = await record(
      () =>
        new BackupReplication("backups", {
          ...ARGS,
          awsRegion: "us-west-2",
          pairChecked: "describe-source-regions, 2026-11-20",
        }),
    );
    expect(recording.one(REPLICATION).inputs["region"]).toBe("us-west-2");
  });

  it.each<[Partial<BackupReplicationArgs>, string]>([
    [
      { awsRegion: "us-west-2" },
      "RDS is not known to replicate backups from eu-west-3 to us-west-2, only to eu-central-1, eu-west-1, eu-west-2, eu-north-1, us-east-1. Ask aws rds describe-source-regions --region us-west-2 and pass pairChecked, or put the standby elsewhere.",
    ],
    [
      { sourceRegion: "me-south-1", sourceArn: "arn:aws:rds:me-south-1:123456789012:db:m" },
      "RDS is not known to replicate backups from me-south-1 to us-east-1, only to no region.",
    ],
    [
      { awsRegion: "eu-west-3" },
      "source and destination are both eu-west-3. Put the standby in another region.",
    ],
    [
      { sourceArn: "arn:aws:rds:eu-west-1:123456789012:db:meet-eu-1" },
      'sourceArn "arn:aws:rds:eu-west-1:123456789012:db:meet-eu-1" is not in eu-west-3. Pass the ARN of the primary\'s instance.',
    ],
    [
      { retentionDays: 36 },
      "retentionDays 36 is not between 1 and 35. Use the primary's backup retention.",
    ],
    [{ retentionDays: 0 }, "retentionDays 0 is not between 1 and 35."],
  ])("refuses %j", async (wrong, sentence) => {
    await expect(
      record(() => new BackupReplication("backups", { ...ARGS, ...wrong })),
    ).rejects.toThrow(`BackupReplication "backups": ${sentence}`);
  });
});

describe("the table of backup regions", () => {
  it("has the pairs of the guide's 17 source regions of the commercial partition", () => {
    const pairs = Object.values(BACKUP_DESTINATIONS).flat();
    expect(Object.keys(BACKUP_DESTINATIONS)).toHaveLength(17);
    expect(pairs).toHaveLength(108);
  });

  it.each(Object.entries(BACKUP_DESTINATIONS))(
    "names destinations of %s that are regions, once each, and not itself",
    (source, destinations) => {
      expect(new Set(destinations).size).toBe(destinations.length);
      for (const destination of destinations) {
        expect(destination).not.toBe(source);
        expect(Object.keys(BACKUP_DESTINATIONS)).toContain(destination);
      }
    },
  );

  it.each([
    ["eu-west-3", "us-east-1", true],
    ["us-east-1", "eu-west-3", true],
    ["eu-west-3", "us-west-2", false],
    ["us-east-2", "eu-west-3", false],
    ["mars-north-1", "us-east-1", false],
  ])("says of %s to %s: %s", (source, destination, known) => {
    expect(replicatesBackups(source, destination)).toBe(known);
  });
});
