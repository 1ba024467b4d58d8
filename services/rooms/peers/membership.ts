import type { Log } from "../../shared/log.ts";
import { StoreAway } from "../placement/ports.ts";
import { memberListSchema } from "./messages.ts";
import {
  announced,
  decreed,
  lineOf,
  mergeMembers,
  primaryOf,
  sameMembers,
  withPrimary,
  type MemberList,
  type Primary,
} from "./member-list.ts";

/** The member list as the pods of a region share it. */
export interface MembersStore {
  load(): Promise<string | undefined>;
  /** Replaces the list by what `change` makes of it, in one step. `change` may run more than once. */
  update(change: (held: string | undefined) => string): Promise<string>;
}

/**
 * The regions of the fleet as this pod knows them. The homes are known from the start; the others announce themselves,
 * and each answer of a region passes on its list. What was heard is kept in the region's store, and taken from there,
 * so that all pods of a region know the same after some seconds. The list also says which region is the primary: one
 * that comes back after another was promoted learns it from the first region that answers, whatever it was told itself.
 */
export class Membership {
  private readonly region: string;
  private readonly store: MembersStore;
  private readonly log: Log;
  private readonly nowMs: () => number;
  private readonly listeners = new Set<(members: readonly string[]) => void>();
  private readonly told: Primary;
  private known: MemberList;
  private names: readonly string[] = [];
  private isFenced = false;

  constructor(parts: {
    readonly region: string;
    /** Regions that everybody knows: the primary and the standby. */
    readonly homes: readonly string[];
    /** The primary, as this pod was told when it was deployed. */
    readonly primary: Primary;
    readonly store: MembersStore;
    readonly log: Log;
    readonly nowMs?: () => number;
  }) {
    this.region = parts.region;
    this.store = parts.store;
    this.log = parts.log;
    this.nowMs = parts.nowMs ?? (() => Date.now());
    const told = [parts.region, ...parts.homes].reduce(announced, {});
    this.known = withPrimary(told, parts.primary);
    this.told = parts.primary;
    this.names = this.others();
  }

  /** The list, removed regions included. */
  list(): MemberList {
    return this.known;
  }

  /** The other members, sorted. */
  members(): readonly string[] {
    return this.names;
  }

  /** False for a region that an operator removed; true for one not heard of, which may be about to announce itself. */
  isWelcome(region: string): boolean {
    return lineOf(this.known, region)?.state !== "removed";
  }

  /** False once an operator removed this region: it must take no one in. */
  isMember(): boolean {
    return this.isWelcome(this.region);
  }

  /** The primary of the highest epoch that any region has told of. */
  primary(): string {
    return (primaryOf(this.known) ?? this.told).region;
  }

  /** Called with the other members whenever the list changes, removed regions included. */
  onChange(listener: (members: readonly string[]) => void): void {
    this.listeners.add(listener);
  }

  /** Takes in what another region, or another pod, knows. */
  async merge(list: MemberList): Promise<void> {
    if (this.take(list)) {
      await this.sync();
    }
  }

  /** Takes in a region that says it is there. */
  async announce(region: string, list: MemberList): Promise<void> {
    await this.merge(announced(mergeMembers(this.known, list), region));
  }

  /** An operator's word that a region is gone. @throws StoreAway where it could not be kept */
  async remove(region: string): Promise<void> {
    this.take(decreed(this.known, region, "removed", this.nowMs()));
    await this.share();
  }

  /** An operator's word that a removed region is back. @throws StoreAway where it could not be kept */
  async readmit(region: string): Promise<void> {
    this.take(decreed(this.known, region, "member", this.nowMs()));
    await this.share();
  }

  /** Brings this pod's list and the region's store together. Nothing happens while the store is away. */
  async sync(): Promise<void> {
    try {
      await this.share();
    } catch (error) {
      if (!(error instanceof StoreAway)) {
        throw error;
      }
    }
  }

  private async share(): Promise<void> {
    const stored = parsed(await this.store.load());
    this.take(stored);
    if (sameMembers(stored, this.known)) {
      return;
    }
    const after = await this.store.update((held) =>
      JSON.stringify(mergeMembers(parsed(held), this.known)),
    );
    this.take(parsed(after));
  }

  /** True if the list says anything new. */
  private take(list: MemberList): boolean {
    const merged = mergeMembers(this.known, list);
    if (sameMembers(merged, this.known)) {
      return false;
    }
    this.known = merged;
    const before = this.names;
    this.names = this.others();
    if (before.join() !== this.names.join()) {
      this.log.info("the members changed", { members: this.names, before });
    }
    this.sayFence();
    for (const listener of this.listeners) {
      listener(this.names);
    }
    return true;
  }

  private sayFence(): void {
    const isFenced = this.told.region === this.region && this.primary() !== this.region;
    if (isFenced && !this.isFenced) {
      const { region, epoch } = primaryOf(this.known) ?? this.told;
      this.log.warn("another region was promoted: Meet is not to serve here", {
        primary: region,
        epoch,
        own: this.told.epoch,
      });
    }
    this.isFenced = isFenced;
  }

  private others(): readonly string[] {
    return Object.keys(this.known)
      .filter((region) => region !== this.region && this.known[region]?.state === "member")
      .sort();
  }
}

/** The stored list; an unreadable one counts as none, and is written anew from what the other regions know. */
function parsed(text: string | undefined): MemberList {
  if (text === undefined) {
    return {};
  }
  try {
    return memberListSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
