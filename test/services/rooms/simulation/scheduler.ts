/** Numbers that look random and follow from a seed alone (Mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to but not 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) {
      throw new Error("nothing to pick from");
    }
    return item;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: what is to happen, in the order of its time. Real code awaits promises that events resolve. */
export class Scheduler {
  now = 0;
  private order = 0;
  private readonly heap: Event[] = [];

  at(delayMs: number, run: () => void): void {
    this.push({ at: this.now + Math.max(0, delayMs), order: this.order++, run });
  }

  /** Runs what is due until that time, and lets every promise that follows from an event settle before the next. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      const event = this.heap[0];
      if (event === undefined || event.at > end) {
        this.now = end;
        return;
      }
      this.pop();
      this.now = event.at;
      event.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private push(event: Event): void {
    const { heap } = this;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent])) {
        break;
      }
      this.swap(index, parent);
      index = parent;
    }
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const smaller = before(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!before(heap[smaller], heap[index])) {
        return;
      }
      this.swap(index, smaller);
      index = smaller;
    }
  }

  private swap(left: number, right: number): void {
    const { heap } = this;
    const a = heap[left];
    const b = heap[right];
    if (a !== undefined && b !== undefined) {
      heap[left] = b;
      heap[right] = a;
    }
  }
}

function before(left: Event | undefined, right: Event | undefined): boolean {
  if (left === undefined || right === undefined) {
    return left !== undefined;
  }
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
