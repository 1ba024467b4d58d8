import type { RoomStore } from "./ports.ts";
import { unlessGone } from "./proposer.ts";

/** Who is connected through this pod. */
export interface Attendants {
  /** Identities with a connection to the room in that region. */
  identities(room: string, region: string): readonly string[];
}

/**
 * Writes down who is connected to this region's LiveKit as people come and go. A room is cleaned, and one that is left
 * over is deleted, when nobody is connected any more: whoever waits for that waits for this to be true. The keeper says
 * it again with every sweep.
 */
export class Attendance {
  private readonly region: string;
  private readonly pod: string;
  private readonly store: Pick<RoomStore, "setPresent">;
  private readonly attendants: Attendants;
  private readonly writing = new Map<string, { isOutdated: boolean }>();
  private readonly unwritten = new Set<string>();

  constructor(parts: {
    readonly region: string;
    readonly pod: string;
    readonly store: Pick<RoomStore, "setPresent">;
    readonly attendants: Attendants;
  }) {
    this.region = parts.region;
    this.pod = parts.pod;
    this.store = parts.store;
    this.attendants = parts.attendants;
  }

  /** The store is back: what could not be written while it was away is written now. */
  async storeIsBack(): Promise<void> {
    await Promise.all([...this.unwritten].map((room) => this.changed(room, this.region)));
  }

  /** Somebody came to a room in a region, or left it. Writes of one room follow each other, the last word last. */
  async changed(room: string, region: string): Promise<void> {
    if (region !== this.region) {
      return;
    }
    const under = this.writing.get(room);
    if (under !== undefined) {
      under.isOutdated = true;
      return;
    }
    const state = { isOutdated: true };
    this.writing.set(room, state);
    try {
      while (state.isOutdated) {
        state.isOutdated = false;
        const identities = this.attendants.identities(room, region);
        const write = this.store.setPresent(room, this.pod, identities).then(() => true);
        if ((await unlessGone(write)) === true) {
          this.unwritten.delete(room);
        } else {
          this.unwritten.add(room);
        }
      }
    } finally {
      this.writing.delete(room);
    }
  }
}
