import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { IS_PRIMARY_SCRIPT, READINESS_SCRIPT } from "../../components/backend/readiness.ts";
import { signWebhook } from "../../services/rooms/webhooks/webhook-token.ts";
import { startRedis, type Redis } from "../../rehearsal/processes/redis.ts";
import { egressEvent, KEY, parsed } from "../support/rooms/fake-webhooks.ts";
import {
  freePort,
  listening,
  ServiceFolder,
  type ServiceProcess,
} from "../support/service-process.ts";

const SECRET = "a-secret-of-at-least-thirty-two-characters";
const REGIONS = ["eu", "us"] as const;
type Region = (typeof REGIONS)[number];

const ports = new Map<Region, number>();
const folders = new Map<Region, ServiceFolder>();
const stores = new Map<Region, Redis>();
const running = new Map<Region, ServiceProcess>();
/** Meet in eu: well all the time, and what its name leads to for gateways that know of no promotion. */
let meet: Server;
const taken: string[] = [];

beforeAll(async () => {
  meet = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "POST") {
        taken.push(parsed(Buffer.concat(parts).toString()).id);
      }
      response.end();
    });
  });
  await once(meet.listen(0, "127.0.0.1"), "listening");
  for (const region of REGIONS) {
    ports.set(region, await freePort());
    folders.set(region, new ServiceFolder("rooms"));
    stores.set(region, await startRedis());
  }
});

afterAll(async () => {
  for (const { child, ended } of running.values()) {
    child.kill("SIGKILL");
    await ended;
  }
  for (const redis of stores.values()) {
    await redis.stop();
  }
  for (const folder of folders.values()) {
    folder.remove();
  }
  meet.closeAllConnections();
  meet.close();
});

function urlOf(region: Region): string {
  return `http://127.0.0.1:${ports.get(region) ?? 0}`;
}

function meetUrl(): string {
  const address = meet.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

/** Starts a region's gateway as it was deployed, told one primary and its epoch. */
async function start(region: Region, primary: Region, epoch: number): Promise<void> {
  const folder = folders.get(region);
  const redis = stores.get(region);
  if (folder === undefined || redis === undefined) {
    throw new Error(`there is no ${region}`);
  }
  const service = folder.start({
    PORT: String(ports.get(region)),
    METRICS_PORT: String(await freePort()),
    SHUTDOWN_SECONDS: "1",
    REGION: region,
    DOMAIN: "example.org",
    PRIMARY_REGION: primary,
    PRIMARY_EPOCH: String(epoch),
    STANDBY_REGION: primary === "eu" ? "us" : "eu",
    LIVEKIT_URL: "http://127.0.0.1:9",
    MEET_URL: meetUrl(),
    PEER_URLS: JSON.stringify(Object.fromEntries(REGIONS.map((name) => [name, urlOf(name)]))),
    VALKEY_URL_FILE: folder.file("valkey-url", redis.url),
    LIVEKIT_API_KEY_FILE: folder.file("livekit-api-key", KEY.apiKey),
    LIVEKIT_API_SECRET_FILE: folder.file("livekit-api-secret", KEY.secret),
    PEER_SECRET_FILE: folder.file("peer-secret", SECRET),
    OPERATOR_SECRET_FILE: folder.file("operator-secret", SECRET),
  });
  running.set(region, service);
  await listening(service);
}

async function stop(region: Region): Promise<void> {
  const service = running.get(region);
  running.delete(region);
  service?.child.kill("SIGKILL");
  await service?.ended;
}

/** What the readiness probe of Meet's pods in eu comes to, its gateway being this one. */
function isMeetReady(): Promise<boolean> {
  return succeeds(READINESS_SCRIPT, meetUrl(), "meet.example.org", `${urlOf("eu")}/primary`);
}

/** Whether Meet's nightly clean-ups in eu run. */
function cleansUp(): Promise<boolean> {
  return succeeds(IS_PRIMARY_SCRIPT, `${urlOf("eu")}/primary`);
}

function succeeds(script: string, ...args: readonly string[]): Promise<boolean> {
  return promisify(execFile)("python3", ["-c", script, ...args]).then(
    () => true,
    () => false,
  );
}

/** An event of eu's LiveKit. */
async function post(id: string): Promise<number> {
  const body = egressEvent(id, id);
  const response = await fetch(`${urlOf("eu")}/webhooks/livekit`, {
    method: "POST",
    headers: { authorization: signWebhook(body, KEY, Math.floor(Date.now() / 1000)) },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

it("serves while nobody was promoted, and while no other region is reached", async () => {
  await start("eu", "eu", 1);
  expect([await isMeetReady(), await cleansUp()]).toEqual([true, true]);
  expect(await post("before")).toBe(200);
  await vi.waitFor(() => {
    expect(taken).toEqual(["before"]);
  }, 5000);
});

it("a promoted region fences the primary of before: its Meet is not ready and gets no event", async () => {
  await start("us", "us", 2);
  await vi.waitFor(async () => {
    expect((await fetch(`${urlOf("eu")}/primary`)).status).toBe(503);
  }, 10_000);
  expect((await fetch(`${urlOf("us")}/primary`)).status).toBe(200);
  expect([await isMeetReady(), await cleansUp()]).toEqual([false, false]);
  expect(await post("after")).toBe(200);
  await sleep(1500);
  expect(taken).toEqual(["before"]);
});

it("the fence outlives a restart that finds no other region", async () => {
  await stop("us");
  await stop("eu");
  await start("eu", "eu", 1);
  expect((await fetch(`${urlOf("eu")}/primary`)).status).toBe(503);
  expect(await isMeetReady()).toBe(false);
});

it("a region that is promoted again, with a higher epoch, serves again", async () => {
  await stop("eu");
  await start("eu", "eu", 3);
  expect(await isMeetReady()).toBe(true);
  await vi.waitFor(() => {
    expect(taken).toEqual(["before", "after"]);
  }, 20_000);
});
