import { compareClaims, higherClaim, type Claim } from "./claim.ts";
import { PeerUnreachable, StoreAway } from "./ports.ts";
import type { Clock, Peers, RegionStatus, RoomStore } from "./ports.ts";

/** What the reachable members know of a room at one time. */
export interface Survey {
  /** By region: what it holds. A region that did not answer, or whose store is away, is not in it. */
  readonly held: ReadonlyMap<string, Claim | undefined>;
  /** What the answering regions say of themselves; those with a store that is away too. */
  readonly statuses: ReadonlyMap<string, RegionStatus>;
}

/** What is to hold: a claim that is known already, or a new one. Undefined: look again a little later. */
export type Decision = Claim | undefined;

/** No region can take the room, or the members did not come to agree in time. */
export class Unplaceable extends Error {}

/** Rounds of survey and writing before giving up. Each lost round means that another proposer got further. */
const MAX_ROUNDS = 12;

/** Claims kept for one member that can not be reached; it learns the others when it asks for all. */
const MAX_UNDELIVERED = 10_000;

/** Milliseconds of the pause between two rounds: enough for a write on its way between continents. */
const ROUND_PAUSE = { from: 20, to: 120 } as const;

/**
 * Brings all reachable members to one claim for a room: reads every one, decides, and writes the claim at every one on
 * condition that it holds what was read. If all took it, the claim is confirmed. Any gateway may propose, at any time
 * and beside others: a member takes only a higher claim, so no two different claims can both be taken by all (the ADR
 * of the claim protocol has the argument).
 */
export class Proposer {
  private readonly region: string;
  private readonly store: RoomStore;
  private readonly peers: Peers;
  private readonly clock: Clock;
  private readonly ownStatus: () => RegionStatus;
  private readonly random: () => number;
  private readonly undelivered = new Map<string, Map<string, Claim>>();

  constructor(parts: {
    readonly region: string;
    readonly store: RoomStore;
    readonly peers: Peers;
    readonly clock: Clock;
    readonly ownStatus: () => RegionStatus;
    readonly random: () => number;
  }) {
    this.region = parts.region;
    this.store = parts.store;
    this.peers = parts.peers;
    this.clock = parts.clock;
    this.ownStatus = parts.ownStatus;
    this.random = parts.random;
  }

  /** Asks the own store and every member that looks reachable, at once. */
  async survey(room: string): Promise<Survey> {
    const held = new Map<string, Claim | undefined>();
    const statuses = new Map<string, RegionStatus>([[this.region, this.ownStatus()]]);
    const askStore = async (): Promise<void> => {
      const known = await unlessGone(this.store.read(room));
      if (known !== undefined) {
        held.set(this.region, known.claim);
      }
    };
    const askPeer = async (region: string): Promise<void> => {
      // Asked twice: to be slow once is no reason to be left out.
      const answer =
        (await unlessGone(this.peers.read(region, room))) ??
        (await unlessGone(this.peers.read(region, room)));
      if (answer === undefined) {
        return;
      }
      statuses.set(region, answer.status);
      if (answer.status.storeUp) {
        held.set(region, answer.claim);
      }
    };
    const members = this.peers.members().filter((region) => this.peers.reachable(region));
    await Promise.all([askStore(), ...members.map(askPeer)]);
    return { held, statuses };
  }

  /**
   * Surveys, decides and writes until all surveyed members hold the same claim.
   * @throws Unplaceable where no member has a store to write to, or no agreement was reached
   */
  async settle(
    room: string,
    decide: (survey: Survey, round: number) => Promise<Decision> | Decision,
  ): Promise<Claim> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const survey = await this.survey(room);
      if (survey.held.size === 0) {
        throw new Unplaceable(`Room "${room}": no region's store answers. Try again.`);
      }
      const decision = await decide(survey, round);
      if (decision !== undefined && (await this.writeEverywhere(decision, survey))) {
        const confirmed: Claim = { ...decision, confirmed: true };
        this.confirm(confirmed, survey);
        return confirmed;
      }
      const spread = ROUND_PAUSE.to - ROUND_PAUSE.from;
      await this.clock.sleep(ROUND_PAUSE.from + this.random() * spread);
    }
    throw new Unplaceable(
      `Room "${room}": the regions did not agree on a host in ${MAX_ROUNDS} rounds. Try again.`,
    );
  }

  /**
   * True if every member of the survey took the claim. One that answered the survey and does not answer now may take it or
   * something else: the next survey tells whether it is there.
   */
  private async writeEverywhere(claim: Claim, survey: Survey): Promise<boolean> {
    const outcomes = await Promise.all(
      [...survey.held].map(async ([region, found]) => {
        if (found !== undefined && compareClaims(found, claim) === 0) {
          return true;
        }
        const result = await unlessGone(
          region === this.region
            ? this.store.put(claim, found)
            : this.peers.put(region, claim, found),
        );
        return result?.stored === true;
      }),
    );
    return outcomes.every((isStored) => isStored);
  }

  /** Brings claims to members that could not be reached when they were made. */
  async deliver(): Promise<void> {
    const regions = [...this.undelivered.keys()].filter((region) => this.peers.reachable(region));
    await Promise.all(
      regions.map(async (region) => {
        const claims = [...(this.undelivered.get(region)?.values() ?? [])];
        this.undelivered.delete(region);
        for (const claim of claims) {
          await this.tell(region, claim);
        }
      }),
    );
  }

  /** Tells all other members of a claim that holds by this region's word alone. */
  spread(claim: Claim): void {
    for (const region of this.peers.members()) {
      void this.tell(region, claim);
    }
  }

  /** Tells the members that all of them have it. Nobody waits for it: who did not hear asks all again. */
  private confirm(claim: Claim, survey: Survey): void {
    for (const region of [this.region, ...this.peers.members()]) {
      const found = survey.held.get(region);
      if (found?.confirmed !== true || compareClaims(found, claim) !== 0) {
        void this.tell(region, claim);
      }
    }
  }

  private async tell(region: string, claim: Claim): Promise<void> {
    if (region === this.region) {
      await unlessGone(this.store.merge(claim));
      return;
    }
    const held = await unlessGone(this.peers.merge(region, claim));
    if (held === undefined && this.peers.members().includes(region)) {
      const claims = this.undelivered.get(region) ?? new Map<string, Claim>();
      if (claims.size < MAX_UNDELIVERED) {
        this.undelivered.set(region, claims.set(claim.room, claim));
      }
    }
  }
}

/** The result, or undefined where the other side is away. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StoreAway || error instanceof PeerUnreachable) {
      return undefined;
    }
    throw error;
  }
}

/** The claim that holds among what was read, and the highest of those that all members once held. */
export function standing(survey: Survey): {
  readonly highest?: Claim;
  readonly confirmed?: Claim;
} {
  let highest: Claim | undefined;
  let confirmed: Claim | undefined;
  for (const claim of survey.held.values()) {
    highest = higherClaim(highest, claim);
    // The host alone closes a meeting, so a closed claim needs nobody's word.
    if (claim !== undefined && (claim.confirmed || claim.state === "closed")) {
      confirmed = higherClaim(confirmed, claim);
    }
  }
  return {
    ...(highest === undefined ? {} : { highest }),
    ...(confirmed === undefined ? {} : { confirmed }),
  };
}
