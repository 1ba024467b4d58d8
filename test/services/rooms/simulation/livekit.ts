import { LiveKitDown, type LocalLiveKit } from "../../../../services/rooms/placement/ports.ts";
import type { Random, Scheduler } from "./scheduler.ts";
import type { SimValkey } from "./store.ts";

/** A participant's session in a room of LiveKit. */
interface Session {
  readonly id: string;
  /** When its signalling was lost; LiveKit drops it some time later. */
  lostAt?: number;
}

/** How LiveKit answers somebody who joins. */
export type JoinAnswer =
  | { readonly kind: "joined"; readonly session: string }
  | { readonly kind: "resumed"; readonly session: string }
  | { readonly kind: "no such room" }
  | { readonly kind: "resume refused" }
  | { readonly kind: "down" };

/** Milliseconds for which LiveKit keeps a session whose signalling is gone: until ICE fails, and some more. */
const SESSION_KEPT_MS = { from: 12_000, to: 25_000 } as const;

/** LiveKit ends a room so long after the last one left. */
const DEPARTURE_MS = 1_500;

/** LiveKit answers 406 this long after its Valkey is away, and drops signalling this long after (measured, 1.13.5). */
const NOT_READY_MS = 2_500;
const DROPS_MS = 8_500;

/**
 * LiveKit of one region, as placement needs to know it: rooms are records in Valkey and sessions in memory, a deletion
 * reaches the sessions only of a room that has a record, and a resume is accepted wherever a session of that identity is.
 */
export class SimLiveKit {
  readonly region: string;
  running = true;
  private readonly valkey: SimValkey;
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private readonly rooms = new Map<string, Map<string, Session>>();
  private ids = 0;
  private valkeyAwaySince: number | undefined;
  /** Told when a room ended because nobody is in it any more: LiveKit's webhook. */
  onEmpty: (room: string, sid: string) => void = () => undefined;
  /** Told when signalling of all is dropped, and when somebody is sent away for good. */
  onDropped: (room: string | undefined) => void = () => undefined;
  onDeleted: (room: string) => void = () => undefined;
  onDismissed: (room: string, identities: readonly string[]) => void = () => undefined;

  constructor(valkey: SimValkey, scheduler: Scheduler, random: Random) {
    this.region = valkey.region;
    this.valkey = valkey;
    this.scheduler = scheduler;
    this.random = random;
  }

  /** What `/` says. */
  ready(): boolean {
    return (
      this.running &&
      (this.valkeyAwaySince === undefined ||
        this.scheduler.now - this.valkeyAwaySince < NOT_READY_MS)
    );
  }

  kill(): void {
    this.running = false;
    this.rooms.clear();
    this.onDropped(undefined);
  }

  start(): void {
    this.running = true;
  }

  valkeyChanged(): void {
    if (this.valkey.up) {
      this.valkeyAwaySince = undefined;
      return;
    }
    this.valkeyAwaySince ??= this.scheduler.now;
    const since = this.valkeyAwaySince;
    this.scheduler.at(DROPS_MS, () => {
      if (this.valkeyAwaySince === since) {
        this.onDropped(undefined);
      }
    });
  }

  join(room: string, identity: string, resume: boolean): JoinAnswer {
    if (!this.running || !this.valkey.up) {
      return { kind: "down" };
    }
    if (!this.valkey.data.liveKitRooms.has(room)) {
      return { kind: "no such room" };
    }
    const sessions = this.rooms.get(room) ?? new Map<string, Session>();
    this.rooms.set(room, sessions);
    const session = sessions.get(identity);
    if (resume) {
      if (session === undefined) {
        return { kind: "resume refused" };
      }
      sessions.set(identity, { id: session.id });
      return { kind: "resumed", session: session.id };
    }
    const id = `${this.region}-${++this.ids}`;
    sessions.set(identity, { id });
    return { kind: "joined", session: id };
  }

