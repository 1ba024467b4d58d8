import type { Fields, Log } from "../../../services/shared/log.ts";
import { PeerDialer, verifyPeer } from "../../../services/rooms/peers/peer-dialer.ts";
import { RequestSigner, RequestVerifier } from "../../../services/rooms/peers/peer-token.ts";
import { RegionUrls } from "../../../services/rooms/peers/region-urls.ts";
import type { Claim } from "../../../services/rooms/placement/claim.ts";
import type { Admission } from "../../../services/rooms/placement/host.ts";
import type { JoinWish, Refusal } from "../../../services/rooms/placement/placement.ts";
import { GatewayServer } from "../../../services/rooms/server.ts";
import { LocalDoor } from "../../../services/rooms/signalling/local-door.ts";
import { PeerDoor } from "../../../services/rooms/signalling/peer-door.ts";
import { RateLimit } from "../../../services/rooms/signalling/rate-limit.ts";
import { Router } from "../../../services/rooms/signalling/router.ts";
import { Signalling } from "../../../services/rooms/signalling/signalling.ts";
import { TunnelRegistry } from "../../../services/rooms/signalling/tunnels.ts";
import { Upstream } from "../../../services/rooms/signalling/upstream.ts";
import { stillKeys } from "./still-keys.ts";
import { joinToken, type JoinTokenOptions } from "../../../rehearsal/clients/tokens.ts";

/** The deployment's key, and the one before it. */
export const API_KEY = { apiKey: "meet", apiSecret: "secret-of-the-current-key-0123456789" };
export const OLD_API_KEY = { apiKey: "old", apiSecret: "secret-of-the-previous-key-012345678" };

const PEER_SECRET = "secret-that-the-gateways-share-0123456789";

/** A claim under which a region hosts a room. */
export function claimOf(room: string, region: string, epoch = 1): Claim {
  const common = { state: "open", cause: "join", confirmed: true, fresh: true } as const;
  return { room, epoch, region, tenure: epoch, ...common };
}

/** Path and query of a join with a token of the deployment. */
export async function joinUrl(
  room: string,
  options: Partial<JoinTokenOptions> & { readonly path?: string } = {},
): Promise<string> {
  const { path = "/rtc/v1", ...token } = options;
  const text = await joinToken({ key: API_KEY, identity: "ada", room, ...token });
  return `${path}?access_token=${text}&join_request=H4sIAAAA`;
}

/** Settings of a gateway that differ from what serves most tests. */
export interface GatewaySettings {
  readonly region: string;
  readonly liveKitUrl: string;
  /** Addresses of other regions' gateways, and the certificate authority of those with https. */
  readonly peers?: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly joinsPerAddress?: number;
  readonly joinsPerToken?: number;
  readonly clientMs?: number;
  readonly shutdownSeconds?: number;
}

/**
 * A gateway's HTTP server and signalling over placement that does what the test says: one process, real sockets.
 */
export class SignallingGateway {
  readonly region: string;
  readonly tunnels: TunnelRegistry;
  readonly server: GatewayServer;
  port = 0;

  /** Where rooms are. By default here. */
  locate: (wish: JoinWish) => Promise<Claim>;
  admit: (room: string, claim: Claim, identity: string) => Promise<Admission> = () =>
    Promise.resolve({ admitted: true, sid: "RM_1" });
  stillHolds: (claim: Claim) => Promise<boolean> = () => Promise.resolve(true);
  relayFor: (region: string) => string | undefined = () => undefined;
  isLiveKitUp = true;
  isReady = true;
  isRegionHealthy = true;
  isPrimary = true;

  readonly wishes: JoinWish[] = [];
  readonly refusals: { readonly claim: Claim; readonly why: Refusal; readonly found?: Claim }[] =
    [];
  readonly admissions: Claim[] = [];
  /** Every line that was logged, as it would be written. */
  readonly lines: string[] = [];
  readonly counted: string[] = [];

