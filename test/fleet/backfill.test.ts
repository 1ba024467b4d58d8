import { describe, expect, it } from "vitest";
import type { Aws } from "../../fleet/aws.ts";
import { backfill } from "../../fleet/commands/recordings.ts";
import { EXIT } from "../../fleet/exit.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { checkedFleet, regionOf, stackFileName } from "../../fleet/stack-files.ts";
import { FIRST_MAKES, mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { fakeWorld, type FakeOptions } from "./support/fake-world.ts";

interface Job {
  readonly JobId: string;
  readonly Description: string;
  Status: string;
  ProgressSummary: Record<string, number>;
}

const ACCOUNT = "123456789012";

/** What a bucket has: keys of a gigabyte each, and what became of their replication. */
type Bucket = Map<string, string>;

/** S3 and S3 Control as the CLI answers for them. A job copies what its filter matches to where its bucket's rules go. */
class FakeS3 implements Aws {
  /** By AWS region. */
  private readonly buckets: Map<string, Bucket>;
  /** AWS regions that a bucket's rules copy to: its own is never one. */
  private readonly homes: readonly string[];
  readonly jobs: Job[] = [];
  readonly created: Record<string, string>[] = [];
  /** Called when a job is looked at. */
  onLook: (job: Job) => void = (job) => {
    this.complete(job);
  };
  /** Why a command is not answered. */
  refuse: (what: string) => Error | undefined = () => undefined;
  loseAnswer = false;
  private readonly tokens = new Map<string, string>();
  private readonly filters = new Map<string, { bucket: string; statuses: readonly string[] }>();

  /** @param objects by AWS region: keys with the status of their replication */
  constructor(
    objects: Record<string, Readonly<Record<string, string>>>,
    homes = ["eu-west-3", "us-east-1"],
  ) {
    this.homes = homes;
    this.buckets = new Map(
      Object.entries(objects).map(([region, statuses]) => [
        region,
        new Map(Object.entries(statuses)),
      ]),
    );
    for (const home of homes) {
      if (!this.buckets.has(home)) {
        this.buckets.set(home, new Map());
      }
    }
  }

  /** What an AWS region's bucket has, in order. */
  keys(region: string): readonly string[] {
    return [...(this.buckets.get(region) ?? [])].map(([key]) => key).sort();
  }

  /** Copies what the job's filter matches, and ends it. */
  complete(job: Job): void {
    const { bucket = "", statuses = [] } = this.filters.get(job.JobId) ?? {};
    const region = bucket.replace(`meet-recordings-${ACCOUNT}-`, "").replace(/-an$/, "");
    const source = this.buckets.get(region) ?? new Map<string, string>();
    const matched = [...source].filter(([, status]) => statuses.includes(status));
    for (const [key, status] of matched) {
      for (const home of this.homes.filter((it) => it !== region)) {
        const there = this.buckets.get(home);
        there?.set(key, there.get(key) ?? "REPLICA");
      }
      source.set(key, status === "REPLICA" ? status : "COMPLETED");
    }
    job.Status = "Complete";
    job.ProgressSummary = {
      TotalNumberOfTasks: matched.length,
      NumberOfTasksSucceeded: matched.length,
    };
  }

  call(region: string | undefined, args: readonly string[]): Promise<unknown> {
    const [, what = ""] = args;
    const option = (name: string): string => args[args.indexOf(name) + 1] ?? "";
    const refusal = this.refuse(what);
    if (refusal !== undefined) {
      return Promise.reject(refusal);
    }
    if (what === "get-caller-identity") {
      return Promise.resolve({ Account: ACCOUNT });
    }
    if (what === "list-objects-v2") {
      const keys = this.keys(region ?? "");
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
      const { SourceBucket, Filter } = (
        JSON.parse(option("--manifest-generator")) as {
          S3JobManifestGenerator: {
            SourceBucket: string;
            Filter: { ObjectReplicationStatuses: string[] };
          };
        }
      ).S3JobManifestGenerator;
      this.filters.set(JobId, {
        bucket: SourceBucket.replace("arn:aws:s3:::", ""),
        statuses: Filter.ObjectReplicationStatuses,
      });
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
const C = "recordings/c.mp4";
const D = "recordings/d.mp4";

/** Keys that no rule has seen. */
function fresh(...keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, "NONE"]));
}

function worldOf(aws: Aws, options: FakeOptions = {}) {
  return fakeWorld({ files: files(), aws, yes: true, ...options });
}

describe("fleet recordings backfill", () => {
  it("says what would be copied, and does nothing with --dry-run", async () => {
    const s3 = new FakeS3({
      "ap-northeast-1": fresh(A, B),
      "eu-west-3": fresh(A, B),
      "us-east-1": fresh(A),
    });
    const { world, result } = worldOf(s3);
    expect(await backfill(world, ["ap"], { dryRun: true })).toBe(EXIT.done);
    expect(result().text).toBe(
      "ap: 2 recordings, 1 are not in us (1.0 GB); S3 looks at those whose replication is NONE, FAILED, COMPLETED, REPLICA",
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
    const s3 = new FakeS3({ "ap-northeast-1": fresh(A, B) });
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
        Filter: {
          EligibleForReplication: true,
          ObjectReplicationStatuses: ["NONE", "FAILED", "COMPLETED", "REPLICA"],
        },
      },
    });
    expect(JSON.parse(made?.["--operation"] ?? "")).toEqual({ S3ReplicateObject: {} });
    expect([s3.keys("eu-west-3"), s3.keys("us-east-1")]).toEqual([
      [A, B],
      [A, B],
    ]);
  });

  it("brings a new standby what the primary had copied to the one before, and replicas of lost regions", async () => {
    const de = mediaRegionFile("eu-central-1", "10.52.0.0/16");
    const us = mediaRegionFile("us-east-1", "10.44.0.0/16");
    const replaced = files()
      .set("Pulumi.us.yaml", `${us}  meet:residency: eu-us\n`)
      .set(
        "Pulumi.de.yaml",
        `${de}  meet:role: standby\n  meet:residency: eu-us\n  meet:size: medium\n`,
      );
    const s3 = new FakeS3(
      {
        "eu-west-3": { [A]: "COMPLETED", [B]: "REPLICA", [C]: "FAILED" },
        "us-east-1": { [A]: "REPLICA", [D]: "COMPLETED" },
      },
      ["eu-west-3", "eu-central-1"],
    );
    const { world, result } = worldOf(s3, { files: replaced });
    expect(await backfill(world, ["eu"], { dryRun: false })).toBe(EXIT.done);
    expect(result().text).toBe("eu: job job-1 is Complete: 3 of 3 copied, 0 failed");
    const [made] = s3.created;
    expect(made?.["--role-arn"]).toBe(`arn:aws:iam::${ACCOUNT}:role/meet-de-primary-backfill`);
    expect(s3.keys("eu-central-1")).toEqual([A, B, C]);
    const second = worldOf(s3, { files: replaced });
    expect(await backfill(second.world, ["us"], { dryRun: false })).toBe(EXIT.done);
    expect(s3.keys("eu-central-1")).toEqual([A, B, C, D]);
  });

  it("ends with 3 when the job is Complete and a home still lacks something", async () => {
    const s3 = new FakeS3({ "eu-west-3": { [A]: "NONE", [B]: "PENDING" } });
    const first = worldOf(s3);
    expect(await backfill(first.world, ["eu"], { dryRun: false })).toBe(EXIT.notFinished);
    expect(s3.keys("us-east-1")).toEqual([A]);
    expect(first.result().text).toMatch(
      /^eu: job job-1 is Complete: 1 of 1 copied, 0 failed\neu: the job is over, and still 1 are not in us \(1\.0 GB\)\. What was .* again in a quarter of an hour\./,
    );
    expect(first.result().json).toMatchObject({
      regions: [{ region: "eu", missingAfter: { us: { objects: 1, bytes: 1e9 } } }],
    });
  });

  it("ends with 3 when what the homes have after the job is not known", async () => {
    const s3 = new FakeS3({ "eu-west-3": fresh(A) });
    s3.refuse = (what) =>
      what === "list-objects-v2" && s3.jobs[0]?.Status === "Complete"
        ? new Error("SlowDown")
        : undefined;
    const { world, result } = worldOf(s3);
    expect(await backfill(world, ["eu"], { dryRun: false })).toBe(EXIT.notFinished);
    expect(result().text).toContain(
      "eu: whether its homes have everything now is not known (SlowDown). Run fleet recordings backfill eu --dry-run.",
    );
  });

  it("starts nothing where nothing is missing, and goes through all regions", async () => {
    const s3 = new FakeS3({
      "ap-northeast-1": fresh(A),
      "eu-west-3": fresh(A),
      "us-east-1": fresh(A),
    });
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
    const s3 = new FakeS3({ "ap-northeast-1": fresh(A) });
    const { world, asked } = worldOf(s3, { yes: false, answers: ["no"] });
    await expect(backfill(world, ["ap"], { dryRun: false })).rejects.toThrow('"no" is not yes');
    expect(asked.join()).toContain("charged by the gigabyte");
    expect(s3.jobs).toEqual([]);
  });

  it("follows a job that is under way, and ends with 3 when interrupted", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": fresh(A) });
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
      s3.complete(job);
    };
    const second = worldOf(s3);
    expect(await backfill(second.world, ["ap"], { dryRun: false })).toBe(EXIT.done);
    expect(second.said).toContain("ap: goes on with job job-1");
    expect(s3.jobs).toHaveLength(1);
  });

  it("makes no second job when the answer to the first was lost, and a new one after it failed", async () => {
    const s3 = new FakeS3({ "ap-northeast-1": fresh(A) });
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
    for (const [stack, text] of promotedFiles(fleet, regionOf(fleet, "us"), FIRST_MAKES)) {
      promoted.set(stackFileName(stack), text);
    }
    const s3 = new FakeS3({ "eu-west-3": fresh(A), "ap-northeast-1": fresh(B) });
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
