import { arbiters } from "./arbiter.ts";
import { nextEpoch, type Claim } from "./claim.ts";
import { PeerUnreachable } from "./ports.ts";
import type { Clock, LocalLiveKit, Peers, RoomCount, RoomStore } from "./ports.ts";
import { standing, unlessGone, Unplaceable, type Proposer } from "./proposer.ts";

/** Milliseconds for which one gateway alone decides a room's split. */
const HEAL_MS = 8_000;

/** One side of a split. */
export interface Side {
  readonly region: string;
  readonly tenure: number;
  readonly identities: readonly string[];
}

/** What is counted. */
export interface SplitMetrics {
  splitFound(): void;
  splitHealed(): void;
}

/**
 * The side that keeps the room: with the most people who are in no other side; of equal ones that of the lower epoch,
 * then of the lower name. Undefined without sides.
 */
export function winnerOf(sides: readonly Side[]): Side | undefined {
  const alone = (side: Side): number =>
    side.identities.filter((identity) =>
      sides.every((other) => other === side || !other.identities.includes(identity)),
    ).length;
  return [...sides].sort(
    (left, right) =>
      alone(right) - alone(left) ||
      left.tenure - right.tenure ||
      (left.region < right.region ? -1 : 1),
  )[0];
}

/**
 * Brings the two halves of a room together that a partition made of it. One region decides for all, the first reachable
 * arbiter of the room, from one count of who is where.
 */
export class Splits {
  private readonly region: string;
  private readonly store: RoomStore;
  private readonly peers: Peers;
  private readonly liveKit: LocalLiveKit;
  private readonly clock: Clock;
  private readonly proposer: Proposer;
  private readonly pod: string;
  private readonly metrics: SplitMetrics;
  private readonly found = new Set<string>();

  constructor(parts: {
    readonly region: string;
    readonly store: RoomStore;
    readonly peers: Peers;
    readonly liveKit: LocalLiveKit;
    readonly clock: Clock;
    readonly proposer: Proposer;
    readonly pod: string;
    readonly metrics: SplitMetrics;
  }) {
    this.region = parts.region;
    this.store = parts.store;
    this.peers = parts.peers;
    this.liveKit = parts.liveKit;
    this.clock = parts.clock;
    this.proposer = parts.proposer;
    this.pod = parts.pod;
    this.metrics = parts.metrics;
  }

  /** Rooms that this gateway found split and that are not healed yet. */
  open(): readonly string[] {
    return [...this.found];
  }

  /** Asks the room's arbiter to decide; the next one if that one does not answer. */
  async report(room: string): Promise<void> {
    this.found.add(room);
    for (const arbiter of arbiters(room, [this.region, ...this.peers.members()])) {
      if (arbiter === this.region) {
        return this.heal(room);
      }
      if (!this.peers.reachable(arbiter)) {
        continue;
      }
      try {
        await this.peers.heal(arbiter, room);
        return;
      } catch (error) {
        if (!(error instanceof PeerUnreachable)) {
          throw error;
        }
      }
    }
  }

  /** The room is in one region again, as far as this gateway is concerned. */
  over(room: string): void {
    this.found.delete(room);
  }

  /**
   * Decides a split as its arbiter; nothing if another gateway of the region is at it, or if there is none. An arbiter
   * that has not noticed yet that the region that asks is back would leave out that region's people: the next one decides.
   * @throws PeerUnreachable where the region that asks is not reached from here
   */
  async heal(room: string, asker: string = this.region): Promise<void> {
    if (asker !== this.region && !this.peers.reachable(asker)) {
      throw new PeerUnreachable(asker, "heal: not reached by the arbiter");
    }
    const job = `heal:${room}`;
    if (!(await this.store.lock(job, this.pod, HEAL_MS))) {
      return;
    }
    try {
      await this.decide(room);
    } finally {
      await unlessGone(this.store.unlock(job, this.pod));
    }
  }

  /** Who is in the room in this region. */
  async count(room: string): Promise<RoomCount> {
    const { hosting } = await this.store.read(room);
    const tenure = hosting.cleanTenure === undefined ? {} : { tenure: hosting.cleanTenure };
    if (!this.liveKit.up()) {
      return { identities: [], liveKitUp: false, ...tenure };
    }
    const connected = new Set(await this.store.present(room));
    const listed = connected.size === 0 ? [] : await this.liveKit.identities(room);
    const identities = listed.filter((identity) => connected.has(identity));
    return { identities, liveKitUp: true, ...tenure };
  }

  private async decide(room: string): Promise<void> {
    const { highest: seen } = standing(await this.proposer.survey(room));
    const isHostSilent =
      seen !== undefined && seen.region !== this.region && !this.peers.reachable(seen.region);
    if (seen?.state !== "open" || isHostSilent) {
      return;
    }
    const sides = await this.sides(room, seen);
    // Who asked has people in a region that can not say since when: its store forgot. They go where the room is.
    const host: Side = { region: seen.region, tenure: seen.tenure, identities: [] };
    const winner = winnerOf(sides) ?? host;
    const isSplit = sides.length > 1;
    if (isSplit) {
      this.metrics.splitFound();
    }
    const healed = await this.claimFor(room, winner, seen);
    if (healed && isSplit) {
      this.metrics.splitHealed();
    }
  }

  /** False if the claim changed since the count: whoever changed it looks again. */
  private async claimFor(room: string, winner: Side, seen: Claim): Promise<boolean> {
    try {
      const claim = await this.proposer.settle(room, ({ held }) => {
        const { highest } = standing({ held, statuses: new Map() });
        if (highest?.epoch !== seen.epoch || highest.region !== seen.region) {
          return highest;
        }
        return {
          room,
          epoch: nextEpoch(seen, this.clock.now()),
          region: winner.region,
          tenure: winner.tenure,
          state: "open",
          cause: "heal",
          confirmed: false,
          fresh: false,
        };
      });
      return claim.cause === "heal";
    } catch (error) {
      if (error instanceof Unplaceable) {
        return false;
      }
      throw error;
    }
  }

  private async sides(room: string, seen: Claim): Promise<readonly Side[]> {
    const regions = [this.region, ...this.peers.members().filter((it) => this.peers.reachable(it))];
    const counts = await Promise.all(
      regions.map(async (region) => {
        const count = await unlessGone(
          region === this.region ? this.count(room) : this.peers.count(region, room),
        );
        return { region, count };
      }),
    );
    return counts.flatMap(({ region, count }) => {
      if (count?.tenure === undefined || !count.liveKitUp || count.identities.length === 0) {
        return [];
      }
      // A host that began anew keeps to that: its room may be in the middle of being made clean.
      const tenure = region === seen.region ? seen.tenure : count.tenure;
      return [{ region, tenure, identities: count.identities }];
    });
  }
}
