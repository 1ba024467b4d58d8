interface Bucket {
  tokens: number;
  at: number;
}

/** Keys that are kept in mind; beyond them the one that was not seen for longest is forgotten, and begins anew. */
const MAX_KEYS = 100_000;

/** Lets through so many a minute for each key, and as many at once after a minute of silence. */
export class RateLimit {
  private readonly perMinute: number;
  private readonly maxKeys: number;
  private readonly nowMs: () => number;
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    perMinute: number,
    maxKeys = MAX_KEYS,
    nowMs: () => number = () => performance.now(),
  ) {
    this.perMinute = perMinute;
    this.maxKeys = maxKeys;
    this.nowMs = nowMs;
  }

  /** 0 if this one may pass, else the seconds until one may. */
  take(key: string): number {
    const now = this.nowMs();
    const bucket = this.buckets.get(key) ?? { tokens: this.perMinute, at: now };
    const filled = bucket.tokens + ((now - bucket.at) / 60_000) * this.perMinute;
    const tokens = Math.min(this.perMinute, filled);
    // Taken out and put in again: the first key of the map is the one not seen for longest.
    this.buckets.delete(key);
    const passes = tokens >= 1;
    this.buckets.set(key, { tokens: passes ? tokens - 1 : tokens, at: now });
    if (this.buckets.size > this.maxKeys) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) {
        this.buckets.delete(oldest);
      }
    }
    return passes ? 0 : ((1 - tokens) * 60) / this.perMinute;
  }

  /** Keys in mind. */
  size(): number {
    return this.buckets.size;
  }
}
