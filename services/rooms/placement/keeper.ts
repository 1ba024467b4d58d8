import { newTenure, sameTenure } from "./decide.ts";
import type { Claim } from "./claim.ts";
import { NEWBORN_MS, RETOLD_MS } from "./host.ts";
import { LiveKitDown, type TunnelGroup } from "./ports.ts";
import type { Clock, LocalLiveKit, Peers, RoomStore, Tunnels } from "./ports.ts";
import { standing, unlessGone, Unplaceable, type Proposer, type Survey } from "./proposer.ts";
import type { Splits } from "./splits.ts";

/** Milliseconds between two looks at the own connections, and between two looks at what is left of moved rooms. */
export const SWEEP_MS = 2_000;
export const LEFTOVERS_MS = 5_000;

/** Milliseconds between two looks at other regions' claims while the own store is away. */
export const ELSEWHERE_MS = 500;

/** Regions asked in one look: each has every claim that it could be told of, a second one covers what it missed. */
const ASKED_AT_ONCE = 2;

/** Rooms asked about in one message. */
const ROOMS_AT_ONCE = 500;

/** Milliseconds for which one gateway of the region looks after its left-overs and claims. */
const TIDY_LOCK_MS = 20_000;

/** Milliseconds after which an unconfirmed claim is taken in hand by another gateway. */
const RESOLVE_AFTER_MS = 1_000;

/** Milliseconds between two exchanges of claims where nothing was lost. */
const EXCHANGE_MS = 60_000;

/** Milliseconds for which no other gateway cleans a left-over room while it is deleted. */
const DELETE_LOCK_MS = 10_000;

/** Milliseconds within which people of the losing side of a split are expected at the winner. */
export const REJOIN_MS = 120_000;

/** Times that a winner is told before the people are cut all the same. */
const ANNOUNCEMENTS = 3;

/** Left-over rooms deleted in one go. */
const LEFTOVERS_AT_ONCE = 100;

/**
 * Keeps what is connected here true to the claims: cuts connections to rooms that were moved, finds splits, brings
 * rooms back that the store lost, learns other regions' claims when they are reached again, and deletes what is left of
 * moved rooms.
 */
export class Keeper {
  private readonly region: string;
  private readonly pod: string;
  private readonly store: RoomStore;
  private readonly peers: Peers;
  private readonly liveKit: LocalLiveKit;
  private readonly clock: Clock;
  private readonly tunnels: Tunnels;
  private readonly proposer: Proposer;
  private readonly splits: Splits;
  /** Generation of the store that the own connections were last checked against. */
  private checkedGeneration: number;
  /** Generations of the store and of the members that claims were last exchanged in, by this gateway. */
  private exchangedGeneration = "";
  private exchangedAt = -Infinity;
  private storeBackAt = -Infinity;

  constructor(parts: {
    readonly region: string;
    readonly pod: string;
    readonly store: RoomStore;
    readonly peers: Peers;
    readonly liveKit: LocalLiveKit;
    readonly clock: Clock;
    readonly tunnels: Tunnels;
    readonly proposer: Proposer;
    readonly splits: Splits;
  }) {
    this.region = parts.region;
    this.pod = parts.pod;
    this.store = parts.store;
    this.peers = parts.peers;
    this.liveKit = parts.liveKit;
    this.clock = parts.clock;
    this.tunnels = parts.tunnels;
    this.proposer = parts.proposer;
    this.splits = parts.splits;
    this.checkedGeneration = parts.store.generation();
    parts.store.onBack(() => {
      this.storeBackAt = this.clock.monotonic();
      void this.sweep();
    });
  }

  /** One look at every room with a connection here; also right after the store was lost and is back. */
  async sweep(): Promise<void> {
    const generation = this.store.generation();
    const isStoreBack = generation !== this.checkedGeneration;
    await this.exchangeIfDue();
    await this.proposer.deliver();
    const groups = this.tunnels.groups();
    await Promise.all(groups.map((group) => this.writePresence(group)));
    for (const group of groups) {
      await this.expected(() => (isStoreBack ? this.bringBack(group) : this.look(group)));
    }
    if (this.store.up()) {
      this.checkedGeneration = generation;
    }
  }

  /**
   * LiveKit says that a room ended: its claim is closed, so that the next meeting is placed anew, unless the room of that
   * id is no longer the one under way.
   */
  async roomFinished(room: string, sid: string): Promise<void> {
    const closed = await this.store.close(room, this.region, sid);
    if (closed !== undefined) {
      this.proposer.spread(closed);
    }
  }

  /** False if a higher claim of another tenure holds by now. True while the store is away. */
  async stillHolds(claim: Claim): Promise<boolean> {
    const known = await unlessGone(this.store.read(claim.room));
    const held = known?.claim;
    return (
      held === undefined ||
      !held.confirmed ||
      held.epoch < claim.epoch ||
      (held.region === claim.region && held.tenure === claim.tenure)
    );
  }

