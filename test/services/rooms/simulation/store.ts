import { compareClaims, type Claim } from "../../../../services/rooms/placement/claim.ts";
import { StoreAway } from "../../../../services/rooms/placement/ports.ts";
import type {
  AdmitResult,
  Known,
  PutResult,
  RoomStore,
} from "../../../../services/rooms/placement/ports.ts";
import type { Random, Scheduler } from "./scheduler.ts";

/** What a region's Valkey holds. */
export interface StoreData {
  readonly claims: Map<string, Claim>;
  readonly clean: Map<string, number>;
  readonly sids: Map<string, string>;
  readonly asked: Map<string, number>;
  readonly locks: Map<string, { holder: string; until: number }>;
  readonly rejoin: Map<string, number>;
  readonly present: Map<string, Map<string, { identities: readonly string[]; at: number }>>;
  /** LiveKit's own records of its rooms, which are in the same Valkey. */
  readonly liveKitRooms: Map<string, string>;
}

function emptyData(): StoreData {
  return {
    claims: new Map(),
    clean: new Map(),
    sids: new Map(),
    asked: new Map(),
    locks: new Map(),
    rejoin: new Map(),
    present: new Map(),
    liveKitRooms: new Map(),
  };
}

function copyOf(data: StoreData): StoreData {
  return {
    claims: new Map(data.claims),
    clean: new Map(data.clean),
    sids: new Map(data.sids),
    asked: new Map(data.asked),
    locks: new Map(data.locks),
    rejoin: new Map(data.rejoin),
    present: new Map([...data.present].map(([room, pods]) => [room, new Map(pods)])),
    liveKitRooms: new Map(data.liveKitRooms),
  };
}

/** What the world hears of a store. */
export interface StoreListener {
  admitted(region: string, room: string, claim: Claim): void;
  wrote(region: string, claim: Claim, before: Claim | undefined): void;
}

/** A region's Valkey: up or away, and at each outage free to lose its last writes or everything. */
export class SimValkey {
  readonly region: string;
  data = emptyData();
  up = true;
  /** Counts its lives: a connection to an earlier one is dead. */
  life = 0;
  /** The connections, which notice its end by themselves. */
  readonly connections = new Set<() => void>();
  bornAt = -Infinity;
  private readonly scheduler: Scheduler;
  private readonly listener: StoreListener;
  private readonly snapshots: { at: number; data: StoreData }[] = [];

  constructor(region: string, scheduler: Scheduler, listener: StoreListener) {
    this.region = region;
    this.scheduler = scheduler;
    this.listener = listener;
  }

  /** Remembers the state as a replica would have it that is this far behind. */
  snapshot(): void {
    if (this.up) {
      this.snapshots.push({ at: this.scheduler.now, data: copyOf(this.data) });
      this.snapshots.splice(0, this.snapshots.length - 40);
    }
  }

  fail(): void {
    this.up = false;
    this.life++;
    for (const notice of this.connections) {
      notice();
    }
  }

  recover(lost: "nothing" | "last writes" | "everything"): void {
    this.up = true;
    this.life++;
    if (lost === "last writes") {
      const old = this.snapshots.at(-2);
      if (old !== undefined) {
        this.data = copyOf(old.data);
      }
    } else if (lost === "everything") {
      this.data = emptyData();
      this.bornAt = this.scheduler.now;
    }
    this.snapshots.length = 0;
  }

  write(claim: Claim): void {
    const found = this.data.claims.get(claim.room);
    this.data.claims.set(claim.room, claim);
    this.listener.wrote(this.region, claim, found);
  }

  admit(room: string, claim: Claim): void {
    this.listener.admitted(this.region, room, claim);
  }
}

/** One pod's connection to its region's Valkey: the port that placement stands on. */
export class SimStore implements RoomStore {
  private readonly valkey: SimValkey;
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private readonly isAlive: () => boolean;
  private connectedTo: number;
  private generations = 0;
  private reconnecting = false;
  private readonly listeners: (() => void)[] = [];

