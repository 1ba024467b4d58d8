import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { localPlace } from "../../rehearsal/network/place.ts";
import { ManagedProcess } from "../../rehearsal/processes/managed-process.ts";
import {
  answersOk,
  type LiveKit,
  type LiveKitOptions,
} from "../../test/support/livekit/livekit.ts";
import { createRoom, identities } from "../../rehearsal/clients/server-api.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import { BROWSER_HEADERS } from "../../test/support/rooms/raw-client.ts";
import { KEY, RoomsFleet } from "../../test/support/rooms/rooms-fleet.ts";
import { median } from "../result.ts";
import { figure, spread, type Figure } from "./figure.ts";
import { startHaproxy } from "./haproxy.ts";

const CLIENTS = 2000;
const ROOMS = 200;

/** Clients that join at the same time while the rooms fill, which is not measured. */
const AT_ONCE = 50;

/** Milliseconds between two tries of a client, as livekit-client's second one (client-sdk-js, DefaultReconnectPolicy). */
const RETRY_MS = 300;

/** Seconds after which a storm counts as not weathered. */
const LIMIT_SECONDS = 120;

const LOST = "eu";
const SURVIVORS = ["us", "ap"] as const;

const CLUSTER = fileURLToPath(new URL("./fake-cluster.ts", import.meta.url));

/** The stand-in for LiveKit keeps its rooms itself. */
const NO_REDIS = { host: "127.0.0.1", port: 0 };

/** Somebody in a room, by signalling alone. */
interface Client {
  readonly room: string;
  readonly path: string;
}

interface Entry {
  readonly host: string;
  readonly port: number;
}

/**
 * Two thousand clients of two hundred rooms lose their region and come back through two others; beside the time that
 * HAProxy takes to let as many in.
 */
export async function measureStorm(
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const plain: number[] = [];
  const storms: number[] = [];
  for (let round = 0; round < rounds; round++) {
    note(`storm, round ${round + 1} of ${rounds}: HAProxy`);
    plain.push(await haproxyStorm());
    note(`storm, round ${round + 1} of ${rounds}: the gateways`);
    storms.push(await gatewayStorm(note));
  }
  return [
    figure({
      what: `${CLIENTS} clients of ${ROOMS} rooms come back after a region's loss / as many upgrades by HAProxy`,
      value: median(storms) / median(plain),
      unit: "×",
      target: 10,
      from: `${spread(storms)}; HAProxy: ${spread(plain)}`,
    }),
  ];
}

async function haproxyStorm(): Promise<number> {
  const liveKit = await startCluster({ region: "plain", redis: NO_REDIS, key: KEY });
  const haproxy = await startHaproxy(liveKit.port);
  const opened: Socket[] = [];
  try {
    const people = await clientsOf("plain");
    await Promise.all(
      [...new Set(people.map(({ room }) => room))].map((room) =>
        createRoom(liveKit.url, KEY, room),
      ),
    );
    const begin = Date.now();
    const entry = { host: "127.0.0.1", port: haproxy.port };
    opened.push(...(await Promise.all(people.map(({ path }) => untilOpen(entry, path)))));
    return Date.now() - begin;
  } finally {
    closeAll(opened);
    await haproxy.stop();
    await liveKit.stop();
  }
}

