import { compareClaims, type Claim } from "../../../../services/rooms/placement/claim.ts";
import { StoreAway } from "../../../../services/rooms/placement/ports.ts";
import { Client } from "./client.ts";
import { SimLiveKit } from "./livekit.ts";
import { Network } from "./network.ts";
import { Pod } from "./pod.ts";
import { Random, Scheduler } from "./scheduler.ts";
import { SimValkey } from "./store.ts";

/** A region of the simulated fleet. */
export interface Region {
  readonly name: string;
  readonly valkey: SimValkey;
  readonly liveKit: SimLiveKit;
  readonly pods: Pod[];
  draining: boolean;
  /** When something was last wrong with it, in virtual milliseconds. */
  troubledAt: number;
}

/** The whole fleet, its clients, and what must never happen in it. */
export class World {
  readonly scheduler = new Scheduler();
  readonly random: Random;
  readonly network: Network;
  readonly regions = new Map<string, Region>();
  readonly clients: Client[] = [];
  readonly violations: string[] = [];
  readonly lapses: string[] = [];
  /** What happened, for a look at one seed. */
  readonly history: string[] = [];
  /** Off while a partition or a double loss may split rooms. */
  strict = true;
  /** Off while regions may look lost that are not. */
  areMovesChecked = true;
  /** No further fault is to come. */
  isSpent = false;
  readonly removed = new Set<string>();
  private podCount = 0;
  private readonly admitted = new Map<string, Claim>();
  private readonly confirmed = new Map<string, Claim>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.network = new Network(this.scheduler, this.random);
  }

  addRegion(name: string, pods: number): Region {
    const { scheduler, random } = this;
    const valkey = new SimValkey(name, scheduler, {
      admitted: (region, room, claim) => {
        this.checkAdmission(region, room, claim);
      },
      wrote: (region, claim) => {
        this.note(`store ${region}: ${textOf(claim)}`);
        this.tellPods(region, claim.room);
        this.checkMove(claim);
      },
    });
    const liveKit = new SimLiveKit(valkey, scheduler, random);
    const region: Region = {
      name,
      valkey,
      liveKit,
      pods: [],
      draining: false,
      troubledAt: -Infinity,
    };
    liveKit.onDropped = () => {
      for (const client of this.clients.filter((it) => it.at?.region === name)) {
        client.end();
      }
    };
    liveKit.onDeleted = (room) => {
      this.note(`LiveKit ${name} deleted ${room}`);
    };
    liveKit.onDismissed = (room, identities) => {
      for (const client of this.clients) {
        const isIn = client.room === room && client.at?.region === name;
        if (isIn && identities.includes(client.identity)) {
          client.dismissed();
        }
      }
    };
    liveKit.onEmpty = (room, sid) => {
      const [pod] = this.pods(name);
      pod?.keeper.roomFinished(room, sid).catch((error: unknown) => {
        if (!(error instanceof StoreAway)) {
          this.broken(error);
        }
      });
    };
    const snapshot = (): void => {
      valkey.snapshot();
      scheduler.at(random.between(100, 600), snapshot);
    };
    snapshot();
    this.regions.set(name, region);
    for (let pod = 0; pod < pods; pod++) {
      this.addPod(region);
    }
    return region;
  }

  addPod(region: Region): void {
    region.pods.push(new Pod(this, region, `${region.name}-${++this.podCount}`));
  }

  addClient(room: string, home: string): Client {
    const client = new Client(this, `person-${this.clients.length}`, room, home);
    this.clients.push(client);
    return client;
  }

  /** Every gateway hears of a new or a removed member in its own time; a new one knows all from the start. */
  spreadMembers(withinMs: number): void {
    const members = this.knownMembers();
    for (const region of this.regions.values()) {
      for (const pod of region.pods) {
        this.scheduler.at(this.random.between(0, withinMs), () => {
          pod.peers.setMembers(members, this.removed);
        });
      }
    }
  }

  knownMembers(): readonly string[] {
    return [...this.regions.keys()].filter((name) => !this.removed.has(name)).sort();
  }

  pods(region: string): readonly Pod[] {
    return this.regions.get(region)?.pods.filter((pod) => pod.alive && pod.ready) ?? [];
  }

  region(name: string): Region {
    const region = this.regions.get(name);
    if (region === undefined) {
      throw new Error(`no region ${name}`);
    }
    return region;
  }

  /** A gateway as DNS gives it: of the home, of another region where the home has none, now and then anywhere. */
  entryFor(home: string): Pod | undefined {
    const own = this.pods(home);
    if (own.length > 0 && !this.random.chance(0.15)) {
      return this.random.pick(own);
    }
    const all = [...this.regions.keys()].flatMap((region) => this.pods(region));
    return all.length === 0 ? undefined : this.random.pick(all);
  }

  /** A connection that crosses regions breaks when the line does. */
  linked(client: Client, entry: string, host: string): void {
    if (this.network.isCut(entry, host)) {
      client.end();
    }
  }

  note(text: string): void {
    this.history.push(`${this.scheduler.now.toFixed(1).padStart(9)} ${text}`);
  }

  troubled(name: string): void {
    this.region(name).troubledAt = this.scheduler.now;
  }

  violation(text: string): void {
    this.note(`VIOLATION ${text}`);
    if (this.violations.length < 20) {
      this.violations.push(`${this.scheduler.now.toFixed(0)} ms: ${text}`);
    }
  }

  /** Must not happen but in a partition, where the other side can not be told. */
  lapse(text: string): void {
    if (this.strict) {
      this.violation(text);
    } else {
      this.note(`LAPSE ${text}`);
      this.lapses.push(text);
    }
  }

  /** An error that nobody expects. */
  broken(error: unknown): void {
    this.violation(
      `unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  private tellPods(region: string, room: string): void {
    for (const pod of this.regions.get(region)?.pods ?? []) {
      // Now and then a gateway is busy with something else.
      const late = this.random.chance(0.1) ? this.random.between(50, 1_500) : 0;
      this.scheduler.at(late + this.random.between(0.2, 5), () => {
        if (pod.alive && pod.store.up()) {
          pod.keeper.changed(room).catch((error: unknown) => {
            this.broken(error);
          });
        }
      });
    }
  }

  /** Invariant 1: once somebody was let in under a claim, nobody is under a lower one of another tenure. */
  private checkAdmission(region: string, room: string, claim: Claim): void {
    const last = this.admitted.get(room);
    this.note(`admitted at ${region} to ${textOf(claim)}`);
    if (
      this.strict &&
      last !== undefined &&
      compareClaims(claim, last) < 0 &&
      (claim.region !== last.region || claim.tenure !== last.tenure)
    ) {
      this.violation(
        `${room}: let in at ${region} under epoch ${claim.epoch}, after ${last.region} under ${last.epoch} (${last.cause})`,
      );
    }
    if (last === undefined || compareClaims(claim, last) > 0) {
      this.admitted.set(room, claim);
    }
  }

  /** Invariant 2: a room leaves its tenure only if its region was in trouble, or by an operator's word. */
  private checkMove(claim: Claim): void {
    const last = this.confirmed.get(claim.room);
    if (!claim.confirmed || (last !== undefined && compareClaims(claim, last) <= 0)) {
      return;
    }
    this.confirmed.set(claim.room, claim);
    const isTaken = claim.cause === "failover" || claim.cause === "join";
    const isNewTenure = last?.state === "open" && last.tenure !== claim.tenure;
    if (!this.areMovesChecked || !isTaken || !isNewTenure) {
      return;
    }
    const host = this.region(last.region);
    const isTroubled =
      this.scheduler.now - host.troubledAt < 20_000 || host.pods.every((pod) => !pod.alive);
    if (!isTroubled) {
      this.violation(`${claim.room}: taken from ${last.region}, which was well`);
    }
  }
}

function textOf(claim: Claim): string {
  const { room, region, epoch, tenure, cause, state, confirmed } = claim;
  const sure = confirmed ? "confirmed" : "proposed";
  return `${room} -> ${region} epoch ${epoch} tenure ${tenure} ${cause} ${state} ${sure}`;
}
