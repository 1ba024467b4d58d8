import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BUNDLE_FILE,
  buildBundle,
  bundleCommand,
} from "../../../components/service-bundle/bundle.ts";
import { answersOk, startLiveKit, type LiveKit, type LiveKitOptions } from "../livekit/livekit.ts";
import type { ApiKey } from "../livekit/local-config.ts";
import { ManagedProcess } from "../../../rehearsal/processes/managed-process.ts";
import {
  CLIENTS,
  createNetwork,
  TEST,
  type Network,
} from "../../../rehearsal/network/partition.ts";
import type { Place } from "../../../rehearsal/network/place.ts";
import { startRedis, type Redis } from "../../../rehearsal/processes/redis.ts";

export const KEY: ApiKey = {
  apiKey: "APItest",
  apiSecret: "a-secret-of-at-least-thirty-two-characters",
};
export const PEER_SECRET = "the-peers-secret-of-thirty-two-characters";
export const OPERATOR_SECRET = "operators-secret-of-thirty-two-characters";

/** What the files of previous keys and secrets hold at the start: known to the gateways, and used by nobody. */
export const PREVIOUS_KEY: ApiKey = {
  apiKey: "APIbefore",
  apiSecret: "the-secret-before-of-thirty-two-characters",
};
const PREVIOUS_SECRET = "a-secret-of-before-of-thirty-two-characters";

/** One region: Redis, LiveKit, gateways, and the balancer in front of them. */
export interface FleetRegion {
  readonly name: string;
  readonly place: Place;
  readonly redis: Redis;
  readonly liveKit: LiveKit;
  readonly gateways: readonly ManagedProcess[];
  readonly balancer: ManagedProcess;
  /** Where clients reach the region's gateways. */
  readonly url: string;
  /** Where the test itself reaches them. */
  readonly testUrl: string;
  /** Where each gateway itself is reached by the test, and where its metrics are. */
  readonly pods: readonly { readonly url: string; readonly metricsUrl: string }[];
  /** Files of the region's secrets, which the gateways read again every five seconds. */
  readonly secrets: string;
}

/** What a fleet is made of. */
export interface FleetPlan {
  readonly regions: readonly string[];
  /** @default 2 */
  readonly gateways?: number;
  readonly meetUrl: string;
  /** Environment added to every gateway's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Starts each region's LiveKit. @default a real one */
  readonly startLiveKit?: (options: LiveKitOptions) => Promise<LiveKit>;
}

/** Real LiveKit clusters with a Redis each, and the gateways of each region from the deployed bundle. */
export class RoomsFleet {
  readonly network: Network;
  readonly regions: ReadonlyMap<string, FleetRegion>;
  private readonly folder: string;

  private constructor(network: Network, regions: ReadonlyMap<string, FleetRegion>, folder: string) {
    this.network = network;
    this.regions = regions;
    this.folder = folder;
  }

  static async start(plan: FleetPlan, network?: Network): Promise<RoomsFleet> {
    const folder = mkdtempSync(join(tmpdir(), "meet-rooms-fleet-"));
    const net = network ?? (await createNetwork(plan.regions));
    writeFileSync(
      join(folder, BUNDLE_FILE),
      Buffer.from(buildBundle("rooms").gzipBase64, "base64"),
    );
    const ports = new Map<string, number>();
    for (const region of plan.regions) {
      ports.set(region, await net.place(region).port());
    }
    const regions = await Promise.all(
      plan.regions.map((region) => startRegion(region, plan, net, ports, folder)),
    );
    const fleet = new RoomsFleet(net, new Map(regions.map((one) => [one.name, one])), folder);
    // In the deployment the gateways look for each other until they are there; the tests begin when they are.
    await Promise.all(
      regions.flatMap(({ gateways }) => gateways.map((gateway) => gateway.start())),
    );
    return fleet;
  }

  region(name: string): FleetRegion {
    const region = this.regions.get(name);
    if (region === undefined) {
      throw new Error(`Fleet: there is no region ${name}.`);
    }
    return region;
  }

  /** Everything that the gateways wrote. */
  logs(): string {
    return [...this.regions.values()]
      .flatMap(({ gateways }) => gateways.map((gateway) => gateway.log()))
      .join("");
  }

