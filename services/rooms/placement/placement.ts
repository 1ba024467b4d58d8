import type { Claim } from "./claim.ts";
import { decideForJoin } from "./decide.ts";
import type { Health } from "./health.ts";
import { StoreAway } from "./ports.ts";
import type { Clock, Peers, RoomStore } from "./ports.ts";
import { standing, type Proposer, type Survey } from "./proposer.ts";

/** Somebody wants into a room. */
export interface JoinWish {
  readonly room: string;
  /** Two letters of ISO 3166, from a trusted edge or a database; undefined where neither is set up. */
  readonly country?: string;
}

/** Why a host was not reached, or refused. */
export type Refusal = "moved" | "livekit-down" | "store-away" | "unreachable";

/** Gives the regions in the order in which a new meeting would have them: pins and rules first, then the nearest. */
export type Preference = (wish: JoinWish) => Promise<readonly string[]>;

/** What is counted. */
export interface PlacementMetrics {
  located(how: "known" | "surveyed", seconds: number): void;
  claimed(cause: Claim["cause"]): void;
}

/** Rooms whose last survey is remembered; beyond it the oldest are asked for again. */
const REMEMBERED_ROOMS = 50_000;

interface Remembered {
  readonly claim: Claim;
  readonly storeGeneration: number;
  readonly peersGeneration: number;
}

/** Finds, for an entry, the region that hosts a room, and claims one where none does. */
export class Placement {
  private readonly store: RoomStore;
  private readonly peers: Peers;
  private readonly clock: Clock;
  private readonly proposer: Proposer;
  private readonly health: Health;
  private readonly preference: Preference;
  private readonly metrics: PlacementMetrics;
  private readonly remembered = new Map<string, Remembered>();
  private readonly settling = new Map<string, Promise<Claim>>();

  constructor(parts: {
    readonly store: RoomStore;
    readonly peers: Peers;
    readonly clock: Clock;
    readonly proposer: Proposer;
    readonly health: Health;
    readonly preference: Preference;
    readonly metrics: PlacementMetrics;
  }) {
    this.store = parts.store;
    this.peers = parts.peers;
    this.clock = parts.clock;
    this.proposer = parts.proposer;
    this.health = parts.health;
    this.preference = parts.preference;
    this.metrics = parts.metrics;
  }

  /**
   * The region that hosts the room, claimed if none does. What the own store says is enough while this gateway has
   * asked all members about the room since it last lost its store or a member; otherwise all are asked.
   * @throws Unplaceable where no region can take it, or the members do not agree
   */
  async locate(wish: JoinWish): Promise<Claim> {
    const begin = this.clock.monotonic();
    const known = await this.knownClaim(wish.room);
    if (known !== undefined && known.state === "open" && this.health.looksWell(known.region)) {
      this.metrics.located("known", (this.clock.monotonic() - begin) / 1000);
      return known;
    }
    const claim = await this.settleOnce(wish);
    this.metrics.located("surveyed", (this.clock.monotonic() - begin) / 1000);
    return claim;
  }

  /** The region that hosts the room, undefined if none does. Claims nothing, whatever the host's health. */
  async find(room: string): Promise<Claim | undefined> {
    const known = await this.knownClaim(room);
    const claim = known ?? (await this.findAtAll(room));
    return claim?.state === "open" ? claim : undefined;
  }

  /** Takes note that a host refused or did not answer: the next look asks all members. */
  refused(claim: Claim, why: Refusal, found?: Claim): void {
    const remembered = this.remembered.get(claim.room);
    if (remembered !== undefined && remembered.claim.epoch <= claim.epoch) {
      this.remembered.delete(claim.room);
    }
    if (why === "moved" && found !== undefined && this.store.up()) {
      void this.store.merge(found).catch(ignoreStoreAway);
    }
  }

  /** The host's own claim for a room, as the own store has it, if it can be trusted without asking the others. */
  private async knownClaim(room: string): Promise<Claim | undefined> {
    const remembered = this.remembered.get(room);
    if (!this.isCurrent(remembered)) {
      return undefined;
    }
    try {
      const { claim } = await this.store.read(room);
      // The generation is looked at again: the store may have been lost and come back while it was read.
      return claim?.confirmed === true && this.isCurrent(remembered) ? claim : undefined;
    } catch (error) {
      ignoreStoreAway(error);
      return undefined;
    }
  }

  private isCurrent(remembered: Remembered | undefined): boolean {
    return (
      this.store.up() &&
      remembered?.storeGeneration === this.store.generation() &&
      remembered.peersGeneration === this.peers.generation()
    );
  }

  private async findAtAll(room: string): Promise<Claim | undefined> {
    const stamp = this.stamp();
    const { highest, confirmed } = standing(await this.proposer.survey(room));
    const claim = confirmed ?? highest;
    if (claim?.confirmed === true) {
      this.remember(claim, stamp);
    }
    return claim;
  }

  /** All who want into a room at this gateway at the same time share one settlement. */
  private settleOnce(wish: JoinWish): Promise<Claim> {
    const under = this.settling.get(wish.room);
    if (under !== undefined) {
      return under;
    }
    const settling = this.settle(wish).finally(() => this.settling.delete(wish.room));
    this.settling.set(wish.room, settling);
    return settling;
  }

  private async settle(wish: JoinWish): Promise<Claim> {
    const { room } = wish;
    const preferred = await this.preference(wish);
    // Before the survey: what is lost while it runs makes it worth nothing.
    const stamp = this.stamp();
    const decide = (survey: Survey, round: number): Promise<Claim | undefined> =>
      decideForJoin(survey, {
        room,
        round,
        nowMs: this.clock.now(),
        preferred,
        isLost: (held) => this.health.isLost(held, survey),
      });
    const claim = await this.proposer.settle(room, decide);
    this.remember(claim, stamp);
    this.metrics.claimed(claim.cause);
    return claim;
  }

  private stamp(): Omit<Remembered, "claim"> {
    return {
      storeGeneration: this.store.generation(),
      peersGeneration: this.peers.generation(),
    };
  }

  private remember(claim: Claim, stamp: Omit<Remembered, "claim">): void {
    this.remembered.delete(claim.room);
    this.remembered.set(claim.room, { claim, ...stamp });
    if (this.remembered.size > REMEMBERED_ROOMS) {
      const [oldest] = this.remembered.keys();
      if (oldest !== undefined) {
        this.remembered.delete(oldest);
      }
    }
  }
}

/** Swallows what is expected of a store; anything else goes on. */
export function ignoreStoreAway(error: unknown): void {
  if (!(error instanceof StoreAway)) {
    throw error;
  }
}
