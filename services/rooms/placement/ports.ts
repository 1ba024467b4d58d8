import type { Claim } from "./claim.ts";

/**
 * What placement stands on, as interfaces, so that the same code runs in a pod and in the simulation of its tests.
 * Every method may reject: with StoreAway, PeerUnreachable or LiveKitDown as named there, which are expected, and with
 * nothing else on purpose.
 */

/** The clock and timers of a process. */
export interface Clock {
  /** Milliseconds since 1970. May be wrong by minutes; never used to compare with another machine's. */
  now(): number;
  /** Milliseconds of a clock that never jumps. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}

/** What a region's store holds of a room beside its claim; kept by the host. */
export interface Hosting {
  /** Tenure that the region was made clean for; undefined before. */
  readonly cleanTenure?: number;
  /** LiveKit's id of the room under way (`RM_…`). */
  readonly sid?: string;
  /** Last tenure that LiveKit was asked to make the room for: it may have, even if nobody heard so. */
  readonly askedTenure?: number;
}

/** What a region's store knows of a room. */
export interface Known {
  readonly claim?: Claim;
  readonly hosting: Hosting;
}

/** Outcome of a conditional write. */
export type PutResult =
  { readonly stored: true } | { readonly stored: false; readonly found: Claim | undefined };

/** Outcome of asking to let somebody in. */
export type AdmitResult =
  | { readonly admitted: true }
  /** Another claim holds, the meeting was closed, or the room is not clean. */
  | { readonly admitted: false; readonly found: Known };

/**
 * The region's Valkey as all gateways of the region share it. Each method is one atomic step there.
 * @throws StoreAway from each
 */
export interface RoomStore {
  /** Rises whenever the connection was lost and is back: what was written last may be gone then. */
  generation(): number;
  /** False while there is no connection. A dead one is noticed within a second and a half. */
  up(): boolean;
  /** Tells when the connection is back, after the generation rose. */
  onBack(listener: () => void): void;
  read(room: string): Promise<Known>;
  /**
   * Writes a claim if it is higher than what is there and if what is there is `expected` (the same epoch, region and
   * state, and not confirmed since; undefined for nothing), or if it is there already. A confirmed claim also confirms the
   * same claim.
   */
  put(claim: Claim, expected: Claim | undefined): Promise<PutResult>;
  /** Writes a claim if it is higher than what is there, or confirms it. Gives what holds after. */
  merge(claim: Claim): Promise<Claim>;
  /**
   * If the stored claim is this open, confirmed tenure and clean: remembers LiveKit's id of the room and lets in. LiveKit
   * has been asked for the room before: refused, it is noted as by `ask`.
   */
  admit(room: string, region: string, tenure: number, sid: string): Promise<AdmitResult>;
  /** Closes the open claim of this region if LiveKit's id of the room is still `sid`. Gives the closed claim if so. */
  close(room: string, region: string, sid: string): Promise<Claim | undefined>;
  /** Notes that LiveKit is about to be asked to make the room: if the region is not its host then, it is a left-over. */
  ask(room: string, tenure: number): Promise<void>;
  /** The right to clean a room, for `ttlMs`; false while somebody else has it. */
  lockCleaning(room: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the right back without a record. */
  unlockCleaning(room: string, holder: string): Promise<void>;
  /** Records the room as clean if the holder still has the right, and gives the right back. */
  finishCleaning(room: string, holder: string, tenure: number): Promise<boolean>;
  /** Remembers that these people are about to come from the losing side of a split: what LiveKit has of them is stale. */
  expectRejoin(room: string, identities: readonly string[], ttlMs: number): Promise<void>;
  /** True, once, for one of them. */
  takeRejoin(room: string, identity: string): Promise<boolean>;
  /** Milliseconds since the store began empty, by its own clock; large for an old one. */
  ageMs(): Promise<number>;
  /** Rooms that LiveKit was asked to make here, of which another region is the host now, at most `limit`. */
  leftovers(limit: number): Promise<readonly string[]>;
  /** Forgets that this region hosted the room, if it still is a left-over. */
  forgetHosting(room: string): Promise<void>;
  /** The right to a job that one gateway of the region does at a time, for `ttlMs`; the holder may take it again. */
  lock(job: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the right back. */
  unlock(job: string, holder: string): Promise<void>;
  /** Records who has a connection to this region's LiveKit through one of its gateways; forgotten after 30 s. */
  setPresent(room: string, pod: string, identities: readonly string[]): Promise<void>;
  /** Identities with a connection to this region's LiveKit through any of its gateways. */
  present(room: string): Promise<readonly string[]>;
  /** Claims of this store, in pages. */
  claims(cursor: string): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }>;
}

/** A region's own word about itself. */
export interface RegionStatus {
  readonly region: string;
  /** LiveKit takes joins: its `/` answers 200. */
  readonly liveKitUp: boolean;
  readonly storeUp: boolean;
  /** Takes no new rooms. */
  readonly draining: boolean;
}

/** What a member answers about a room: its claim, itself, and whom it reached of late. */
export interface PeerKnowledge {
  readonly claim?: Claim;
  readonly status: RegionStatus;
}

/** What a room takes along when it is moved. */
export interface Carried {
  readonly metadata: string;
  readonly dispatches: readonly { readonly agentName: string; readonly metadata: string }[];
}

/** Who is in a room in one region. */
export interface RoomCount {
  /** Identities that LiveKit lists and that have a connection; empty where there is no such room or LiveKit is down. */
  readonly identities: readonly string[];
  readonly liveKitUp: boolean;
  /** Tenure under which the region hosts or hosted the room; undefined if it never did. */
  readonly tenure?: number;
}

/**
 * The gateways of the other regions. A call goes to any one of a region's pods.
 * @throws PeerUnreachable from each; StoreAway where the other region's store is away
 */
export interface Peers {
  /** Regions of the member list, this one left out, sorted. */
  members(): readonly string[];
  /** True for a region that operators took out of the fleet. */
  isRemoved(region: string): boolean;
  /** False after three missed polls in a row. */
  reachable(region: string): boolean;
  /** The last status heard, at most some seconds old; undefined if none was. */
  lastStatus(region: string): RegionStatus | undefined;
  /** Rises whenever a member is reached again after one poll or more of it failed, or when the member list changes. */
  generation(): number;
  read(region: string, room: string): Promise<PeerKnowledge>;
  /** Claims of these rooms as a region's store has them, those that it has. */
  readAll(region: string, rooms: readonly string[]): Promise<readonly Claim[]>;
  put(region: string, claim: Claim, expected: Claim | undefined): Promise<PutResult>;
  merge(region: string, claim: Claim): Promise<Claim>;
  /** Asks a member to look at a third region now: what it said, or undefined if it did not answer. */
  probe(region: string, target: string): Promise<RegionStatus | undefined>;
  /** Asks a region for its status now. */
  status(region: string): Promise<RegionStatus>;
  claims(
    region: string,
    cursor: string,
  ): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }>;
  count(region: string, room: string): Promise<RoomCount>;
  /** Tells the winner of a split who is about to come from the losing side. */
  expectRejoin(region: string, room: string, identities: readonly string[]): Promise<void>;
  /** Makes a region ready for a room that is about to be moved there. */
  prepare(region: string, claim: Claim, carried: Carried): Promise<void>;
  /** Asks the arbiter of a room to decide a split. */
  heal(region: string, room: string): Promise<void>;
}

/** LiveKit of this region. @throws LiveKitDown where it does not answer or answers 5xx */
export interface LocalLiveKit {
  /** The last state seen by the health probe. */
  up(): boolean;
  /** Looks now, rather than at the next probe. */
  check(): Promise<boolean>;
  /** Makes the room or finds it; gives LiveKit's id of it. */
  createRoom(room: string): Promise<string>;
  /** Deletes the room as the gateway, so that its webhooks stay here. No error where there is none. */
  deleteRoom(room: string): Promise<void>;
  /** LiveKit's id of the room, undefined where there is none. */
  findRoom(room: string): Promise<string | undefined>;
  identities(room: string): Promise<readonly string[]>;
  removeParticipant(room: string, identity: string): Promise<void>;
}

/** The connections of this pod to one room under one tenure. */
export interface TunnelGroup {
  readonly room: string;
  /** The host. */
  readonly region: string;
  readonly tenure: number;
  /** Who they are, from their tokens. */
  readonly identities: readonly string[];
}

/** The connections of this pod, those of other regions' gateways to this region's LiveKit among them. */
export interface Tunnels {
  groups(): readonly TunnelGroup[];
  /** Ends all connections of a room that are not under this tenure, by destroying their sockets. Gives how many. */
  cutExcept(room: string, keep: { readonly region: string; readonly tenure: number }): number;
  /** Ends all connections towards a region that is lost. Gives how many. */
  cutRegion(region: string): number;
}

/** The region's store does not answer. */
export class StoreAway extends Error {}

/** No gateway of that region answers. */
export class PeerUnreachable extends Error {
  readonly region: string;
  constructor(region: string, reason: string) {
    super(`Region "${region}": its gateway does not answer (${reason}).`);
    this.region = region;
  }
}

/** The region's LiveKit does not answer. */
export class LiveKitDown extends Error {}
