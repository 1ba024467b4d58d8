import {
  linksOf,
  type CutKind,
  type Endpoint,
  type IsolateOptions,
  type LinkDelay,
  type Network,
} from "./partition.ts";
import { localPlace, type Place } from "./place.ts";
import { Relay } from "./relay.ts";

/** Places on one machine; every link from one to another goes through relays of its own. */
export class RelayNetwork implements Network {
  readonly kind = "relays";
  readonly description = "relays on the loopback address; media is not cut";
  private readonly members: readonly string[];
  /** By `from>to:port`. */
  private readonly relays = new Map<string, Relay>();
  private readonly cuts = new Map<string, CutKind>();

  private readonly delayMs: LinkDelay;

  constructor(members: readonly string[], delayMs: LinkDelay = () => 0) {
    this.members = members;
    this.delayMs = delayMs;
  }

  place(name: string): Place {
    this.check(name);
    return { ...localPlace, name };
  }

  async reach(from: string, to: string, port: number): Promise<Endpoint> {
    this.check(from);
    this.check(to);
    if (from === to) {
      return { host: localPlace.address, port };
    }
    const key = `${from}>${to}:${port}`;
    let relay = this.relays.get(key);
    if (relay === undefined) {
      relay = new Relay({
        target: { host: localPlace.address, port },
        delayMs: this.delayMs(from, to),
      });
      this.relays.set(key, relay);
      await relay.start();
      await relay.set(this.cuts.get(linkName(from, to)) ?? "open");
    }
    return { host: localPlace.address, port: relay.port };
  }

  async cut(one: string, other: string, kind: CutKind = "silent"): Promise<void> {
    this.check(one);
    this.check(other);
    this.cuts.set(linkName(one, other), kind);
    await this.apply();
  }

  async isolate(name: string, options: IsolateOptions = {}): Promise<void> {
    for (const other of linksOf(name, this.members, options.except)) {
      await this.cut(name, other, options.kind);
    }
  }

  async heal(one?: string, other?: string): Promise<void> {
    if (one === undefined || other === undefined) {
      this.cuts.clear();
    } else {
      this.cuts.delete(linkName(one, other));
    }
    await this.apply();
  }

  async close(): Promise<void> {
    await Promise.all([...this.relays.values()].map((relay) => relay.close()));
    this.relays.clear();
  }

  private async apply(): Promise<void> {
    for (const [key, relay] of this.relays) {
      const [from = "", to = ""] = (key.split(":")[0] ?? "").split(">");
      await relay.set(this.cuts.get(linkName(from, to)) ?? "open");
    }
  }

  private check(name: string): void {
    if (!this.members.includes(name)) {
      throw new Error(`Network: no place "${name}". There are ${this.members.join(", ")}.`);
    }
  }
}

function linkName(one: string, other: string): string {
  return [one, other].sort().join("-");
}
