import type { Claim } from "../../../../services/rooms/placement/claim.ts";
import { Health } from "../../../../services/rooms/placement/health.ts";
import { Host, type Admission } from "../../../../services/rooms/placement/host.ts";
import {
  ELSEWHERE_MS,
  Keeper,
  LEFTOVERS_MS,
  REJOIN_MS,
  SWEEP_MS,
} from "../../../../services/rooms/placement/keeper.ts";
import { Mover } from "../../../../services/rooms/placement/mover.ts";
import { Placement } from "../../../../services/rooms/placement/placement.ts";
import { Proposer } from "../../../../services/rooms/placement/proposer.ts";
import { PeerUnreachable, StoreAway } from "../../../../services/rooms/placement/ports.ts";
import type {
  Clock,
  PeerKnowledge,
  Peers,
  PutResult,
  RegionStatus,
  RoomCount,
  TunnelGroup,
  Tunnels,
} from "../../../../services/rooms/placement/ports.ts";
import { Splits } from "../../../../services/rooms/placement/splits.ts";
import { SimLocalLiveKit } from "./livekit.ts";
import { SimStore } from "./store.ts";
import type { Region, World } from "./world.ts";

/** Milliseconds between two polls of every member, and misses in a row that make one unreachable. */
const POLL_MS = 2_000;
const MISSES = 3;

/** Milliseconds after which a call to another region is given up. */
const CALL_MS = 1_000;

/** One connection of a client through this pod. */
export interface SimTunnel {
  readonly room: string;
  readonly region: string;
  readonly tenure: number;
  readonly identity: string;
  readonly cut: () => void;
}

/** A gateway: the code of services/rooms/placement on simulated ports. */
export class Pod implements Tunnels {
  readonly name: string;
  readonly region: Region;
  readonly store: SimStore;
  readonly liveKit: SimLocalLiveKit;
  readonly placement: Placement;
  readonly host: Host;
  readonly keeper: Keeper;
  readonly splits: Splits;
  readonly mover: Mover;
  readonly peers: SimPeers;
  readonly proposer: Proposer;
  alive = true;
  /** Nobody is sent here before: it has to learn what happened while it was not there. */
  ready = false;
  private readonly world: World;
  private readonly tunnels = new Set<SimTunnel>();
  private storeAwaySince: number | undefined;

  constructor(world: World, region: Region, name: string) {
    this.world = world;
    this.region = region;
    this.name = name;
    const { scheduler, random } = world;
    const isAlive = (): boolean => this.alive;
    const skew = random.between(-60_000, 60_000);
    const clock: Clock = {
      now: () => 1_700_000_000_000 + scheduler.now + skew,
      monotonic: () => scheduler.now,
      sleep: (ms) =>
        new Promise((resolve) => {
          scheduler.at(ms, () => {
            if (this.alive) {
              resolve();
            }
          });
        }),
    };
    this.store = new SimStore(region.valkey, scheduler, random, isAlive);
    this.liveKit = new SimLocalLiveKit(region.liveKit, region.valkey, scheduler, random, isAlive);
    this.peers = new SimPeers(world, this);
    const common = {
      region: region.name,
      pod: name,
      store: this.store,
      peers: this.peers,
      liveKit: this.liveKit,
      clock,
    };
    this.proposer = new Proposer({
      ...common,
      ownStatus: () => this.status(),
      random: () => random.next(),
    });
    const health = new Health(region.name, this.peers, this.liveKit, clock);
    const silent = { located: () => undefined, claimed: () => undefined };
    this.placement = new Placement({
      ...common,
      proposer: this.proposer,
      health,
      preference: () =>
        Promise.resolve([
          region.name,
          ...this.peers.members().filter((member) => member !== region.name),
        ]),
      metrics: silent,
    });
    this.host = new Host(common);
    this.splits = new Splits({
      ...common,
      proposer: this.proposer,
      metrics: { splitFound: () => undefined, splitHealed: () => undefined },
    });
    this.mover = new Mover({
      ...common,
      proposer: this.proposer,
      carrier: { pack: () => Promise.resolve({ metadata: "", dispatches: [] }) },
      preference: () => this.peers.members(),
    });
    this.keeper = new Keeper({
      ...common,
      tunnels: this,
      proposer: this.proposer,
      splits: this.splits,
    });
    void this.begin();
    this.every(SWEEP_MS, () => this.keeper.sweep());
    this.every(ELSEWHERE_MS, () => this.keeper.lookElsewhere());
    this.every(LEFTOVERS_MS, () => this.keeper.tidy());
    this.every(500, async () => {
      await this.liveKit.check();
    });
    this.every(POLL_MS, () => {
      this.peers.poll();
      return Promise.resolve();
    });
  }

