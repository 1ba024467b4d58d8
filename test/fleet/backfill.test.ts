import { describe, expect, it } from "vitest";
import type { Aws } from "../../fleet/aws.ts";
import { backfill } from "../../fleet/commands/recordings.ts";
import { EXIT } from "../../fleet/exit.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { checkedFleet, regionOf, stackFileName } from "../../fleet/stack-files.ts";
import { mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { fakeWorld, type FakeOptions } from "./support/fake-world.ts";

interface Job {
  readonly JobId: string;
  readonly Description: string;
  Status: string;
  ProgressSummary: Record<string, number>;
}

/** S3 and S3 Control as the CLI answers for them. */
class FakeS3 implements Aws {
  /** Objects by AWS region, each a key of one gigabyte. */
  readonly objects: Record<string, string[]>;
  readonly jobs: Job[] = [];
  readonly created: Record<string, string>[] = [];
  /** Called when a job is looked at. */
  onLook: (job: Job) => void = (job) => {
    job.Status = "Complete";
    job.ProgressSummary = { TotalNumberOfTasks: 2, NumberOfTasksSucceeded: 2 };
  };
  loseAnswer = false;
  private readonly tokens = new Map<string, string>();

  constructor(objects: Record<string, string[]>) {
    this.objects = objects;
  }

  call(region: string | undefined, args: readonly string[]): Promise<unknown> {
    const [, what = ""] = args;
    const option = (name: string): string => args[args.indexOf(name) + 1] ?? "";
    if (what === "get-caller-identity") {
      return Promise.resolve({ Account: "123456789012" });
    }
    if (what === "list-objects-v2") {
      const keys = this.objects[region ?? ""] ?? [];
      return Promise.resolve({ Contents: keys.map((Key) => ({ Key, Size: 1e9 })) });
    }
    if (what === "list-jobs") {
      return Promise.resolve({ Jobs: [...this.jobs].reverse() });
    }
    if (what === "describe-job") {
      const job = this.jobs.find(({ JobId }) => JobId === option("--job-id"));
      if (job !== undefined) {
        this.onLook(job);
      }
      return Promise.resolve({ Job: { ...job } });
    }
    return this.create(args, option);
  }

  private create(args: readonly string[], option: (name: string) => string): Promise<unknown> {
    expect(args.slice(0, 2)).toEqual(["s3control", "create-job"]);
    const token = option("--client-request-token");
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    const JobId = this.tokens.get(token) ?? `job-${this.jobs.length + 1}`;
    if (!this.tokens.has(token)) {
      this.tokens.set(token, JobId);
      const names = args.filter((word) => word.startsWith("--"));
      this.created.push(Object.fromEntries(names.map((name) => [name, option(name)])));
      this.jobs.push({
        JobId,
        Description: option("--description"),
        Status: "New",
        ProgressSummary: {},
      });
    }
    if (this.loseAnswer) {
      this.loseAnswer = false;
      return Promise.reject(new Error("AWS did not answer within 20 s"));
    }
    return Promise.resolve({ JobId });
  }
}

const files = () =>
  repositoryFiles().set(
    "Pulumi.ap.yaml",
    `${mediaRegionFile("ap-northeast-1", "10.48.0.0/16")}  meet:residency: eu-us\n`,
  );

const A = "recordings/a.mp4";
const B = "recordings/b.mp4";

function worldOf(aws: Aws, options: FakeOptions = {}) {
  return fakeWorld({ files: files(), aws, yes: true, ...options });
}

describe("fleet recordings backfill", () => {
  it("says what would be copied, and does nothing with --dry-run", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A, B], "eu-west-3": [A, B], "us-east-1": [A] });
    const { world, result } = worldOf(s3);
    expect(await backfill(world, ["ap"], { dryRun: true })).toBe(EXIT.done);
    expect(result().text).toBe(
      "ap: 2 recordings, 1 are not in us (1.0 GB); S3 looks at those whose replication is NONE, FAILED, COMPLETED",
    );
    expect(result().json).toMatchObject({
      regions: [
        {
          region: "ap",
          missing: { eu: { objects: 0 }, us: { objects: 1, bytes: 1e9 } },
          job: null,
        },
      ],
    });
    expect(s3.jobs).toEqual([]);
  });

  it("has S3 copy what no home has, by the role of the stack that owns the replication", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A, B] });
    const { world, result } = worldOf(s3);
    expect(await backfill(world, ["ap"], { dryRun: false })).toBe(EXIT.done);
    expect(result().text).toBe("ap: job job-1 is Complete: 2 of 2 copied, 0 failed");
    const [made] = s3.created;
    expect(made?.["--role-arn"]).toBe("arn:aws:iam::123456789012:role/meet-ap-backfill");
    expect(JSON.parse(made?.["--manifest-generator"] ?? "")).toEqual({
      S3JobManifestGenerator: {
        ExpectedBucketOwner: "123456789012",
        SourceBucket: "arn:aws:s3:::meet-recordings-123456789012-ap-northeast-1-an",
        EnableManifestOutput: false,
        Filter: { EligibleForReplication: true, ObjectReplicationStatuses: ["NONE", "FAILED"] },
      },
    });
    expect(JSON.parse(made?.["--operation"] ?? "")).toEqual({ S3ReplicateObject: {} });
  });

  it("copies the primary's to a new standby by that one's role, replicas of lost regions too", async () => {
    const s3 = new FakeS3({ "eu-west-3": [A] });
    await backfill(worldOf(s3).world, ["eu"], { dryRun: false });
    const [made] = s3.created;
    expect(made?.["--role-arn"]).toBe("arn:aws:iam::123456789012:role/meet-us-primary-backfill");
    expect(made?.["--manifest-generator"]).toContain('["NONE","FAILED","REPLICA"]');
  });

  it("starts nothing where nothing is missing, and goes through all regions", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A], "eu-west-3": [A], "us-east-1": [A] });
    const { world, result } = worldOf(s3);
    expect(await backfill(world, [], { dryRun: false })).toBe(EXIT.done);
    expect(result().text.split("\n")).toEqual([
      "eu: 1 recordings, all of them in its homes",
      "us: 1 recordings, all of them in its homes",
      "ap: 1 recordings, all of them in its homes",
    ]);
    expect(s3.jobs).toEqual([]);
  });

  it("asks before it costs anything", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A] });
    const { world, asked } = worldOf(s3, { yes: false, answers: ["no"] });
    await expect(backfill(world, ["ap"], { dryRun: false })).rejects.toThrow('"no" is not yes');
    expect(asked.join()).toContain("charged by the gigabyte");
    expect(s3.jobs).toEqual([]);
  });

  it("follows a job that is under way, and ends with 3 when interrupted", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A] });
    s3.onLook = (job) => {
      job.Status = "Active";
    };
    const first = worldOf(s3, {
      onSleep: () => {
        first.interrupt();
      },
    });
    expect(await backfill(first.world, ["ap"], { dryRun: false })).toBe(EXIT.notFinished);
    s3.onLook = (job) => {
      job.Status = "Complete";
    };
    const second = worldOf(s3);
    expect(await backfill(second.world, ["ap"], { dryRun: false })).toBe(EXIT.done);
    expect(second.said).toContain("ap: goes on with job job-1");
    expect(s3.jobs).toHaveLength(1);
  });

  it("makes no second job when the answer to the first was lost, and a new one after it failed", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": [A] });
    s3.loseAnswer = true;
    await expect(backfill(worldOf(s3).world, ["ap"], { dryRun: false })).rejects.toThrow(
      "AWS did not answer",
    );
    s3.onLook = (job) => {
      job.Status = "Complete";
      job.ProgressSummary = { TotalNumberOfTasks: 1, NumberOfTasksFailed: 1 };
    };
    expect(await backfill(worldOf(s3).world, ["ap"], { dryRun: false })).toBe(EXIT.failed);
    expect(s3.jobs).toHaveLength(1);
    await backfill(worldOf(s3).world, ["ap"], { dryRun: false });
    expect(s3.jobs.map(({ JobId }) => JobId)).toEqual(["job-1", "job-2"]);
  });

  it("leaves out a fenced region, which may not answer, and copies what it has when it is named", async () => {
    const fleet = { folder: "", project: "meet", ...checkedFleet(files()) };
    const promoted = new Map(fleet.files);
    for (const [stack, text] of promotedFiles(fleet, regionOf(fleet, "us"))) {
      promoted.set(stackFileName(stack), text);
    }
    const s3 = new FakeS3({ "eu-west-3": [A], "ap-northeast-1": [B] });
    const all = worldOf(s3, { files: promoted });
    expect(await backfill(all.world, [], { dryRun: false })).toBe(EXIT.done);
    expect(all.said).toContain(
      "eu: left out, it is fenced. When it answers, copy what it has: fleet recordings backfill eu.",
    );
    const named = worldOf(s3, { files: promoted });
    expect(await backfill(named.world, ["eu"], { dryRun: false })).toBe(EXIT.done);
    expect(s3.created.map((made) => made["--role-arn"])).toEqual([
      "arn:aws:iam::123456789012:role/meet-ap-backfill",
      "arn:aws:iam::123456789012:role/meet-us-primary-backfill",
    ]);
  });

  it("refuses a region whose recordings no home copies", async () => {
    const alone = files().set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));
    const { world } = worldOf(new FakeS3({}), { files: alone });
    await expect(backfill(world, ["ap"], { dryRun: true })).rejects.toThrow(
      'Region "ap": no home has copies of its recordings.',
    );
  });
});
