import { randomUUID } from "node:crypto";
import { listOf, textsOf, type Script } from "../store/script.ts";
import type { Valkey } from "../store/valkey.ts";
import * as scripts from "./queue-scripts.ts";
import { isRecordingEvent, type WebhookEvent } from "./webhook-event.ts";
import type {
  EventSetAside,
  LostEvent,
  QueueStats,
  TakenEvent,
  WebhookQueue,
} from "./webhook-queue.ts";

/** How much a region keeps for Meet. */
export interface QueueLimits {
  /** @default 100,000 */
  readonly maxEvents?: number;
  /** @default 256 MiB */
  readonly maxBytes?: number;
  /** @default 7 days */
  readonly maxAgeMs?: number;
  /** @default 10,000 */
  readonly maxSetAside?: number;
  /** How long a subject is one pod's; longer than a delivery may take. @default 30 s */
  readonly leaseMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Milliseconds for which the id of an event is known again. */
const SEEN_MS = DAY_MS;

const PREFIX = "rooms:hooks:";
const KEYS = ["due", "leases", "others", "recordings", "bytes", "aside"].map(
  (name) => PREFIX + name,
);

/** The webhook queue in the region's Valkey. */
export class ValkeyWebhookQueue implements WebhookQueue {
  private readonly valkey: Valkey;
  private readonly limits: Required<QueueLimits>;

  constructor(valkey: Valkey, limits: QueueLimits = {}) {
    this.valkey = valkey;
    this.limits = {
      maxEvents: 100_000,
      maxBytes: 256 * 1024 * 1024,
      maxAgeMs: 7 * DAY_MS,
      maxSetAside: 10_000,
      leaseMs: 30_000,
      ...limits,
    };
  }

  async add(
    event: WebhookEvent,
  ): Promise<{ readonly isNew: boolean; readonly lost: readonly LostEvent[] }> {
    const { maxEvents, maxBytes, maxAgeMs } = this.limits;
    const { id, kind, subject, room = "", sid = "", body } = event;
    const recording = isRecordingEvent(kind) ? "1" : "0";
    const [isNew, lost] = listOf(
      await this.run(
        scripts.ADD,
        ...[maxEvents, maxBytes, maxAgeMs, SEEN_MS],
        ...[id, kind, subject, room, sid, body, recording],
      ),
    );
    return { isNew: isNew === 1, lost: lostOf(listOf(lost)) };
  }

  async take(limit: number): Promise<readonly TakenEvent[]> {
    const lease = randomUUID();
    const reply = await this.run(scripts.TAKE, limit, lease, this.limits.leaseMs);
    return chunks(textsOf(reply), 9).map((fields) => {
      const [id = "", kind = "", subject = "", room = "", sid = "", body = ""] = fields;
      const [ageMs, strikes, struckMs] = fields.slice(6).map(Number);
      return {
        ...{ id, kind, subject, body, lease },
        ...(room === "" ? {} : { room }),
        ...(sid === "" ? {} : { sid }),
        ...{ ageMs: ageMs ?? 0, strikes: strikes ?? 0, struckMs: struckMs ?? 0 },
      };
    });
  }

  async done(event: TakenEvent): Promise<void> {
    await this.run(scripts.DONE, event.id, event.subject, event.lease);
  }

  async later(event: TakenEvent, delayMs: number, strikes: number): Promise<void> {
    const { id, subject, lease } = event;
    await this.run(scripts.LATER, id, subject, lease, Math.round(delayMs), strikes);
  }

  async setAside(event: TakenEvent, reason: string): Promise<void> {
    const { id, subject, lease } = event;
    await this.run(scripts.SET_ASIDE, id, subject, lease, reason, this.limits.maxSetAside);
  }

  async trim(): Promise<readonly LostEvent[]> {
    const { maxEvents, maxBytes, maxAgeMs } = this.limits;
    return lostOf(listOf(await this.run(scripts.TRIM, maxEvents, maxBytes, maxAgeMs)));
  }

  async stats(): Promise<QueueStats> {
    const [length = 0, bytes = 0, oldestMs = 0, setAside = 0] = textsOf(
      await this.run(scripts.STATS),
    ).map(Number);
    return { length, bytes, oldestMs, setAside };
  }

  async listSetAside(limit: number): Promise<readonly EventSetAside[]> {
    const reply = await this.run(scripts.LIST_SET_ASIDE, limit);
    return chunks(textsOf(reply), 6).map(
      ([id = "", kind = "", subject = "", reason = "", cameAt, setAsideAt]) => ({
        ...{ id, kind, subject, reason },
        cameAt: Number(cameAt),
        setAsideAt: Number(setAsideAt),
      }),
    );
  }

  async retry(id: string): Promise<boolean> {
    return (await this.run(scripts.RETRY, id)) === 1;
  }

  private run(steps: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.valkey.run(steps, KEYS, [PREFIX, ...args]);
  }
}

function lostOf(flat: readonly unknown[]): readonly LostEvent[] {
  return chunks(textsOf(flat), 3).map(([id = "", kind = "", subject = ""]) => ({
    id,
    kind,
    subject,
  }));
}

function chunks(flat: readonly string[], size: number): readonly (readonly string[])[] {
  const count = Math.floor(flat.length / size);
  return Array.from({ length: count }, (_, at) => flat.slice(at * size, (at + 1) * size));
}
