import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import { HttpCaller, type HttpAnswer } from "../../../services/rooms/livekit/http-caller.ts";
import type { AdminGrants } from "../../../services/rooms/livekit/livekit-api.ts";
import type { Claim } from "../../../services/rooms/placement/claim.ts";
import type { Admission } from "../../../services/rooms/placement/host.ts";
import type { Clock } from "../../../services/rooms/placement/ports.ts";
import { verifyApiToken } from "../../../services/rooms/tokens/api-token.ts";
import { createServerApi, type ServerApi } from "../../../services/rooms/twirp/server-api.ts";
import type { TwirpTimes } from "../../../services/rooms/twirp/twirp-handler.ts";
import type { TwirpPlacing } from "../../../services/rooms/twirp/twirp-router.ts";
import type { PeerTwirp } from "../../../services/rooms/twirp/upstream.ts";
import { FakeTwirp } from "./fake-twirp.ts";
import { stillKeys } from "./still-keys.ts";

export const API_KEY = "APIdevkey";
export const API_SECRET = "a-secret-of-this-test-that-no-log-may-hold";
const OTHER_KEY = { apiKey: "APIother", apiSecret: "a-secret-of-the-other-key-of-this-test" };
const KEYS = stillKeys({ apiKey: API_KEY, apiSecret: API_SECRET }, OTHER_KEY);
const PEER_TOKEN = "peer-token-of-this-test";

/** A token as Meet's library makes one. */
export function apiToken(
  video: AdminGrants & { readonly roomCreate?: boolean },
  change: Readonly<Record<string, unknown>> = {},
  secret = API_SECRET,
): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const head = encode({ alg: "HS256", typ: "JWT" });
  const payload = encode({ iss: API_KEY, nbf: now, exp: now + 21_600, sub: "", video, ...change });
  const signature = createHmac("sha256", secret).update(`${head}.${payload}`);
  return `${head}.${payload}.${signature.digest("base64url")}`;
}

/** A token that may do everything in a room. */
export function fullToken(room = "standup"): string {
  return apiToken({
    roomCreate: true,
    roomList: true,
    roomRecord: true,
    roomAdmin: true,
    room,
  });
}

/** Where rooms are, in one map that all gateways of the test share. */
export class Places implements TwirpPlacing {
  readonly hosts = new Map<string, string>();
  readonly refusals: string[] = [];
  readonly admitted: string[] = [];
  claimsGoTo = "eu";
  /** What the next admissions say, first one first. */
  readonly admissions: Admission[] = [];

  locate({ room }: { readonly room: string }): Promise<Claim> {
    const region = this.hosts.get(room) ?? this.claimsGoTo;
    this.hosts.set(room, region);
    return Promise.resolve(claimOf(room, region));
  }

  find(room: string): Promise<Claim | undefined> {
    const region = this.hosts.get(room);
    return Promise.resolve(region === undefined ? undefined : claimOf(room, region));
  }

  admit(room: string, claim: Claim): Promise<Admission> {
    this.admitted.push(`${room}@${claim.region}`);
    return Promise.resolve(this.admissions.shift() ?? { admitted: true, sid: "RM_1" });
  }

  refused(claim: Claim, why: string): void {
    this.refusals.push(`${claim.region} ${why}`);
  }
}

export function claimOf(room: string, region: string): Claim {
  const state = "open" as const;
  const cause = "join" as const;
  return { room, epoch: 1, region, tenure: 1, state, cause, confirmed: true, fresh: true };
}

/** The system's clock; sleeping is shortened by a factor, so that a minute's watch takes a second. */
class QuickClock implements Clock {
  private readonly factor: number;
  constructor(factor: number) {
    this.factor = factor;
  }
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now() * this.factor;
  }
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms / this.factor));
  }
}

/** One region of the test: a fake LiveKit with a gateway's server API before it. */
export class TwirpRegion {
  readonly name: string;
  readonly liveKit: FakeTwirp;
  readonly lines: string[] = [];
  readonly metrics: string[] = [];
  readonly recordings = new Map<string, string>();
  unreachable: readonly string[] = [];
  private readonly fleet: TwirpFleet;
  private server: Server | undefined;
  private caller: HttpCaller | undefined;
  private serverApi: ServerApi | undefined;

  constructor(fleet: TwirpFleet, name: string) {
    this.fleet = fleet;
    this.name = name;
    this.liveKit = new FakeTwirp(name);
  }