  constructor(valkey: SimValkey, scheduler: Scheduler, random: Random, isAlive: () => boolean) {
    this.valkey = valkey;
    this.scheduler = scheduler;
    this.random = random;
    this.isAlive = isAlive;
    this.connectedTo = valkey.up ? valkey.life : -1;
    valkey.connections.add(() => {
      // At once where the machine says so, by the next ping where it is silent.
      scheduler.at(random.chance(0.6) ? random.between(0, 20) : random.between(500, 1_500), () => {
        if (isAlive()) {
          this.reconnect();
        }
      });
    });
    if (!valkey.up) {
      this.reconnect();
    }
  }

  generation(): number {
    return this.generations;
  }

  up(): boolean {
    return this.connectedTo === this.valkey.life && this.valkey.up;
  }

  onBack(listener: () => void): void {
    this.listeners.push(listener);
  }

  read(room: string): Promise<Known> {
    return this.step((data) => known(data, room));
  }

  put(claim: Claim, expected: Claim | undefined): Promise<PutResult> {
    return this.step((data) => {
      const found = data.claims.get(claim.room);
      if (found !== undefined && compareClaims(found, claim) === 0) {
        if (claim.confirmed && !found.confirmed) {
          this.valkey.write({ ...found, confirmed: true });
        }
        return { stored: true };
      }
      const isExpected =
        found === undefined || expected === undefined
          ? found === expected
          : compareClaims(found, expected) === 0 && (!found.confirmed || expected.confirmed);
      const isHigher = found === undefined || compareClaims(claim, found) > 0;
      if (!isExpected || !isHigher) {
        return { stored: false, found };
      }
      this.valkey.write(claim);
      return { stored: true };
    });
  }

  merge(claim: Claim): Promise<Claim> {
    return this.step((data) => {
      const found = data.claims.get(claim.room);
      const order = found === undefined ? 1 : compareClaims(claim, found);
      if (order > 0) {
        this.valkey.write(claim);
        return claim;
      }
      if (order === 0 && found !== undefined && claim.confirmed && !found.confirmed) {
        this.valkey.write({ ...found, confirmed: true });
      }
      return data.claims.get(claim.room) ?? claim;
    });
  }

  admit(room: string, region: string, tenure: number, sid: string): Promise<AdmitResult> {
    return this.step((data) => {
      const claim = data.claims.get(room);
      const isHeld =
        claim?.region === region &&
        claim.tenure === tenure &&
        claim.state === "open" &&
        claim.confirmed;
      if (!isHeld || data.clean.get(room) !== tenure) {
        if (region === this.valkey.region) {
          noteAsked(data, room, tenure);
        }
        return { admitted: false, found: known(data, room) };
      }
      data.sids.set(room, sid);
      this.valkey.admit(room, claim);
      return { admitted: true };
    });
  }

  close(room: string, region: string, sid: string): Promise<Claim | undefined> {
    return this.step((data) => {
      const claim = data.claims.get(room);
      if (claim?.region !== region || claim.state !== "open" || data.sids.get(room) !== sid) {
        return undefined;
      }
      const closed: Claim = { ...claim, state: "closed", confirmed: true };
      this.valkey.write(closed);
      return closed;
    });
  }

  ask(room: string, tenure: number): Promise<void> {
    return this.step((data) => {
      noteAsked(data, room, tenure);
    });
  }

  lockCleaning(room: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.lock(`clean:${room}`, holder, ttlMs, false);
  }

  unlockCleaning(room: string, holder: string): Promise<void> {
    return this.unlock(`clean:${room}`, holder);
  }

  finishCleaning(room: string, holder: string, tenure: number): Promise<boolean> {
    return this.step((data) => {
      const lock = data.locks.get(`clean:${room}`);
      if (lock?.holder !== holder || lock.until <= this.scheduler.now) {
        return false;
      }
      data.locks.delete(`clean:${room}`);
      const claim = data.claims.get(room);
      if (claim !== undefined && claim.tenure !== tenure && claim.epoch >= tenure) {
        return false;
      }
      data.clean.set(room, tenure);
      return true;
    });
  }

  expectRejoin(room: string, identities: readonly string[], ttlMs: number): Promise<void> {
    return this.step((data) => {
      for (const identity of identities) {
        data.rejoin.set(`${room} ${identity}`, this.scheduler.now + ttlMs);
      }
    });
  }

  takeRejoin(room: string, identity: string): Promise<boolean> {
    return this.step((data) => {
      const until = data.rejoin.get(`${room} ${identity}`);
      data.rejoin.delete(`${room} ${identity}`);
      return until !== undefined && until > this.scheduler.now;
    });
  }

