import { HttpCaller } from "../livekit/http-caller.ts";
import type { RegionUrls } from "./region-urls.ts";

/** The connections to the gateways of other regions, kept open and shared by all that calls them. */
export class PeerConnections {
  private readonly urls: RegionUrls;
  private readonly callers = new Map<string, HttpCaller>();

  constructor(urls: RegionUrls) {
    this.urls = urls;
  }

  /** Whoever calls that region. @throws where the name is no region's */
  to(region: string): HttpCaller {
    const known = this.callers.get(region);
    if (known !== undefined) {
      return known;
    }
    const caller = new HttpCaller(this.urls.of(region));
    this.callers.set(region, caller);
    return caller;
  }

  /** Closes the connections to a region that is no member any more. */
  forget(region: string): void {
    this.callers.get(region)?.close();
    this.callers.delete(region);
  }

  /** Closes all of them. */
  close(): void {
    for (const region of [...this.callers.keys()]) {
      this.forget(region);
    }
  }
}
