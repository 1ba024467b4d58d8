import { createHash } from "node:crypto";
import * as z from "zod";
import { roleName } from "../components/shared/names.ts";
import type { StackConfig } from "../infra/config.ts";
import { replicationsOf } from "../infra/scope.ts";
import type { Aws } from "./aws.ts";
import { FleetError } from "./exit.ts";
import { listRecordings, nameOf, type RecordingObject } from "./recordings-left.ts";
import { copiesOf } from "./region-facts.ts";

/** What of a region's recordings its homes do not have. */
export interface BackfillPlan {
  readonly region: string;
  readonly awsRegion: string;
  readonly bucket: string;
  readonly objects: number;
  /** By home: how many recordings, and bytes, it has not. */
  readonly missing: Readonly<Record<string, { readonly objects: number; readonly bytes: number }>>;
  /** Tells this work from another: the same as long as the same is missing. */
  readonly fingerprint: string;
}

/** How far a job of S3 Batch Replication is. */
export interface BackfillJob {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** Where a job is, and what it works on. */
export interface BackfillPlace {
  readonly aws: Aws;
  readonly account: string;
  readonly project: string;
  /** All of the fleet's, by name. */
  readonly regions: ReadonlyMap<string, StackConfig>;
}

/**
 * Compares a region's bucket with each home's, by key and size.
 * @throws Error where AWS does not say
 */
export async function backfillPlan(
  { aws, project, account }: BackfillPlace,
  region: StackConfig,
): Promise<BackfillPlan> {
  const { bucket, objects } = await listRecordings(aws, project, account, region.awsRegion);
  const homes = copiesOf(region);
  const missing = new Map<string, readonly RecordingObject[]>();
  for (const home of objects.length === 0 ? [] : homes) {
    const there = await listRecordings(aws, project, account, home.awsRegion);
    const names = new Set(there.objects.map(nameOf));
    missing.set(
      home.stack,
      objects.filter((object) => !names.has(nameOf(object))),
    );
  }
  return {
    region: region.stack,
    awsRegion: region.awsRegion,
    bucket,
    objects: objects.length,
    missing: Object.fromEntries(
      [...missing].map(([home, left]) => [
        home,
        { objects: left.length, bytes: left.reduce((sum, { Size }) => sum + Size, 0) },
      ]),
    ),
    fingerprint: createHash("sha256")
      .update(
        JSON.stringify([bucket, [...missing].map(([home, left]) => [home, left.map(nameOf)])]),
      )
      .digest("hex"),
  };
}

/**
 * Which objects S3 is asked to copy, by what became of their replication so far: all but PENDING, which come by
 * themselves. An object that no rule has seen is NONE. One that was copied to a home that is no home any more is
 * COMPLETED, and one that came from a region that may be gone is a REPLICA: neither is ever copied to a new home without
 * being asked for (Amazon S3 user guide, s3-batch-replication-batch). S3 compares no buckets, so no home's contents tell
 * which of these can be left out.
 */
export const COPIED_STATUSES = ["NONE", "FAILED", "COMPLETED", "REPLICA"] as const;

const progressSchema = z
  .object({
    TotalNumberOfTasks: z.number().default(0),
    NumberOfTasksSucceeded: z.number().default(0),
    NumberOfTasksFailed: z.number().default(0),
  })
  .default({ TotalNumberOfTasks: 0, NumberOfTasksSucceeded: 0, NumberOfTasksFailed: 0 });

const jobSchema = z
  .object({
    JobId: z.string(),
    Status: z.string(),
    Description: z.string().optional(),
    CreationTime: z.union([z.string(), z.number()]).optional(),
    ProgressSummary: progressSchema,
  })
  .transform(({ JobId, Status, Description, ProgressSummary }) => ({
    description: Description ?? "",
    job: {
      id: JobId,
      status: Status,
      total: ProgressSummary.TotalNumberOfTasks,
      succeeded: ProgressSummary.NumberOfTasksSucceeded,
      failed: ProgressSummary.NumberOfTasksFailed,
    },
  }));

const jobsSchema = z.object({ Jobs: z.array(jobSchema).default([]) });

/** States in which a job does nothing more (Amazon S3 user guide, batch-ops-job-status). */
const ENDED = ["Complete", "Failed", "Cancelled"];

/** Whether a job does nothing more. */
export function hasEnded({ status }: BackfillJob): boolean {
  return ENDED.includes(status);
}

/** Jobs for a bucket, the newest first: found by what their description says. */
export async function jobsOf(
  { aws, account }: BackfillPlace,
  { awsRegion, bucket }: Pick<BackfillPlan, "awsRegion" | "bucket">,
): Promise<readonly BackfillJob[]> {
  const answer = await aws.call(awsRegion, ["s3control", "list-jobs", "--account-id", account]);
  return jobsSchema
    .parse(answer ?? {})
    .Jobs.filter(({ description }) => description === descriptionOf(bucket))
    .map(({ job }) => job);
}

/** One job. */
export async function jobNow(
  { aws, account }: BackfillPlace,
  awsRegion: string,
  id: string,
): Promise<BackfillJob> {
  const answer = await aws.call(awsRegion, [
    ...["s3control", "describe-job", "--account-id", account, "--job-id", id],
  ]);
  return z.object({ Job: jobSchema }).parse(answer).Job.job;
}

/**
 * Starts S3 Batch Replication over the bucket. The token makes a call that was answered into the void the same call
 * again, until a job for the same work has ended.
 */
export async function startJob(
  place: BackfillPlace,
  plan: BackfillPlan,
  region: StackConfig,
  before: BackfillJob | undefined,
): Promise<string> {
  const { aws, account } = place;
  const token = createHash("sha256")
    .update(`${plan.fingerprint} ${before?.id ?? "first"}`)
    .digest("hex");
  const generator = {
    S3JobManifestGenerator: {
      ExpectedBucketOwner: account,
      SourceBucket: `arn:aws:s3:::${plan.bucket}`,
      EnableManifestOutput: false,
      Filter: { EligibleForReplication: true, ObjectReplicationStatuses: COPIED_STATUSES },
    },
  };
  const answer = await aws.call(plan.awsRegion, [
    ...["s3control", "create-job", "--account-id", account],
    ...["--client-request-token", token.slice(0, 64)],
    ...["--description", descriptionOf(plan.bucket), "--no-confirmation-required"],
    ...["--operation", JSON.stringify({ S3ReplicateObject: {} })],
    ...["--manifest-generator", JSON.stringify(generator)],
    ...["--report", JSON.stringify({ Enabled: false })],
    ...["--priority", "10", "--role-arn", backfillRoleArn(place, region)],
  ]);
  return z.object({ JobId: z.string() }).parse(answer).JobId;
}

/**
 * The role of whichever stack makes the bucket's replication: its own, or that of the other home for a primary's and a
 * fenced region's bucket (docs/adr/0006-recordings-buckets.md; infra/scope.ts, replicationsOf).
 */
function backfillRoleArn(
  { project, account, regions }: BackfillPlace,
  region: StackConfig,
): string {
  const owner = [...regions.values()].find((each) =>
    replicationsOf(each).some(({ source }) => source.stack === region.stack),
  );
  if (owner === undefined) {
    throw new FleetError(
      `Region "${region.stack}": nothing copies its recordings. See meet:residency and meet:recordings.storage.`,
    );
  }
  const role = owner.stack === region.stack ? "backfill" : "primary-backfill";
  return `arn:aws:iam::${account}:role/${roleName(project, owner.stack, role)}`;
}

function descriptionOf(bucket: string): string {
  return `fleet recordings backfill of ${bucket}`;
}
