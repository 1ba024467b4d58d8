import type { Claim } from "../placement/claim.ts";
import { PeerUnreachable, StoreAway } from "../placement/ports.ts";
import type { RoomCount } from "../placement/ports.ts";

/** A room as one region has it. */
export interface RoomView {
  readonly region: string;
  /** Why nothing is known: the region, or its store, does not answer. */
  readonly fault?: "unreachable" | "store-away";
  readonly claim?: Claim;
  /** People connected there; nobody's name. */
  readonly participants?: number;
  /** Tenure under which the region hosts or hosted the room. */
  readonly tenure?: number;
}

/** Where a room's claim and its people can be asked for. */
export interface RoomSources {
  /** This region. */
  readonly region: string;
  readonly own: {
    read(room: string): Promise<{ readonly claim?: Claim }>;
    count(room: string): Promise<RoomCount>;
  };
  readonly peers: {
    members(): readonly string[];
    read(region: string, room: string): Promise<{ readonly claim?: Claim }>;
    count(region: string, room: string): Promise<RoomCount>;
  };
}

/** Asks all regions what they know of a room. */
export async function viewRoom(room: string, sources: RoomSources): Promise<readonly RoomView[]> {
  const { region, own, peers } = sources;
  return Promise.all([
    view(region, () => Promise.all([own.read(room), own.count(room)])),
    ...peers
      .members()
      .map((peer) =>
        view(peer, () => Promise.all([peers.read(peer, room), peers.count(peer, room)])),
      ),
  ]);
}

async function view(
  region: string,
  ask: () => Promise<readonly [{ readonly claim?: Claim }, RoomCount]>,
): Promise<RoomView> {
  try {
    const [{ claim }, { identities, tenure }] = await ask();
    return {
      region,
      participants: identities.length,
      ...(claim === undefined ? {} : { claim }),
      ...(tenure === undefined ? {} : { tenure }),
    };
  } catch (error) {
    if (error instanceof PeerUnreachable) {
      return { region, fault: "unreachable" };
    }
    if (error instanceof StoreAway) {
      return { region, fault: "store-away" };
    }
    throw error;
  }
}
