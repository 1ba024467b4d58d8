import { RECORDING_EXTENSIONS } from "../media-key.ts";
import type { Bucket } from "../storage/bucket.ts";
import type { BucketCalls } from "../storage/bucket-calls.ts";
import type { Buckets } from "../storage/buckets.ts";
import { S3Failed } from "../storage/s3-client.ts";

/** What was removed, and whether that was asked of every bucket. */
export interface Purged {
  readonly removed: number;
  readonly isEverywhere: boolean;
}

/**
 * Removes all versions of a recording from every bucket, the home last: a copy that is still on its way there comes
 * from a version that is gone by then. A bucket that does not answer keeps no other from its turn; a silent one takes
 * the time of one call. Doing it again does no harm.
 * @throws S3Failed that names the buckets that did not do it, when all have had their turn
 */
export async function purge(
  id: string,
  buckets: Buckets,
  calls: Pick<BucketCalls, "versions" | "remove">,
): Promise<Purged> {
  await buckets.refresh();
  const failures: string[] = [];
  const removeFrom = async (bucket: Bucket): Promise<number> => {
    try {
      return await purgeBucket(id, bucket, calls);
    } catch (error) {
      if (!(error instanceof S3Failed)) {
        throw error;
      }
      failures.push(`${bucket.name}: ${error.message}`);
      return 0;
    }
  };
  const elsewhere = await Promise.all(buckets.others().map(removeFrom));
  const atHome = await removeFrom(buckets.home());
  if (failures.length > 0) {
    throw new S3Failed(failures.sort().join(", "));
  }
  const removed = elsewhere.reduce((sum, count) => sum + count, atHome);
  return { removed, isEverywhere: buckets.isComplete() };
}

async function purgeBucket(
  id: string,
  bucket: Bucket,
  calls: Pick<BucketCalls, "versions" | "remove">,
): Promise<number> {
  const prefix = `recordings/${id}.`;
  const versions = await calls.versions(bucket, prefix);
  if (versions === undefined) {
    for (const extension of RECORDING_EXTENSIONS) {
      await calls.remove(bucket, prefix + extension);
    }
    return 0;
  }
  for (const { key, versionId } of versions) {
    await calls.remove(bucket, key, versionId);
  }
  return versions.length;
}
