import { canMakeNamespaces, NamespaceNetwork } from "./namespaces.ts";
import type { Place } from "./place.ts";
import { RelayNetwork } from "./relay-network.ts";

/** How a cut link behaves: packets vanish, or whoever sends is told at once. */
export type CutKind = "silent" | "refused";

/** An address and port as seen from some place. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Regions with a network between them that can be cut. */
export interface Network {
  readonly kind: "namespaces" | "relays";
  /** For the output of a test: what its partitions are made of. */
  readonly description: string;
  /** A region, or `clients`, or `test`: the process that runs the tests. @throws for another name */
  place(name: string): Place;
  /** Where a server of one place is reached from another: its address, or a relay that can be cut. */
  reach(from: string, to: string, port: number): Promise<Endpoint>;
  /** Cuts the link between two places, both ways. @default silent */
  cut(one: string, other: string, kind?: CutKind): Promise<void>;
  /** Cuts a place off from all others but those named. */
  isolate(name: string, options?: IsolateOptions): Promise<void>;
  /** Opens one link again, or all. */
  heal(one?: string, other?: string): Promise<void>;
  /** Ends what still runs in the places, and removes everything. */
  close(): Promise<void>;
}

/** What stays reachable of an isolated place. */
export interface IsolateOptions {
  readonly kind?: CutKind;
  /** Places that still reach it. @default none */
  readonly except?: readonly string[];
}

/** Milliseconds of one way from one place to another. */
export type LinkDelay = (from: string, to: string) => number;

/** What a network is made of besides its regions. */
export interface NetworkOptions {
  /** @default namespaces where the machine allows it; MEET_TEST_NETWORK=relays takes relays in any case */
  readonly kind?: Network["kind"];
  /** Places that are no regions. @default clients */
  readonly places?: readonly string[];
  /** Of TCP, where the network is of relays. @default none */
  readonly delayMs?: LinkDelay;
}

/** Where clients run that are no part of a region. */
export const CLIENTS = "clients";

/** Where the process itself is that runs the tests or the rehearsal. */
export const TEST = "test";

/**
 * A network of regions: real network namespaces where the machine allows it, else relays on the loopback address,
 * which cut TCP between places and leave media alone. `MEET_TEST_NETWORK=relays` takes relays in any case.
 */
export async function createNetwork(
  regions: readonly string[],
  options: NetworkOptions = {},
): Promise<Network> {
  const { kind = defaultKind(), places = [CLIENTS], delayMs } = options;
  const members = [...regions, ...places, TEST];
  return kind === "namespaces"
    ? NamespaceNetwork.create(members, TEST)
    : await Promise.resolve(new RelayNetwork(members, delayMs));
}

/** The links of a place to all others but those named. */
export function linksOf(
  name: string,
  members: readonly string[],
  except: readonly string[] = [],
): string[] {
  return members.filter((member) => member !== name && !except.includes(member));
}

function defaultKind(): Network["kind"] {
  const isWanted = process.env["MEET_TEST_NETWORK"] !== "relays";
  return isWanted && canMakeNamespaces() ? "namespaces" : "relays";
}
