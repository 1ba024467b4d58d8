/** Where things were found, for a time: at most so many, the longest unused forgotten first. */
export class Memory<T> {
  private readonly held = new Map<string, { readonly value: T; readonly untilMs: number }>();
  private readonly capacity: number;
  private readonly keepMs: number;
  private readonly nowMs: () => number;

  constructor(capacity: number, keepMs: number, nowMs: () => number = () => performance.now()) {
    this.capacity = capacity;
    this.keepMs = keepMs;
    this.nowMs = nowMs;
  }

  recall(key: string): T | undefined {
    const entry = this.held.get(key);
    if (entry === undefined) {
      return undefined;
    }
    this.held.delete(key);
    if (entry.untilMs <= this.nowMs()) {
      return undefined;
    }
    this.held.set(key, entry);
    return entry.value;
  }

  keep(key: string, value: T): void {
    this.held.delete(key);
    this.held.set(key, { value, untilMs: this.nowMs() + this.keepMs });
    const [oldest] = this.held.keys();
    if (this.held.size > this.capacity && oldest !== undefined) {
      this.held.delete(oldest);
    }
  }

  forget(key: string): void {
    this.held.delete(key);
  }
}