  async start(): Promise<void> {
    const write = (level: string, message: string, fields: object): void => {
      this.lines.push(JSON.stringify({ level, message, ...fields }));
    };
    this.serverApi = createServerApi({
      region: this.name,
      liveKitUrl: await this.liveKit.listen(),
      hasRegionalStorage: this.fleet.hasRegionalStorage,
      placing: this.fleet.places,
      peers: this.peers(),
      peerGate: { verify: (token) => Promise.resolve({ ok: token === PEER_TOKEN }) },
      tokens: {
        mint: (grants) => apiToken(grants),
        signedByEach: (token) => KEYS.signedByEach(token),
      },
      verifyToken: (token) => {
        const secretOf = (key: string): string | undefined =>
          key === API_KEY ? API_SECRET : undefined;
        return verifyApiToken(token, { secretOf }, Date.now() / 1000);
      },
      egressRegions: {
        regionOf: (id) => Promise.resolve(this.recordings.get(id)),
        remember: (id, region) => {
          this.recordings.set(id, region);
          return Promise.resolve();
        },
      },
      clock: new QuickClock(this.fleet.clockFactor),
      log: {
        info: (message, fields) => {
          write("info", message, fields);
        },
        error: (message, fields) => {
          write("error", message, fields);
        },
      },
      metrics: {
        twirpAnswered: (method, code) => this.metrics.push(`${method} ${code}`),
        upstreamFailed: (region, kind) => this.metrics.push(`${region} ${kind}`),
        lateEgressStopped: () => this.metrics.push("late"),
      },
      times: this.fleet.times,
    });
    const { handler } = this.serverApi;
    this.server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
      void handler.handle(request, response);
    });
    await new Promise<void>((resolve) => this.server?.listen(0, "127.0.0.1", resolve));
    this.caller = new HttpCaller(this.url());
  }

  get api(): ServerApi {
    if (this.serverApi === undefined) {
      throw new Error(`Region "${this.name}": it is not started.`);
    }
    return this.serverApi;
  }

  url(): string {
    const address = this.server?.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return `http://127.0.0.1:${port}`;
  }

  /** Calls this region's gateway. */
  async call(
    method: string,
    body: Uint8Array | string,
    options: {
      readonly token?: string;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<HttpAnswer> {
    const isJson = typeof body === "string";
    if (this.caller === undefined) {
      throw new Error(`Region "${this.name}": it is not started.`);
    }
    return this.caller.call({
      method: "POST",
      path: `/twirp/livekit.${method}`,
      headers: {
        "content-type":
          options.contentType ?? (isJson ? "application/json" : "application/protobuf"),
        authorization: `Bearer ${options.token ?? fullToken()}`,
        ...options.headers,
      },
      body: Buffer.from(body),
      timeoutMs: options.timeoutMs ?? 12_000,
    });
  }

  async stop(): Promise<void> {
    await this.stopGateway();
    await this.liveKit.close();
  }

  /** From here on connections to the gateway are refused. */
  async stopGateway(): Promise<void> {
    this.caller?.close();
    const server = this.server;
    if (server === undefined) {
      return;
    }
    this.server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
    await this.serverApi?.close();
  }

  private peers(): PeerTwirp {
    const others = (): readonly TwirpRegion[] =>
      this.fleet.regions.filter((region) => region !== this);
    return {
      members: () => others().map(({ name }) => name),
      reachable: (region) => !this.unreachable.includes(region),
      forward: (region, path, contentType, body, authorization, deadlineMs) => {
        const other = others().find(({ name }) => name === region);
        const caller = new HttpCaller(other?.peerUrl ?? "http://127.0.0.1:1");
        const headers = {
          "content-type": contentType,
          authorization,
          "x-meet-peer": PEER_TOKEN,
          "x-twirp-timeout-ms": String(deadlineMs),
        };
        return caller.call({
          method: "POST",
          path,
          headers,
          body,
          timeoutMs: deadlineMs,
          isFresh: true,
        });
      },
    };
  }

  /** Where other gateways find this one; may be set to something that is silent. */
  get peerUrl(): string {
    return this.fleet.detours.get(this.name) ?? this.url();
  }
}

/** Two regions, eu and us, that share one idea of where the rooms are. */
export class TwirpFleet {
  readonly places = new Places();
  readonly detours = new Map<string, string>();
  readonly eu: TwirpRegion;
  readonly us: TwirpRegion;
  readonly hasRegionalStorage: boolean;
  readonly times: TwirpTimes;
  readonly clockFactor: number;

  constructor(
    options: {
      readonly hasRegionalStorage?: boolean;
      readonly times?: TwirpTimes;
      readonly clockFactor?: number;
    } = {},
  ) {
    this.hasRegionalStorage = options.hasRegionalStorage ?? false;
    this.times = options.times ?? { callMs: 4500, startMs: 8500 };
    this.clockFactor = options.clockFactor ?? 1;
    this.eu = new TwirpRegion(this, "eu");
    this.us = new TwirpRegion(this, "us");
  }

  get regions(): readonly TwirpRegion[] {
    return [this.eu, this.us];
  }

  /** A room that LiveKit of a region has, with somebody in it, and that all gateways know to be there. */
  addRoom(room: string, region: TwirpRegion, ...identities: readonly string[]): void {
    this.places.hosts.set(room, region.name);
    region.liveKit.addRoom(room);
    for (const identity of identities) {
      region.liveKit.addParticipant(room, identity);
    }
  }

  async start(): Promise<this> {
    await Promise.all(this.regions.map((region) => region.start()));
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(this.regions.map((region) => region.stop()));
  }
}

/** The Twirp error in an answer. */
export function errorOf(answer: HttpAnswer): { readonly code: string; readonly msg: string } {
  return JSON.parse(answer.body.toString()) as { code: string; msg: string };
}
