import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Fields, Log } from "../../../../services/shared/log.ts";
import type { Claim } from "../../../../services/rooms/placement/claim.ts";
import {
  PeerUnreachable,
  type Clock,
  type PeerKnowledge,
} from "../../../../services/rooms/placement/ports.ts";
import { Membership, type MembersStore } from "../../../../services/rooms/peers/membership.ts";
import { Monitor } from "../../../../services/rooms/peers/monitor.ts";
import { PeerCalls } from "../../../../services/rooms/peers/peer-calls.ts";
import { PeerClient } from "../../../../services/rooms/peers/peer-client.ts";
import { PeerConnections } from "../../../../services/rooms/peers/peer-connections.ts";
import { PeerServer, type PeerCallee } from "../../../../services/rooms/peers/peer-server.ts";
import {
  RequestSigner,
  RequestVerifier,
  type SeenTokens,
} from "../../../../services/rooms/peers/peer-token.ts";
import type { Primary } from "../../../../services/rooms/peers/member-list.ts";
import type { Pin } from "../../../../services/rooms/store/pins-store.ts";
import { RegionUrls } from "../../../../services/rooms/peers/region-urls.ts";

export const SECRET = "the-secret-that-all-gateways-of-the-fleet-share";

export const CLAIM: Claim = {
  room: "a room / with % everything",
  epoch: 1_800_000_000_000,
  region: "us",
  tenure: 1_799_999_999_999,
  state: "open",
  cause: "join",
  confirmed: true,
  fresh: false,
};

export const PIN: Pin = { room: "daily", by: "owner", region: "us", at: 5, nonce: "n" };

/** Ids as one pod remembers them. */
export function seenHere(): SeenTokens {
  const ids = new Set<string>();
  return {
    isFirst: (id) => {
      const isFirst = !ids.has(id);
      ids.add(id);
      return Promise.resolve(isFirst);
    },
  };
}

/** A region's store of the member list, in memory. */
export class MemoryMembers implements MembersStore {
  text: string | undefined;
  load(): Promise<string | undefined> {
    return Promise.resolve(this.text);
  }
  update(change: (held: string | undefined) => string): Promise<string> {
    this.text = change(this.text);
    return Promise.resolve(this.text);
  }
}

/** A log that is kept. */
export class KeptLog implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Fields }[] =
    [];
  info(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  warn(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  error(message: string, fields: Fields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** A callee that answers something for each call and keeps what it was asked. */
export class EchoCallee implements PeerCallee {
  readonly asked: unknown[][] = [];
  readonly region: string;
  failure: Error | undefined;
  constructor(region: string) {
    this.region = region;
  }
  private note<T>(call: string, args: unknown[], answer: T): Promise<T> {
    this.asked.push([call, ...args]);
    return this.failure === undefined ? Promise.resolve(answer) : Promise.reject(this.failure);
  }
  private get own() {
    return { region: this.region, liveKitUp: true, storeUp: true, draining: false };
  }
  read(room: string): Promise<PeerKnowledge> {
    return this.note("read", [room], { claim: CLAIM, status: this.own });
  }
  readAll(rooms: readonly string[]) {
    return this.note("readAll", [rooms], [CLAIM]);
  }
  put(claim: Claim, expected: Claim | undefined) {
    return this.note("put", [claim, expected], { stored: false as const, found: expected });
  }
  merge(claim: Claim) {
    return this.note("merge", [claim], claim);
  }
  probe(target: string) {
    return this.note("probe", [target], target === "ap" ? undefined : this.own);
  }
  status() {
    return this.note("status", [], { ...this.own, load: { tunnels: 7 } });
  }
  claims(cursor: string) {
    return this.note("claims", [cursor], { claims: [CLAIM], next: "more" });
  }
  count(room: string) {
    return this.note("count", [room], { identities: ["a", "b"], liveKitUp: true, tenure: 5 });
  }
  expectRejoin(room: string, identities: readonly string[]) {
    return this.note("expectRejoin", [room, identities], undefined);
  }
  heal(room: string, asker: string) {
    if (room === "unseen") {
      return Promise.reject(new PeerUnreachable(asker, "heal: not reached by the arbiter"));
    }
    return this.note("heal", [room, asker], undefined);
  }
  putPin(pin: Pin) {
    return this.note("putPin", [pin], pin);
  }
  pins(cursor: string) {
    return this.note("pins", [cursor], { pins: [PIN], next: ">more" });
  }
  prepare(claim: Claim, carried: unknown) {
    return this.note("prepare", [claim, carried], undefined);
  }
}

/** One region's gateway as far as its peers see it, over real HTTP. */
export class PeerNode {
  readonly region: string;
  readonly log = new KeptLog();
  readonly callee: EchoCallee;
  readonly membership: Membership;
  readonly connections: PeerConnections;
  readonly calls: PeerCalls;
  readonly monitor: Monitor;
  readonly client: PeerClient;
  readonly signer: RequestSigner;
  readonly urls: Record<string, string>;
  readonly http: Server;
  readonly reachable = new Map<string, boolean>();

  constructor(
    region: string,
    urls: Record<string, string>,
    homes: readonly string[],
    options: {
      secrets?: readonly string[];
      store?: MembersStore;
      clock?: Clock;
      primary?: Primary;
    } = {},
  ) {
    this.region = region;
    this.urls = urls;
    const secrets = () => options.secrets ?? [SECRET];
    const log = this.log;
    this.callee = new EchoCallee(region);
    const store = options.store ?? new MemoryMembers();
    this.membership = new Membership({
      region,
      homes,
      primary: options.primary ?? { region: homes[0] ?? region, epoch: 1 },
      store,
      log,
    });
    this.connections = new PeerConnections(new RegionUrls("example.org", urls));
    this.signer = new RequestSigner("peer", region, secrets);
    this.calls = new PeerCalls(this.connections, this.signer);
    this.monitor = new Monitor({
      region,
      membership: this.membership,
      polls: this.calls,
      clock: options.clock ?? realClock,
      log,
      metrics: {
        peerReachable: (peer, reachable) => this.reachable.set(peer, reachable),
        peerForgotten: (peer) => this.reachable.delete(peer),
      },
    });
    this.client = new PeerClient(this.membership, this.monitor, this.calls);
    const server = new PeerServer({
      verifier: new RequestVerifier("peer", region, secrets, seenHere()),
      membership: this.membership,
      callee: this.callee,
      log,
    });
    this.http = createServer((request, response) => {
      void server.handle(request, response);
    });
  }

  /** Listens on a free port, and writes its address where the others look for it. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.http.listen(port, "127.0.0.1", resolve));
    const { port: taken } = this.http.address() as AddressInfo;
    this.urls[this.region] = `http://127.0.0.1:${taken}`;
    return taken;
  }

  async close(): Promise<void> {
    this.monitor.stop();
    this.connections.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}
