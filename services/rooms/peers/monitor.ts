import type { Log } from "../../shared/log.ts";
import { PeerUnreachable, StoreAway, type Clock } from "../placement/ports.ts";
import type { Membership } from "./membership.ts";
import type { MemberList } from "./member-list.ts";
import type { PeerStatus, StatusAnswer } from "./messages.ts";

/** Milliseconds between two polls of a region, and how far chance shifts them, so that pods do not poll in step. */
const POLL_MS = 2000;
const JITTER = 0.2;

/** Polls in a row without an answer after which a region counts as not reachable. */
const MISSES = 3;

/** The two calls of PeerCalls that the monitor makes. */
export interface Polls {
  poll(region: string): Promise<StatusAnswer>;
  announce(region: string, members: MemberList): Promise<StatusAnswer>;
}

/** What is counted. */
export interface PeerMetrics {
  peerReachable(region: string, reachable: boolean): void;
  peerForgotten(region: string): void;
}

/** What is known of another region. */
export interface PeerState {
  readonly region: string;
  readonly reachable: boolean;
  readonly status?: PeerStatus;
  /** Milliseconds since it last answered; undefined if it never did. */
  readonly silentMs?: number;
  /** How far its clock is ahead of this pod's, in milliseconds, half a call's way included. */
  readonly clockAheadMs?: number;
}

interface Watched {
  misses: number;
  answer: StatusAnswer | undefined;
  heardAt: number | undefined;
  clockAheadMs: number | undefined;
  polling: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Polls every member for as long as it is one, and tells those that do not know this region yet that it is there. */
export class Monitor {
  private readonly region: string;
  private readonly membership: Membership;
  private readonly polls: Polls;
  private readonly clock: Clock;
  private readonly metrics: PeerMetrics;
  private readonly log: Log;
  private readonly random: () => number;
  private readonly watched = new Map<string, Watched>();
  private readonly listeners = new Set<(region: string, reachable: boolean) => void>();
  private syncing: NodeJS.Timeout | undefined;
  private running = false;
  private generations = 0;

  constructor(parts: {
    readonly region: string;
    readonly membership: Membership;
    readonly polls: Polls;
    readonly clock: Clock;
    readonly metrics: PeerMetrics;
    readonly log: Log;
    readonly random?: () => number;
  }) {
    this.region = parts.region;
    this.membership = parts.membership;
    this.polls = parts.polls;
    this.clock = parts.clock;
    this.metrics = parts.metrics;
    this.log = parts.log;
    this.random = parts.random ?? Math.random;
    this.membership.onChange(() => {
      this.generations++;
      this.watchMembers();
    });
  }

  /** Begins to poll; waits for the store's list and for the first answer or miss of each member known by then. */
  async start(): Promise<void> {
    this.running = true;
    await this.membership.sync();
    this.watchMembers();
    this.scheduleSync();
    await Promise.all([...this.watched.keys()].map((region) => this.pollOnce(region)));
  }

  /** Ends all polling. */
  stop(): void {
    this.running = false;
    clearTimeout(this.syncing);
    for (const watched of this.watched.values()) {
      clearTimeout(watched.timer);
    }
    this.watched.clear();
  }

  /** False after three misses in a row, and for a region that is no member. */
  reachable(region: string): boolean {
    const watched = this.watched.get(region);
    return watched !== undefined && watched.misses < MISSES;
  }

  /** The last status heard. */
  lastStatus(region: string): PeerStatus | undefined {
    return this.watched.get(region)?.answer?.status;
  }

  /** Rises whenever the member list changes, or a region answers again after it missed one poll or more. */
  generation(): number {
    return this.generations;
  }

  /** Called when a region is reached again, or no longer. */
  onChange(listener: (region: string, reachable: boolean) => void): void {
    this.listeners.add(listener);
  }

