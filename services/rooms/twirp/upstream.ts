import { HttpCaller, NoAnswer, type HttpAnswer } from "../livekit/http-caller.ts";
import { parseTwirpError } from "../livekit/twirp-error.ts";
import { askWithEach, type TokenSigners } from "../tokens/each-key.ts";
import type { Deadline } from "./deadline.ts";
import { forEgress } from "./egress-storage.ts";
import { errorAnswer, type TwirpAnswer } from "./twirp-answer.ts";
import type { TwirpBody } from "./twirp-body.ts";

/** LiveKit gives up by itself after as many milliseconds (livekit/protocol, utils/xtwirp/timeout.go). */
export const TIMEOUT_HEADER = "x-twirp-timeout-ms";

/** How the header of a call begins. */
const BEARER = "Bearer ";

/** Milliseconds that a call gets in a region that did not answer of late. */
const UNREACHABLE_MS = 1500;

/** Milliseconds that each station on the way keeps for itself, so that the one behind it answers first. */
const MARGIN_MS = 150;

/** A call of a client that has been let in, or one that the gateway makes by itself. */
export interface TwirpCall {
  readonly service: string;
  readonly method: string;
  readonly contentType: string;
  readonly body: TwirpBody;
  /** `Bearer` and a token that was verified. */
  readonly authorization: string;
}

/** The gateways of other regions, as far as the server API needs them. */
export interface PeerTwirp {
  members(): readonly string[];
  reachable(region: string): boolean;
  /**
   * Sends a call to any gateway of a region, once, as the same path with the same body.
   * @param deadlineMs milliseconds from now until the whole answer must be there; passed on as x-twirp-timeout-ms
   * @throws NotSent where no connection came about
   * @throws NoAnswer or PeerUnreachable where one did, or may have
   */
  forward(
    region: string,
    path: string,
    contentType: string,
    body: Uint8Array,
    authorization: string,
    deadlineMs: number,
  ): Promise<TwirpAnswer>;
}

/** LiveKit of all regions: this region's directly, the others' through their gateways. */
export class Upstream {
  readonly region: string;
  private readonly liveKit: HttpCaller;
  private readonly peers: PeerTwirp;
  private readonly tokens: TokenSigners;
  private readonly hasRegionalStorage: boolean;

  constructor(parts: {
    readonly region: string;
    readonly liveKitUrl: string;
    readonly peers: PeerTwirp;
    readonly tokens: TokenSigners;
    /** True if Egress of each region has storage of its own. */
    readonly hasRegionalStorage: boolean;
  }) {
    this.region = parts.region;
    this.liveKit = new HttpCaller(parts.liveKitUrl);
    this.peers = parts.peers;
    this.tokens = parts.tokens;
    this.hasRegionalStorage = parts.hasRegionalStorage;
  }

  /** All regions, this one first. */
  regions(): readonly string[] {
    return [this.region, ...this.peers.members()];
  }

  /**
   * Sends a call once.
   * @param isLook false if it may have an effect: it then gets a connection of its own
   * @throws NotSent where nothing of it left
   * @throws NoAnswer, PeerUnreachable where it may have had an effect
   */
  send(region: string, call: TwirpCall, deadline: Deadline, isLook: boolean): Promise<TwirpAnswer> {
    return region === this.region
      ? this.sendHere(call, deadline, isLook)
      : this.sendThere(region, call, deadline);
  }

  /** Sends a call to this region's LiveKit. */
  async sendHere(call: TwirpCall, deadline: Deadline, isLook: boolean): Promise<TwirpAnswer> {
    const method = `${call.service}/${call.method}`;
    const body = forEgress(method, call.body, this.hasRegionalStorage);
    const ask = (token: string): Promise<HttpAnswer> => {
      const timeoutMs = Math.max(1, deadline.left() - MARGIN_MS);
      return this.liveKit.call({
        method: "POST",
        path: `/twirp/livekit.${method}`,
        headers: {
          "content-type": call.contentType,
          authorization: `${BEARER}${token}`,
          [TIMEOUT_HEADER]: String(Math.max(1, Math.floor(timeoutMs - MARGIN_MS))),
        },
        body,
        timeoutMs,
        isFresh: !isLook,
      });
    };
    const tokens = this.tokens.signedByEach(call.authorization.slice(BEARER.length));
    return asTwirp(await askWithEach(tokens, ask, ({ status }) => status), method);
  }

  /** Closes the connections to LiveKit. */
  close(): void {
    this.liveKit.close();
  }

  private async sendThere(
    region: string,
    call: TwirpCall,
    deadline: Deadline,
  ): Promise<TwirpAnswer> {
    const left = Math.max(1, Math.floor(deadline.left() - MARGIN_MS));
    const timeoutMs = this.peers.reachable(region) ? left : Math.min(left, UNREACHABLE_MS);
    const method = `${call.service}/${call.method}`;
    const answer = this.peers.forward(
      region,
      `/twirp/livekit.${method}`,
      call.contentType,
      call.body.bytes,
      call.authorization,
      timeoutMs,
    );
    // The region's name is not asked to keep the time: whatever it does, the caller gets an answer.
    return asTwirp(await within(answer, timeoutMs), method);
  }
}

/** LiveKit answers a path that it does not know in plain text, which no Twirp client reads. */
function asTwirp(answer: TwirpAnswer, method: string): TwirpAnswer {
  const { status, contentType, body } = answer;
  if (status === 200 || parseTwirpError(body) !== undefined) {
    return { status, contentType, body };
  }
  return status === 404
    ? errorAnswer("bad_route", `LiveKit does not know ${method}.`)
    : errorAnswer("unavailable", `LiveKit answered ${method} with status ${status}.`);
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswer(`${ms} ms`, false));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
