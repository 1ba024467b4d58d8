/** Recordings whose region is kept in memory. */
const REMEMBERED = 10_000;

/** Which region a recording runs in, shared by all gateways of this region. May reject: then it is not known. */
export interface EgressRegions {
  regionOf(egressId: string): Promise<string | undefined>;
  remember(egressId: string, region: string): Promise<void>;
}

/** Remembers what was read or written last, and goes on with that while the store behind it is away. */
export class RememberedEgress implements EgressRegions {
  private readonly store: EgressRegions;
  private readonly limit: number;
  private readonly known = new Map<string, string>();

  constructor(store: EgressRegions, limit = REMEMBERED) {
    this.store = store;
    this.limit = limit;
  }

  async regionOf(egressId: string): Promise<string | undefined> {
    const region = this.known.get(egressId) ?? (await this.readStore(egressId));
    if (region !== undefined) {
      this.keep(egressId, region);
    }
    return region;
  }

  async remember(egressId: string, region: string): Promise<void> {
    if (this.known.get(egressId) === region) {
      return;
    }
    this.keep(egressId, region);
    try {
      await this.store.remember(egressId, region);
    } catch {
      // Who asks at another gateway asks all regions then.
    }
  }

  private async readStore(egressId: string): Promise<string | undefined> {
    try {
      return await this.store.regionOf(egressId);
    } catch {
      return undefined;
    }
  }

  private keep(egressId: string, region: string): void {
    this.known.delete(egressId);
    this.known.set(egressId, region);
    const [oldest] = this.known.keys();
    if (this.known.size > this.limit && oldest !== undefined) {
      this.known.delete(oldest);
    }
  }
}
