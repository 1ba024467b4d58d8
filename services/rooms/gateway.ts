import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Log } from "../shared/log.ts";
import { AdminServer } from "./admin/admin-server.ts";
import { adminRoutes } from "./admin/admin-routes.ts";
import type { Draining, OwnStatus } from "./admin/operations.ts";
import { OwnerPins } from "./admin/owner-pins.ts";
import { systemClock } from "./clock.ts";
import type { RoomsEnvironment } from "./config.ts";
import { Metrics } from "./metrics.ts";
import { metricsServer } from "../shared/metrics-server.ts";
import { DrainStore } from "./operations/drain-store.ts";
import { RegionOperations } from "./operations/region-operations.ts";
import { verifyPeer } from "./peers/peer-dialer.ts";
import { PeerServer, type PeerCallee } from "./peers/peer-server.ts";
import { Attendance } from "./placement/attendance.ts";
import { ELSEWHERE_MS, LEFTOVERS_MS, REJOIN_MS, SWEEP_MS } from "./placement/keeper.ts";
import { StoreAway } from "./placement/ports.ts";
import { unlessGone } from "./placement/proposer.ts";
import { otherRegions, ownRegion, watchSecrets } from "./region-side.ts";
import type { OtherRegions, OwnRegion } from "./region-side.ts";
import { roomsSide, type RoomsSide } from "./rooms-side.ts";
import { Countries, CountryDatabase } from "./rules/countries.ts";
import { GatewayServer } from "./server.ts";
import { LocalDoor } from "./signalling/local-door.ts";
import { PeerDoor } from "./signalling/peer-door.ts";
import { RateLimit } from "./signalling/rate-limit.ts";
import { Router } from "./signalling/router.ts";
import { Signalling } from "./signalling/signalling.ts";
import { TunnelRegistry } from "./signalling/tunnels.ts";
import { Upstream } from "./signalling/upstream.ts";
import { EgressRegions } from "./store/egress-regions.ts";
import { verifyApiToken } from "./tokens/api-token.ts";
import { verifyJoinToken } from "./tokens/join-token.ts";
import { createServerApi, type ServerApi } from "./twirp/server-api.ts";
import { webhooksSide, type WebhooksSide } from "./webhooks-side.ts";

/** Changes with every version that speaks differently to others; shown to operators. */
export const VERSION = "1";

/** Milliseconds for the first look at the other regions; then connections are taken, whatever was learned. */
const FIRST_LOOK_MS = 8_000;

/** One pod of the room gateway. */
export class Gateway {
  private readonly environment: RoomsEnvironment;
  private readonly log: Log;
  private readonly pod = randomUUID();
  private readonly metrics: Metrics;
  private readonly own: OwnRegion;
  private readonly others: OtherRegions;
  private readonly rooms: RoomsSide;
  private readonly tunnels: TunnelRegistry;
  private readonly operations: RegionOperations;
  private readonly webhooks: WebhooksSide;
  private readonly twirp: ServerApi;
  private readonly server: GatewayServer;
  private readonly metricsServer: Server;
  private readonly timers: NodeJS.Timeout[] = [];
  private isReady = false;
  private isStopping = false;

  constructor(environment: RoomsEnvironment, log: Log) {
    this.environment = environment;
    this.log = log;
    const metrics = new Metrics(environment.REGION);
    this.metrics = metrics;
    this.tunnels = new TunnelRegistry(metrics);
    this.own = ownRegion(environment, log);
    this.others = otherRegions(environment, this.own, metrics, log);
    this.rooms = roomsSide({
      environment,
      pod: this.pod,
      own: this.own,
      others: this.others,
      tunnels: this.tunnels,
      metrics,
      isDraining: () => this.operations.isDraining(),
    });
    const attendance = new Attendance({
      region: environment.REGION,
      pod: this.pod,
      store: this.own.store,
      attendants: this.tunnels,
    });
    this.tunnels.onChange((room, region) => {
      this.run(attendance.changed(room, region));
    });
    this.own.store.onBack(() => {
      this.run(attendance.storeIsBack());
    });
    this.operations = new RegionOperations({
      pod: this.pod,
      drains: new DrainStore(this.own.valkey),
      locks: this.own.locks,
      mover: this.rooms.mover,
      clock: systemClock,
      log,
      ownStatus: (draining) => this.ownStatus(draining),
      onDraining: (isDraining) => {
        metrics.drains(isDraining);
      },
    });
    this.webhooks = webhooksSide(environment, this.own, this.others, this.rooms, metrics, log);
    this.twirp = this.serverApi();
    this.server = this.httpServer();
    this.metricsServer = metricsServer(metrics.registry);
  }

