import { recordingsBucketName } from "../components/shared/names.ts";
import type { StackConfig } from "../infra/config.ts";
import * as z from "zod";
import type { Aws } from "./aws.ts";
import { copiesOf } from "./region-facts.ts";

/** What is in a region's recordings bucket before it is removed. */
export interface RecordingsLeft {
  readonly bucket: string;
  /** Recordings that can be watched. */
  readonly objects: number;
  /** Keys of those that no home has a copy of. */
  readonly notCopied: readonly string[];
  /** Those that at least one home has no copy of. */
  readonly behind: readonly RecordingObject[];
}

const objectsSchema = z
  .object({
    Contents: z
      .array(z.object({ Key: z.string(), Size: z.number(), LastModified: z.string().optional() }))
      .default([]),
  })
  .optional()
  .transform((answer) => answer?.Contents ?? []);

/** An object of a bucket, as S3 lists it. */
export interface RecordingObject {
  readonly Key: string;
  readonly Size: number;
  readonly LastModified?: string | undefined;
}

/** All that a region's bucket lists. @throws Error where AWS does not say */
export async function listRecordings(
  aws: Aws,
  project: string,
  account: string,
  awsRegion: string,
): Promise<{ readonly bucket: string; readonly objects: readonly RecordingObject[] }> {
  const bucket = recordingsBucketName(project, account, awsRegion);
  // The CLI itself follows the pages.
  const answer = await aws.call(awsRegion, ["s3api", "list-objects-v2", "--bucket", bucket]);
  return { bucket, objects: objectsSchema.parse(answer) };
}

/**
 * Compares the region's bucket with those of its homes, by key and size: what a home lists, it has.
 * @throws Error where AWS does not say
 */
export async function recordingsLeft(
  aws: Aws,
  project: string,
  account: string,
  region: StackConfig,
): Promise<RecordingsLeft> {
  const list = (awsRegion: string) => listRecordings(aws, project, account, awsRegion);
  const own = await list(region.awsRegion);
  const homes: ReadonlySet<string>[] = [];
  for (const home of own.objects.length === 0 ? [] : copiesOf(region)) {
    const { objects } = await list(home.awsRegion);
    homes.push(new Set(objects.map(nameOf)));
  }
  const has = (object: RecordingObject) => (home: ReadonlySet<string>) => home.has(nameOf(object));
  return {
    bucket: own.bucket,
    objects: own.objects.length,
    notCopied: own.objects.filter((it) => !homes.some(has(it))).map(({ Key }) => Key),
    behind: own.objects.filter((it) => !homes.every(has(it))),
  };
}

/** What tells one object from another in two buckets that are compared. */
export function nameOf({ Key, Size }: RecordingObject): string {
  return `${Size} ${Key}`;
}

const versionsSchema = z
  .object({
    Versions: z.array(z.object({ Key: z.string(), VersionId: z.string() })).default([]),
    DeleteMarkers: z.array(z.object({ Key: z.string(), VersionId: z.string() })).default([]),
  })
  .optional()
  .transform((answer) => [...(answer?.Versions ?? []), ...(answer?.DeleteMarkers ?? [])]);

const deletedSchema = z
  .object({
    Errors: z.array(z.object({ Key: z.string().optional(), Code: z.string() })).default([]),
  })
  .optional();

/** Objects of one call: the API takes 1000, but the system limits an argument to 128 KiB. */
const MOST_PER_CALL = 100;

/**
 * Deletes every version in a bucket. Deleting a version is not copied to the homes (Amazon S3 user guide,
 * replication-what-is-isnt-replicated): their copies stay.
 */
export async function emptyBucket(
  aws: Aws,
  awsRegion: string,
  bucket: string,
  say: (text: string) => void,
): Promise<void> {
  const answer = await aws.call(awsRegion, ["s3api", "list-object-versions", "--bucket", bucket]);
  const versions = versionsSchema.parse(answer);
  for (let from = 0; from < versions.length; from += MOST_PER_CALL) {
    const part = versions.slice(from, from + MOST_PER_CALL);
    const body = JSON.stringify({ Objects: part, Quiet: true });
    const deleted = await aws.call(awsRegion, [
      ...["s3api", "delete-objects", "--bucket", bucket, "--delete", body],
    ]);
    const [fault] = deletedSchema.parse(deleted)?.Errors ?? [];
    if (fault !== undefined) {
      throw new Error(`Bucket "${bucket}": ${fault.Key ?? "an object"} stays (${fault.Code}).`);
    }
    say(
      `${bucket}: ${Math.min(from + MOST_PER_CALL, versions.length)} of ${versions.length} deleted`,
    );
  }
}