  /** Signalling of a session is gone; the session stays for a while. */
  lost(room: string, identity: string, id: string): void {
    const session = this.rooms.get(room)?.get(identity);
    if (session?.id !== id || session.lostAt !== undefined) {
      return;
    }
    const lost: Session = { id, lostAt: this.scheduler.now };
    this.rooms.get(room)?.set(identity, lost);
    this.scheduler.at(this.random.between(SESSION_KEPT_MS.from, SESSION_KEPT_MS.to), () => {
      if (this.rooms.get(room)?.get(identity) === lost) {
        this.rooms.get(room)?.delete(identity);
      }
    });
  }

  /** Somebody left with a goodbye of his own. */
  left(room: string, identity: string, id: string): void {
    const sessions = this.rooms.get(room);
    if (sessions?.get(identity)?.id === id) {
      sessions.delete(identity);
    }
    this.scheduler.at(DEPARTURE_MS, () => {
      const sid = this.find(room);
      if (this.running && this.valkey.up && sid !== undefined && sessions?.size === 0) {
        if (this.rooms.get(room) === sessions) {
          this.valkey.data.liveKitRooms.delete(room);
          this.rooms.delete(room);
          this.onEmpty(room, sid);
        }
      }
    });
  }

  /** Whether the room has sessions in memory. */
  sessions(room: string): readonly string[] {
    return [...(this.rooms.get(room)?.keys() ?? [])];
  }

  create(room: string): string {
    const { liveKitRooms } = this.valkey.data;
    const sid = liveKitRooms.get(room) ?? `RM_${this.region}_${++this.ids}`;
    liveKitRooms.set(room, sid);
    return sid;
  }

  find(room: string): string | undefined {
    return this.valkey.data.liveKitRooms.get(room);
  }

  delete(room: string): void {
    if (!this.valkey.data.liveKitRooms.delete(room)) {
      return;
    }
    this.onDeleted(room);
    const identities = [...(this.rooms.get(room) ?? [])]
      .filter(([, session]) => session.lostAt === undefined)
      .map(([identity]) => identity);
    this.rooms.delete(room);
    this.onDismissed(room, identities);
  }

  remove(room: string, identity: string): void {
    const session = this.rooms.get(room)?.get(identity);
    this.rooms.get(room)?.delete(identity);
    if (session !== undefined && session.lostAt === undefined) {
      this.onDismissed(room, [identity]);
    }
  }
}

/** LiveKit as one pod of its region reaches it. */
export class SimLocalLiveKit implements LocalLiveKit {
  private readonly liveKit: SimLiveKit;
  private readonly valkey: SimValkey;
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private readonly isAlive: () => boolean;
  private seen = true;

  constructor(
    liveKit: SimLiveKit,
    valkey: SimValkey,
    scheduler: Scheduler,
    random: Random,
    isAlive: () => boolean,
  ) {
    this.liveKit = liveKit;
    this.valkey = valkey;
    this.scheduler = scheduler;
    this.random = random;
    this.isAlive = isAlive;
  }

  up(): boolean {
    return this.seen;
  }

  check(): Promise<boolean> {
    return this.call(() => (this.seen = this.liveKit.ready()), false).catch(() => {
      this.seen = false;
      return false;
    });
  }

  createRoom(room: string): Promise<string> {
    return this.call(() => this.liveKit.create(room));
  }

  deleteRoom(room: string): Promise<void> {
    return this.call(() => {
      this.liveKit.delete(room);
    });
  }

  findRoom(room: string): Promise<string | undefined> {
    return this.call(() => this.liveKit.find(room));
  }

  identities(room: string): Promise<readonly string[]> {
    return this.call(() => this.liveKit.sessions(room));
  }

  removeParticipant(room: string, identity: string): Promise<void> {
    return this.call(() => {
      this.liveKit.remove(room, identity);
    });
  }

  private call<T>(run: () => T, needsValkey = true): Promise<T> {
    return new Promise((resolve, reject) => {
      this.scheduler.at(this.random.between(0.2, 4), () => {
        if (!this.liveKit.running || (needsValkey && !this.valkey.up)) {
          this.scheduler.at(this.random.between(0.2, 4), () => {
            if (this.isAlive()) {
              reject(new LiveKitDown("LiveKit is down"));
            }
          });
          return;
        }
        const result = run();
        this.scheduler.at(this.random.between(0.2, 4), () => {
          if (this.isAlive()) {
            resolve(result);
          }
        });
      });
    });
  }
}
