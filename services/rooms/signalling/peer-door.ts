import * as z from "zod";
import { parseJson } from "../http-body.ts";
import { claimSchema } from "../peers/messages.ts";
import { REFUSAL_HEADER } from "../peers/peer-server.ts";
import type { Claim } from "../placement/claim.ts";
import type { Refusal } from "../placement/placement.ts";
import { headerOf, type Header } from "./http-head.ts";
import type { Join } from "./join.ts";
import type { DoorMetrics } from "./local-door.ts";
import { ANSWER_HEADER, readAnswer, type Outcome } from "./outcome.ts";
import { inTime } from "./pause.ts";
import { NotReached, Upstream, type OpenAnswer } from "./upstream.ts";

/** Signs requests to other regions' gateways and knows where these are; PeerDialer is one. */
export interface PeerDialing {
  urlOf(region: string): string;
  /** @param to the region that the request is sent to, where that is not the host */
  headers(
    claim: Claim,
    request: { readonly method: string; readonly url: string },
    to?: string,
  ): Promise<Readonly<Record<string, string>>>;
}

/** Chooses who could pass a join on to a region that this one does not reach. */
export interface RelayChoice {
  /** A region that reaches `region` by its own word; undefined where there is none. */
  relayFor(region: string): string | undefined;
}

/** Headers between gateways: the client's own address, and how often the join was passed on already. */
export const ADDRESS_HEADER = "x-meet-client-address";
export const HOPS_HEADER = "x-meet-hops";

/** What a gateway says to another that it does not let somebody in; `claim` is the one that holds. */
export const refusalBodySchema = z.object({ claim: claimSchema.exactOptional() });

/** Milliseconds: three round trips around the world with TLS; the other gateway's own tries are within the second. */
const TIMES = { connectMs: 2000, headMs: 6000 } as const;

const REFUSALS: ReadonlySet<string> = new Set<Refusal>([
  "moved",
  "livekit-down",
  "store-away",
  "unreachable",
]);

/** The way into a room that another region hosts: through that region's gateway. */
export class PeerDoor {
  private readonly dialing: PeerDialing;
  private readonly relays: RelayChoice;
  private readonly metrics: DoorMetrics;
  private readonly ca: string | undefined;
  private readonly upstreams = new Map<string, Upstream>();

  constructor(parts: {
    readonly dialing: PeerDialing;
    readonly relays: RelayChoice;
    readonly metrics: DoorMetrics;
    /** Certificate of the authority to trust instead of the system's: tests and the rehearsal. */
    readonly ca?: string;
  }) {
    this.dialing = parts.dialing;
    this.relays = parts.relays;
    this.metrics = parts.metrics;
    this.ca = parts.ca;
  }

  /**
   * Brings somebody to the host, by way of a third region where it does not answer.
   * @param isPassedOn the join came from another gateway, and goes to its host or nowhere
   */
  async reach(join: Join, claim: Claim, isPassedOn: boolean): Promise<Outcome> {
    const outcome = await this.ask(join, claim, claim.region, isPassedOn);
    const isUnreached = outcome.kind === "refused" && outcome.why === "unreachable";
    const relay = isUnreached && !isPassedOn ? this.relays.relayFor(claim.region) : undefined;
    return relay === undefined ? outcome : this.ask(join, claim, relay, false);
  }

  private async ask(
    join: Join,
    claim: Claim,
    region: string,
    isPassedOn: boolean,
  ): Promise<Outcome> {
    try {
      const request = { method: "GET", url: join.url };
      const signed = await inTime(this.dialing.headers(claim, request, region), join);
      const added: readonly Header[] = [
        ...Object.entries(signed),
        [ADDRESS_HEADER, join.address],
        ...(isPassedOn ? ([[HOPS_HEADER, "1"]] as const) : []),
      ];
      const open = await this.upstreamOf(region).ask(join, added, TIMES);
      return open.head.status === 101
        ? { kind: "open", upstream: open }
        : await this.outcomeOf(open, region);
    } catch (error) {
      if (error instanceof NotReached) {
        this.metrics.upstreamError("peer", region);
        return { kind: "refused", why: "unreachable" };
      }
      throw error;
    }
  }

  private async outcomeOf(open: OpenAnswer, region: string): Promise<Outcome> {
    const refusal = headerOf(open.head.headers, REFUSAL_HEADER);
    const isLiveKits = headerOf(open.head.headers, ANSWER_HEADER) !== undefined;
    const answer = await readAnswer(open);
    if (refusal === undefined && isLiveKits) {
      return { kind: "answer", answer };
    }
    open.socket.destroy();
    this.metrics.upstreamError("peer", region);
    if (!isRefusal(refusal)) {
      // A balancer without a gateway behind it, or one that does not accept the signature: it does not serve the room.
      return { kind: "refused", why: "unreachable" };
    }
    const found = refusalBodySchema.safeParse(parseJson(answer.body)).data?.claim;
    return { kind: "refused", why: refusal, ...(found === undefined ? {} : { found }) };
  }

  private upstreamOf(region: string): Upstream {
    const url = this.dialing.urlOf(region);
    const upstream = this.upstreams.get(url) ?? new Upstream(url, this.ca);
    this.upstreams.set(url, upstream);
    return upstream;
  }
}

function isRefusal(text: string | undefined): text is Refusal {
  return text !== undefined && REFUSALS.has(text);
}
