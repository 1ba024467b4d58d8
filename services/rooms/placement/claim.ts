/** Why a claim was made; says what becomes of the connections under the one before it. */
export type Cause =
  /** The first to join, or the first after the room had ended. */
  | "join"
  /** The region that hosted the room was lost. If it turns out to have people, that is a split. */
  | "failover"
  /** An operator's word: move, evacuation. */
  | "move"
  /** The region's store came back without the room: the same region begins anew. */
  | "restore"
  /** A split was decided. */
  | "heal";

/**
 * Which region hosts a room. Of two claims for a room the one with the higher (epoch, region) holds everywhere, and at
 * equal ones the closed one. A claim is only ever replaced by a higher one.
 */
export interface Claim {
  readonly room: string;
  /** Rises with each claim of the room; begins at the milliseconds since 1970, so that a forgotten room does not restart low. */
  readonly epoch: number;
  readonly region: string;
  /**
   * Epoch at which the region became the host. A higher epoch of the same tenure only repeats the claim: nobody is moved
   * and nothing is made clean. Connections belong to a tenure.
   */
  readonly tenure: number;
  /** A closed claim says that the meeting is over; the next one to join claims anew. */
  readonly state: "open" | "closed";
  readonly cause: Cause;
  /** True if all reachable members hold it. Nobody is admitted under a claim that is not. */
  readonly confirmed: boolean;
  /** True if no member knew of an open claim before: there is then nothing left of the room to be cleaned away. */
  readonly fresh: boolean;
}

/** Above zero if `left` holds against `right`, 0 if they are the same claim. Confirmation is no part of it. */
export function compareClaims(left: Claim, right: Claim): number {
  if (left.epoch !== right.epoch) {
    return left.epoch - right.epoch;
  }
  if (left.region !== right.region) {
    return left.region < right.region ? -1 : 1;
  }
  return Number(left.state === "closed") - Number(right.state === "closed");
}

/** The claim that holds; of two equal ones the confirmed one. */
export function higherClaim(left: Claim | undefined, right: Claim | undefined): Claim | undefined {
  if (left === undefined || right === undefined) {
    return left ?? right;
  }
  const order = compareClaims(left, right);
  if (order !== 0) {
    return order > 0 ? left : right;
  }
  return right.confirmed ? right : left;
}

/** The epoch of a new claim: above what is known, and not below the clock. */
export function nextEpoch(known: Claim | undefined, nowMs: number): number {
  return Math.max((known?.epoch ?? 0) + 1, Math.floor(nowMs));
}
