import { compareClaims, type Claim } from "./claim.ts";
import { LiveKitDown, StoreAway } from "./ports.ts";
import type { Clock, Known, LocalLiveKit, RoomStore } from "./ports.ts";

/** Whether somebody may be let into a room here. */
export type Admission =
  | { readonly admitted: true; readonly sid: string }
  /** The room is elsewhere, over, or under another tenure; the claim that holds here, if any. */
  | { readonly admitted: false; readonly reason: "moved"; readonly claim?: Claim }
  | { readonly admitted: false; readonly reason: "livekit-down" | "store-away" };

/**
 * Milliseconds for which one gateway alone may clean a room. Every call to LiveKit ends after two seconds, and none is
 * begun in the last third, so that no deletion is under way when the right goes to another gateway.
 */
const CLEANING_MS = 15_000;
const CLEANING_STARTS_MS = 9_000;

/**
 * Milliseconds between two looks at whether another gateway has finished cleaning, from the first to the longest: many
 * rooms at once would otherwise keep the store busy with looks alone.
 */
const CLEANING_POLL = { from: 40, to: 320 } as const;

/** A store that began empty this many milliseconds ago may not know rooms that LiveKit's nodes still have. */
const UNSETTLED_MS = 3_600_000;

/** Milliseconds after a store began empty in which nobody is let in: gateways write down first who is connected. */
export const NEWBORN_MS = 3_000;

/**
 * Milliseconds after a store came back, perhaps without its last writes, in which it may not say yet who is connected:
 * every gateway notices within a second and a half, and writes it down again.
 */
export const RETOLD_MS = 3_000;

/** Milliseconds given to the connections of an earlier tenure to be cut, before LiveKit would tell them to go for good. */
const CUT_MS = 2_000;

/** Times an admission is tried again when the room changed under it. */
const MAX_TRIES = 4;

/** Lets people into the rooms that this region hosts. */
export class Host {
  private readonly region: string;
  private readonly store: RoomStore;
  private readonly liveKit: LocalLiveKit;
  private readonly clock: Clock;
  private readonly holder: string;
  /** Rooms that this gateway is making clean, or waits for, by room and tenure. */
  private readonly cleaning = new Map<string, Promise<string | undefined>>();
  private storeBackAt = -Infinity;

  constructor(parts: {
    readonly region: string;
    readonly store: RoomStore;
    readonly liveKit: LocalLiveKit;
    readonly clock: Clock;
    /** Name of this pod. */
    readonly pod: string;
  }) {
    this.region = parts.region;
    this.store = parts.store;
    this.liveKit = parts.liveKit;
    this.clock = parts.clock;
    this.holder = parts.pod;
    this.store.onBack(() => {
      this.storeBackAt = this.clock.monotonic();
    });
  }

  /**
   * Lets somebody in under a confirmed claim: takes the claim over if this region had not heard of it, makes the room
   * clean once for its tenure, and makes sure that LiveKit has it. Refuses under any claim but the one that holds.
   */
  async admit(room: string, claim: Claim, identity?: string): Promise<Admission> {
    try {
      if (!this.liveKit.up() && !(await this.liveKit.check())) {
        return { admitted: false, reason: "livekit-down" };
      }
      return await this.tryToAdmit(room, claim, identity);
    } catch (error) {
      if (error instanceof StoreAway) {
        return { admitted: false, reason: "store-away" };
      }
      if (error instanceof LiveKitDown) {
        return { admitted: false, reason: "livekit-down" };
      }
      throw error;
    }
  }

  /** Makes the room clean for a claim that is about to hold here: for a room that is moved here with what it carries. */
  async prepare(claim: Claim): Promise<string> {
    return (await this.cleanOnce(claim, true)) ?? this.liveKit.createRoom(claim.room);
  }