  ageMs(): Promise<number> {
    return this.step(() => this.scheduler.now - this.valkey.bornAt);
  }

  leftovers(limit: number): Promise<readonly string[]> {
    return this.step((data) =>
      [...new Set([...data.clean.keys(), ...data.asked.keys()])]
        .filter((room) => {
          const claim = data.claims.get(room);
          const last = Math.max(data.clean.get(room) ?? 0, data.asked.get(room) ?? 0);
          return claim !== undefined && claim.region !== this.valkey.region && last < claim.epoch;
        })
        .slice(0, limit),
    );
  }

  forgetHosting(room: string): Promise<void> {
    return this.step((data) => {
      if (data.claims.get(room)?.region !== this.valkey.region) {
        data.clean.delete(room);
        data.sids.delete(room);
        data.asked.delete(room);
      }
    });
  }

  lock(job: string, holder: string, ttlMs: number, again = true): Promise<boolean> {
    return this.step((data) => {
      const lock = data.locks.get(job);
      const isFree = lock === undefined || lock.until <= this.scheduler.now;
      if (!isFree && !(again && lock.holder === holder)) {
        return false;
      }
      data.locks.set(job, { holder, until: this.scheduler.now + ttlMs });
      return true;
    });
  }

  unlock(job: string, holder: string): Promise<void> {
    return this.step((data) => {
      if (data.locks.get(job)?.holder === holder) {
        data.locks.delete(job);
      }
    });
  }

  setPresent(room: string, pod: string, identities: readonly string[]): Promise<void> {
    return this.step((data) => {
      const pods = data.present.get(room) ?? new Map<string, never>();
      const next = new Map(pods);
      if (identities.length === 0) {
        next.delete(pod);
      } else {
        next.set(pod, { identities, at: this.scheduler.now });
      }
      data.present.set(room, next);
    });
  }

  present(room: string): Promise<readonly string[]> {
    return this.step((data) =>
      [...(data.present.get(room)?.values() ?? [])]
        .filter(({ at }) => this.scheduler.now - at < 30_000)
        .flatMap(({ identities }) => identities),
    );
  }

  claims(): Promise<{ readonly claims: readonly Claim[] }> {
    return this.step((data) => ({ claims: [...data.claims.values()] }));
  }

  /** One atomic step at the server, a short way there and back. Nothing comes back to a pod that died. */
  private step<T>(run: (data: StoreData) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const life = this.connectedTo;
      const fail = (): void => {
        if (this.isAlive()) {
          this.reconnect();
          reject(new StoreAway("the store is away"));
        }
      };
      const isThere = (): boolean => this.valkey.up && this.valkey.life === life;
      this.scheduler.at(this.random.between(0.1, 2), () => {
        // A command on its way is carried out even if the pod dies after sending it.
        if (!isThere()) {
          fail();
          return;
        }
        const result = run(this.valkey.data);
        this.scheduler.at(this.random.between(0.1, 2), () => {
          if (!this.isAlive()) {
            return;
          }
          if (isThere()) {
            resolve(result);
          } else {
            fail();
          }
        });
      });
    });
  }

  private reconnect(): void {
    if (this.reconnecting || this.up()) {
      return;
    }
    this.reconnecting = true;
    this.scheduler.at(this.random.between(5, 500), () => {
      this.reconnecting = false;
      if (!this.isAlive()) {
        return;
      }
      if (this.valkey.up) {
        this.connectedTo = this.valkey.life;
        this.generations++;
        for (const listener of this.listeners) {
          listener();
        }
      } else {
        this.reconnect();
      }
    });
  }
}

function known(data: StoreData, room: string): Known {
  const claim = data.claims.get(room);
  const cleanTenure = data.clean.get(room);
  const sid = data.sids.get(room);
  const askedTenure = data.asked.get(room);
  return {
    ...(claim === undefined ? {} : { claim }),
    hosting: {
      ...(cleanTenure === undefined ? {} : { cleanTenure }),
      ...(sid === undefined ? {} : { sid }),
      ...(askedTenure === undefined ? {} : { askedTenure }),
    },
  };
}

function noteAsked(data: StoreData, room: string, tenure: number): void {
  data.asked.set(room, Math.max(tenure, data.asked.get(room) ?? 0));
}
