import type { DropReason } from "./room-filter.ts";

/** What is counted of webhooks. */
export interface WebhookMetrics {
  /** One that LiveKit posted and that is stored now; a repetition is one that was stored before. */
  received(isRepetition: boolean): void;
  /** One that was turned away. */
  refused(reason: "signature" | "body" | "store-away"): void;
  relayed(): void;
  /** A delivery that is tried again. */
  retried(): void;
  dropped(reason: DropReason | "full"): void;
  setAside(): void;
  /** Now and then: what waits, how long the oldest has, and how many were set aside and not looked at. */
  queue(length: number, oldestSeconds: number, setAside: number): void;
}

/** Warnings and errors are for a person to look at. */
export interface WebhookLog {
  info(message: string, fields?: Readonly<Record<string, string | number>>): void;
  warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  error(message: string, fields?: Readonly<Record<string, string | number>>): void;
}
