import type { Cause, Claim } from "../placement/claim.ts";
import type { AdmitResult, Hosting, Known, PutResult, RoomStore } from "../placement/ports.ts";
import type { ChangeListener, Changes } from "./changes.ts";
import { Locks } from "./lock.ts";
import { Presence } from "./presence.ts";
import * as scripts from "./room-scripts.ts";
import { listOf, textOf, textsOf, type Script } from "./script.ts";
import type { Valkey } from "./valkey.ts";

/** Beginning of the keys of rooms; the rest is the room's name as it is. */
const CLAIM_PREFIX = "rooms:claim:";
const INDEX_KEY = "rooms:index";
const LEFTOVERS_KEY = "rooms:leftovers";
const REJOIN_PREFIX = "rooms:rejoin:";

/** Claims of one page: a millisecond of the store's time. */
const PAGE_SIZE = 500;

/** What a cursor begins with, apart from the first one, which is "0" or empty. */
const CURSOR_MARK = ">";

const CAUSES: readonly Cause[] = ["join", "failover", "move", "restore", "heal"];

/** The claims and what this region hosts, in the region's Valkey. */
export class ValkeyRoomStore implements RoomStore {
  private readonly valkey: Valkey;
  private readonly changes: Changes;
  private readonly region: string;
  private readonly locks: Locks;
  private readonly cleaning: Locks;
  private readonly presence: Presence;

  constructor(valkey: Valkey, changes: Changes, region: string) {
    this.valkey = valkey;
    this.changes = changes;
    this.region = region;
    this.locks = new Locks(valkey);
    this.cleaning = new Locks(valkey, "rooms:cleaning:");
    this.presence = new Presence(valkey);
  }

  generation(): number {
    return this.valkey.generation();
  }

  up(): boolean {
    return this.valkey.up();
  }

  /** Called at each return; what became of the store in between is told by `Valkey.onReconnect`. */
  onBack(listener: () => void): void {
    this.valkey.onReconnect(() => {
      listener();
    });
  }

  /** Hears of each change of a claim by any pod of the region; of undefined where any may have changed. */
  onChange(listener: ChangeListener): void {
    this.changes.onChange(listener);
  }

  async read(room: string): Promise<Known> {
    return knownOf(room, (await this.step(scripts.READ, room)).held);
  }

  async put(claim: Claim, expected: Claim | undefined): Promise<PutResult> {
    const { isDone, held } = await this.step(scripts.PUT, claim.room, [
      ...fieldsOf(claim),
      ...(expected === undefined
        ? ["", "", "", ""]
        : [
            String(expected.epoch),
            expected.region,
            expected.state,
            expected.confirmed ? "1" : "0",
          ]),
    ]);
    return isDone ? { stored: true } : { stored: false, found: claimOf(claim.room, held) };
  }

  async merge(claim: Claim): Promise<Claim> {
    const { held } = await this.step(scripts.MERGE, claim.room, fieldsOf(claim));
    return claimOf(claim.room, held) ?? claim;
  }

  async admit(room: string, region: string, tenure: number, sid: string): Promise<AdmitResult> {
    const args = [region, String(tenure), sid];
    const { isDone, held } = await this.step(scripts.ADMIT, room, args);
    return isDone ? { admitted: true } : { admitted: false, found: knownOf(room, held) };
  }

  async close(room: string, region: string, sid: string): Promise<Claim | undefined> {
    const { isDone, held } = await this.step(scripts.CLOSE, room, [region, sid]);
    return isDone ? claimOf(room, held) : undefined;
  }

  async ask(room: string, tenure: number): Promise<void> {
    await this.valkey.run(scripts.ASK, this.keysOf(room), [room, this.region, String(tenure)]);
  }

  /** Not even the same pod gets it twice: two of its joins must not clean side by side. */
  lockCleaning(room: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.cleaning.takeFree(room, holder, ttlMs);
  }

  async unlockCleaning(room: string, holder: string): Promise<void> {
    await this.cleaning.release(room, holder);
  }

  async finishCleaning(room: string, holder: string, tenure: number): Promise<boolean> {
    const keys = [...this.keysOf(room), `rooms:cleaning:${room}`];
    const args = [room, this.region, holder, String(tenure)];
    return (await this.valkey.run(scripts.FINISH_CLEANING, keys, args)) === 1;
  }

