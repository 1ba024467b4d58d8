import type { EventSetAside } from "../webhooks/webhook-queue.ts";

/** What a region is doing about its rooms on an operator's word. */
export interface Draining {
  readonly kind: "drain" | "evacuation";
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly deadline: number;
  /** Rooms that are gone already, of how many; undefined until they were counted. */
  readonly done?: number;
  readonly of?: number;
  /** Rooms that no other region could take. */
  readonly left?: readonly string[];
  /** Name of the operator who gave the order; undefined from a version that did not keep it. */
  readonly by?: string;
}

/** This region's own word about itself, for operators. */
export interface OwnStatus {
  readonly liveKitUp: boolean;
  readonly storeUp: boolean;
  /** Version of the gateway. */
  readonly version: string;
  readonly pod: string;
  readonly draining?: Draining;
  /** Rooms that this region hosts. */
  readonly rooms: number;
  /** People in them, as LiveKit counts them; undefined while it does not answer. */
  readonly participants?: number;
  /** Connections through this pod. */
  readonly tunnels: number;
  readonly splitRooms: readonly string[];
  readonly webhooks: {
    readonly waiting: number;
    readonly oldestSeconds: number;
    readonly setAside: number;
  };
}

/** What came of moving one room. */
export type MoveOutcome =
  | { readonly moved: true; readonly region: string }
  | {
      readonly moved: false;
      readonly why: "not here" | "no other region" | "claimed meanwhile" | "called off";
    };

/**
 * What operators can have done in this region. The region's pods share it: whichever is asked, the region does it.
 * @throws StoreAway from each where the region's store is needed and away
 */
export interface Operations {
  status(): Promise<OwnStatus>;
  /**
   * Takes no new rooms from now on; ends by itself when the last meeting does, or at the deadline.
   * @param by the operator's name
   */
  drain(deadlineSeconds: number, by: string): Promise<void>;
  /** Takes rooms again. */
  undrain(): Promise<void>;
  /** Moves all rooms away, and takes none until undrained. Answers when it has begun. */
  evacuate(deadlineSeconds: number, by: string): Promise<void>;
  /** Moves a live room that this region hosts. */
  move(room: string, region: string): Promise<MoveOutcome>;
}

/** The webhooks that Meet refused. @throws StoreAway */
export interface SetAsideWebhooks {
  listSetAside(limit: number): Promise<readonly EventSetAside[]>;
  /** False if there is none of that id. */
  retry(id: string): Promise<boolean>;
}
