import type { Socket } from "node:net";
import type { TunnelGroup, Tunnels } from "../placement/ports.ts";
import { Tunnel, type Connected } from "./tunnel.ts";

/** What is counted of tunnels. */
export interface TunnelMetrics {
  tunnelOpened(to: string): void;
  tunnelClosed(to: string): void;
  tunnelsCut(reason: string, count: number): void;
}

/** All connections of this pod. */
export class TunnelRegistry implements Tunnels {
  private readonly byRoom = new Map<string, Set<Tunnel>>();
  private readonly metrics: TunnelMetrics;
  private readonly listeners = new Set<(room: string, region: string) => void>();
  private count = 0;

  constructor(metrics: TunnelMetrics) {
    this.metrics = metrics;
  }

  /** Makes a tunnel that is known from now on, and so is cut with its room; it carries nothing until it is started. */
  add(connected: Connected, client: Socket, upstream: Socket): Tunnel {
    const tunnel = new Tunnel(connected, client, upstream, this.forget);
    const tunnels = this.byRoom.get(connected.room) ?? new Set();
    this.byRoom.set(connected.room, tunnels.add(tunnel));
    this.count++;
    this.metrics.tunnelOpened(connected.region);
    this.changed(connected);
    return tunnel;
  }

  /** Called with the room and its host whenever a connection came or went. */
  onChange(listener: (room: string, region: string) => void): void {
    this.listeners.add(listener);
  }

  /** Who has a connection to a room in a region. */
  identities(room: string, region: string): readonly string[] {
    const tunnels = [...(this.byRoom.get(room) ?? [])];
    return tunnels.flatMap(({ connected }) =>
      connected.region === region ? [connected.identity] : [],
    );
  }

  /** Connections open. */
  size(): number {
    return this.count;
  }

  /** Bytes taken from one end of a tunnel and not yet by the other, in all of them. */
  buffered(): number {
    return this.all().reduce((bytes, tunnel) => bytes + tunnel.buffered(), 0);
  }

  /** Names of the rooms with a connection here. */
  rooms(): readonly string[] {
    return [...this.byRoom.keys()];
  }

  groups(): readonly TunnelGroup[] {
    return [...this.byRoom.values()].flatMap((tunnels) => {
      const groups = new Map<string, TunnelGroup & { identities: string[] }>();
      for (const { connected } of tunnels) {
        const { room, region, tenure, identity } = connected;
        const key = `${region} ${tenure}`;
        const group = groups.get(key) ?? { room, region, tenure, identities: [] };
        group.identities.push(identity);
        groups.set(key, group);
      }
      return [...groups.values()];
    });
  }

  cutExcept(room: string, keep: { readonly region: string; readonly tenure: number }): number {
    const tunnels = [...(this.byRoom.get(room) ?? [])];
    return this.cut(
      "moved",
      tunnels.filter(
        ({ connected }) => connected.region !== keep.region || connected.tenure !== keep.tenure,
      ),
    );
  }

  cutRegion(region: string): number {
    return this.cut(
      "region-lost",
      this.all().filter(({ connected }) => connected.region === region),
    );
  }

  /**
   * Ends all of them, in no order, spread evenly over `spreadMs`: whoever comes back at once finds other gateways that
   * are not all asked at the same moment. Those that are opened in the meantime are ended with the last ones.
   */
  async endAll(spreadMs: number): Promise<void> {
    const tunnels = shuffled(this.all());
    const begin = performance.now();
    for (const [index, tunnel] of tunnels.entries()) {
      const at = begin + (spreadMs * (index + 1)) / tunnels.length;
      const waitMs = at - performance.now();
      if (waitMs >= 1) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
      // Those that ended by themselves in the meantime are not cut.
      this.cut("shutdown", this.has(tunnel) ? [tunnel] : []);
    }
    this.cut("shutdown", this.all());
  }

  private has(tunnel: Tunnel): boolean {
    return this.byRoom.get(tunnel.connected.room)?.has(tunnel) === true;
  }

  private all(): Tunnel[] {
    return [...this.byRoom.values()].flatMap((tunnels) => [...tunnels]);
  }

  private cut(reason: string, tunnels: readonly Tunnel[]): number {
    for (const tunnel of tunnels) {
      tunnel.cut();
    }
    if (tunnels.length > 0) {
      this.metrics.tunnelsCut(reason, tunnels.length);
    }
    return tunnels.length;
  }

  private readonly forget = (tunnel: Tunnel): void => {
    const { room, region } = tunnel.connected;
    const tunnels = this.byRoom.get(room);
    if (tunnels?.delete(tunnel) !== true) {
      return;
    }
    this.count--;
    this.metrics.tunnelClosed(region);
    if (tunnels.size === 0) {
      this.byRoom.delete(room);
    }
    this.changed(tunnel.connected);
  };

  private changed({ room, region }: Connected): void {
    for (const listener of this.listeners) {
      listener(room, region);
    }
  }
}

/** The same in random order (Fisher and Yates). */
function shuffled<T>(items: readonly T[]): readonly T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    const [left, right] = [result[index], result[other]];
    if (left !== undefined && right !== undefined) {
      result[index] = right;
      result[other] = left;
    }
  }
  return result;
}