  async stop(): Promise<void> {
    await this.network.heal();
    for (const { gateways, balancer, liveKit, redis } of this.regions.values()) {
      await Promise.all([...gateways.map((gateway) => gateway.kill()), balancer.kill()]);
      await liveKit.process.kill();
      await redis.process.kill();
    }
    await this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function startRegion(
  name: string,
  plan: FleetPlan,
  net: Network,
  ports: ReadonlyMap<string, number>,
  folder: string,
): Promise<FleetRegion> {
  const place = net.place(name);
  const port = ports.get(name) ?? 0;
  const secrets = join(folder, name);
  mkdirSync(secrets);
  const redis = await startRedis({ place, password: "a-password-of-redis" });
  const webhookUrl = `http://${place.address}:${port}/webhooks/livekit`;
  const start = plan.startLiveKit ?? startLiveKit;
  const liveKit = await start({ place, region: name, redis, key: KEY, webhookUrl });
  const peers: Record<string, string> = {};
  for (const [peer, peerPort] of ports) {
    const { host, port: reached } = await net.reach(name, peer, peerPort);
    peers[peer] = `http://${host}:${reached}`;
  }
  const environment = {
    NODE_ENV: "production",
    SHUTDOWN_SECONDS: "5",
    REGION: name,
    DOMAIN: "example.org",
    PRIMARY_REGION: plan.regions[0] ?? name,
    ...(plan.regions[1] === undefined ? {} : { STANDBY_REGION: plan.regions[1] }),
    LIVEKIT_URL: `http://${place.address}:${new URL(liveKit.url).port}`,
    MEET_URL: plan.meetUrl,
    VALKEY_URL_FILE: secret(secrets, "valkey-url", redis.url),
    LIVEKIT_API_KEY_FILE: secret(secrets, "livekit-api-key", KEY.apiKey),
    LIVEKIT_API_SECRET_FILE: secret(secrets, "livekit-api-secret", KEY.apiSecret),
    PEER_SECRET_FILE: secret(secrets, "peer-secret", PEER_SECRET),
    OPERATOR_SECRET_FILE: secret(secrets, "operator-secret", OPERATOR_SECRET),
    LIVEKIT_PREVIOUS_API_KEY_FILE: secret(secrets, "livekit-previous-api-key", PREVIOUS_KEY.apiKey),
    LIVEKIT_PREVIOUS_API_SECRET_FILE: secret(
      secrets,
      "livekit-previous-api-secret",
      PREVIOUS_KEY.apiSecret,
    ),
    PEER_PREVIOUS_SECRET_FILE: secret(secrets, "peer-previous-secret", PREVIOUS_SECRET),
    OPERATOR_PREVIOUS_SECRET_FILE: secret(secrets, "operator-previous-secret", PREVIOUS_SECRET),
    PEER_URLS: JSON.stringify(peers),
    JOINS_PER_MINUTE_PER_ADDRESS: "100000",
    JOINS_PER_MINUTE_PER_TOKEN: "100000",
    ...plan.environment,
  };
  const backends: string[] = [];
  const gateways: ManagedProcess[] = [];
  const pods: { readonly url: string; readonly metricsUrl: string }[] = [];
  for (let index = 0; index < (plan.gateways ?? 2); index++) {
    const own = await place.port();
    const metrics = await place.port();
    backends.push(`${place.address}:${own}`);
    pods.push({
      url: `http://${place.address}:${own}`,
      metricsUrl: `http://${place.address}:${metrics}/metrics`,
    });
    const withPorts = { ...environment, PORT: String(own), METRICS_PORT: String(metrics) };
    gateways.push(gatewayProcess(`${name}-${index}`, place, own, withPorts, folder));
  }
  const balancer = await balancerProcess(name, place, port, backends, folder);
  const forClients = await net.reach(CLIENTS, name, port);
  const forTest = await net.reach(TEST, name, port);
  return {
    name,
    place,
    redis,
    liveKit,
    gateways,
    balancer,
    pods,
    url: `ws://${forClients.host}:${forClients.port}`,
    testUrl: `http://${forTest.host}:${forTest.port}`,
    secrets,
  };
}

function gatewayProcess(
  name: string,
  place: Place,
  port: number,
  environment: Readonly<Record<string, string>>,
  folder: string,
): ManagedProcess {
  const scratch = join(folder, `scratch-${name}`);
  mkdirSync(scratch);
  const [, ...args] = bundleCommand({ bundle: folder, scratch });
  return new ManagedProcess({
    name: `gateway ${name}`,
    place,
    command: process.execPath,
    args,
    environment,
    log: join(folder, `gateway-${name}.log`),
    isReady: () => answersOk(`http://${place.address}:${port}/readyz`),
    readyWithinSeconds: 40,
  });
}

async function balancerProcess(
  name: string,
  place: Place,
  port: number,
  backends: readonly string[],
  folder: string,
): Promise<ManagedProcess> {
  const program = fileURLToPath(new URL("../../../rehearsal/network/balancer.ts", import.meta.url));
  const balancer = new ManagedProcess({
    name: `balancer ${name}`,
    place,
    command: process.execPath,
    args: ["--import", "tsx", program, place.address, String(port), backends.join(",")],
    log: join(folder, `balancer-${name}.log`),
    isReady: () => accepts(place.address, port),
  });
  await balancer.start();
  return balancer;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

function secret(folder: string, name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