async function gatewayStorm(note: (text: string) => void): Promise<number> {
  const fleet = await RoomsFleet.start({
    regions: [LOST, ...SURVIVORS],
    meetUrl: "http://127.0.0.1:9",
    startLiveKit: startCluster,
  });
  const sockets = new Map<Client, Socket>();
  try {
    const people = await clientsOf("storm");
    const entryOf = (region: string): Entry => {
      const { hostname, port } = new URL(fleet.region(region).testUrl);
      return { host: hostname, port: Number(port) };
    };
    for (let at = 0; at < people.length; at += AT_ONCE) {
      const some = people.slice(at, at + AT_ONCE);
      const opened = await Promise.all(some.map(({ path }) => untilOpen(entryOf(LOST), path)));
      some.forEach((client, index) => {
        const socket = opened[index];
        if (socket !== undefined) {
          sockets.set(client, socket);
        }
      });
    }
    note(`${sockets.size} tunnels are open`);
    const lost = fleet.region(LOST);
    const begin = Date.now();
    await Promise.all([
      lost.liveKit.kill(),
      ...[lost.balancer, lost.redis.process, ...lost.gateways].map((one) => one.kill()),
    ]);
    const back = people.map(async (client, index) => {
      const entry = entryOf(SURVIVORS[index % SURVIVORS.length] ?? SURVIVORS[0]);
      sockets.set(client, await untilOpen(entry, client.path, begin + LIMIT_SECONDS * 1000));
    });
    await Promise.all(back);
    const took = Date.now() - begin;
    await expectWhole(fleet, people);
    return took;
  } finally {
    closeAll(sockets.values());
    await fleet.stop();
  }
}

/** @throws unless all are connected and every room is in one region alone */
async function expectWhole(fleet: RoomsFleet, people: readonly Client[]): Promise<void> {
  const rooms = [...new Set(people.map(({ room }) => room))];
  const counts = await Promise.all(
    rooms.map(async (room) => {
      const there = SURVIVORS.map((name) => identities(fleet.region(name).liveKit.url, KEY, room));
      return (await Promise.all(there)).map(({ length }) => length);
    }),
  );
  const split = counts.filter((of) => of.filter((count) => count > 0).length !== 1).length;
  const connected = counts.flat().reduce((sum, count) => sum + count, 0);
  if (split > 0 || connected !== people.length) {
    throw new Error(
      `Benchmark "storm": ${split} of ${rooms.length} rooms are not in one region alone, ${connected} of ${people.length} clients are connected.`,
    );
  }
}

async function clientsOf(name: string): Promise<readonly Client[]> {
  return Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      const room = `${name}-${index % ROOMS}`;
      const token = await joinToken({ key: KEY, room, identity: `client-${index}` });
      return { room, path: `/rtc/v1?access_token=${token}&join_request=H4sIAAAA` };
    }),
  );
}

/** Tries until an upgrade is accepted. @throws when the time is over */
async function untilOpen(
  { host, port }: Entry,
  path: string,
  deadline = Infinity,
): Promise<Socket> {
  for (;;) {
    const socket = connect({ host, port, noDelay: true });
    socket.on("error", () => undefined);
    const headers = [["Host", "livekit.example.org"], ...BROWSER_HEADERS];
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`GET ${path} HTTP/1.1\r\n${lines}\r\n`);
    const answer = await Promise.race([
      once(socket, "data").then(([data]) => (data as Buffer).toString("latin1", 0, 12)),
      once(socket, "close").then(() => "closed"),
    ]).catch(() => "failed");
    if (answer === "HTTP/1.1 101") {
      socket.resume();
      return socket;
    }
    socket.destroy();
    if (Date.now() > deadline) {
      throw new Error(
        `Benchmark "storm": a client was not let in. The last answer was: ${answer}.`,
      );
    }
    await sleep(RETRY_MS);
  }
}

function closeAll(sockets: Iterable<Socket>): void {
  for (const socket of sockets) {
    socket.destroy();
  }
}

/** Starts a stand-in for a region's LiveKit: two thousand real sessions would be the whole of what is measured. */
async function startCluster({ place = localPlace, region, key }: LiveKitOptions): Promise<LiveKit> {
  const folder = mkdtempSync(join(tmpdir(), "meet-fake-cluster-"));
  const port = await place.port();
  const url = `http://${place.address}:${port}`;
  const process = new ManagedProcess({
    name: `stand-in for LiveKit ${region}`,
    place,
    command: globalThis.process.execPath,
    args: ["--import", "tsx", CLUSTER, region, place.address, String(port)],
    log: join(folder, "log"),
    isReady: () => answersOk(url),
  });
  const stop = async (): Promise<void> => {
    await process.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await process.start();
  return {
    ...{ url, port, process, key: () => key, stop },
    kill: () => process.kill(),
    start: () => process.start(),
  };
}
