import { unlessGone, type Survey } from "./proposer.ts";
import type { Clock, LocalLiveKit, Peers, RegionStatus } from "./ports.ts";

/** Looks at a region that did not answer before it is called lost, and the pause between them in milliseconds. */
const LOOKS = 2;
const LOOK_PAUSE_MS = 150;

/** Milliseconds for which a region that was found lost is called so without looking again. */
const LOST_FOR_MS = 4000;

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
  private readonly peers: Peers;
  private readonly liveKit: LocalLiveKit;
  private readonly clock: Clock;
  private readonly lostAt = new Map<string, number>();
  private readonly looking = new Map<string, Promise<boolean>>();

  constructor(region: string, peers: Peers, liveKit: LocalLiveKit, clock: Clock) {
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

  /** True if the region can not host now: by its own word in the survey, or because nobody reaches it. */
  async isLost(region: string, survey: Survey): Promise<boolean> {
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
    return this.nobodyReaches(region);
  }

  /**
   * True if nobody reaches the region, or it can not host: known for a moment after, so that whoever asks because of a
   * connection that was cut is answered at once.
   */
  nobodyReaches(region: string): Promise<boolean> {
    const lostAt = this.lostAt.get(region);
    if (lostAt !== undefined && this.clock.monotonic() - lostAt < LOST_FOR_MS) {
      return Promise.resolve(true);
    }
    const under = this.looking.get(region);
    if (under !== undefined) {
      return under;
    }
    const looking = this.look(region).finally(() => this.looking.delete(region));
    this.looking.set(region, looking);
    return looking;
  }

  private async look(region: string): Promise<boolean> {
    for (let look = 0; look < LOOKS; look++) {
      if (look > 0) {
        await this.clock.sleep(LOOK_PAUSE_MS);
      }
      const others = this.peers
        .members()
        .filter((member) => member !== region && this.peers.reachable(member));
      const seen = await Promise.all([
        unlessGone(this.peers.status(region)),
        ...others.map((member) => unlessGone(this.peers.probe(member, region))),
      ]);
      const status = seen.find((answer) => answer !== undefined);
      if (status !== undefined) {
        this.lostAt.delete(region);
        return !canHost(status);
      }
    }
    this.lostAt.set(region, this.clock.monotonic());
    return true;
  }
}