  private async begin(): Promise<void> {
    await this.keeper.exchangeIfDue();
    this.ready = true;
  }

  status(): RegionStatus {
    if (this.store.up()) {
      this.storeAwaySince = undefined;
    } else {
      this.storeAwaySince ??= this.world.scheduler.now;
    }
    const away = this.storeAwaySince;
    return {
      region: this.region.name,
      liveKitUp: this.liveKit.up(),
      storeUp: away === undefined || this.world.scheduler.now - away < 1_500,
      draining: this.region.draining,
    };
  }

  add(tunnel: SimTunnel): void {
    this.tunnels.add(tunnel);
  }

  remove(tunnel: SimTunnel): void {
    this.tunnels.delete(tunnel);
  }

  groups(): readonly TunnelGroup[] {
    const groups = new Map<string, { group: TunnelGroup; identities: string[] }>();
    for (const { room, region, tenure, identity } of this.tunnels) {
      const key = `${room} ${region} ${tenure}`;
      const entry = groups.get(key) ?? {
        identities: [],
        group: { room, region, tenure, identities: [] },
      };
      entry.identities.push(identity);
      groups.set(key, entry);
    }
    return [...groups.values()].map(({ group, identities }) => ({ ...group, identities }));
  }

  cutExcept(room: string, keep: { readonly region: string; readonly tenure: number }): number {
    return this.cutAll(
      (it) => it.room === room && (it.region !== keep.region || it.tenure !== keep.tenure),
    );
  }

  cutRegion(region: string): number {
    return this.cutAll((it) => it.region === region);
  }

  cutAll(which: (tunnel: SimTunnel) => boolean): number {
    const cut = [...this.tunnels].filter(which);
    for (const tunnel of cut) {
      this.tunnels.delete(tunnel);
      tunnel.cut();
    }
    return cut.length;
  }

  /** The host's side of a join. */
  admit(room: string, claim: Claim, identity: string): Promise<Admission> {
    return this.host.admit(room, claim, identity);
  }

  crash(): void {
    this.alive = false;
    this.cutAll(() => true);
  }

  private every(ms: number, duty: () => Promise<void>): void {
    const { scheduler, random } = this.world;
    const next = (): void => {
      scheduler.at(ms * random.between(0.9, 1.1), () => {
        if (this.alive) {
          void duty().then(next, (error: unknown) => {
            this.world.broken(error);
          });
        }
      });
    };
    next();
  }
}

/** The other regions' gateways as one pod reaches them: any one of a region's pods answers. */
export class SimPeers implements Peers {
  private readonly world: World;
  private readonly pod: Pod;
  private readonly misses = new Map<string, number>();
  private readonly statuses = new Map<string, RegionStatus>();
  private known: readonly string[];
  private removed: ReadonlySet<string> = new Set();
  private generations = 0;

  constructor(world: World, pod: Pod) {
    this.world = world;
    this.pod = pod;
    this.known = [...new Set([...world.knownMembers(), pod.region.name])].sort();
  }

  members(): readonly string[] {
    return this.known.filter((region) => region !== this.pod.region.name);
  }

  isRemoved(region: string): boolean {
    return this.removed.has(region);
  }

  setMembers(members: readonly string[], removed: Iterable<string> = []): void {
    this.known = members;
    this.removed = new Set(removed);
    this.generations++;
  }

  reachable(region: string): boolean {
    return (this.misses.get(region) ?? 0) < MISSES;
  }