  /** A look at one room: its claim changed. */
  async changed(room: string): Promise<void> {
    for (const group of this.tunnels.groups().filter((it) => it.room === room)) {
      await this.expected(() => this.look(group));
    }
  }

  /**
   * Learns the claims of every reachable member, where one or the store was lost and is back, or a minute is over. A
   * gateway takes nobody in before it has done this once.
   */
  async exchangeIfDue(): Promise<void> {
    const generation = `${this.store.generation()} ${this.peers.generation()}`;
    const isDue = this.clock.monotonic() - this.exchangedAt > EXCHANGE_MS;
    if (this.store.up() && (generation !== this.exchangedGeneration || isDue)) {
      await this.expected(async () => {
        await this.exchange();
        this.exchangedGeneration = generation;
        this.exchangedAt = this.clock.monotonic();
      });
    }
  }

  /** What one gateway of the region does for all: deletes what is left of moved rooms. */
  async tidy(): Promise<void> {
    await this.expected(async () => {
      if (await this.store.lock("tidy", this.pod, TIDY_LOCK_MS)) {
        await this.deleteLeftovers();
      }
    });
  }

  /**
   * While the own store is away: a room hosted here may have gone on elsewhere, because one of its people lost the
   * signalling before the others. Those who are still here are cut, so that they follow.
   */
  async lookElsewhere(): Promise<void> {
    const hosted = this.store.up() ? [] : this.tunnels.groups().filter((it) => this.isHere(it));
    const rooms = [...new Set(hosted.map(({ room }) => room))];
    const asked = rooms.length === 0 ? [] : this.peers.members().filter((it) => this.canTell(it));
    for (const region of asked.slice(0, ASKED_AT_ONCE)) {
      for (let at = 0; at < rooms.length; at += ROOMS_AT_ONCE) {
        const some = rooms.slice(at, at + ROOMS_AT_ONCE);
        const claims = (await unlessGone(this.peers.readAll(region, some))) ?? [];
        for (const claim of claims) {
          await this.follow(claim, hosted);
        }
      }
    }
  }

  private async follow(claim: Claim, hosted: readonly TunnelGroup[]): Promise<void> {
    const isElsewhere = claim.confirmed && claim.state === "open" && claim.region !== this.region;
    for (const group of hosted) {
      if (isElsewhere && group.room === claim.room && group.tenure < claim.epoch) {
        if (claim.cause === "heal") {
          await this.announce(group, claim);
        }
        this.cut(group, claim);
      }
    }
  }

  private isHere(group: TunnelGroup): boolean {
    return group.region === this.region;
  }

  private canTell(region: string): boolean {
    return this.peers.reachable(region) && this.peers.lastStatus(region)?.storeUp === true;
  }

  private async writePresence(group: TunnelGroup): Promise<void> {
    if (this.isHere(group)) {
      await unlessGone(this.store.setPresent(group.room, this.pod, group.identities));
    }
  }

  private async look(group: TunnelGroup): Promise<void> {
    const { claim } = await this.store.read(group.room);
    if (claim === undefined || claim.epoch < group.tenure) {
      await this.bringBack(group);
    } else if (!claim.confirmed) {
      await this.resolve(group, claim);
    } else if (claim.region !== group.region || claim.tenure !== group.tenure) {
      await this.superseded(group, claim);
    } else {
      this.splits.over(group.room);
    }
  }

  /** A claim whose proposer may be gone: after a while somebody has to bring it to an end. */
  private async resolve(group: TunnelGroup, claim: Claim): Promise<void> {
    await this.clock.sleep(RESOLVE_AFTER_MS);
    const { claim: now } = await this.store.read(group.room);
    if (now !== undefined && !now.confirmed && now.epoch === claim.epoch) {
      await this.proposer.settle(group.room, (survey) => hostOf(survey, this.clock.now()));
    }
  }

  private async superseded(group: TunnelGroup, claim: Claim): Promise<void> {
    if (claim.state === "closed" && claim.region === group.region) {
      return;
    }
    const isMine = this.isHere(group);
    const mayBeSplit = claim.cause === "failover" || claim.cause === "join";
    if (mayBeSplit && claim.region !== group.region) {
      if (isMine && (await this.liveKit.check())) {
        return this.splits.report(group.room);
      }
      if (!isMine && this.isWell(group.region)) {
        // The host cuts it, or wins the room back: it knows who is connected, this gateway does not.
        return;
      }
    }
    if (claim.cause === "heal") {
      if (!isMine && this.isWell(group.region)) {
        return;
      }
      await this.announce(group, claim);
    }
    this.cut(group, claim);
  }

  /** LiveKit of the winner may still have sessions of these people from before the partition. */
  private async announce(group: TunnelGroup, claim: Claim): Promise<void> {
    const { room, identities } = group;
    for (let attempt = 0; attempt < ANNOUNCEMENTS; attempt++) {
      const told = await unlessGone(
        (claim.region === this.region
          ? this.store.expectRejoin(room, identities, REJOIN_MS)
          : this.peers.expectRejoin(claim.region, room, identities)
        ).then(() => true),
      );
      if (told === true) {
        return;
      }
    }
  }

