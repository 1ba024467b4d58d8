import { randomUUID } from "node:crypto";
import { PeerUnreachable, StoreAway } from "../placement/ports.ts";
import type { Pin, PinnedBy } from "../store/pins-store.ts";

/** A page of pins. */
export interface PinPage {
  readonly pins: readonly Pin[];
  readonly next?: string;
}

/** The pins in the region's own store. @throws StoreAway from each */
export interface OwnPins {
  put(pin: Pin): Promise<Pin>;
  get(room: string): Promise<Partial<Record<PinnedBy, Pin>>>;
  list(cursor: string): Promise<PinPage>;
}

/** The pins in the stores of the other regions. */
export interface PeerPins {
  members(): readonly string[];
  putPin(region: string, pin: Pin): Promise<Pin>;
  pins(region: string, cursor: string): Promise<PinPage>;
}

/** The pins of rooms, alike in all regions: each is written everywhere, and fetched by whoever was away. */
export class Pins {
  private readonly own: OwnPins;
  private readonly peers: PeerPins;
  private readonly nowMs: () => number;

  constructor(own: OwnPins, peers: PeerPins, nowMs: () => number = () => Date.now()) {
    this.own = own;
    this.peers = peers;
    this.nowMs = nowMs;
  }

  /** The room's pins. @throws StoreAway */
  get(room: string): Promise<Partial<Record<PinnedBy, Pin>>> {
    return this.own.get(room);
  }

  /**
   * Pins a room's next meeting to a region, or takes the pin away, here and in all regions that answer. Gives the
   * regions that did not; they fetch it when they are back.
   * @throws StoreAway where this region could not keep it
   */
  async set(room: string, by: PinnedBy, region: string | undefined): Promise<readonly string[]> {
    const before = (await this.own.get(room))[by];
    // Later than the one it replaces, even if that was set by a clock ahead of this one.
    const at = Math.max(this.nowMs(), (before?.at ?? 0) + 1);
    const pin = await this.own.put({ room, by, region, at, nonce: randomUUID() });
    const missed = await Promise.all(
      this.peers.members().map(async (peer) => ((await this.tell(peer, pin)) ? [] : [peer])),
    );
    return missed.flat();
  }

  /**
   * Takes over all pins that a region has, and gives it those of this region: after either was away. False if it was
   * not done to the end.
   */
  async exchange(region: string): Promise<boolean> {
    try {
      await eachPin(
        (cursor) => this.peers.pins(region, cursor),
        (pin) => this.own.put(pin),
      );
      await eachPin(
        (cursor) => this.own.list(cursor),
        (pin) => this.peers.putPin(region, pin),
      );
      return true;
    } catch (error) {
      return isAway(error);
    }
  }

  private async tell(peer: string, pin: Pin): Promise<boolean> {
    try {
      await this.peers.putPin(peer, pin);
      return true;
    } catch (error) {
      return isAway(error);
    }
  }
}

async function eachPin(
  page: (cursor: string) => Promise<PinPage>,
  use: (pin: Pin) => Promise<unknown>,
): Promise<void> {
  let cursor: string | undefined = "0";
  while (cursor !== undefined) {
    const { pins, next }: PinPage = await page(cursor);
    for (const pin of pins) {
      await use(pin);
    }
    cursor = next;
  }
}

/** False for what is expected of stores and regions that are away; anything else goes on. */
function isAway(error: unknown): false {
  if (error instanceof StoreAway || error instanceof PeerUnreachable) {
    return false;
  }
  throw error;
}