  lastStatus(region: string): RegionStatus | undefined {
    return this.statuses.get(region);
  }

  generation(): number {
    return this.generations;
  }

  poll(): void {
    for (const region of this.members()) {
      this.status(region).then(
        (status) => {
          if ((this.misses.get(region) ?? 0) > 0) {
            this.generations++;
          }
          this.misses.set(region, 0);
          this.statuses.set(region, status);
        },
        () => {
          this.misses.set(region, (this.misses.get(region) ?? 0) + 1);
          if (this.misses.get(region) === MISSES) {
            this.pod.cutRegion(region);
          }
        },
      );
    }
  }

  read(region: string, room: string): Promise<PeerKnowledge> {
    return this.call(region, async (pod) => {
      const status = pod.status();
      try {
        const { claim } = await pod.store.read(room);
        return { status, ...(claim === undefined ? {} : { claim }) };
      } catch (error) {
        if (error instanceof StoreAway) {
          return { status: { ...status, storeUp: false } };
        }
        throw error;
      }
    });
  }

  readAll(region: string, rooms: readonly string[]): Promise<readonly Claim[]> {
    return this.call(region, async (pod) => {
      const known = await Promise.all(rooms.map((room) => pod.store.read(room)));
      return known.flatMap(({ claim }) => claim ?? []);
    });
  }

  put(region: string, claim: Claim, expected: Claim | undefined): Promise<PutResult> {
    return this.call(region, (pod) => pod.store.put(claim, expected));
  }

  merge(region: string, claim: Claim): Promise<Claim> {
    return this.call(region, (pod) => pod.store.merge(claim));
  }

  probe(region: string, target: string): Promise<RegionStatus | undefined> {
    return this.call(region, async (pod) => {
      try {
        return await pod.peers.status(target);
      } catch (error) {
        if (error instanceof PeerUnreachable) {
          return undefined;
        }
        throw error;
      }
    });
  }

  status(region: string): Promise<RegionStatus> {
    return this.call(region, (pod) => Promise.resolve(pod.status()), 700);
  }

  claims(region: string): Promise<{ readonly claims: readonly Claim[] }> {
    return this.call(region, (pod) => pod.store.claims());
  }

  count(region: string, room: string): Promise<RoomCount> {
    return this.call(region, (pod) => pod.splits.count(room));
  }

  expectRejoin(region: string, room: string, identities: readonly string[]): Promise<void> {
    return this.call(region, (pod) => pod.store.expectRejoin(room, identities, REJOIN_MS));
  }

  prepare(region: string, claim: Claim): Promise<void> {
    return this.call(
      region,
      async (pod) => {
        await pod.host.prepare(claim);
      },
      5_000,
    );
  }

  heal(region: string, room: string): Promise<void> {
    const here = this.pod.region.name;
    return this.call(region, (pod) => pod.splits.heal(room, here), 8_000);
  }

  /** A call to any pod of a region: lost on either way, refused where nobody listens, given up after a while. */
  call<T>(region: string, serve: (pod: Pod) => Promise<T>, limitMs = CALL_MS): Promise<T> {
    const { scheduler, network, random } = this.world;
    const here = this.pod.region.name;
    return new Promise((resolve, reject) => {
      const answer = (deliver: () => void): void => {
        if (this.pod.alive) {
          deliver();
        }
      };
      scheduler.at(limitMs, () => {
        answer(() => {
          reject(new PeerUnreachable(region, "timeout"));
        });
      });
      network.carry(here, region, () => {
        const pods = this.world.pods(region);
        if (pods.length === 0) {
          network.carry(region, here, () => {
            answer(() => {
              reject(new PeerUnreachable(region, "refused"));
            });
          });
          return;
        }
        const pod = random.pick(pods);
        const back = (deliver: () => void): void => {
          if (pod.alive) {
            network.carry(region, here, () => {
              answer(deliver);
            });
          }
        };
        serve(pod).then(
          (result) => {
            back(() => {
              resolve(result);
            });
          },
          (error: unknown) => {
            back(() => {
              reject(error instanceof Error ? error : new Error(String(error)));
            });
          },
        );
      });
    });
  }
}