  /** What is known of every other member, sorted by name. */
  states(): readonly PeerState[] {
    return this.membership.members().map((region) => {
      const watched = this.watched.get(region);
      const { answer, heardAt, clockAheadMs } = watched ?? {};
      return {
        region,
        reachable: this.reachable(region),
        ...(answer === undefined ? {} : { status: answer.status }),
        ...(heardAt === undefined ? {} : { silentMs: this.clock.monotonic() - heardAt }),
        ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
      };
    });
  }

  private watchMembers(): void {
    if (!this.running) {
      return;
    }
    const members = this.membership.members();
    for (const [region, watched] of this.watched) {
      if (!members.includes(region)) {
        clearTimeout(watched.timer);
        this.watched.delete(region);
        this.metrics.peerForgotten(region);
      }
    }
    for (const region of members.filter((name) => !this.watched.has(name))) {
      const watched: Watched = {
        misses: 0,
        answer: undefined,
        heardAt: undefined,
        clockAheadMs: undefined,
        polling: false,
        timer: undefined,
      };
      this.watched.set(region, watched);
      this.metrics.peerReachable(region, true);
      this.schedule(region, watched, 0);
    }
  }

  private schedule(region: string, watched: Watched, afterMs: number): void {
    watched.timer = setTimeout(() => {
      this.pollOnce(region).catch((error: unknown) => {
        this.failed(error);
      });
    }, afterMs);
    watched.timer.unref();
  }

  private scheduleSync(): void {
    this.syncing = setTimeout(() => {
      this.membership
        .sync()
        .catch((error: unknown) => {
          this.failed(error);
        })
        .finally(() => {
          if (this.running) {
            this.scheduleSync();
          }
        });
    }, this.pause());
    this.syncing.unref();
  }

  private async pollOnce(region: string): Promise<void> {
    const watched = this.watched.get(region);
    if (watched === undefined || watched.polling) {
      return;
    }
    clearTimeout(watched.timer);
    watched.polling = true;
    try {
      const answer = await this.polls.poll(region);
      this.heard(region, watched, answer);
      await this.membership.merge(answer.members);
      await this.announceTo(region, answer);
    } catch (error) {
      if (!(error instanceof PeerUnreachable) && !(error instanceof StoreAway)) {
        throw error;
      }
      this.missed(region, watched, error.message);
    } finally {
      watched.polling = false;
      if (this.watched.get(region) === watched) {
        this.schedule(region, watched, this.pause());
      }
    }
  }

  /** Every region that does not know this one is told, again and again until its list says so. */
  private async announceTo(region: string, answer: StatusAnswer): Promise<void> {
    if (Object.hasOwn(answer.members, this.region)) {
      return;
    }
    const { members } = await this.polls.announce(region, this.membership.list());
    await this.membership.merge(members);
  }

  private heard(region: string, watched: Watched, answer: StatusAnswer): void {
    const { misses } = watched;
    watched.misses = 0;
    watched.answer = answer;
    watched.heardAt = this.clock.monotonic();
    watched.clockAheadMs =
      answer.clock === undefined ? undefined : Math.round(answer.clock - this.clock.now());
    if (misses === 0 || this.watched.get(region) !== watched) {
      return;
    }
    this.generations++;
    if (misses >= MISSES) {
      this.changed(region, true);
      this.log.info("a region is reached again", { peer: region });
    }
  }

  private missed(region: string, watched: Watched, reason: string): void {
    watched.misses++;
    if (watched.misses === MISSES && this.watched.get(region) === watched) {
      this.changed(region, false);
      this.log.warn("a region is not reached", { peer: region, reason });
    }
  }

  private changed(region: string, reachable: boolean): void {
    this.metrics.peerReachable(region, reachable);
    for (const listener of this.listeners) {
      listener(region, reachable);
    }
  }

  /** A fault of this program, after which polling goes on. */
  private failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : "unknown";
    this.log.error("a poll failed", { reason });
  }

  private pause(): number {
    return POLL_MS * (1 + JITTER * (2 * this.random() - 1));
  }
}