  private cut(group: TunnelGroup, claim: Claim): void {
    this.splits.over(group.room);
    this.tunnels.cutExcept(group.room, claim);
    if (this.isHere(group)) {
      void unlessGone(this.store.setPresent(group.room, this.pod, []));
    }
  }

  private isWell(region: string): boolean {
    return this.peers.reachable(region) && this.peers.lastStatus(region)?.liveKitUp === true;
  }

  /**
   * The store was lost and is back, perhaps without its last writes, perhaps empty. What the others hold is written to
   * it again. Where this region is the host and the store or LiveKit no longer knows the room, the room begins anew here.
   */
  private async bringBack(group: TunnelGroup): Promise<void> {
    const isLost = this.isHere(group) && (await this.hostingIsLost(group));
    if (isLost) {
      await this.untilSettled();
    }
    const claim = await this.proposer.settle(group.room, (survey) => {
      const host = hostOf(survey, this.clock.now());
      const isThis =
        host === undefined || (host.region === group.region && host.tenure === group.tenure);
      const { highest } = standing(survey);
      return isLost && isThis
        ? newTenure(group.room, this.region, "restore", highest, this.clock.now())
        : host;
    });
    if (claim.region !== group.region || claim.tenure !== group.tenure) {
      await this.superseded(group, claim);
    }
  }

  /**
   * Until every gateway of the region has written down who is connected through it. Meetings go on meanwhile, and nobody
   * would be let in if their connections were cut sooner.
   */
  private async untilSettled(): Promise<void> {
    const ageMs = await this.store.ageMs();
    if (ageMs < NEWBORN_MS) {
      await this.clock.sleep(NEWBORN_MS - ageMs);
    }
  }

  private async hostingIsLost(group: TunnelGroup): Promise<boolean> {
    const { hosting } = await this.store.read(group.room);
    if (hosting.cleanTenure !== group.tenure) {
      return true;
    }
    const sid = await this.liveKit.findRoom(group.room);
    return sid === undefined || sid !== hosting.sid;
  }

  /** Takes over every claim of every reachable member that is higher than what the own store holds. */
  private async exchange(): Promise<void> {
    const members = this.peers.members().filter((region) => this.peers.reachable(region));
    for (const region of members) {
      let cursor: string | undefined = "0";
      while (cursor !== undefined) {
        const page: { readonly claims: readonly Claim[]; readonly next?: string } | undefined =
          await unlessGone(this.peers.claims(region, cursor));
        for (const claim of page?.claims ?? []) {
          if (claim.confirmed || claim.state === "closed") {
            await this.store.merge(claim);
          }
        }
        cursor = page?.next;
      }
    }
  }

  private async deleteLeftovers(): Promise<void> {
    const isRetold = this.clock.monotonic() - this.storeBackAt >= RETOLD_MS;
    if (!this.liveKit.up() || !isRetold) {
      return;
    }
    for (const room of await this.store.leftovers(LEFTOVERS_AT_ONCE)) {
      if (
        (await this.store.present(room)).length === 0 &&
        (await this.store.lockCleaning(room, this.pod, DELETE_LOCK_MS))
      ) {
        // One that LiveKit does not let go is tried again later, and holds up no other.
        await this.expected(() => this.deleteLeftover(room));
      }
    }
  }

  /** With the right to clean: the room may have been claimed for this region again in the meantime. */
  private async deleteLeftover(room: string): Promise<void> {
    const { claim, hosting } = await this.store.read(room);
    const last = Math.max(hosting.cleanTenure ?? 0, hosting.askedTenure ?? 0);
    const isOver = last < (claim?.epoch ?? 0);
    if (claim !== undefined && claim.region !== this.region && isOver) {
      if ((await this.liveKit.findRoom(room)) !== undefined) {
        // DeleteRoom fails for a room whose node died; CreateRoom places it again (see Host).
        await this.liveKit.createRoom(room);
      }
      await this.liveKit.deleteRoom(room);
      await this.store.forgetHosting(room);
    }
    await this.store.unlockCleaning(room, this.pod);
  }

  /** Runs a duty; what it met that is expected to happen ends it until the next time. */
  private async expected(duty: () => Promise<void>): Promise<void> {
    try {
      await unlessGone(duty());
    } catch (error) {
      if (!(error instanceof LiveKitDown) && !(error instanceof Unplaceable)) {
        throw error;
      }
    }
  }
}

/** The claim that stands: a proposal above the host's claim that its proposer left behind moves nobody. */
function hostOf(survey: Survey, nowMs: number): Claim | undefined {
  const { highest, confirmed } = standing(survey);
  const isAhead =
    highest !== undefined && !highest.confirmed && highest.tenure !== confirmed?.tenure;
  return isAhead && confirmed?.state === "open" ? sameTenure(confirmed, highest, nowMs) : highest;
}
