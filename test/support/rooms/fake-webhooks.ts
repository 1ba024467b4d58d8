import type { Clock } from "../../../services/rooms/placement/ports.ts";
import type { Meet, MeetAnswer } from "../../../services/rooms/webhooks/meet-client.ts";
import { parseWebhook, type WebhookEvent } from "../../../services/rooms/webhooks/webhook-event.ts";
import type {
  WebhookLog,
  WebhookMetrics,
} from "../../../services/rooms/webhooks/webhook-metrics.ts";
import type {
  EventSetAside,
  LostEvent,
  QueueStats,
  TakenEvent,
  WebhookQueue,
} from "../../../services/rooms/webhooks/webhook-queue.ts";
import type { SigningKey, WebhookKeys } from "../../../services/rooms/webhooks/webhook-token.ts";

/** A key for tests. */
export const KEY: SigningKey = { apiKey: "meet", secret: "secret-of-the-meet-key-0123456789" };
export const OLD_KEY: SigningKey = { apiKey: "old", secret: "secret-of-the-old-key-00123456789" };

/** Keys, the current one first. */
export function webhookKeys(...keys: readonly SigningKey[]): WebhookKeys {
  return {
    secretOf: (apiKey) => keys.find((key) => key.apiKey === apiKey)?.secret,
    all: () => keys,
  };
}

/** A clock that runs faster than the real one. */
export class FastClock implements Clock {
  private readonly speed: number;
  private readonly began = performance.now();

  constructor(speed: number) {
    this.speed = speed;
  }

  now(): number {
    return 1_795_000_000_000 + this.monotonic();
  }

  monotonic(): number {
    return (performance.now() - this.began) * this.speed;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms / this.speed));
  }
}

/** Body of an event of a room. */
export function roomEvent(
  id: string,
  kind = "participant_joined",
  room = "room",
  sid = "RM_1",
): string {
  return JSON.stringify({ event: kind, id, room: { name: room, sid }, futureField: { x: 1 } });
}

/** Body of an event of a recording. */
export function egressEvent(id: string, egressId: string, kind = "egress_updated"): string {
  return JSON.stringify({ event: kind, id, egressInfo: { egressId, status: "EGRESS_FROM_2030" } });
}

/** The event of a body that is one. */
export function parsed(body: string): WebhookEvent {
  const event = parseWebhook(body);
  if (event === undefined) {
    throw new Error(`no webhook: ${body}`);
  }
  return event;
}

/** What was counted and logged, as lines. */
export class FakeRecords implements WebhookMetrics, WebhookLog {
  readonly counted: string[] = [];
  readonly logged: string[] = [];
  received(isRepetition: boolean): void {
    this.counted.push(isRepetition ? "repeated" : "received");
  }
  refused(reason: string): void {
    this.counted.push(`refused ${reason}`);
  }
  relayed(): void {
    this.counted.push("relayed");
  }
  retried(): void {
    this.counted.push("retried");
  }
  dropped(reason: string): void {
    this.counted.push(`dropped ${reason}`);
  }
  setAside(): void {
    this.counted.push("set aside");
  }
  queue(): void {
    // Only seen by the metrics' own tests.
  }
  info(message: string): void {
    this.logged.push(`info ${message}`);
  }
  warn(message: string): void {
    this.logged.push(`warn ${message}`);
  }
  error(message: string, fields: Readonly<Record<string, string | number>> = {}): void {
    this.logged.push(`error ${message} ${JSON.stringify(fields)}`);
  }
}

/** Meet as a test scripts it: what it answers to the next posts of an id, "accepted" for all others. */
export class FakeMeet implements Meet {
  readonly got: { readonly id: string; readonly body: string; readonly token: string }[] = [];
  health: boolean | undefined = true;
  under = 0;
  mostUnder = 0;
  /** By event id: answers in order. The last one stays. */
  readonly answers = new Map<string, MeetAnswer[]>();
  /** Answers of all ids, where set. */
  answerAll: MeetAnswer | undefined;
  gate: Promise<void> = Promise.resolve();