  private async tryToAdmit(room: string, claim: Claim, identity?: string): Promise<Admission> {
    let known = await this.store.read(room);
    if (known.claim === undefined || compareClaims(claim, known.claim) >= 0) {
      const held = await this.store.merge({ ...claim, confirmed: true });
      known = { claim: held, hosting: known.hosting };
    }
    if (known.hosting.cleanTenure === undefined && (await this.store.ageMs()) < NEWBORN_MS) {
      return { admitted: false, reason: "store-away" };
    }
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const held = known.claim;
      if (
        held?.region !== this.region ||
        held.tenure !== claim.tenure ||
        held.state === "closed" ||
        !held.confirmed
      ) {
        const found = held === undefined ? {} : { claim: held };
        return { admitted: false, reason: "moved", ...found };
      }
      const made = await this.makeClean(held, known);
      if (identity !== undefined && (await this.store.takeRejoin(room, identity))) {
        await this.liveKit.removeParticipant(room, identity);
      }
      const sid = made ?? (await this.liveKit.createRoom(room));
      const result = await this.store.admit(room, this.region, claim.tenure, sid);
      if (result.admitted) {
        return { admitted: true, sid };
      }
      known = result.found;
    }
    return { admitted: false, reason: "store-away" };
  }

  /** The sid of the room, if it was made new for this. */
  private async makeClean(claim: Claim, known: Known): Promise<string | undefined> {
    return known.hosting.cleanTenure === claim.tenure
      ? undefined
      : this.cleanOnce(claim, !claim.fresh || (await this.store.ageMs()) < UNSETTLED_MS);
  }

  /**
   * Cleans, and gives the sid of the new room; or waits until another gateway of the region has. All who wait at this
   * gateway share it.
   */
  private cleanOnce(claim: Claim, isThorough: boolean): Promise<string | undefined> {
    const name = `${claim.tenure} ${claim.room}`;
    const under = this.cleaning.get(name);
    if (under !== undefined) {
      return under;
    }
    const cleaning = this.cleanAlone(claim, isThorough).finally(() => this.cleaning.delete(name));
    this.cleaning.set(name, cleaning);
    return cleaning;
  }

  private async cleanAlone(claim: Claim, isThorough: boolean): Promise<string | undefined> {
    const { room, tenure } = claim;
    const begin = this.clock.monotonic();
    let poll: number = CLEANING_POLL.from;
    while (this.clock.monotonic() - begin < CLEANING_MS) {
      const found = await this.store.read(room);
      if (found.hosting.cleanTenure === tenure || isOutdated(claim, found.claim)) {
        return undefined;
      }
      if (await this.store.lockCleaning(room, this.holder, CLEANING_MS)) {
        // Whoever had the right before may have finished between the two steps, or the room may have moved on: a clean
        // room is never cleaned again.
        const now = await this.store.read(room);
        if (now.hosting.cleanTenure === tenure || isOutdated(claim, now.claim)) {
          await this.store.unlockCleaning(room, this.holder);
          return undefined;
        }
        const sid = await this.clean(claim, isThorough);
        if (await this.store.finishCleaning(room, this.holder, tenure)) {
          return sid;
        }
      }
      await this.clock.sleep(poll);
      poll = Math.min(2 * poll, CLEANING_POLL.to);
    }
    throw new StoreAway(`Room "${room}": it could not be made clean in ${CLEANING_MS} ms.`);
  }

  /**
   * Leaves a new, empty room and gives its sid, unless the claim is over by then. LiveKit keeps the sessions of people who left it without a word, and would accept a
   * resume into them (measured with 1.13.5). CreateRoom comes first, because DeleteRoom does not place a room again whose
   * node died (livekit/livekit, pkg/service/roomservice.go).
   */
  private async clean(claim: Claim, isThorough: boolean): Promise<string | undefined> {
    const { room, tenure } = claim;
    const begin = this.clock.monotonic();
    await this.store.ask(room, tenure);
    if (!isThorough && (await this.liveKit.findRoom(room)) === undefined) {
      return this.liveKit.createRoom(room);
    }
    await this.untilRetold();
    await this.untilNobodyIsConnected(room);
    await this.liveKit.createRoom(room);
    if (this.clock.monotonic() - begin > CLEANING_STARTS_MS) {
      throw new LiveKitDown(`Room "${room}": LiveKit took too long to make it.`);
    }
    const { claim: held } = await this.store.read(room);
    if (isOutdated(claim, held)) {
      return undefined;
    }
    await this.liveKit.deleteRoom(room);
    return this.liveKit.createRoom(room);
  }

  /** Until every gateway has written down again who is connected, where the store may have forgotten. */
  private async untilRetold(): Promise<void> {
    const backForMs = this.clock.monotonic() - this.storeBackAt;
    if (backForMs < RETOLD_MS) {
      await this.clock.sleep(RETOLD_MS - backForMs);
    }
  }

  /** LiveKit's goodbye ends a client for good, a cut connection does not: so all are cut before a room is deleted. */
  private async untilNobodyIsConnected(room: string): Promise<void> {
    const begin = this.clock.monotonic();
    while ((await this.store.present(room)).length > 0 && this.clock.monotonic() - begin < CUT_MS) {
      await this.clock.sleep(CLEANING_POLL.from);
    }
  }
}

/**
 * True if a higher claim of another tenure holds, or one under which people may be in the room here: a room that was to
 * be moved here may have come by itself.
 */
function isOutdated(claim: Claim, held: Claim | undefined): boolean {
  if (held === undefined || held.tenure === claim.tenure) {
    return false;
  }
  const isHere = held.region === claim.region && held.state === "open" && held.confirmed;
  return isHere || compareClaims(held, claim) > 0;
}
