import type { WebhookEvent } from "./webhook-event.ts";

/** An event that waits, as one pod has taken it to deliver. */
export interface TakenEvent extends WebhookEvent {
  /** The right to deliver this subject's events, until it lapses. */
  readonly lease: string;
  /** Milliseconds since it came. */
  readonly ageMs: number;
  /** Times that Meet failed on it, in a row, while it was well otherwise; and milliseconds since the first. */
  readonly strikes: number;
  readonly struckMs: number;
}

/** An event that Meet would not have. */
export interface EventSetAside {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly reason: string;
  /** When it came, and when it was set aside: milliseconds since 1970. */
  readonly cameAt: number;
  readonly setAsideAt: number;
}

/** An event that fell out of a full queue. */
export interface LostEvent {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
}

export interface QueueStats {
  readonly length: number;
  readonly bytes: number;
  /** Milliseconds that the oldest event has waited; 0 for none. */
  readonly oldestMs: number;
  readonly setAside: number;
}

/**
 * Events on their way to Meet, shared by the pods of the region. Of each subject one event at a time is taken, by one
 * pod. An event leaves by `done`, or `setAside`, only.
 * @throws StoreAway from each
 */
export interface WebhookQueue {
  /** Adds an event unless it was there within a day. Gives what fell out of a full queue. */
  add(
    event: WebhookEvent,
  ): Promise<{ readonly isNew: boolean; readonly lost: readonly LostEvent[] }>;
  /** Takes the first event of up to `limit` subjects that are due. */
  take(limit: number): Promise<readonly TakenEvent[]>;
  /** The event is delivered, or dropped for good. */
  done(event: TakenEvent): Promise<void>;
  /** Tries again after a time; the strikes in a row are `strikes` then. */
  later(event: TakenEvent, delayMs: number, strikes: number): Promise<void>;
  setAside(event: TakenEvent, reason: string): Promise<void>;
  /** Removes what is too old; gives what fell out. */
  trim(): Promise<readonly LostEvent[]>;
  stats(): Promise<QueueStats>;
  listSetAside(limit: number): Promise<readonly EventSetAside[]>;
  /** Puts an event that was set aside behind the others of its subject; false if there is none of that id. */
  retry(id: string): Promise<boolean>;
}
