import type { Bucket } from "./bucket.ts";

/** All buckets that may hold a medium. */
export interface Buckets {
  /** The bucket that Meet itself uses: what it says is decisive. */
  home(): Bucket;
  /** All the others. */
  others(): readonly Bucket[];
  /** False while it is not known whether those are all. */
  isComplete(): boolean;
  /** Looks for new ones, where that was not just done. */
  refresh(): Promise<void>;
}

/** Buckets that the configuration names, the home first. */
export class NamedBuckets implements Buckets {
  private readonly first: Bucket;
  private readonly rest: readonly Bucket[];

  constructor(home: Bucket, others: readonly Bucket[]) {
    this.first = home;
    this.rest = others;
  }

  home(): Bucket {
    return this.first;
  }

  others(): readonly Bucket[] {
    return this.rest;
  }

  isComplete(): boolean {
    return true;
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }
}
