import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { distance, type Location } from "../names/answer.ts";
import { accepts } from "../processes/local-pod.ts";
import { ManagedProcess } from "../processes/managed-process.ts";
import type { DelayedLink } from "./delay-relays.ts";
import { Guard } from "./guard.ts";
import { NamespaceNetwork } from "./namespaces.ts";
import { createNetwork, TEST, type Endpoint, type Network } from "./partition.ts";
import type { Place } from "./place.ts";

/** A place of the fleet's network, and where in the world it is. */
export interface Located {
  readonly name: string;
  readonly location: Location;
}

/** What a fleet's network is made of. */
export interface FleetNetworkPlan {
  /** With those that are deployed later. */
  readonly regions: readonly Located[];
  readonly clients: readonly Located[];
  /** For logs; removed when this process has ended. */
  readonly folder: string;
  /** @default namespaces where the machine allows it */
  readonly kind?: Network["kind"];
}

/** Light takes a millisecond for 200 km of fibre, and cables are about half as long again as the way is. */
const KM_PER_MS = 200 / 1.5;

/** Below this, in milliseconds, a delay is nobody's concern. */
const LEAST_MS = 2;

/** Milliseconds of one way between two locations. */
export function oneWayMs(from: Location, to: Location): number {
  const late = Math.round(distance(from, to) / KM_PER_MS);
  return late < LEAST_MS ? 0 : late;
}

/**
 * The network of a fleet: a place for each region and for people in some parts of the world, with the delay between
 * them made by the kernel where it can, else by relays that delay what TCP carries. Each region has one entry, whose port
 * is known before anything of the region runs.
 */
export class FleetNetwork {
  readonly network: Network;
  readonly delays: "netem" | "relay" | "none";
  /** By region. */
  private readonly entries: ReadonlyMap<string, number>;
  /** By `from>to`, where relays stand in the places. */
  private readonly relayed: ReadonlyMap<string, number>;
  private readonly relays: readonly ManagedProcess[];
  private readonly guard: Guard;

  private constructor(
    guard: Guard,
    network: Network,
    delays: FleetNetwork["delays"],
    entries: ReadonlyMap<string, number>,
    relayed: ReadonlyMap<string, number>,
    relays: readonly ManagedProcess[],
  ) {
    this.guard = guard;
    this.network = network;
    this.delays = delays;
    this.entries = entries;
    this.relayed = relayed;
    this.relays = relays;
  }

  static async create(plan: FleetNetworkPlan): Promise<FleetNetwork> {
    const { regions, clients, folder, kind } = plan;
    const places = [...regions, ...clients];
    const delayMs = (from: string, to: string): number => {
      const [one, other] = [from, to].map((name) => places.find((place) => place.name === name));
      return one === undefined || other === undefined ? 0 : oneWayMs(one.location, other.location);
    };
    const network = await createNetwork(
      regions.map(({ name }) => name),
      {
        ...(kind === undefined ? {} : { kind }),
        places: clients.map(({ name }) => name),
        delayMs,
      },
    );
    const guard = Guard.start(folder);
    const entries = new Map<string, number>();
    for (const { name } of regions) {
      entries.set(name, await network.place(name).port());
    }
    const isDelayed = places.some((from) => regions.some((to) => delayMs(from.name, to.name) > 0));
    if (!isDelayed || network.kind === "relays") {
      return new FleetNetwork(guard, network, isDelayed ? "relay" : "none", entries, new Map(), []);
    }
    if (network instanceof NamespaceNetwork && network.delay(delayMs)) {
      return new FleetNetwork(guard, network, "netem", entries, new Map(), []);
    }
    const relayed = new Map<string, number>();
    const relays: ManagedProcess[] = [];
    try {
      for (const { name } of places) {
        const links: DelayedLink[] = [];
        for (const [region, port] of entries) {
          const late = delayMs(name, region);
          if (late > 0) {
            const target = { host: network.place(region).address, port };
            links.push({ port: await network.place(name).port(), target, delayMs: late });
            relayed.set(`${name}>${region}`, links.at(-1)?.port ?? 0);
          }
        }
        relays.push(relayProcess(guard.over(network.place(name)), links, folder));
      }
      await Promise.all(relays.map((relay) => relay.start()));
    } catch (error) {
      await network.close();
      await guard.stop();
      throw error;
    }
    return new FleetNetwork(guard, network, "relay", entries, relayed, relays);
  }

  /** A place; what is started there ends with this process, however that ends. */
  place(name: string): Place {
    return this.guard.over(this.network.place(name));
  }

  /** The port of a region's entry, in its place. @throws Error for a region that was not planned */
  entryPort(region: string): number {
    const port = this.entries.get(region);
    if (port === undefined) {
      throw new Error(
        `Region "${region}": there is no place for it. There are ${[...this.entries.keys()].join(", ")}.`,
      );
    }
    return port;
  }

  /** Where a region's entry is reached from a place, with the delay of the way. */
  reach(from: string, region: string): Promise<Endpoint> {
    const relay = this.relayed.get(`${from}>${region}`);
    return relay === undefined
      ? this.network.reach(from, region, this.entryPort(region))
      : Promise.resolve({ host: this.network.place(from).address, port: relay });
  }

  /** Where it is reached from this process, with no delay. */
  reachDirectly(region: string): Promise<Endpoint> {
    return this.network.reach(TEST, region, this.entryPort(region));
  }

  /** Ends all that runs in its places. */
  async close(): Promise<void> {
    await Promise.all(this.relays.map((relay) => relay.kill()));
    await this.network.close();
    await this.guard.stop();
  }
}

function relayProcess(place: Place, links: readonly DelayedLink[], folder: string): ManagedProcess {
  const program = fileURLToPath(new URL("delay-relays.ts", import.meta.url));
  return new ManagedProcess({
    name: `relays of ${place.name}`,
    place,
    command: process.execPath,
    args: ["--import", "tsx", program, place.address, JSON.stringify(links)],
    log: join(folder, `relays-${place.name}.log`),
    isReady: () =>
      links[0] === undefined ? Promise.resolve(true) : accepts(place.address, links[0].port),
  });
}
