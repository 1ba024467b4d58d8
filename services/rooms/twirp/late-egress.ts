import { EgressStatus, type EgressInfo } from "@livekit/protocol";
import type { Clock } from "../placement/ports.ts";
import { Deadline } from "./deadline.ts";
import type { EgressCalls } from "./egress-calls.ts";
import type { EgressRegions } from "./egress-regions.ts";
import { outputNames, sameNames } from "./output-names.ts";

/** Milliseconds for which a start that was given up is watched for, and between two looks. */
const WATCH_MS = 60_000;
const LOOK_EVERY_MS = 1000;

/** Milliseconds for one look, or one stop. */
const CALL_MS = 3000;

/**
 * Milliseconds after which nobody can still be told of a recording that was seen: any start is answered, or given up,
 * within nine seconds of its request.
 */
const NOBODY_HEARD_MS = 12_000;

/** A start that its client was told has failed. */
export interface GivenUp {
  readonly room: string;
  readonly region: string;
  /** Recordings of the room that ran before it was asked for. */
  readonly before: ReadonlySet<string>;
  /** Files that it asked for. */
  readonly names: ReadonlySet<string>;
}

/** Told to the operator. */
export interface LateEgressLog {
  info(message: string, fields: Readonly<Record<string, string>>): void;
}

export interface LateEgressMetrics {
  lateEgressStopped(): void;
}

/**
 * Finds and stops recordings that begin after their client was told that they did not: nobody would ever stop them,
 * and they hold an Egress instance.
 *
 * Of what began in the room since, it stops what writes the very files that were asked for, at once: Meet names them by
 * the recording's id. What writes no files is told apart from the recording of somebody who asked again by time: it is
 * stopped when no client can still be told of it and none was. What writes other files is never touched.
 */
export class LateEgress {
  private readonly calls: EgressCalls;
  private readonly egress: EgressRegions;
  private readonly clock: Clock;
  private readonly log: LateEgressLog;
  private readonly metrics: LateEgressMetrics;
  private readonly watches = new Set<Promise<void>>();
  private isStopped = false;

  constructor(parts: {
    readonly calls: EgressCalls;
    readonly egress: EgressRegions;
    readonly clock: Clock;
    readonly log: LateEgressLog;
    readonly metrics: LateEgressMetrics;
  }) {
    this.calls = parts.calls;
    this.egress = parts.egress;
    this.clock = parts.clock;
    this.log = parts.log;
    this.metrics = parts.metrics;
  }

  /** Watches in the background. */
  watch(given: GivenUp): void {
    const watch = this.run(given).finally(() => this.watches.delete(watch));
    this.watches.add(watch);
  }

  /** Stops a recording of which nobody was told. */
  async stop(region: string, room: string, egressId: string): Promise<void> {
    const outcome = await this.calls.stop(region, egressId, new Deadline(CALL_MS));
    if (outcome.kind === "answered" && outcome.answer.status === 200) {
      this.metrics.lateEgressStopped();
      this.log.info("a recording that nobody was told of was stopped", { room, region, egressId });
    }
  }

  /** Ends the watches, and waits for what they are doing. */
  async close(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.watches);
  }

  /** Watches under way. */
  size(): number {
    return this.watches.size;
  }

  private async run(given: GivenUp): Promise<void> {
    const until = this.clock.monotonic() + WATCH_MS;
    const firstSeen = new Map<string, number>();
    while (!this.isStopped && this.clock.monotonic() < until) {
      await this.look(given, firstSeen);
      await this.clock.sleep(LOOK_EVERY_MS);
    }
  }

  private async look(given: GivenUp, firstSeen: Map<string, number>): Promise<void> {
    const { region, room, before } = given;
    const running = await this.calls.active(region, room, new Deadline(CALL_MS));
    for (const info of running ?? []) {
      const id = info.egressId;
      if (before.has(id) || info.status >= EgressStatus.EGRESS_ENDING) {
        continue;
      }
      const seenAt = firstSeen.get(id) ?? this.clock.monotonic();
      firstSeen.set(id, seenAt);
      const seenForMs = this.clock.monotonic() - seenAt;
      if (isOurs(given, info, seenForMs) && (await this.egress.regionOf(id)) === undefined) {
        await this.stop(region, room, id);
      }
    }
  }
}

function isOurs(given: GivenUp, info: EgressInfo, seenForMs: number): boolean {
  const names = outputNames(info.request.value?.toJson());
  if (!sameNames(names, given.names)) {
    return false;
  }
  return names.size > 0 || seenForMs >= NOBODY_HEARD_MS;
}
