import { StoreAway, type Clock } from "../placement/ports.ts";
import { pauseAfter, type MeetHealth } from "./meet-health.ts";
import type { Meet, MeetAnswer } from "./meet-client.ts";
import type { RoomFilter } from "./room-filter.ts";
import { isRecordingEvent } from "./webhook-event.ts";
import type { WebhookLog, WebhookMetrics } from "./webhook-metrics.ts";
import type { LostEvent, TakenEvent, WebhookQueue } from "./webhook-queue.ts";
import { signWebhook, type SigningKey, type WebhookKeys } from "./webhook-token.ts";

/** Subjects that one pod delivers at a time. */
const CONCURRENCY = 8;

/** Milliseconds between two looks for events that other pods took in, or left when they died. */
const POLL_MS = 250;

/** Milliseconds after which an event whose room is not known yet is looked at again. */
const WAIT_MS = 250;

/** Milliseconds between two looks at the queue's length and age. */
const STATS_MS = 10_000;

/**
 * Tries, and the milliseconds between the first and the last, after which an event is set aside that Meet fails on while
 * it is well. Meet fails on an event of a recording until it has written down the recording's id, which takes seconds.
 */
const MAX_STRIKES = 5;
const STRIKE_MS = 30_000;

/** Statuses that Meet answers to a signature by a key that is not its own; the first is what it does answer. */
const MAYBE_SIGNATURE: ReadonlySet<number> = new Set([400, 401, 403]);

/** Status that Meet answers to a kind of event it does not know. */
const UNSUPPORTED = 422;

/** What a relay works with. */
export interface RelayParts {
  readonly queue: WebhookQueue;
  readonly filter: RoomFilter;
  readonly meet: Meet;
  readonly health: MeetHealth;
  readonly keys: WebhookKeys;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: WebhookLog;
  readonly metrics: WebhookMetrics;
}

/**
 * Brings the events of the queue to Meet: in order for each subject, at least once, for as long as Meet is away. Every
 * pod of a region runs one. Each event is signed anew with the key that Meet took last, so neither its age nor a change
 * of keys matters. One that Meet fails on or refuses while it is well is set aside and holds up nothing but its own subject.
 */
export class Relay {
  private readonly parts: RelayParts;
  private readonly active = new Set<Promise<void>>();
  private isRunning = false;
  private isWoken = false;
  private running: Promise<void> = Promise.resolve();
  private wakeUp: () => void = () => undefined;
  private workingKey: string | undefined;
  private countedAt = -Infinity;

  constructor(parts: RelayParts) {
    this.parts = parts;
  }

  start(): void {
    this.isRunning = true;
    this.running = this.run();
  }

  /** Something was added: no need to wait for the next look. */
  wake(): void {
    this.isWoken = true;
    this.wakeUp();
  }

  /** Takes no more events and waits for the posts under way. */
  async stop(): Promise<void> {
    this.isRunning = false;
    this.wake();
    await this.running;
    await Promise.all(this.active);
  }

  private async run(): Promise<void> {
    while (this.isRunning) {
      try {
        await this.count();
        await this.fill();
      } catch (error) {
        this.notAway(error, "the webhook queue could not be read");
      }
      await this.rest();
    }
  }

  private async fill(): Promise<void> {
    const { health, queue } = this.parts;
    const free = health.allowed(CONCURRENCY) - this.active.size;
    if (free <= 0) {
      return;
    }
    for (const event of await queue.take(free)) {
      const delivery = this.deliver(event).finally(() => {
        this.active.delete(delivery);
        this.wake();
      });
      this.active.add(delivery);
    }
  }

  private async rest(): Promise<void> {
    if (this.isWoken || !this.isRunning) {
      this.isWoken = false;
      return;
    }
    const woken = new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    await Promise.race([woken, this.parts.clock.sleep(POLL_MS)]);
    this.isWoken = false;
  }

  /** Never rejects. An event whose store is away stays where it is until this pod's right to it lapses. */
  private async deliver(event: TakenEvent): Promise<void> {
    const { filter, queue, metrics } = this.parts;
    try {
      const verdict = await filter.judge(event, event.ageMs);
      if (verdict === "relay") {
        await this.post(event);
      } else if (verdict === "wait") {
        await queue.later(event, WAIT_MS, event.strikes);
      } else {
        metrics.dropped(verdict.drop);
        await queue.done(event);
      }
    } catch (error) {
      this.notAway(error, "a webhook could not be relayed");
    }
  }

