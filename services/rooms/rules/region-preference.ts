import { StoreAway } from "../placement/ports.ts";
import type { Pin, PinnedBy } from "../store/pins-store.ts";
import type { RegionRules, RuleWish } from "./region-rules.ts";

/** The pins of one room. */
export interface RoomPins {
  /** @throws StoreAway */
  get(room: string): Promise<Partial<Record<PinnedBy, Pin>>>;
}

/**
 * In which order a new meeting would have the regions: an operator's pin, a rule, the owner's pin as far as the rules
 * let it, then this region, which is the nearest to whoever came in here, and the others from the nearest on. What is
 * first and not well is passed over by placement, so that a pin to a lost region costs nobody a meeting.
 */
export class RegionPreference {
  private readonly region: string;
  private readonly members: () => readonly string[];
  private readonly rules: RegionRules;
  private readonly pins: RoomPins;
  private readonly order: readonly string[];

  constructor(parts: {
    readonly region: string;
    /** The other members. */
    readonly members: () => readonly string[];
    readonly rules: RegionRules;
    readonly pins: RoomPins;
    /** Regions from the nearest on, as the deployment has it; what is not in it comes after, by name. */
    readonly order: readonly string[];
  }) {
    this.region = parts.region;
    this.members = parts.members;
    this.rules = parts.rules;
    this.pins = parts.pins;
    this.order = parts.order;
  }

  /** All members, the best first. */
  async forWish(wish: RuleWish): Promise<readonly string[]> {
    const pins = await this.pinsOf(wish.room);
    const owners = pins.owner?.region;
    const first = [
      pins.operator?.region,
      this.rules.regionFor(wish),
      owners !== undefined && this.rules.allows(wish.room, owners) ? owners : undefined,
    ];
    return this.complete(first.filter((region) => region !== undefined));
  }

  /** All members but this one, the best first: for a room that leaves this region. */
  elsewhere(room: string): readonly string[] {
    const byRule = this.rules.regionFor({ room });
    return this.complete(byRule === undefined ? [] : [byRule]).filter(
      (region) => region !== this.region,
    );
  }

  private complete(first: readonly string[]): readonly string[] {
    const members = [this.region, ...[...this.members()].sort()];
    const wanted = [...first, this.region, ...this.order, ...members];
    return [...new Set(wanted)].filter((region) => members.includes(region));
  }

  /** Without the store there are no pins, but meetings all the same. */
  private async pinsOf(room: string): Promise<Partial<Record<PinnedBy, Pin>>> {
    try {
      return await this.pins.get(room);
    } catch (error) {
      if (error instanceof StoreAway) {
        return {};
      }
      throw error;
    }
  }
}
