import type { Log } from "../../shared/log.ts";
import type { Bucket } from "./bucket.ts";
import type { Buckets } from "./buckets.ts";
import { S3Failed } from "./s3-client.ts";

/** Milliseconds between two looks at the account's list. */
const EVERY_MS = 60_000;

/** Milliseconds that a look counts as just done: a miss asks for one, and there may be many. */
const JUST_MS = 5000;

/** `<project>-recordings-<account>-<region>-an` (components/shared/names.ts). */
const NAME = /^([a-z0-9-]+-\d{12})-([a-z]{2}(?:-[a-z]+)+-\d)-an$/;

/** The beginning that a fleet's buckets share, of one of their names; undefined for a name of another shape. */
export function fleetPrefix(bucketName: string, awsRegion: string): string | undefined {
  const [, prefix, region] = NAME.exec(bucketName) ?? [];
  return region === awsRegion && prefix !== undefined ? `${prefix}-` : undefined;
}

/**
 * The fleet's buckets on AWS. Their names carry the fleet, the account and the region, and only the account can make
 * one of such a name, so the account's own list of buckets is the list of regions: one that was added is found without
 * a change here, and one that was removed for as long as its recordings are kept.
 */
export class AwsBuckets implements Buckets {
  private readonly homeBucket: Bucket;
  private readonly prefix: string;
  private readonly bucketIn: (name: string, region: string) => Bucket;
  private readonly list: (prefix: string) => Promise<readonly string[]>;
  private readonly named: readonly Bucket[];
  private readonly log: Log;
  private readonly nowMs: () => number;
  private found: readonly Bucket[] = [];
  private wasListed = false;
  private lookedMs = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: {
    readonly home: Bucket;
    /** See `fleetPrefix`. */
    readonly prefix: string;
    readonly bucketIn: (name: string, region: string) => Bucket;
    /** Names of the account's buckets that begin so. @throws S3Failed */
    readonly list: (prefix: string) => Promise<readonly string[]>;
    /** Further ones, which are not in the account. */
    readonly named: readonly Bucket[];
    readonly log: Log;
    readonly nowMs?: () => number;
  }) {
    this.homeBucket = parts.home;
    this.prefix = parts.prefix;
    this.bucketIn = parts.bucketIn;
    this.list = parts.list;
    this.named = parts.named;
    this.log = parts.log;
    this.nowMs = parts.nowMs ?? (() => performance.now());
  }

  home(): Bucket {
    return this.homeBucket;
  }

  others(): readonly Bucket[] {
    return [...this.found, ...this.named];
  }

  isComplete(): boolean {
    return this.wasListed;
  }

  async refresh(): Promise<void> {
    if (this.looking === undefined && this.nowMs() - this.lookedMs < JUST_MS) {
      return;
    }
    this.looking ??= this.look().finally(() => {
      this.lookedMs = this.nowMs();
      this.looking = undefined;
    });
    await this.looking;
  }

  /** Looks at the list now and then. */
  start(): void {
    void this.refresh();
    this.timer ??= setInterval(() => {
      void this.refresh();
    }, EVERY_MS).unref();
  }

  /** Ends that. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async look(): Promise<void> {
    try {
      this.take(await this.list(this.prefix));
    } catch (error) {
      // What was known stays known.
      const reason = error instanceof S3Failed ? error.message : "unexpected";
      this.log.warn("the list of buckets could not be had", { reason });
    }
  }

  private take(names: readonly string[]): void {
    const before = this.found.map(({ name }) => name).join();
    this.found = [...new Set(names)].sort().flatMap((name) => {
      const [, , region] = NAME.exec(name) ?? [];
      return region !== undefined &&
        fleetPrefix(name, region) === this.prefix &&
        name !== this.homeBucket.name
        ? [this.bucketIn(name, region)]
        : [];
    });
    this.wasListed = true;
    const after = this.found.map(({ name }) => name);
    if (after.join() !== before) {
      this.log.info("the buckets changed", { others: after });
    }
  }
}
