import { randomUUID } from "node:crypto";
import { ReplyError, type Redis } from "ioredis";
import { StoreAway } from "../placement/ports.ts";
import { inTime, newConnection, type ValkeyAddress } from "./connection.ts";
import { script, textOf, listOf, type Script } from "./script.ts";

/** Milliseconds between two looks at whether the store answers, takes writes and is the same one. */
const HEARTBEAT_MS = 1000;

/** Marks one life of the store's contents. It is gone if the store came back empty. */
export const RUN_KEY = "rooms:run";

/** Beginnings of error replies that say that the store can not serve now; any other is a fault of this program. */
const AWAY_REPLIES =
  /^(READONLY|LOADING|MASTERDOWN|NOREPLICAS|MISCONF|OOM|BUSY|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM|ERR max)/;

const MARK = script(`
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local made = redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. now, 'NX')
return {redis.call('GET', KEYS[1]), made and 1 or 0, now}
`);

/** One life of the store's contents. */
export interface RunMarker {
  readonly id: string;
  /** When it began, by the store's clock. */
  readonly sinceMs: number;
  /** Milliseconds since then. */
  readonly ageMs: number;
  /** True if this pod found none and made it: the store was empty. */
  readonly wasMissing: boolean;
}

/** What became of the store while it was away. "same" may still lack the last writes: a replica took over. */
export type Return = "same" | "emptied";

/** Told to the operator when the store goes and comes. */
export interface ValkeyLog {
  info(message: string): void;
  error(message: string): void;
}

/**
 * The connection of this pod to the region's Valkey. It is up once the store has answered, has taken a write and has
 * been found to be the one of before, or another; until then every call ends with StoreAway.
 */
export class Valkey {
  private readonly connection: Redis;
  private readonly log: ValkeyLog;
  private readonly listeners = new Set<(state: Return) => void>();
  private marker: RunMarker | undefined;
  private isUp = false;
  private wasUp = false;
  private returns = 0;
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(address: ValkeyAddress, log: ValkeyLog, name = "rooms") {
    this.log = log;
    this.connection = newConnection(address, name);
    this.connection.on("ready", () => {
      void this.look();
    });
    this.connection.on("close", () => {
      this.lost();
    });
  }

  /** Begins to connect, and goes on for as long as it takes. Waits for the first try only. */
  async start(): Promise<void> {
    this.heartbeat = setInterval(() => {
      if (this.connection.status === "ready") {
        void this.look();
      }
    }, HEARTBEAT_MS);
    this.heartbeat.unref();
    try {
      await this.connection.connect();
      await this.look();
    } catch {
      this.log.error("the store does not answer yet");
    }
  }

  /** Ends the connection; every later call ends with StoreAway. */
  stop(): void {
    clearInterval(this.heartbeat);
    this.isUp = false;
    this.connection.disconnect();
  }

  up(): boolean {
    return this.isUp;
  }

  /** Rises whenever the store was lost and is back, or is found emptied. */
  generation(): number {
    return this.returns;
  }

  /** Called at each return, before anybody else finds the store up. A listener does not throw. */
  onReconnect(listener: (state: Return) => void): void {
    this.listeners.add(listener);
  }

  /**
   * The life that the store is in.
   * @throws StoreAway
   */
  async runMarker(): Promise<RunMarker> {
    if (!this.isUp || this.marker === undefined) {
      throw new StoreAway("Valkey: it does not answer.");
    }
    const [marker, , now] = listOf(await this.run(MARK, [RUN_KEY], [randomUUID()]));
    const { wasMissing } = this.marker;
    return { ...markerOf(marker, now), wasMissing };
  }

  /**
   * Runs a script.
   * @throws StoreAway
   */
  async run(
    steps: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    this.mustBeUp();
    return expectAway(inTime(this.evaluate(steps, keys, args)));
  }

  /**
   * Runs one command.
   * @throws StoreAway
   */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    this.mustBeUp();
    return expectAway(inTime(this.connection.call(name, [...args])));
  }

  private mustBeUp(): void {
    if (!this.isUp) {
      throw new StoreAway("Valkey: it does not answer.");
    }
  }

  private async evaluate(
    { sha, text }: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await this.connection.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      // The store that took over, or was restarted, has not run it yet.
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return await this.connection.eval(text, keys.length, ...keys, ...args);
      }
      throw error;
    }
  }

  /** Writes the marker if there is none: shows that the store answers and takes writes, and which one it is. */
  private async look(): Promise<void> {
    try {
      const reply = listOf(await inTime(this.evaluate(MARK, [RUN_KEY], [randomUUID()])));
      const found = { ...markerOf(reply[0], reply[2]), wasMissing: reply[1] === 1 };
      if (this.connection.status === "ready") {
        this.found(found);
      }
    } catch {
      // Whatever it was, a new connection is the cure: by then the name may lead to another primary.
      if (this.connection.status === "ready") {
        this.lost();
        this.connection.disconnect(true);
      }
    }
  }

  private found(marker: RunMarker): void {
    const before = this.marker;
    const isOther = before !== undefined && before.id !== marker.id;
    const isBack = this.wasUp && !this.isUp;
    if (before === undefined || isOther) {
      this.marker = marker;
    }
    this.isUp = true;
    this.wasUp = true;
    if (isBack || isOther) {
      this.returns++;
      this.log.info(isOther ? "the store is back, and was emptied" : "the store is back");
      for (const listener of this.listeners) {
        listener(isOther ? "emptied" : "same");
      }
    }
  }

  private lost(): void {
    if (this.isUp) {
      this.isUp = false;
      this.log.error("the store was lost");
    }
  }
}

function markerOf(marker: unknown, now: unknown): Omit<RunMarker, "wasMissing"> {
  const [id = "", since = ""] = (textOf(marker) ?? "").split(" ");
  const sinceMs = Number(since);
  return { id, sinceMs, ageMs: Number(textOf(now)) - sinceMs };
}

/** The reply; a store that can not serve, and a connection that is lost or silent, are one thing to the caller. */
async function expectAway<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof ReplyError && !AWAY_REPLIES.test(messageOf(error))) {
      throw error;
    }
    throw new StoreAway(`Valkey: it does not answer (${messageOf(error)}).`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