  async expectRejoin(room: string, identities: readonly string[], ttlMs: number): Promise<void> {
    if (identities.length > 0) {
      const args = [ttlMs, ...identities];
      await this.valkey.run(scripts.EXPECT_REJOIN, [REJOIN_PREFIX + room], args);
    }
  }

  async takeRejoin(room: string, identity: string): Promise<boolean> {
    return (await this.valkey.command("SREM", REJOIN_PREFIX + room, identity)) === 1;
  }

  async ageMs(): Promise<number> {
    return (await this.valkey.runMarker()).ageMs;
  }

  async leftovers(limit: number): Promise<readonly string[]> {
    return textsOf(
      await this.valkey.run(scripts.LEFTOVERS, [LEFTOVERS_KEY], [CLAIM_PREFIX, limit]),
    );
  }

  async forgetHosting(room: string): Promise<void> {
    await this.valkey.run(scripts.FORGET_HOSTING, this.keysOf(room), [room, this.region]);
  }

  lock(job: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.locks.take(job, holder, ttlMs);
  }

  async unlock(job: string, holder: string): Promise<void> {
    await this.locks.release(job, holder);
  }

  setPresent(room: string, pod: string, identities: readonly string[]): Promise<void> {
    return this.presence.set(room, pod, identities);
  }

  present(room: string): Promise<readonly string[]> {
    return this.presence.get(room);
  }

  async claims(
    cursor: string,
  ): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }> {
    const from = cursor.startsWith(CURSOR_MARK) ? `(${cursor.slice(1)}` : "-";
    const reply = await this.valkey.run(scripts.PAGE, [INDEX_KEY], [CLAIM_PREFIX, from, PAGE_SIZE]);
    const [last, ...flat] = listOf(reply).map(textOf);
    const claims: Claim[] = [];
    for (let at = 0; at < flat.length; at += 8) {
      const claim = claimOf(flat[at] ?? "", flat.slice(at + 1, at + 8));
      if (claim !== undefined) {
        claims.push(claim);
      }
    }
    return last === undefined ? { claims } : { claims, next: CURSOR_MARK + last };
  }

  private keysOf(room: string): readonly string[] {
    return [CLAIM_PREFIX + room, INDEX_KEY, LEFTOVERS_KEY];
  }

  private async step(
    steps: Script,
    room: string,
    args: readonly string[] = [],
  ): Promise<{ readonly isDone: boolean; readonly held: Held }> {
    const reply = await this.valkey.run(steps, this.keysOf(room), [room, this.region, ...args]);
    const [outcome, ...held] = listOf(reply).map(textOf);
    return { isDone: outcome === "1", held };
  }
}

/** Fields of a room's hash, in the order of the scripts. */
type Held = readonly (string | undefined)[];

function fieldsOf(claim: Claim): readonly string[] {
  return [
    String(claim.epoch),
    claim.region,
    String(claim.tenure),
    claim.state,
    claim.cause,
    claim.confirmed ? "1" : "0",
    claim.fresh ? "1" : "0",
  ];
}

function claimOf(room: string, held: Held): Claim | undefined {
  const [epoch, region, tenure, state, cause, confirmed, fresh] = held;
  if (epoch === undefined || region === undefined) {
    return undefined;
  }
  return {
    room,
    epoch: Number(epoch),
    region,
    tenure: Number(tenure),
    state: state === "closed" ? "closed" : "open",
    // A newer gateway may write a cause that this one does not know: a lost host is the one taken most carefully.
    cause: CAUSES.find((known) => known === cause) ?? "failover",
    confirmed: confirmed === "1",
    fresh: fresh === "1",
  };
}

function knownOf(room: string, held: Held): Known {
  const claim = claimOf(room, held);
  const [clean, sid, asked] = held.slice(7);
  const hosting: Hosting = {
    ...(clean === undefined ? {} : { cleanTenure: Number(clean) }),
    ...(sid === undefined ? {} : { sid }),
    ...(asked === undefined ? {} : { askedTenure: Number(asked) }),
  };
  return claim === undefined ? { hosting } : { claim, hosting };
}
