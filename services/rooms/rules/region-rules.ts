import type { PlacementRule } from "../config.ts";

/** Who wants a new meeting, as far as a rule looks at it. */
export interface RuleWish {
  readonly room: string;
  /** Two letters of ISO 3166; undefined where nobody knows. */
  readonly country?: string;
}

/**
 * Where the deployment wants meetings: rules for rooms by name, and for the people of countries. A rule for a room goes
 * before one for a country, an exact name before a beginning, a longer beginning before a shorter one.
 */
export class RegionRules {
  private readonly names = new Map<string, string>();
  private readonly beginnings: readonly { readonly text: string; readonly region: string }[];
  private readonly countries = new Map<string, string>();

  constructor(rules: readonly PlacementRule[]) {
    const beginnings: { text: string; region: string }[] = [];
    for (const rule of rules) {
      if ("countries" in rule) {
        for (const country of rule.countries) {
          setOnce(this.countries, country, rule.region);
        }
        continue;
      }
      for (const room of rule.rooms) {
        if (room.endsWith("*")) {
          beginnings.push({ text: room.slice(0, -1), region: rule.region });
        } else {
          setOnce(this.names, room, rule.region);
        }
      }
    }
    // The sort is stable: of two equal beginnings the first in the configuration holds.
    this.beginnings = beginnings.sort((left, right) => right.text.length - left.text.length);
  }

  /** The region that a rule gives the meeting, undefined where no rule speaks of it. */
  regionFor(wish: RuleWish): string | undefined {
    const byRoom = this.regionOfRoom(wish.room);
    if (byRoom !== undefined || wish.country === undefined) {
      return byRoom;
    }
    return this.countries.get(wish.country);
  }

  /** Whether a room's owner may have it in that region: not where a rule for the room says another. */
  allows(room: string, region: string): boolean {
    const byRoom = this.regionOfRoom(room);
    return byRoom === undefined || byRoom === region;
  }

  private regionOfRoom(room: string): string | undefined {
    return (
      this.names.get(room) ?? this.beginnings.find(({ text }) => room.startsWith(text))?.region
    );
  }
}

function setOnce(map: Map<string, string>, key: string, region: string): void {
  if (!map.has(key)) {
    map.set(key, region);
  }
}
