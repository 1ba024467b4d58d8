import { RECORDING_EXTENSIONS } from "../media-key.ts";
import type { Bucket } from "../storage/bucket.ts";
import type { BucketCalls } from "../storage/bucket-calls.ts";
import type { Buckets } from "../storage/buckets.ts";

/** What was removed, and whether that was asked of every bucket. */
export interface Purged {
  readonly removed: number;
  readonly isEverywhere: boolean;
}

/**
 * Removes all versions of a recording from every bucket, the home last: a copy that is still on its way there comes
 * from a version that is gone by then. Doing it again does no harm.
 * @throws S3Failed where a bucket did not do it
 */
export async function purge(
  id: string,
  buckets: Buckets,
  calls: Pick<BucketCalls, "versions" | "remove">,
): Promise<Purged> {
  await buckets.refresh();
  let removed = 0;
  for (const bucket of [...buckets.others(), buckets.home()]) {
    removed += await purgeBucket(id, bucket, calls);
  }
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
