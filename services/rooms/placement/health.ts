import type { Claim } from "./claim.ts";
import { unlessGone, type Survey } from "./proposer.ts";
import type { Clock, LocalLiveKit, Peers, RegionStatus } from "./ports.ts";

/** Looks at a region that did not answer before it is called lost, and the pause between them in milliseconds. */
const LOOKS = 2;
const LOOK_PAUSE_MS = 150;

/** Milliseconds for which a region that was found lost is called so without looking again. */
const LOST_FOR_MS = 4000;

/** A region was found lost. */
interface Verdict {
  /** When, on the clock that never goes back. */
  readonly at: number;
  /** The time of day in milliseconds when it was last asked, in vain: epochs are such times. */
  readonly askedAt: number;
}

/** What is asked of the other regions. */
export type HealthPeers = Pick<
  Peers,
  "isRemoved" | "lastStatus" | "members" | "probe" | "reachable" | "status"
>;

/** True if a region can let people into its rooms. */
export function canHost(status: RegionStatus): boolean {
  return status.liveKitUp && status.storeUp;
}

/**
 * Judges whether the host of a room is lost. A region that answers is asked; of one that does not, all others are asked
 * to look too, twice: a room is not moved because one line between two regions is cut.
 */
export class Health {
  private readonly region: string;
  private readonly peers: HealthPeers;
  private readonly liveKit: Pick<LocalLiveKit, "up" | "check">;
  private readonly clock: Clock;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly looking = new Map<string, Promise<boolean>>();

  constructor(
    region: string,
    peers: HealthPeers,
    liveKit: Pick<LocalLiveKit, "up" | "check">,
    clock: Clock,
  ) {
    this.region = region;
    this.peers = peers;
    this.liveKit = liveKit;
    this.clock = clock;
  }

  /** True if the region looks able to host by what was last heard, without asking anybody. */
  looksWell(region: string): boolean {
    if (region === this.region) {
      return this.liveKit.up();
    }
    const status = this.peers.lastStatus(region);
    return this.peers.reachable(region) && status !== undefined && canHost(status);
  }

  /** True if the claim's region can not host now: by its own word in the survey, or because nobody reaches it. */
  async isLost(
    { region, epoch }: Pick<Claim, "region" | "epoch">,
    survey: Survey,
  ): Promise<boolean> {
    if (region === this.region) {
      const own = survey.statuses.get(region);
      return own?.storeUp !== true || !(await this.liveKit.check());
    }
    // One that is not known yet is no reason: its address follows from its name, so it can be asked.
    if (this.peers.isRemoved(region)) {
      return true;
    }
    const status = survey.statuses.get(region);
    if (status !== undefined) {
      return !canHost(status);
    }
    return this.nobodyReaches(region, epoch);
  }

  /**
   * True if nobody reaches the region, or it can not host: known for a moment after, so that whoever asks because of a
   * connection that was cut is answered at once. But not of a claim that was made since: whoever made it has reached the
   * region, and from what was known before it the room would be moved away from a region that is back.
   * @param claimedAt epoch of the claim that names the region, the clock of whoever made it
   */
  async nobodyReaches(region: string, claimedAt = 0): Promise<boolean> {
    if (this.isKnownLost(region, claimedAt)) {
      return true;
    }
    const under = this.looking.get(region);
    if (under === undefined) {
      return this.lookOnce(region);
    }
    return (await under) && (this.isKnownLost(region, claimedAt) || (await this.lookOnce(region)));
  }

  private isKnownLost(region: string, claimedAt: number): boolean {
    const verdict = this.verdicts.get(region);
    return (
      verdict !== undefined &&
      this.clock.monotonic() - verdict.at < LOST_FOR_MS &&
      claimedAt <= verdict.askedAt
    );
  }

  /** All who ask at the same time share one look. */
  private lookOnce(region: string): Promise<boolean> {
    const under = this.looking.get(region);
    if (under !== undefined) {
      return under;
    }
    const looking = this.look(region).finally(() => this.looking.delete(region));
    this.looking.set(region, looking);
    return looking;
  }

  private async look(region: string): Promise<boolean> {
    let askedAt = 0;
    for (let look = 0; look < LOOKS; look++) {
      if (look > 0) {
        await this.clock.sleep(LOOK_PAUSE_MS);
      }
      askedAt = this.clock.now();
      const others = this.peers
        .members()
        .filter((member) => member !== region && this.peers.reachable(member));
      const seen = await Promise.all([
        unlessGone(this.peers.status(region)),
        ...others.map((member) => unlessGone(this.peers.probe(member, region))),
      ]);
      const status = seen.find((answer) => answer !== undefined);
      if (status !== undefined) {
        this.verdicts.delete(region);
        return !canHost(status);
      }
    }
    this.verdicts.set(region, { at: this.clock.monotonic(), askedAt });
    return true;
  }
}
