import type { Redis } from "ioredis";
import { inTime, newConnection, type ValkeyAddress } from "./connection.ts";

/** Where each change of a claim is told, with the room's name. */
export const CHANGED_CHANNEL = "rooms:changed";

/** Milliseconds between two pings: shows a connection that was cut without a word. */
const PING_MS = 1000;

/** Told of a room whose claim changed; undefined if any may have, because nothing was heard for a time. */
export type ChangeListener = (room: string | undefined) => void;

/** Hears what any pod of the region changes, on a connection of its own, which can do nothing else. */
export class Changes {
  private readonly connection: Redis;
  private readonly listeners = new Set<ChangeListener>();
  private ping: NodeJS.Timeout | undefined;
  private subscribing: Promise<void> = Promise.resolve();

  constructor(address: ValkeyAddress, name = "rooms-changes") {
    this.connection = newConnection(address, name);
    this.connection.on("ready", () => {
      this.subscribing = this.subscribe();
    });
    this.connection.on("message", (_channel: string, room: string) => {
      this.tell(room);
    });
  }

  /** Begins to connect, and goes on for as long as it takes. Waits for the first try only. */
  async start(): Promise<void> {
    this.ping = setInterval(() => {
      if (this.connection.status === "ready") {
        void this.orAnew(this.connection.ping());
      }
    }, PING_MS);
    this.ping.unref();
    await this.connection.connect().catch(() => undefined);
    await this.subscribing;
  }

  stop(): void {
    clearInterval(this.ping);
    this.connection.disconnect();
  }

  onChange(listener: ChangeListener): void {
    this.listeners.add(listener);
  }

  private async subscribe(): Promise<void> {
    if (await this.orAnew(this.connection.subscribe(CHANGED_CHANNEL))) {
      this.tell(undefined);
    }
  }

  /** True if the command was answered; otherwise the connection is made anew. */
  private async orAnew(command: Promise<unknown>): Promise<boolean> {
    try {
      await inTime(command);
      return true;
    } catch {
      if (this.connection.status === "ready") {
        this.connection.disconnect(true);
      }
      return false;
    }
  }

  private tell(room: string | undefined): void {
    for (const listener of this.listeners) {
      listener(room);
    }
  }
}
