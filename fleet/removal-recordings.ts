import type { StackConfig } from "../infra/config.ts";
import { known, type Known } from "./aws.ts";
import { untilCopied } from "./copies-awaited.ts";
import { FleetError } from "./exit.ts";
import { emptyBucket, recordingsLeft, type RecordingsLeft } from "./recordings-left.ts";
import { accountId, copiesOf } from "./region-facts.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { World } from "./world.ts";

/** Of a stack's resources, only its recordings are in a bucket. */
const BUCKET_TYPE = "aws:s3/bucket:Bucket";

/** What becomes of a removed region's recordings. */
export interface RecordingsOptions {
  /** For how long recordings that S3 is copying are waited for, each time that they are looked at. */
  readonly waitSeconds: number;
  /** Deletes the recordings that its homes have copies of, so that the bucket can go. */
  readonly deleteRecordings: boolean;
  /** Deletes recordings that nobody has a copy of, too; none is waited for. */
  readonly loseRecordings: boolean;
  /** The region is lost: if AWS does not say what it has, the removal goes on all the same. */
  readonly lost?: boolean;
}

/**
 * Recordings are never deleted by the way: AWS refuses to delete a bucket with objects, and it is emptied only when the
 * operator asked for that. What S3 is copying is waited for; what would be lost is said before anything is changed.
 * @param deletes whether the bucket is emptied now
 */
export async function lookAtRecordings(
  world: World,
  { project }: FleetFiles,
  region: StackConfig,
  options: RecordingsOptions,
  deletes: boolean,
): Promise<void> {
  const { stack } = region;
  const elsewhere = keptElsewhere(region);
  if (elsewhere !== undefined) {
    world.output.say(`${stack}: its recordings are in ${elsewhere} and stay there`);
    return;
  }
  if (!(await hasBucket(world, stack))) {
    world.output.say(`${stack}: its stack has no bucket of recordings`);
    return;
  }
  const left = await leftNow(world, project, region, options);
  if (!left.known) {
    world.output.say(
      `${stack}: whether there are recordings is not known (${left.why}); a bucket with recordings is not deleted`,
    );
    return;
  }
  const { bucket, objects, notCopied } = left.value;
  const homes = copiesOf(region).map((home) => home.stack);
  world.output.say(
    `${stack}: ${objects} recordings, ${objects - notCopied.length} of them copied to ${homes.join(" and ") || "no home"}`,
  );
  if (notCopied.length > 0 && !options.loseRecordings) {
    throw new FleetError(
      `Bucket "${bucket}": ${notCopied.length} of ${objects} recordings are in no other region (${notCopied.slice(0, 5).join(", ")}${notCopied.length > 5 ? ", …" : ""}) and would be lost. Save them, or add --lose-recordings.`,
    );
  }
  if (objects > 0 && !options.deleteRecordings && !options.loseRecordings) {
    throw new FleetError(
      `Bucket "${bucket}": it holds ${objects} recordings, all copied, and a bucket with objects is not deleted. Add --delete-recordings to delete them here; the copies stay.`,
    );
  }
  if (deletes && (options.deleteRecordings || options.loseRecordings)) {
    await emptyBucket(world.aws, region.awsRegion, bucket, world.output.say);
  }
}

/** False when the stack's bucket was never made, or a removal that is called again has deleted it. */
async function hasBucket({ stacks }: Pick<World, "stacks">, stack: string): Promise<boolean> {
  const { resources, pending } = await stacks.state(stack);
  return (
    resources.some(({ type }) => type === BUCKET_TYPE) ||
    pending.some((urn) => urn.includes(`${BUCKET_TYPE}::`))
  );
}

/**
 * What the bucket has and its homes have not, once S3 has copied what it is copying; or why that is not known, where
 * the operator has said that it does not matter.
 */
async function leftNow(
  world: World,
  project: string,
  region: StackConfig,
  { loseRecordings, lost = false, waitSeconds }: RecordingsOptions,
): Promise<Known<RecordingsLeft>> {
  const look = async (): Promise<Known<RecordingsLeft>> => {
    const account = await accountId(world.aws);
    return account.known
      ? known(() => recordingsLeft(world.aws, project, account.value, region))
      : account;
  };
  if (loseRecordings || lost) {
    const first = await look();
    if (loseRecordings || !first.known) {
      return first;
    }
  }
  return { known: true, value: await untilCopied(world, region, look, waitSeconds) };
}

/** Where a region without a bucket of its own has its recordings (docs/recordings.md). */
function keptElsewhere({ stack, role, fleet }: StackConfig): string | undefined {
  const { storage } = fleet.recordings;
  if (storage.kind === "single") {
    return role === "primary" ? undefined : `the bucket of ${fleet.primary.stack}`;
  }
  if (storage.kind === "regional") {
    return undefined;
  }
  const store = storage.regions[stack] ?? storage.default;
  return store === undefined ? undefined : `${store.bucket} at ${store.endpoint}`;
}