  async post(body: string, token: string): Promise<MeetAnswer> {
    const { id } = parsed(body);
    this.under++;
    this.mostUnder = Math.max(this.mostUnder, this.under);
    await this.gate;
    await Promise.resolve();
    this.under--;
    this.got.push({ id, body, token });
    const list = this.answers.get(id) ?? [];
    const next = list.length > 1 ? list.shift() : list[0];
    return this.answerAll ?? next ?? { kind: "accepted" };
  }

  isWell(): Promise<boolean | undefined> {
    return Promise.resolve(this.health);
  }

  ids(): readonly string[] {
    return this.got.map(({ id }) => id);
  }
}

interface Entry {
  readonly event: WebhookEvent;
  readonly cameAt: number;
  strikes: number;
  struckAt: number;
}

/** The queue in memory, by the test's clock. */
export class FakeQueue implements WebhookQueue {
  readonly waiting: Entry[] = [];
  readonly aside: { readonly entry: Entry; readonly reason: string }[] = [];
  readonly seen = new Set<string>();
  /** Thrown by every call, where set. */
  failure: Error | undefined;
  lost: LostEvent[] = [];
  private readonly clock: Clock;
  private readonly dueAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async add(event: WebhookEvent): Promise<{ isNew: boolean; lost: readonly LostEvent[] }> {
    await this.fail();
    if (this.seen.has(event.id)) {
      return { isNew: false, lost: [] };
    }
    this.seen.add(event.id);
    this.waiting.push({ event, cameAt: this.clock.monotonic(), strikes: 0, struckAt: 0 });
    return { isNew: true, lost: this.lost.splice(0) };
  }

  async take(limit: number): Promise<readonly TakenEvent[]> {
    await this.fail();
    const now = this.clock.monotonic();
    const taken: TakenEvent[] = [];
    for (const { event, cameAt, strikes, struckAt } of this.waiting) {
      const { subject } = event;
      const isTaken = taken.some((other) => other.subject === subject);
      const isFirst = this.waiting.find((it) => it.event.subject === subject)?.event === event;
      if (taken.length < limit && !isTaken && isFirst && (this.dueAt.get(subject) ?? 0) <= now) {
        const struckMs = strikes === 0 ? 0 : now - struckAt;
        taken.push({ ...event, lease: "lease", ageMs: now - cameAt, strikes, struckMs });
      }
    }
    for (const { subject } of taken) {
      this.dueAt.set(subject, now + 30_000);
    }
    return taken;
  }

  async done(event: TakenEvent): Promise<void> {
    await this.fail();
    this.remove(event);
  }

  async later(event: TakenEvent, delayMs: number, strikes: number): Promise<void> {
    await this.fail();
    const entry = this.waiting.find((it) => it.event.id === event.id);
    if (entry !== undefined) {
      entry.struckAt = strikes === 1 ? this.clock.monotonic() : entry.struckAt;
      entry.strikes = strikes;
    }
    this.dueAt.set(event.subject, this.clock.monotonic() + delayMs);
  }

  async setAside(event: TakenEvent, reason: string): Promise<void> {
    await this.fail();
    const entry = this.remove(event);
    if (entry !== undefined) {
      this.aside.push({ entry, reason });
    }
  }

  trim(): Promise<readonly LostEvent[]> {
    return Promise.resolve([]);
  }

  stats(): Promise<QueueStats> {
    const { length } = this.waiting;
    return Promise.resolve({ length, bytes: 0, oldestMs: 0, setAside: this.aside.length });
  }

  listSetAside(): Promise<readonly EventSetAside[]> {
    return Promise.resolve([]);
  }

  retry(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private remove(event: TakenEvent): Entry | undefined {
    this.dueAt.set(event.subject, this.clock.monotonic());
    const at = this.waiting.findIndex((it) => it.event.id === event.id);
    return at < 0 ? undefined : this.waiting.splice(at, 1)[0];
  }

  private async fail(): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }
}