  /** Connects to everything and serves; resolves when this pod takes connections. */
  async start(): Promise<number> {
    watchSecrets(this.environment);
    await this.own.valkey.start();
    await this.own.changes.start();
    void this.own.probe.run();
    this.own.changes.onChange((room) => {
      this.run(room === undefined ? this.rooms.keeper.sweep() : this.rooms.keeper.changed(room));
    });
    this.others.monitor.onChange((region, isReachable) => {
      if (isReachable) {
        this.run(this.rooms.pins.exchange(region));
      } else {
        this.run(this.lost(region));
      }
    });
    this.metricsServer.listen(this.environment.METRICS_PORT);
    const port = await this.server.listen(this.environment.PORT);
    await this.learn();
    this.operations.start();
    this.webhooks.relay.start();
    this.every(SWEEP_MS, () => this.rooms.keeper.sweep());
    this.every(ELSEWHERE_MS, () => this.rooms.keeper.lookElsewhere());
    this.every(LEFTOVERS_MS, () => this.rooms.keeper.tidy());
    this.isReady = true;
    this.log.info("listening", { port });
    return port;
  }

  /** Ends all connections so that their clients come back elsewhere, and everything after. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.server.stop();
    for (const timer of this.timers) {
      clearInterval(timer);
    }
    this.operations.stop();
    await this.webhooks.relay.stop();
    await this.twirp.close();
    this.others.monitor.stop();
    this.others.connections.close();
    this.own.probe.stop();
    this.own.liveKitApi.close();
    this.own.changes.stop();
    this.own.valkey.stop();
    this.metricsServer.close();
  }

  /** A pod that takes connections before it knows what happened while it was away could let people in twice. */
  private async learn(): Promise<void> {
    const learned = (async () => {
      await this.others.monitor.start();
      await this.rooms.keeper.exchangeIfDue();
    })();
    const late = systemClock.sleep(FIRST_LOOK_MS);
    const first = await Promise.race([learned.then(() => "learned"), late.then(() => "late")]);
    if (first === "late") {
      this.log.warn("the other regions did not all answer; connections are taken all the same");
      this.run(learned);
    }
  }

  /** Asks the others first: people who are cut come back at once, and are not to wait until that is known. */
  private async lost(region: string): Promise<void> {
    await this.rooms.health.nobodyReaches(region);
    if (!this.others.monitor.reachable(region)) {
      this.tunnels.cutRegion(region);
    }
  }

  private every(ms: number, duty: () => Promise<void>): void {
    let isBusy = false;
    this.timers.push(
      setInterval(() => {
        if (isBusy) {
          return;
        }
        isBusy = true;
        this.run(
          duty().finally(() => {
            isBusy = false;
          }),
        );
      }, ms).unref(),
    );
  }

