import type { Log } from "../../shared/log.ts";
import type { Draining, MoveOutcome, Operations, OwnStatus } from "../admin/operations.ts";
import type { Mover } from "../placement/mover.ts";
import { LiveKitDown, type Clock } from "../placement/ports.ts";
import { unlessGone } from "../placement/proposer.ts";

/** Milliseconds for which one pod alone carries out what the region is to do, and between two looks at it. */
const JOB_MS = 15_000;
const LOOK_MS = 1_000;

/** Name of the right. */
const JOB = "drain";

/** Where the region's pods share what it is doing. */
export interface Drains {
  load(): Promise<Draining | undefined>;
  save(draining: Draining | undefined): Promise<void>;
}

/** Rights that one pod has at a time. */
export interface JobLocks {
  take(name: string, holder: string, ttlMs: number): Promise<boolean>;
}

/** What this pod is carrying out. */
interface Round {
  readonly of: Draining;
  readonly calledOff: AbortController;
}

/** What operators have done in this region: drain, evacuation, moves. Goes on after the pod that was asked has died. */
export class RegionOperations implements Operations {
  private readonly pod: string;
  private readonly drains: Drains;
  private readonly locks: JobLocks;
  private readonly mover: Mover;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly ownStatus: (draining: Draining | undefined) => Promise<OwnStatus>;
  private readonly onDraining: (isDraining: boolean) => void;
  private current: Draining | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Round | undefined;

  constructor(parts: {
    readonly pod: string;
    readonly drains: Drains;
    readonly locks: JobLocks;
    readonly mover: Mover;
    readonly clock: Clock;
    readonly log: Log;
    readonly ownStatus: (draining: Draining | undefined) => Promise<OwnStatus>;
    readonly onDraining: (isDraining: boolean) => void;
  }) {
    this.pod = parts.pod;
    this.drains = parts.drains;
    this.locks = parts.locks;
    this.mover = parts.mover;
    this.clock = parts.clock;
    this.log = parts.log;
    this.ownStatus = parts.ownStatus;
    this.onDraining = parts.onDraining;
  }

  /** Looks every second at what the region is to do. */
  start(): void {
    this.timer = setInterval(() => {
      void this.step();
    }, LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** True while the region takes no new rooms, as last seen. */
  isDraining(): boolean {
    return this.current !== undefined;
  }

  /** What the region is to do is read from the store, so that all its pods say the same; as last seen where it is away. */
  async status(): Promise<OwnStatus> {
    const read = await unlessGone(this.drains.load().then((draining) => ({ draining })));
    if (read !== undefined) {
      this.set(read.draining);
    }
    return this.ownStatus(this.current);
  }

  drain(deadlineSeconds: number, by: string): Promise<void> {
    return this.begin("drain", deadlineSeconds, by);
  }

  evacuate(deadlineSeconds: number, by: string): Promise<void> {
    return this.begin("evacuation", deadlineSeconds, by);
  }

  async undrain(): Promise<void> {
    await this.drains.save(undefined);
    this.set(undefined);
  }

  async move(room: string, region: string): Promise<MoveOutcome> {
    const outcome = await this.mover.move(room, region);
    return outcome.moved ? { moved: true, region: outcome.claim.region } : outcome;
  }

  /** One look at what is to be done, and one stretch of doing it; one under way ends where another word has been said. */
  async step(): Promise<void> {
    try {
      await unlessGone(this.look());
    } catch (error) {
      if (!(error instanceof LiveKitDown)) {
        const reason = error instanceof Error ? error.message : String(error);
        this.log.error("an evacuation met an error", { reason });
      }
    }
  }

  private async begin(kind: Draining["kind"], deadlineSeconds: number, by: string): Promise<void> {
    const since = this.clock.now();
    const draining = { kind, since, deadline: since + deadlineSeconds * 1000, by };
    await this.drains.save(draining);
    this.set(draining);
    void this.step();
  }

  private async look(): Promise<void> {
    const draining = await this.drains.load();
    this.set(draining);
    if (this.round !== undefined) {
      if (!isSame(this.round.of, draining)) {
        this.round.calledOff.abort();
      }
      return;
    }
    if (draining === undefined || !isToMove(draining, this.clock.now())) {
      return;
    }
    const round = { of: draining, calledOff: new AbortController() };
    this.round = round;
    try {
      await this.work(round);
    } finally {
      this.round = undefined;
    }
  }

  private async work(round: Round): Promise<void> {
    if (!(await this.locks.take(JOB, this.pod, JOB_MS))) {
      return;
    }
    const renewal = setInterval(() => {
      void unlessGone(this.locks.take(JOB, this.pod, JOB_MS));
    }, JOB_MS / 3).unref();
    try {
      await this.evacuateOnce(round);
    } finally {
      clearInterval(renewal);
    }
  }

  private async evacuateOnce({ of: draining, calledOff }: Round): Promise<void> {
    let progress: Draining | undefined;
    const left = await this.mover.evacuate((done, of) => {
      progress = { ...draining, done, of };
      void unlessGone(this.saveIfStill(draining, progress));
    }, calledOff.signal);
    if (progress !== undefined) {
      this.log.info("rooms were moved away", { rooms: progress.of ?? 0, left: left.length });
      await this.saveIfStill(draining, { ...progress, left });
    }
  }

  /** An operator may have changed the order in the meantime: his word stands. */
  private async saveIfStill(begun: Draining, next: Draining): Promise<void> {
    const held = await this.drains.load();
    if (isSame(begun, held)) {
      await this.drains.save(next);
    }
  }

  private set(draining: Draining | undefined): void {
    if ((draining === undefined) !== (this.current === undefined)) {
      this.log.info(draining === undefined ? "takes rooms again" : "takes no new rooms", {
        kind: draining?.kind ?? "undrain",
      });
    }
    this.current = draining;
    this.onDraining(draining !== undefined);
  }
}

/** True while the order that was begun is the one that stands. */
function isSame(begun: Draining, held: Draining | undefined): boolean {
  return held?.since === begun.since && held.kind === begun.kind;
}

/** An evacuation moves rooms at once, a drain when its time is over. */
function isToMove(draining: Draining, nowMs: number): boolean {
  return draining.kind === "evacuation" || nowMs >= draining.deadline;
}
