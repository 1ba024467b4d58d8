import * as z from "zod";
import { recordingsBucketName } from "../components/shared/names.ts";
import type { StackConfig } from "../infra/config.ts";
import { DELETIONS_PREFIX } from "../services/recordings/deletions/deletions.ts";
import { INTENTS_PREFIX, OPEN_MS } from "../services/recordings/deletions/intents.ts";
import type { Aws } from "./aws.ts";

/** How many, and since when the oldest. */
export interface Pile {
  readonly objects: number;
  /** 0 where there are none. */
  readonly oldestSeconds: number;
}

/** Deletions of recordings that are under way: objects in the primary's bucket (services/recordings/deletions). */
export interface DeletionFacts {
  /** Asked for, and not done in every bucket yet. */
  readonly waiting: Pile;
  /** Intents whose request is over, and of which nobody knows whether Meet made them. */
  readonly unsettled: Pile;
}

const listSchema = z
  .object({ Contents: z.array(z.object({ LastModified: z.string() })).default([]) })
  .optional()
  .transform((answer) => (answer?.Contents ?? []).map((it) => Date.parse(it.LastModified)));

/** What waits in the primary's bucket. @throws Error with a short reason */
export async function askDeletions(
  aws: Aws,
  asked: {
    readonly project: string;
    readonly account: string;
    readonly region: StackConfig;
    readonly now: number;
  },
): Promise<DeletionFacts> {
  const { project, account, region, now } = asked;
  if (region.fleet.recordings.storage.kind === "s3-compatible") {
    throw new Error(
      "deletions wait in a storage that is not AWS: see recordings_deletions_waiting",
    );
  }
  const bucket = recordingsBucketName(project, account, region.awsRegion);
  const timesBelow = async (prefix: string): Promise<readonly number[]> =>
    listSchema.parse(
      await aws.call(region.awsRegion, [
        ...["s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix],
      ]),
    );
  const [waiting, intents] = await Promise.all([
    timesBelow(DELETIONS_PREFIX),
    timesBelow(INTENTS_PREFIX),
  ]);
  return {
    waiting: pileOf(waiting, now),
    unsettled: pileOf(
      intents.filter((time) => now - time > OPEN_MS),
      now,
    ),
  };
}

function pileOf(times: readonly number[], now: number): Pile {
  const oldest = Math.min(now, ...times);
  return { objects: times.length, oldestSeconds: (now - oldest) / 1000 };
}
