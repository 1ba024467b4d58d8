import type { Log } from "../shared/log.ts";
import type { Bucket } from "./storage/bucket.ts";
import type { BucketCalls } from "./storage/bucket-calls.ts";
import { expiryDays } from "./storage/lifecycle.ts";
import { S3Failed } from "./storage/s3-client.ts";

/** Rules of expiry are changed by hand, and count once a day. */
const EVERY_MS = 60 * 60_000;

/** Whether a bucket's rules differ from what Meet tells people. */
export interface ExpiryVerdict {
  readonly bucket: Bucket;
  readonly disagrees: boolean;
}

export interface ExpiryCheckParts {
  /** Those on S3-compatible storage: on AWS the rules are made with the bucket. */
  readonly buckets: readonly Bucket[];
  /** Days that Meet tells people; undefined where nothing is checked. */
  readonly days: number | undefined;
  readonly calls: Pick<BucketCalls, "lifecycle">;
  readonly log: Log;
}

/**
 * Compares the rules of expiry of buckets that somebody else set up with Meet's days: Meet shows a date and removes
 * nothing itself, so without a rule recordings are kept for ever, and with a shorter one they are gone too early.
 */
export class ExpiryCheck {
  private readonly parts: ExpiryCheckParts;
  private readonly known = new Map<Bucket, boolean>();
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: ExpiryCheckParts) {
    this.parts = parts;
  }

  /** What was last read of each bucket; those that never let their rules be read are not among them. */
  verdicts(): readonly ExpiryVerdict[] {
    return [...this.known].map(([bucket, disagrees]) => ({ bucket, disagrees }));
  }

  /** Checks now and every hour. */
  start(): void {
    void this.round();
    this.timer ??= setInterval(() => {
      void this.round();
    }, EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Checks all buckets once. */
  async round(): Promise<void> {
    const { buckets, days } = this.parts;
    if (days !== undefined) {
      await Promise.all(buckets.map((bucket) => this.check(bucket, days)));
    }
  }

  private async check(bucket: Bucket, days: number): Promise<void> {
    const { calls, log } = this.parts;
    const which = { bucket: bucket.name, endpoint: bucket.endpoint };
    try {
      const found = expiryDays(await calls.lifecycle(bucket));
      this.known.set(bucket, found !== days);
      if (found !== days) {
        log.warn(
          `recordings expire ${found === undefined ? "never" : `after ${found} days`} in this bucket, Meet says after ${days} days: set a lifecycle rule of ${days} days for the prefix recordings/`,
          which,
        );
      }
    } catch (error) {
      const reason = error instanceof S3Failed ? error.message : "unexpected";
      log.warn(
        `the lifecycle rules of this bucket could not be read: let the key read them, or see yourself that recordings/ expires after ${days} days`,
        { ...which, reason },
      );
    }
  }
}