  private async post(event: TakenEvent): Promise<void> {
    const { queue, health, metrics } = this.parts;
    const answer = await this.postSigned(event);
    switch (answer.kind) {
      case "accepted":
        health.accepted();
        metrics.relayed();
        return queue.done(event);
      case "busy":
        health.pause(answer.waitMs);
        return this.retry(event, answer.waitMs, event.strikes);
      case "failed":
        return (await health.isWell()) ? this.strike(event, answer.reason) : this.meetIsAway(event);
      case "refused":
        return (await health.isWell())
          ? this.refused(event, answer.status)
          : this.meetIsAway(event);
    }
  }

  /** Posts it with the key that Meet took last; with each other one where the answer may be about the signature. */
  private async postSigned(event: TakenEvent): Promise<MeetAnswer> {
    const { meet, clock } = this.parts;
    let answer: MeetAnswer = { kind: "failed", reason: "no key" };
    for (const key of this.keysInOrder()) {
      const token = signWebhook(event.body, key, Math.floor(clock.now() / 1000));
      answer = await meet.post(event.body, token);
      if (answer.kind !== "refused" || !MAYBE_SIGNATURE.has(answer.status)) {
        if (answer.kind === "accepted") {
          this.workingKey = key.apiKey;
        }
        return answer;
      }
    }
    return answer;
  }

  private keysInOrder(): readonly SigningKey[] {
    const keys = this.parts.keys.all();
    const last = keys.filter(({ apiKey }) => apiKey === this.workingKey);
    return [...last, ...keys.filter(({ apiKey }) => apiKey !== this.workingKey)];
  }

  private meetIsAway(event: TakenEvent): Promise<void> {
    const { health } = this.parts;
    health.away();
    return this.retry(event, health.pauseMs(), 0);
  }

  private async strike(event: TakenEvent, reason: string): Promise<void> {
    const strikes = event.strikes + 1;
    if (strikes >= MAX_STRIKES && event.struckMs >= STRIKE_MS) {
      return this.setAside(event, reason);
    }
    await this.retry(event, pauseAfter(strikes, this.parts.random), strikes);
  }

  private async refused(event: TakenEvent, status: number): Promise<void> {
    if (status === UNSUPPORTED && !isRecordingEvent(event.kind)) {
      this.parts.metrics.dropped("unsupported");
      return this.parts.queue.done(event);
    }
    await this.setAside(event, `status ${status}`);
  }

  private async setAside(event: TakenEvent, reason: string): Promise<void> {
    const { id, kind, subject } = event;
    await this.parts.queue.setAside(event, reason);
    this.parts.metrics.setAside();
    this.parts.log.error("Meet does not take a webhook; it was set aside", {
      ...{ id, kind, subject, reason },
    });
  }

  private retry(event: TakenEvent, delayMs: number, strikes: number): Promise<void> {
    this.parts.metrics.retried();
    return this.parts.queue.later(event, delayMs, strikes);
  }

  private async count(): Promise<void> {
    const { clock, queue, metrics } = this.parts;
    if (clock.monotonic() - this.countedAt < STATS_MS) {
      return;
    }
    this.countedAt = clock.monotonic();
    reportLost(await queue.trim(), this.parts);
    const { length, oldestMs, setAside } = await queue.stats();
    metrics.queue(length, oldestMs / 1000, setAside);
  }

  private notAway(error: unknown, message: string): void {
    if (!(error instanceof StoreAway)) {
      this.parts.log.error(message, { reason: error instanceof Error ? error.name : "unknown" });
    }
  }
}

/** Says which events fell out of a full queue. */
export function reportLost(
  lost: readonly LostEvent[],
  parts: { readonly log: WebhookLog; readonly metrics: WebhookMetrics },
): void {
  for (const { id, kind, subject } of lost) {
    parts.metrics.dropped("full");
    parts.log.error("a webhook was lost: too many wait for Meet, or for too long", {
      ...{ id, kind, subject },
    });
  }
}
