import type { Known } from "../placement/ports.ts";
import { isRecordingEvent, type WebhookEvent } from "./webhook-event.ts";

/**
 * Milliseconds that an event of an unknown room waits: LiveKit tells of a room as soon as it is made, and the gateway
 * that had it made writes its id down right after.
 */
const GRACE_MS = 3000;

/** Why Meet does not get an event of a room. */
export type DropReason =
  /** The gateway deleted that room itself: the meeting goes on. */
  | "deleted"
  /** Another region hosts the room. */
  | "moved"
  /** The room is another one by now, or none that a gateway made. */
  | "stale"
  /** Meet does not know this kind of event. */
  | "unsupported";

/** What becomes of an event. */
export type Verdict = "relay" | "wait" | { readonly drop: DropReason };

/** What is asked of the store. */
export interface RoomFacts {
  read(room: string): Promise<Known>;
}

/**
 * Decides which events Meet gets: those of the room under way, as this region hosts it, only. A `room_finished` of any
 * other would wipe the lobby of a meeting that goes on (suitenumerique/meet, core/services/livekit_events.py).
 */
export class RoomFilter {
  private readonly region: string;
  private readonly rooms: RoomFacts;
  private readonly deleted: { has(sid: string): Promise<boolean> };

  constructor(
    region: string,
    rooms: RoomFacts,
    deleted: { readonly has: (sid: string) => Promise<boolean> },
  ) {
    this.region = region;
    this.rooms = rooms;
    this.deleted = deleted;
  }

  /** @throws StoreAway */
  async judge(event: WebhookEvent, ageMs: number): Promise<Verdict> {
    const { room, sid } = event;
    if (isRecordingEvent(event.kind) || room === undefined || sid === undefined) {
      return "relay";
    }
    if (await this.deleted.has(sid)) {
      return { drop: "deleted" };
    }
    const { claim, hosting } = await this.rooms.read(room);
    const isHere = claim?.region === this.region;
    if (isHere && hosting.sid === sid) {
      return "relay";
    }
    if (ageMs < GRACE_MS) {
      return "wait";
    }
    return { drop: claim === undefined || isHere ? "stale" : "moved" };
  }
}
