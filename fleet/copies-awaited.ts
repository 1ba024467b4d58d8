import type { StackConfig } from "../infra/config.ts";
import * as z from "zod";
import { known, mayPass, type Aws, type Known } from "./aws.ts";
import { showDuration } from "./durations.ts";
import { EXIT, FleetError } from "./exit.ts";
import type { RecordingObject, RecordingsLeft } from "./recordings-left.ts";
import { copiesOf } from "./region-facts.ts";
import type { World } from "./world.ts";

/** Milliseconds between two looks at copies that are on their way. */
const LOOK_MS = 15_000;

/** Milliseconds after which it is said that it still waits, though nothing has changed. */
const SAY_MS = 60_000;

/** Objects that S3 is asked about in one look: a call of the AWS CLI each. */
const ASKED_PER_LOOK = 40;

/** Calls of the AWS CLI at once. */
const AT_ONCE = 8;

/** An object that a home has not, and what S3 says became of its replication. */
interface Straggler {
  readonly key: string;
  readonly status: string;
}

/**
 * Waits for the copies that S3 is making. Only what is PENDING comes by itself (Amazon S3 user guide,
 * replication-status): FAILED is not tried again, and an object that no rule has seen has no status. What is not known
 * is not done: with the region go its replication and the role of that, and no copy comes after.
 * @param look compares the bucket with its homes
 * @returns the last look: what is in no home then will never come
 * @throws FleetError when something that is in no home will not come, the time is over, the operator interrupts, or AWS
 * does not say and will not by itself
 */
export async function untilCopied(
  world: Pick<World, "aws" | "output" | "clock" | "interrupted">,
  region: StackConfig,
  look: () => Promise<Known<RecordingsLeft>>,
  waitSeconds: number,
): Promise<RecordingsLeft> {
  const homes = copiesOf(region).map((home) => home.stack);
  const began = world.clock.now();
  const copied = new Set<string>();
  const say = sayer(world, region);
  for (;;) {
    const left = await look();
    const asked = left.known
      ? await known(() => stragglersOf(world.aws, region.awsRegion, left.value, homes))
      : left;
    if (left.known && asked.known) {
      const stuck = asked.value.filter(
        // COMPLETED may be newer than the look, but not twice.
        ({ key, status }) => status !== "PENDING" && (status !== "COMPLETED" || copied.has(key)),
      );
      stopIfLost(region, left.value, stuck);
      if (stuck.length === asked.value.length) {
        sayStuck(world, region, stuck);
        return left.value;
      }
      for (const { key } of asked.value.filter(({ status }) => status === "COMPLETED")) {
        copied.add(key);
      }
      const { behind, objects } = left.value;
      say(`${behind.length} of ${objects} recordings are on their way to ${homes.join(" and ")}`);
    } else if (!asked.known) {
      say(`its copies cannot be looked at (${asked.why})`);
      if (!mayPass(asked.why)) {
        throw notKnown(region, asked.why, "");
      }
    }
    const waitedMs = world.clock.now() - began;
    if (world.interrupted.aborted || waitedMs >= waitSeconds * 1000) {
      const when = world.interrupted.aborted
        ? "interrupted here, "
        : `after ${showDuration(waitSeconds)} of waiting, `;
      throw left.known && asked.known
        ? notCopiedYet(left.value, when)
        : notKnown(region, asked.known ? "" : asked.why, when);
    }
    await world.clock.sleep(Math.min(LOOK_MS, waitSeconds * 1000 - waitedMs));
  }
}

/** Says a line, but the same again only after a while. */
function sayer(
  { output, clock }: Pick<World, "output" | "clock">,
  { stack }: StackConfig,
): (text: string) => void {
  const began = clock.now();
  let saidAt = Number.NEGATIVE_INFINITY;
  let said = "";
  return (text) => {
    if (text !== said || clock.now() - saidAt >= SAY_MS) {
      const waited = showDuration((clock.now() - began) / 1000);
      output.say(`${stack}: ${text}; waited for ${waited}`);
      said = text;
      saidAt = clock.now();
    }
  };
}

