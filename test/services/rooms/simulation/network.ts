import type { Random, Scheduler } from "./scheduler.ts";

/** Lines between regions: each may be cut, each loses and delays what it carries. */
export class Network {
  /** Share of messages that are lost on the way. */
  loss = 0;
  /** Share of messages that take up to a second longer. */
  slow = 0;
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private readonly cut = new Set<string>();

  constructor(scheduler: Scheduler, random: Random) {
    this.scheduler = scheduler;
    this.random = random;
  }

  sever(left: string, right: string): void {
    this.cut.add(line(left, right));
  }

  heal(): void {
    this.cut.clear();
  }

  isCut(left: string, right: string): boolean {
    return this.cut.has(line(left, right));
  }

  anyCut(): boolean {
    return this.cut.size > 0;
  }

  /** Carries a message, or loses it. */
  carry(from: string, to: string, deliver: () => void): void {
    const isLost = this.isCut(from, to) || this.random.chance(this.loss);
    if (isLost) {
      return;
    }
    const distance = from === to ? this.random.between(0.2, 2) : this.random.between(5, 90);
    const delay = this.random.chance(this.slow) ? this.random.between(100, 900) : 0;
    this.scheduler.at(distance + delay, deliver);
  }
}

function line(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`;
}