  constructor(settings: GatewaySettings) {
    const { region, liveKitUrl, peers = {} } = settings;
    this.region = region;
    this.locate = ({ room }) => Promise.resolve(claimOf(room, region));
    const count = (text: string): void => {
      this.counted.push(text);
    };
    const metrics = {
      tunnelOpened: (to: string) => {
        count(`opened ${to}`);
      },
      tunnelClosed: (to: string) => {
        count(`closed ${to}`);
      },
      tunnelsCut: (reason: string, cut: number) => {
        count(`cut ${cut} ${reason}`);
      },
      joined: (to: string, outcome: string) => {
        count(`${outcome} ${to}`);
      },
      upstreamError: (kind: string, to: string) => {
        count(`error ${kind} ${to}`);
      },
    };
    this.tunnels = new TunnelRegistry(metrics);
    const secrets = (): readonly string[] => [PEER_SECRET];
    const seen = new Set<string>();
    const verifier = new RequestVerifier("peer", region, secrets, {
      isFirst: (id) => Promise.resolve(seen.size < seen.add(id).size),
    });
    const urls = new RegionUrls("example.org", peers);
    const keys = stillKeys(API_KEY, OLD_API_KEY);
    const local = new LocalDoor({
      region,
      keys,
      metrics,
      upstream: new Upstream(liveKitUrl),
      liveKit: { check: () => Promise.resolve(this.isLiveKitUp) },
      host: {
        admit: (room, claim, identity) => {
          this.admissions.push(claim);
          return this.admit(room, claim, identity);
        },
      },
    });
    const peer = new PeerDoor({
      metrics,
      dialing: new PeerDialer(urls, new RequestSigner("peer", region, secrets)),
      relays: { relayFor: (to) => this.relayFor(to) },
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    });
    const signalling = new Signalling({
      region,
      metrics,
      tunnels: this.tunnels,
      log: this.log(),
      keys,
      router: new Router({
        region,
        local,
        peer,
        placement: {
          locate: (wish) => {
            this.wishes.push(wish);
            return this.locate(wish);
          },
          refused: (claim, why, found) => {
            this.refusals.push({ claim, why, ...(found === undefined ? {} : { found }) });
          },
        },
      }),
      isFromPeer: async (request) => (await verifyPeer(verifier, request)).ok,
      stillHolds: (claim) => this.stillHolds(claim),
      countryOf: (headers) => {
        const country = headers["x-country"];
        return typeof country === "string" ? country : undefined;
      },
      perAddress: new RateLimit(settings.joinsPerAddress ?? 100_000),
      perToken: new RateLimit(settings.joinsPerToken ?? 100_000),
      ...(settings.clientMs === undefined ? {} : { clientMs: settings.clientMs }),
    });
    const handle = signalling.handle.bind(signalling);
    this.server = new GatewayServer({
      routes: {
        "/rtc": handle,
        "/rtc/": handle,
        "/breaks": () => Promise.reject(new Error("broken: access_token=eyJhbGciOi.eyJ.x")),
      },
      upgrade: signalling.upgrade.bind(signalling),
      probes: {
        ready: () => this.isReady,
        regionHealthy: () => this.isRegionHealthy,
        primary: () => this.isPrimary,
      },
      tunnels: this.tunnels,
      shutdownSeconds: settings.shutdownSeconds ?? 1,
      leaveMs: 100,
      log: this.log(),
    });
  }

  static async start(settings: GatewaySettings): Promise<SignallingGateway> {
    const gateway = new SignallingGateway(settings);
    gateway.port = await gateway.server.listen(0, "127.0.0.1");
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends all connections, and the server. */
  async stop(): Promise<void> {
    await this.server.stop();
  }

  private log(): Log {
    const add =
      (level: string) =>
      (message: string, fields: Fields = {}): void => {
        this.lines.push(JSON.stringify({ level, message, ...fields }));
      };
    return { info: add("info"), warn: add("warn"), error: add("error") };
  }
}