function stopIfLost(
  { stack }: StackConfig,
  { bucket, notCopied, objects }: RecordingsLeft,
  stuck: readonly Straggler[],
): void {
  const nowhere = new Set(notCopied);
  const lost = stuck.filter(({ key }) => nowhere.has(key));
  if (lost.length > 0) {
    throw new FleetError(
      `Bucket "${bucket}": ${notCopied.length} of ${objects} recordings are in no other region, and of these S3 does not copy ${named(lost)} by itself. Run fleet recordings backfill ${stack}, or add --lose-recordings.`,
    );
  }
}

function sayStuck(
  { output }: Pick<World, "output">,
  { stack }: StackConfig,
  stuck: readonly Straggler[],
): void {
  if (stuck.length > 0) {
    output.say(
      `${stack}: one home has not, and will not get by itself, what another has: ${named(stuck)}. Once ${stack} is gone, fleet recordings backfill copies it from home to home.`,
    );
  }
}

function notCopiedYet({ bucket, behind, objects }: RecordingsLeft, when: string): FleetError {
  const keys = behind.slice(0, 5).map(({ Key }) => Key);
  return new FleetError(
    `Bucket "${bucket}": ${when}${behind.length} of ${objects} recordings are still on their way (${keys.join(", ")}${behind.length > 5 ? ", …" : ""}). S3 goes on with them; wait longer with --wait, or lose them with --lose-recordings.`,
    EXIT.notFinished,
  );
}

/** With what to do about it. */
function notKnown({ stack, awsRegion }: StackConfig, why: string, when: string): FleetError {
  return new FleetError(
    `Region "${stack}": ${when}what recordings it has, and which of them are copied, is not known (${why}), and copies that are on their way would never arrive. Have aws s3api list-objects-v2 and head-object answer for its bucket in ${awsRegion} and its homes', in the fleet's account; or add --lose-recordings.`,
    EXIT.notFinished,
  );
}

function named(some: readonly Straggler[]): string {
  const first = some.slice(0, 5).map(({ key, status }) => `${key} (${status})`);
  return `${first.join(", ")}${some.length > 5 ? ` and ${some.length - 5} more` : ""}`;
}

/** What became of objects that a home has not: those that are in no home, then the oldest. @throws Error */
async function stragglersOf(
  aws: Aws,
  awsRegion: string,
  { bucket, behind, notCopied }: RecordingsLeft,
  homes: readonly string[],
): Promise<readonly Straggler[]> {
  if (homes.length === 0) {
    return [];
  }
  const nowhere = new Set(notCopied);
  const rank = ({ Key }: RecordingObject): number => (nowhere.has(Key) ? 0 : 1);
  const asked = [...behind]
    .sort((one, other) => rank(one) - rank(other) || timeOf(one) - timeOf(other))
    .slice(0, ASKED_PER_LOOK);
  const found: Straggler[] = [];
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    const part = asked.slice(from, from + AT_ONCE);
    found.push(
      ...(await Promise.all(
        part.map(async ({ Key }) => ({
          key: Key,
          status: await statusOf(aws, awsRegion, bucket, Key),
        })),
      )),
    );
  }
  return found;
}

function timeOf({ LastModified = "" }: RecordingObject): number {
  return Date.parse(LastModified) || 0;
}

const headSchema = z.object({ ReplicationStatus: z.string().default("NONE") });

/** As S3 names it, NONE without one. What was deleted meanwhile counts as PENDING: the next look does not list it. */
async function statusOf(aws: Aws, awsRegion: string, bucket: string, key: string): Promise<string> {
  const answer = await known(() =>
    aws.call(awsRegion, ["s3api", "head-object", "--bucket", bucket, "--key", key]),
  );
  if (answer.known) {
    return headSchema.parse(answer.value).ReplicationStatus;
  }
  if (answer.why === "404") {
    return "PENDING";
  }
  throw new Error(answer.why);
}
