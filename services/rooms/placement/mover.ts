import type { Claim } from "./claim.ts";
import { bestRegion, newTenure } from "./decide.ts";
import type { Carried, Clock, Peers, RoomStore } from "./ports.ts";
import { standing, unlessGone, type Proposer } from "./proposer.ts";

/** What came of a move. */
export type Moved =
  | { readonly moved: true; readonly claim: Claim }
  | {
      readonly moved: false;
      readonly why: "not here" | "no other region" | "claimed meanwhile" | "called off";
    };

/** What a room takes along, and how its recordings are brought to their end first. */
export interface Carrier {
  /**
   * Stops the room's recordings, waits for their end, and gives what the new region needs; waits no longer once the move
   * is called off.
   */
  pack(room: string, calledOff?: AbortSignal): Promise<Carried>;
}

/** Rooms moved at the same time in an evacuation. */
const MOVES_AT_ONCE = 8;

/**
 * Moves live rooms away from this region: the new one is made ready with all that the room carries, the claim changes at
 * all members, and then every connection is cut, so that the clients come back there by themselves.
 */
export class Mover {
  private readonly region: string;
  private readonly store: RoomStore;
  private readonly peers: Peers;
  private readonly clock: Clock;
  private readonly proposer: Proposer;
  private readonly carrier: Carrier;
  private readonly preference: (room: string) => readonly string[];

  constructor(parts: {
    readonly region: string;
    readonly store: RoomStore;
    readonly peers: Peers;
    readonly clock: Clock;
    readonly proposer: Proposer;
    readonly carrier: Carrier;
    /** Other regions in the order in which a room of this one would be taken there. */
    readonly preference: (room: string) => readonly string[];
  }) {
    this.region = parts.region;
    this.store = parts.store;
    this.peers = parts.peers;
    this.clock = parts.clock;
    this.proposer = parts.proposer;
    this.carrier = parts.carrier;
    this.preference = parts.preference;
  }

  /** Moves one room that this region hosts, to that region or to the first that can take it. */
  async move(room: string, target?: string, calledOff?: AbortSignal): Promise<Moved> {
    const survey = await this.proposer.survey(room);
    const { highest } = standing(survey);
    if (highest?.region !== this.region || highest.state !== "open") {
      return { moved: false, why: "not here" };
    }
    const wanted = target === undefined ? this.preference(room) : [target];
    const to = bestRegion(
      survey,
      wanted.filter((region) => region !== this.region),
    );
    if (to === undefined) {
      return { moved: false, why: "no other region" };
    }
    const carried = await this.carrier.pack(room, calledOff);
    if (calledOff?.aborted === true) {
      return { moved: false, why: "called off" };
    }
    const planned = newTenure(room, to, "move", highest, this.clock.now());
    await this.peers.prepare(to, planned, carried);
    const claim = await this.proposer.settle(room, (now) => {
      const { highest: held } = standing(now);
      return held?.epoch === highest.epoch && held.region === highest.region ? planned : held;
    });
    return claim.epoch === planned.epoch && claim.region === to
      ? { moved: true, claim }
      : { moved: false, why: "claimed meanwhile" };
  }

  /** Rooms that this region hosts. @throws StoreAway */
  async hosted(): Promise<readonly string[]> {
    const rooms: string[] = [];
    let cursor: string | undefined = "0";
    while (cursor !== undefined) {
      const page: { readonly claims: readonly Claim[]; readonly next?: string } =
        await this.store.claims(cursor);
      for (const claim of page.claims) {
        if (claim.region === this.region && claim.state === "open") {
          rooms.push(claim.room);
        }
      }
      cursor = page.next;
    }
    return rooms;
  }

  /**
   * Moves all rooms away, some at a time. Gives the rooms that are still here, because no region can take them or a
   * region did not answer. Called off, it begins no other move and lets those be that still wait for a recording's end.
   */
  async evacuate(
    progress: (done: number, of: number) => void,
    calledOff?: AbortSignal,
  ): Promise<readonly string[]> {
    const rooms = await this.hosted();
    const waiting = [...rooms];
    const left: string[] = [];
    let done = 0;
    const work = async (): Promise<void> => {
      for (let room = waiting.shift(); room !== undefined; room = waiting.shift()) {
        if (calledOff?.aborted === true) {
          return;
        }
        const outcome = await unlessGone(this.move(room, undefined, calledOff));
        if (outcome === undefined || (!outcome.moved && outcome.why === "no other region")) {
          left.push(room);
        }
        progress(++done, rooms.length);
      }
    };
    await Promise.all(Array.from({ length: MOVES_AT_ONCE }, work));
    return left;
  }
}
