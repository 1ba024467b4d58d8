import { LiveKitDown, type LocalLiveKit } from "../placement/ports.ts";
import type { HealthProbe } from "./health-probe.ts";
import type { LiveKitApi } from "./livekit-api.ts";
import { TwirpError } from "./twirp-error.ts";

/** Remembers the rooms that the gateway itself deletes, so that their webhooks do not reach Meet. */
export interface DeletedRooms {
  /** @throws StoreAway, and the room is then not deleted */
  mark(sid: string): Promise<void>;
}

/** Rooms without people that are asked for those who have just come, so that a question costs LiveKit little. */
const MOST_ASKED = 50;

/** LiveKit of this region as placement sees it. */
export class RegionLiveKit implements LocalLiveKit {
  private readonly api: LiveKitApi;
  private readonly probe: HealthProbe;
  private readonly deleted: DeletedRooms;

  constructor(api: LiveKitApi, probe: HealthProbe, deleted: DeletedRooms) {
    this.api = api;
    this.probe = probe;
    this.deleted = deleted;
  }

  up(): boolean {
    return this.probe.up();
  }

  check(): Promise<boolean> {
    return this.probe.check();
  }

  async createRoom(room: string): Promise<string> {
    return (await this.watched(this.api.createRoom(room))).sid;
  }

  /** The room that is there is marked first: its `room_finished` may arrive before the answer. */
  async deleteRoom(room: string): Promise<void> {
    const sid = await this.findRoom(room);
    if (sid !== undefined) {
      await this.deleted.mark(sid);
      await this.watched(this.api.deleteRoom(room));
    }
  }

  async findRoom(room: string): Promise<string | undefined> {
    const rooms = await this.watched(this.api.listRooms([room]));
    return rooms.find(({ name }) => name === room)?.sid;
  }

  /**
   * How many people are in these rooms together; undefined where LiveKit does not say. LiveKit writes a room's number
   * down up to 5 s late (livekit/livekit, pkg/rtc/room.go, roomUpdateInterval): rooms that seem empty are looked into.
   */
  async participants(rooms: readonly string[]): Promise<number | undefined> {
    try {
      // Without names LiveKit answers with all rooms.
      const found = rooms.length === 0 ? [] : await this.watched(this.api.listRooms(rooms));
      const empty = found.filter(({ numParticipants }) => numParticipants === 0);
      const asked = await Promise.all(
        empty.slice(0, MOST_ASKED).map(async ({ name }) => (await this.identities(name)).length),
      );
      const counts = [...found.map(({ numParticipants }) => numParticipants), ...asked];
      return counts.reduce((sum, count) => sum + count, 0);
    } catch (error) {
      if (error instanceof LiveKitDown || error instanceof TwirpError) {
        return undefined;
      }
      throw error;
    }
  }

  async identities(room: string): Promise<readonly string[]> {
    const participants = await this.watched(this.api.listParticipants(room));
    return participants.map(({ identity }) => identity);
  }

  async removeParticipant(room: string, identity: string): Promise<void> {
    await this.watched(this.api.removeParticipant(room, identity));
  }

  /** A call that fails is a reason to look at once, not at the next half second. */
  private async watched<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof LiveKitDown) {
        void this.probe.check();
      }
      throw error;
    }
  }
}
