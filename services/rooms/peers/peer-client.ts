import type { Claim } from "../placement/claim.ts";
import type {
  Carried,
  PeerKnowledge,
  Peers,
  PutResult,
  RegionStatus,
  RoomCount,
} from "../placement/ports.ts";
import type { Membership } from "./membership.ts";
import type { Monitor } from "./monitor.ts";
import type { PeerCalls } from "./peer-calls.ts";

/** The other regions as placement sees them: who they are, how they are, and the calls to them. */
export class PeerClient implements Peers {
  private readonly membership: Membership;
  private readonly monitor: Monitor;
  private readonly calls: PeerCalls;

  constructor(membership: Membership, monitor: Monitor, calls: PeerCalls) {
    this.membership = membership;
    this.monitor = monitor;
    this.calls = calls;
  }

  members(): readonly string[] {
    return this.membership.members();
  }

  isRemoved(region: string): boolean {
    return !this.membership.isWelcome(region);
  }

  reachable(region: string): boolean {
    return this.monitor.reachable(region);
  }

  lastStatus(region: string): RegionStatus | undefined {
    return this.monitor.lastStatus(region);
  }

  generation(): number {
    return this.monitor.generation();
  }

  read(region: string, room: string): Promise<PeerKnowledge> {
    return this.calls.read(region, room);
  }

  readAll(region: string, rooms: readonly string[]): Promise<readonly Claim[]> {
    return this.calls.readAll(region, rooms);
  }

  put(region: string, claim: Claim, expected: Claim | undefined): Promise<PutResult> {
    return this.calls.put(region, claim, expected);
  }

  merge(region: string, claim: Claim): Promise<Claim> {
    return this.calls.merge(region, claim);
  }

  probe(region: string, target: string): Promise<RegionStatus | undefined> {
    return this.calls.probe(region, target);
  }

  async status(region: string): Promise<RegionStatus> {
    return (await this.calls.poll(region)).status;
  }

  claims(
    region: string,
    cursor: string,
  ): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }> {
    return this.calls.claims(region, cursor);
  }

  count(region: string, room: string): Promise<RoomCount> {
    return this.calls.count(region, room);
  }

  expectRejoin(region: string, room: string, identities: readonly string[]): Promise<void> {
    return this.calls.expectRejoin(region, room, identities);
  }

  heal(region: string, room: string): Promise<void> {
    return this.calls.heal(region, room);
  }

  /** Has a region made ready for a room that is about to be moved there. */
  prepare(region: string, claim: Claim, carried: Carried): Promise<void> {
    return this.calls.prepare(region, claim, carried);
  }
}
