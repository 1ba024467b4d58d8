import { regionName } from "../../shared/environment.ts";

/**
 * Where a region's gateway is: made of the region's name and the domain, never taken from a message, so that no message
 * sends a request anywhere else.
 */
export class RegionUrls {
  private readonly domain: string;
  private readonly given: Readonly<Record<string, string>>;

  /** `given` says other addresses for some regions: tests and the rehearsal have no DNS. */
  constructor(domain: string, given: Readonly<Record<string, string>> = {}) {
    this.domain = domain;
    this.given = given;
  }

  /** Address of the region's gateway without a path. @throws where the name is no region's */
  of(region: string): string {
    if (!regionName.safeParse(region).success) {
      throw new Error(`Region "${region}": this is no region's name. Use one such as eu.`);
    }
    return Object.hasOwn(this.given, region)
      ? (this.given[region] ?? "").replace(/\/+$/, "")
      : `https://livekit.${region}.${this.domain}`;
  }
}
