import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { adminRoutes } from "../../../services/rooms/admin/admin-routes.ts";
import { AdminServer } from "../../../services/rooms/admin/admin-server.ts";
import type { Draining } from "../../../services/rooms/admin/operations.ts";
import { RequestVerifier } from "../../../services/rooms/peers/peer-token.ts";
import type { Member } from "../../../services/rooms/peers/member-list.ts";
import type { Claim } from "../../../services/rooms/placement/claim.ts";
import { PeerUnreachable } from "../../../services/rooms/placement/ports.ts";
import { KeptLog, seenHere } from "../../services/rooms/peers/fleet.ts";
import { OPERATOR_SECRET, START } from "./fake-world.ts";

/** A region as a test wants it; rooms are by name, with the number of people. */
export interface FakeRegion {
  readonly name: string;
  readonly rooms: Map<string, number>;
  draining: Draining | undefined;
  liveKitUp: boolean;
  storeUp: boolean;
  splitRooms: string[];
  webhooks: { waiting: number; oldestSeconds: number; setAside: number };
  /** Answers nothing at all. */
  isAway: boolean;
}

/**
 * Regions whose rooms are only written down, behind the gateways' real admin server over HTTP: what is signed, sent and
 * answered is as in the real ones.
 */
export class FakeRegions {
  readonly regions = new Map<string, FakeRegion>();
  /** Changes that regions were asked for, such as `eu drain 60`. */
  readonly calls: string[] = [];
  readonly pins = new Map<string, string>();
  readonly removed = new Set<string>();
  readonly endpoints = new Map<string, string>();
  /** False for gateways of a version that did not keep who gave an order. */
  keepsNames = true;
  private readonly servers: Server[] = [];
  private readonly secret: string;
  private readonly now: () => number;

  /**
   * @param secret the operators'
   * @param now the regions' clock; that of the fake world unless given
   */
  constructor(secret: string = OPERATOR_SECRET, now: () => number = () => START) {
    this.secret = secret;
    this.now = now;
  }

  /** Starts a server for each. */
  async start(names: readonly string[]): Promise<this> {
    for (const name of names) {
      await this.add(name);
    }
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  get(name: string): FakeRegion {
    const region = this.regions.get(name);
    if (region === undefined) {
      throw new Error(`there is no fake region ${name}`);
    }
    return region;
  }

  private async add(name: string): Promise<void> {
    const region: FakeRegion = {
      name,
      rooms: new Map(),
      draining: undefined,
      liveKitUp: true,
      storeUp: true,
      splitRooms: [],
      webhooks: { waiting: 0, oldestSeconds: 0, setAside: 0 },
      isAway: false,
    };
    this.regions.set(name, region);
    const verifier = new RequestVerifier("operator", name, () => [this.secret], seenHere());
    const admin = new AdminServer(verifier, this.routes(region), new KeptLog());
    const server = createServer((request, response) => {
      if (region.isAway) {
        request.socket.destroy();
      } else {
        void admin.handle(request, response);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.servers.push(server);
    const { port } = server.address() as AddressInfo;
    this.endpoints.set(name, `http://127.0.0.1:${port}`);
  }

  private others(name: string): readonly string[] {
    return [...this.regions.keys()].filter((it) => it !== name && !this.removed.has(it));
  }

  private routes(region: FakeRegion): ReturnType<typeof adminRoutes> {
    const { name } = region;
    const note = (call: string): Promise<void> => {
      this.calls.push(`${name} ${call}`);
      return Promise.resolve();
    };
    const order = (kind: Draining["kind"], seconds: number, by: string): void => {
      const since = this.now();
      const kept = this.keepsNames ? { by } : {};
      region.draining = { kind, since, deadline: since + seconds * 1000, ...kept };
    };
    const members = (): Record<string, Member> =>
      Object.fromEntries(
        [...this.regions.keys(), ...this.removed].map((it) => [
          it,
          { version: 1, state: this.removed.has(it) ? "removed" : "member" },
        ]),
      );
    return adminRoutes({
      region: name,
      operations: {
        status: () =>
          Promise.resolve({
            liveKitUp: region.liveKitUp,
            storeUp: region.storeUp,
            version: "1",
            pod: "pod",
            ...(region.draining === undefined ? {} : { draining: region.draining }),
            rooms: region.rooms.size,
            participants: [...region.rooms.values()].reduce((sum, people) => sum + people, 0),
            tunnels: 0,
            splitRooms: region.splitRooms,
            webhooks: region.webhooks,
          }),
        drain: (seconds, by) => {
          order("drain", seconds, by);
          return note(`drain ${seconds}`);
        },
        evacuate: (seconds, by) => {
          order("evacuation", seconds, by);
          return note(`evacuate ${seconds}`);
        },
        undrain: () => {
          region.draining = undefined;
          return note("undrain");
        },
        move: async (room, to) => {
          await note(`move ${room} ${to}`);
          const people = region.rooms.get(room);
          if (people === undefined) {
            return { moved: false, why: "not here" };
          }
          region.rooms.delete(room);
          this.get(to).rooms.set(room, people);
          return { moved: true, region: to };
        },
      },
      membership: {
        list: members,
        members: () => this.others(name),
        remove: (other) => {
          this.removed.add(other);
          return note(`remove ${other}`);
        },
        readmit: (other) => {
          this.removed.delete(other);
          return note(`admit ${other}`);
        },
      },
      peerStates: () =>
        this.others(name).map((it) => ({ region: it, reachable: !this.get(it).isAway })),
      rooms: {
        region: name,
        own: { read: (room) => this.claimAt(name, room), count: (room) => this.count(name, room) },
        peers: {
          members: () => this.others(name),
          read: (other, room) => this.claimAt(other, room),
          count: (other, room) => this.count(other, room),
        },
      },
      pin: async (room, to) => {
        await note(`pin ${room} ${to ?? "nowhere"}`);
        if (to === undefined) {
          this.pins.delete(room);
        } else {
          this.pins.set(room, to);
        }
        return this.others(name).filter((it) => this.get(it).isAway);
      },
      webhooks: { listSetAside: () => Promise.resolve([]), retry: () => Promise.resolve(false) },
    });
  }

  private claimAt(name: string, room: string): Promise<{ readonly claim?: Claim }> {
    if (this.get(name).isAway) {
      return Promise.reject(new PeerUnreachable(name, "test"));
    }
    const host = [...this.regions.values()].find(({ rooms }) => rooms.has(room));
    return Promise.resolve(
      host === undefined
        ? {}
        : {
            claim: {
              room,
              epoch: 1,
              region: host.name,
              tenure: 1,
              state: "open",
              cause: "join",
              confirmed: true,
              fresh: false,
            },
          },
    );
  }

  private count(name: string, room: string) {
    const people = this.get(name).rooms.get(room) ?? 0;
    const identities = Array.from({ length: people }, (_, index) => `person-${index}`);
    return Promise.resolve({ identities, liveKitUp: true });
  }
}
