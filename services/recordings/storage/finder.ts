import type { IncomingHttpHeaders } from "node:http";
import type { MediaKey } from "../media-key.ts";
import type { Bucket } from "./bucket.ts";
import type { Buckets } from "./buckets.ts";
import { Memory } from "./memory.ts";
import type { Look } from "./s3-client.ts";

/** Where a medium is. */
export type Found =
  | {
      readonly kind: "found";
      readonly bucket: Bucket;
      readonly headers: IncomingHttpHeaders;
      readonly where: "home" | "remembered" | "searched";
    }
  /** It was deleted, whatever other buckets still have. */
  | { readonly kind: "deleted" }
  /** No bucket has it: not yet, or not any more. */
  | { readonly kind: "missing" }
  /** Some bucket that may have it, or may know that it was deleted, did not answer. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Asks a bucket for a key. */
export type LookInto = (bucket: Bucket, key: string) => Promise<Look>;

/** Keys whose bucket is remembered, and for how long: until replication has long brought them home. */
const REMEMBERED_KEYS = 10_000;
const REMEMBERED_MS = 10 * 60_000;

/**
 * Milliseconds for which the others are waited for once one bucket has the medium: several times what a HEAD takes
 * across an ocean, so that a healthy bucket's delete marker is seen, and little beside the eight seconds after which
 * a silent one is given up.
 */
const REST_MS = 1000;

/**
 * Finds the bucket that has a medium: the home, and while its copy has not arrived there the region that recorded it.
 * The home is asked every time, because a deletion is made there.
 */
export class Finder {
  private readonly buckets: Buckets;
  private readonly lookInto: LookInto;
  private readonly memory: Memory<Bucket>;

  constructor(buckets: Buckets, lookInto: LookInto, memory?: Memory<Bucket>) {
    this.buckets = buckets;
    this.lookInto = lookInto;
    this.memory = memory ?? new Memory(REMEMBERED_KEYS, REMEMBERED_MS);
  }

  async find(key: MediaKey): Promise<Found> {
    const home = this.buckets.home();
    const remembered = this.memory.recall(key.text);
    const lookAtHome = this.lookInto(home, key.text);
    const lookElsewhere =
      remembered === undefined ? undefined : this.lookInto(remembered, key.text);
    // Where the home decides nobody waits for the other, nor for its failure.
    lookElsewhere?.catch(() => undefined);
    const atHome = await lookAtHome;
    if (atHome.kind === "there") {
      this.memory.forget(key.text);
      return { kind: "found", bucket: home, headers: atHome.headers, where: "home" };
    }
    const elsewhere = atHome.kind === "deleted" ? undefined : await lookElsewhere;
    if (atHome.kind === "deleted" || elsewhere?.kind === "deleted") {
      this.memory.forget(key.text);
      return { kind: "deleted" };
    }
    if (atHome.kind === "failed") {
      return { kind: "unknown", reason: `home: ${atHome.reason}` };
    }
    if (elsewhere?.kind === "there" && remembered !== undefined) {
      const { headers } = elsewhere;
      return { kind: "found", bucket: remembered, headers, where: "remembered" };
    }
    return this.search(key);
  }

  /** Asks all others at once, and after a miss those that have come since. */
  private async search(key: MediaKey): Promise<Found> {
    const asked = new Set<string>();
    const looks: Answered[] = [];
    for (let round = 0; round < 2; round += 1) {
      if (round === 1) {
        await this.buckets.refresh();
      }
      const fresh = this.buckets.others().filter(({ name }) => !asked.has(name));
      for (const { name } of fresh) {
        asked.add(name);
      }
      looks.push(...(await this.lookIntoAll(fresh, key)));
      if (looks.some(({ look }) => look.kind === "deleted")) {
        return { kind: "deleted" };
      }
      for (const { bucket, look } of looks) {
        if (look.kind === "there") {
          this.memory.keep(key.text, bucket);
          return { kind: "found", bucket, headers: look.headers, where: "searched" };
        }
      }
    }
    return this.nothing(looks);
  }

  /** What the buckets say: all of them, or those that answer soon after the first that has it. */
  private async lookIntoAll(buckets: readonly Bucket[], key: MediaKey): Promise<Answered[]> {
    const answered: Answered[] = [];
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const ask = async (bucket: Bucket): Promise<void> => {
        const look = await this.lookInto(bucket, key.text);
        answered.push({ bucket, look });
        if (look.kind === "there") {
          timer ??= setTimeout(resolve, REST_MS);
        }
      };
      Promise.all(buckets.map(ask)).then(() => {
        resolve();
      }, reject);
    });
    clearTimeout(timer);
    return [...answered];
  }

  private nothing(looks: readonly Answered[]): Found {
    for (const { bucket, look } of looks) {
      if (look.kind === "failed") {
        return { kind: "unknown", reason: `${bucket.name}: ${look.reason}` };
      }
    }
    return this.buckets.isComplete()
      ? { kind: "missing" }
      : { kind: "unknown", reason: "the other buckets are not known" };
  }
}

interface Answered {
  readonly bucket: Bucket;
  readonly look: Look;
}
