import type { Log } from "../../shared/log.ts";
import type { BucketCalls, Listed } from "../storage/bucket-calls.ts";
import type { Buckets } from "../storage/buckets.ts";
import { S3Failed } from "../storage/s3-client.ts";
import { purge } from "./purge.ts";

/** Where deletions wait, in the home's bucket: one empty object per recording, named by its id. */
export const DELETIONS_PREFIX = "deletions/";

const ID = /^deletions\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Milliseconds between two rounds. */
const EVERY_MS = 60_000;

/**
 * Milliseconds for which a deletion is gone over again after it was asked for: S3 promises a copy within 15 minutes at
 * best (Amazon S3 User Guide, Replication Time Control), and one may arrive after its place was cleared.
 */
export const SETTLE_MS = 20 * 60_000;

/** What waits. */
export interface Waiting {
  readonly count: number;
  readonly oldestSeconds: number;
}

export interface DeletionsParts {
  readonly buckets: Buckets;
  readonly calls: Pick<BucketCalls, "list" | "versions" | "remove">;
  readonly log: Log;
  /** Told of each try. */
  readonly observe: (outcome: "done" | "again" | "failed") => void;
  readonly nowMs?: () => number;
}

/**
 * The deletions that were asked for, until nothing of them is left in any bucket. They are objects in the home's
 * bucket: whoever may write there may ask for one, they outlive every pod and are copied to the other home, and whoever
 * lists them sees what is not done yet. Pods may work on the same one at once.
 */
export class Deletions {
  private readonly parts: DeletionsParts;
  private readonly nowMs: () => number;
  private waitingNow: Waiting = { count: 0, oldestSeconds: 0 };
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private isStopping = false;

  constructor(parts: DeletionsParts) {
    this.parts = parts;
    this.nowMs = parts.nowMs ?? (() => Date.now());
  }

  /** What waited after the last round. */
  waiting(): Waiting {
    return this.waitingNow;
  }

  /** Goes over what waits now and then. */
  start(): void {
    void this.round();
    this.timer ??= setInterval(() => {
      void this.round();
    }, EVERY_MS).unref();
  }

  /** Ends that; resolves when the deletion under way is over. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    this.isStopping = true;
    await this.working;
  }

  /** Goes over all that wait, once. */
  round(): Promise<void> {
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async work(): Promise<void> {
    const { buckets, calls, log } = this.parts;
    let waiting: readonly Listed[];
    try {
      waiting = await calls.list(buckets.home(), DELETIONS_PREFIX);
    } catch (error) {
      log.warn("the deletions that wait could not be listed", { reason: reasonOf(error) });
      return;
    }
    const left: Listed[] = [];
    for (const one of waiting) {
      if (this.isStopping || !(await this.isDone(one))) {
        left.push(one);
      }
    }
    const ages = left.map(({ modifiedMs }) => (this.nowMs() - modifiedMs) / 1000);
    this.waitingNow = { count: left.length, oldestSeconds: Math.max(0, ...ages) };
  }

  private async isDone({ key, modifiedMs }: Listed): Promise<boolean> {
    const { buckets, calls, log, observe } = this.parts;
    const [, id] = ID.exec(key) ?? [];
    if (id === undefined) {
      log.error("a deletion names no recording", { key });
      observe("failed");
      return false;
    }
    try {
      const { removed, isEverywhere } = await purge(id, buckets, calls);
      if (removed > 0) {
        log.info("a recording was deleted", { id, versions: removed });
      }
      if (removed > 0 || !isEverywhere || this.nowMs() - modifiedMs < SETTLE_MS) {
        observe("again");
        return false;
      }
      await calls.remove(buckets.home(), key);
    } catch (error) {
      log.warn("a recording is not deleted everywhere yet", { id, reason: reasonOf(error) });
      observe("failed");
      return false;
    }
    log.info("a deletion is done", { id });
    observe("done");
    return true;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof S3Failed ? error.message : "unexpected";
}
