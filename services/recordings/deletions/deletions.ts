import type { Log } from "../../shared/log.ts";
import type { BucketCalls, Listed } from "../storage/bucket-calls.ts";
import type { Buckets } from "../storage/buckets.ts";
import { S3Failed } from "../storage/s3-client.ts";
import type { Intents } from "./intents.ts";
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

const NOTHING: Waiting = { count: 0, oldestSeconds: 0 };

export interface DeletionsParts {
  readonly buckets: Buckets;
  readonly calls: Pick<BucketCalls, "list" | "versions" | "remove">;
  readonly intents: Pick<Intents, "confirm" | "unsettled">;
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
  private waitingNow: Waiting = NOTHING;
  private unsettledNow: Waiting = NOTHING;
  /** What Meet has deleted and could not be written down, with the time at which it did. */
  private readonly unwritten = new Map<string, number>();
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

  /** Intents of which nobody knows what Meet did, as of the last round: they delete nothing. */
  unsettled(): Waiting {
    return this.unsettledNow;
  }

  /**
   * Meet has deleted a recording: its files are to go. Where that cannot be written down at once it is tried again each
   * round; until then the intent stands for it.
   */
  async confirm(id: string): Promise<void> {
    try {
      await this.parts.intents.confirm(id);
      this.unwritten.delete(id);
    } catch (error) {
      this.unwritten.set(id, this.unwritten.get(id) ?? this.nowMs());
      this.parts.log.error("a deletion could not be written down yet", {
        id,
        reason: reasonOf(error),
      });
    }
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
    const { buckets, calls, intents, log } = this.parts;
    for (const id of this.unwritten.keys()) {
      await this.confirm(id);
    }
    let waiting: readonly Listed[];
    try {
      this.unsettledNow = this.summary(await intents.unsettled(this.nowMs()));
      if (this.unsettledNow.count > 0) {
        log.warn("of some deletions it is not known whether Meet made them", {
          count: this.unsettledNow.count,
        });
      }
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
    const unwritten = [...this.unwritten].map(([key, modifiedMs]) => ({ key, modifiedMs }));
    this.waitingNow = this.summary([...left, ...unwritten]);
  }

  private summary(some: readonly Listed[]): Waiting {
    const ages = some.map(({ modifiedMs }) => (this.nowMs() - modifiedMs) / 1000);
    return { count: some.length, oldestSeconds: Math.max(0, ...ages) };
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
