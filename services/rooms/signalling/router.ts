import type { Claim } from "../placement/claim.ts";
import type { JoinWish, Refusal } from "../placement/placement.ts";
import { Unplaceable } from "../placement/proposer.ts";
import type { Join } from "./join.ts";
import type { LocalDoor } from "./local-door.ts";
import type { Outcome } from "./outcome.ts";
import { inTime, pause } from "./pause.ts";
import type { PeerDoor } from "./peer-door.ts";

/** Finds the region that hosts a room; placement's Placement is one. */
export interface Placing {
  /** @throws Unplaceable */
  locate(wish: JoinWish): Promise<Claim>;
  refused(claim: Claim, why: Refusal, found?: Claim): void;
}

/** Where a join ended: with LiveKit's word, under a claim. */
export interface Reached {
  readonly claim: Claim;
  readonly outcome: Exclude<Outcome, { kind: "refused" }>;
}

/** Milliseconds before each new try; the last one goes on until the join's time is over. */
const PAUSES_MS = [0, 50, 150, 300] as const;

/** Brings a client's join to the region that hosts the room, and looks again where that one refuses. */
export class Router {
  private readonly region: string;
  private readonly placement: Placing;
  private readonly local: LocalDoor;
  private readonly peer: PeerDoor;

  constructor(parts: {
    readonly region: string;
    readonly placement: Placing;
    readonly local: LocalDoor;
    readonly peer: PeerDoor;
  }) {
    this.region = parts.region;
    this.placement = parts.placement;
    this.local = parts.local;
    this.peer = parts.peer;
  }

  /** @throws TooLate, ClientGone */
  async route(join: Join): Promise<Reached> {
    const wish: JoinWish = {
      room: join.room,
      ...(join.country === undefined ? {} : { country: join.country }),
    };
    for (let attempt = 0; ; attempt++) {
      const claim = await this.locate(wish, join);
      if (claim !== undefined) {
        const outcome = await this.enter(join, claim);
        if (outcome.kind !== "refused") {
          return { claim, outcome };
        }
        this.placement.refused(claim, outcome.why, outcome.found);
      }
      await pause(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0, join);
    }
  }

  /** One try under one claim. */
  enter(join: Join, claim: Claim, isPassedOn = false): Promise<Outcome> {
    const entering =
      claim.region === this.region
        ? this.local.reach(join, claim)
        : this.peer.reach(join, claim, isPassedOn);
    return inTime(discardIfLate(entering, join), join);
  }

  private async locate(wish: JoinWish, join: Join): Promise<Claim | undefined> {
    try {
      return await inTime(this.placement.locate(wish), join);
    } catch (error) {
      if (error instanceof Unplaceable) {
        return undefined;
      }
      throw error;
    }
  }
}

/** A tunnel that opens when nobody waits for it any more is closed again. */
async function discardIfLate(entering: Promise<Outcome>, join: Join): Promise<Outcome> {
  const outcome = await entering;
  if (outcome.kind === "open" && (join.gone.aborted || join.deadline.left() === 0)) {
    outcome.upstream.socket.destroy();
  }
  return outcome;
}