  /** Work that nobody waits for: what goes wrong in it is written down. */
  private run(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof StoreAway)) {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.log.error("unexpected", { reason });
      }
    });
  }

  private regionHealthy(): boolean {
    const { liveKitUp, storeUp, draining } = this.rooms.status();
    const isMember = this.others.membership.isMember();
    return this.isReady && !this.isStopping && liveKitUp && storeUp && !draining && isMember;
  }

  private httpServer(): GatewayServer {
    const { environment, log, webhooks } = this;
    const signalling = this.signalling();
    const admin = new AdminServer(this.others.operators, this.adminRoutes(), log);
    const owners = this.ownerPins();
    const peers = new PeerServer({
      verifier: this.others.verifier,
      membership: this.others.membership,
      callee: this.callee(),
      log,
    });
    return new GatewayServer({
      routes: {
        "/rtc": (request, response) => signalling.handle(request, response),
        "/rtc/": (request, response) => signalling.handle(request, response),
        "/twirp/": (request, response) => this.twirp.handler.handle(request, response),
        "/webhooks/livekit": (request, response) => webhooks.intake.handle(request, response),
        "/peer/v1/": (request, response) => peers.handle(request, response),
        "/admin/v1/": (request, response) => admin.handle(request, response),
        "/rooms/": (request, response) => owners.handle(request, response),
      },
      upgrade: (request, socket, head) => {
        signalling.upgrade(request, socket, head);
      },
      probes: {
        ready: () => this.isReady && !this.isStopping,
        regionHealthy: () => this.regionHealthy(),
        primary: () => this.others.membership.primary() === environment.REGION,
      },
      tunnels: this.tunnels,
      shutdownSeconds: environment.SHUTDOWN_SECONDS,
      log,
    });
  }

  private signalling(): Signalling {
    const { environment, own, others, rooms, metrics, log } = this;
    const { REGION: region } = environment;
    const database = countryDatabase(environment, log);
    const countries = new Countries(environment.COUNTRY_HEADER, database);
    const local = new LocalDoor({
      region,
      host: rooms.host,
      liveKit: own.liveKit,
      upstream: new Upstream(environment.LIVEKIT_URL),
      keys: own.keys,
      metrics,
    });
    const peer = new PeerDoor({
      dialing: others.dialer,
      relays: { relayFor: (lost) => this.relayFor(lost) },
      metrics,
    });
    return new Signalling({
      region,
      keys: own.keys,
      router: new Router({ region, placement: rooms.placement, local, peer }),
      tunnels: this.tunnels,
      isFromPeer: async (request) => {
        const signer = await verifyPeer(others.verifier, request);
        return signer.ok && others.membership.isWelcome(signer.issuer);
      },
      stillHolds: (claim) => rooms.keeper.stillHolds(claim),
      countryOf: (headers, address) => countries.countryOf(headers, address),
      perAddress: new RateLimit(environment.JOINS_PER_MINUTE_PER_ADDRESS),
      perToken: new RateLimit(environment.JOINS_PER_MINUTE_PER_TOKEN),
      metrics,
      log,
    });
  }

  /** Any other region that answers here may reach one that does not. */
  private relayFor(lost: string): string | undefined {
    const { peers } = this.others;
    const able = peers.members().filter((it) => it !== lost && peers.reachable(it));
    return able[Math.floor(Math.random() * able.length)];
  }

  private serverApi(): ServerApi {
    const { environment, own, others, rooms, log, metrics } = this;
    return createServerApi({
      region: environment.REGION,
      liveKitUrl: environment.LIVEKIT_URL,
      hasRegionalStorage: environment.EGRESS_STORAGE === "regional",
      placing: {
        locate: (wish) => rooms.placement.locate(wish),
        find: (room) => rooms.placement.find(room),
        admit: (room, claim) => rooms.host.admit(room, claim),
        refused: (claim, why, found) => {
          rooms.placement.refused(claim, why, found);
        },
      },
      peers: others.twirp,
      peerGate: others.verifier,
      tokens: own.keys,
      verifyToken: (token) => verifyApiToken(token, own.keys, Date.now() / 1000),
      egressRegions: new EgressRegions(own.valkey),
      clock: systemClock,
      log,
      metrics,
    });
  }

  /** What other regions' gateways ask of this one. */
  private callee(): PeerCallee {
    const { own, others, rooms } = this;
    return {
      read: async (room) => {
        const status = rooms.status();
        try {
          const { claim } = await own.store.read(room);
          return claim === undefined ? { status } : { status, claim };
        } catch (error) {
          if (error instanceof StoreAway) {
            return { status: { ...status, storeUp: false } };
          }
          throw error;
        }
      },
      readAll: async (rooms) => {
        const known = await Promise.all(rooms.map((room) => own.store.read(room)));
        return known.flatMap(({ claim }) => claim ?? []);
      },
      put: (claim, expected) => own.store.put(claim, expected),
      merge: (claim) => own.store.merge(claim),
      probe: (target) => unlessGone(others.peers.status(target)),
      status: () => Promise.resolve(rooms.status()),
      claims: (cursor) => own.store.claims(cursor),
      count: (room) => rooms.splits.count(room),
      expectRejoin: (room, identities) => own.store.expectRejoin(room, identities, REJOIN_MS),
      heal: (room, asker) => rooms.splits.heal(room, asker),
      prepare: async (claim, carried) => {
        await rooms.host.prepare(claim);
        await rooms.carrier.unpack(claim.room, carried);
      },
      putPin: (pin) => rooms.pinsStore.put(pin),
      pins: (cursor) => rooms.pinsStore.list(cursor),
    };
  }

  private adminRoutes(): ReturnType<typeof adminRoutes> {
    const { own, others, rooms } = this;
    return adminRoutes({
      region: this.environment.REGION,
      operations: this.operations,
      membership: others.membership,
      peerStates: () => others.monitor.states(),
      rooms: {
        region: this.environment.REGION,
        own: {
          read: (room) => own.store.read(room),
          count: (room) => rooms.splits.count(room),
        },
        peers: others.peers,
      },
      pin: (room, region) => rooms.pins.set(room, "operator", region),
      webhooks: this.webhooks.queue,
    });
  }

  private ownerPins(): OwnerPins {
    const { environment, own, others, rooms } = this;
    return new OwnerPins({
      verify: (token) => {
        const verified = verifyJoinToken(token, own.keys, Date.now() / 1000);
        return verified.ok
          ? { ok: true, ...(verified.isOwner ? { ownedRoom: verified.room } : {}) }
          : verified;
      },
      regions: () => [environment.REGION, ...others.peers.members()],
      allows: (room, region) => rooms.rules.allows(room, region),
      pin: (room, region) => rooms.pins.set(room, "owner", region),
      perMinute: environment.PINS_PER_MINUTE_PER_ROOM,
    });
  }

  private async ownStatus(draining: Draining | undefined): Promise<OwnStatus> {
    const { liveKitUp, storeUp } = this.rooms.status();
    const hosted = await unlessGone(this.rooms.mover.hosted());
    const participants = liveKitUp ? await this.own.liveKit.participants(hosted ?? []) : undefined;
    return {
      liveKitUp,
      storeUp,
      version: VERSION,
      pod: this.pod,
      ...(draining === undefined ? {} : { draining }),
      rooms: hosted?.length ?? 0,
      ...(participants === undefined ? {} : { participants }),
      tunnels: this.tunnels.size(),
      splitRooms: this.rooms.splits.open(),
      webhooks: await this.webhooks.stats(),
    };
  }
}

function countryDatabase(environment: RoomsEnvironment, log: Log): CountryDatabase | undefined {
  if (environment.GEOIP_DATABASE_FILE === undefined) {
    return undefined;
  }
  const database = new CountryDatabase(environment.GEOIP_DATABASE_FILE, (reason) => {
    log.warn("the country database is not usable", { reason });
  });
  database.watch();
  return database;
}
