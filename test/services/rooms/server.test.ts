import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeLiveKit } from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import { joinUrl, SignallingGateway } from "../../support/rooms/signalling-gateway.ts";

let liveKit: FakeLiveKit;
let gateway: SignallingGateway;

beforeEach(async () => {
  liveKit = await FakeLiveKit.start();
  gateway = await SignallingGateway.start({
    region: "eu",
    liveKitUrl: liveKit.url,
    shutdownSeconds: 2,
  });
});

afterEach(async () => {
  await gateway.stop();
  await liveKit.stop();
});

async function statusOf(path: string, init: RequestInit = {}): Promise<number> {
  return (await fetch(`${gateway.url}${path}`, init)).status;
}

describe("probes", () => {
  it("/healthz answers as long as the process does", async () => {
    gateway.isReady = false;
    expect(await statusOf("/healthz")).toBe(200);
    expect(await statusOf("/healthz", { method: "HEAD" })).toBe(200);
  });

  it("/readyz says whether this pod takes connections, /region-health whether the region takes people", async () => {
    const seen: (readonly [number, number])[] = [];
    for (const [isReady, isRegionHealthy] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      gateway.isReady = isReady;
      gateway.isRegionHealthy = isRegionHealthy;
      seen.push([await statusOf("/readyz"), await statusOf("/region-health")]);
    }
    expect(seen).toEqual([
      [200, 200],
      [200, 503],
      [503, 503],
    ]);
  });
});

describe("/primary", () => {
  it("says whether Meet may serve in this region, whether the pod is ready or not", async () => {
    gateway.isReady = false;
    expect(await statusOf("/primary")).toBe(200);
    gateway.isPrimary = false;
    expect(await statusOf("/primary")).toBe(503);
    gateway.isReady = true;
    expect(await statusOf("/primary")).toBe(503);
  });
});

describe("the front of the server", () => {
  it("answers the browser's preparation of a connection, with CORS", async () => {
    for (const method of ["HEAD", "GET"]) {
      const answer = await fetch(gateway.url, { method });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  it("answers preflights of every path", async () => {
    for (const path of [
      "/",
      "/rtc/validate",
      "/twirp/livekit.RoomService/ListRooms",
      "/whatever",
    ]) {
      const answer = await fetch(`${gateway.url}${path}`, { method: "OPTIONS" });
      expect(answer.status).toBe(204);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-allow-headers")).toBe("authorization, *");
      expect(answer.headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST, OPTIONS");
    }
  });

  it("serves nothing else, and says so with 501", async () => {
    for (const path of ["/agent", "/whip/x", "/metrics", "/settings/regions", "/rtcx"]) {
      expect([path, await statusOf(path)]).toEqual([path, 501]);
    }
    expect(await statusOf("/", { method: "POST" })).toBe(501);
  });

  it("answers 500 without a detail where something breaks", async () => {
    const answer = await fetch(`${gateway.url}/breaks?access_token=x`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("The request failed.\n");
    expect(gateway.lines.at(-1)).toContain('"message":"a request failed"');
    expect(gateway.lines.at(-1)).toContain('"path":"/breaks"');
  });

  it("G.4: takes a head of 64 KiB and refuses a longer one with 431", async () => {
    const url = await joinUrl("room");
    const bare = RawClient.upgrade(gateway.port, url);
    expect(await bare.status).toBe(101);
    bare.close();
    const statuses: number[] = [];
    for (const size of [64 * 1024 - 1000, 65 * 1024 + 1000]) {
      const lengthOfRest = url.length + 400;
      const client = RawClient.upgrade(gateway.port, url, [
        ["X-Attributes", "x".repeat(size - lengthOfRest)],
      ]);
      statuses.push(await client.status);
      client.close();
    }
    const most = "x".repeat(64 * 1024);
    const head = (filler: string): string =>
      `GET ${url} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: ${filler}\r\n\r\n`;
    const exactly = head(most.slice(0, 64 * 1024 - head("").length));
    expect(exactly.length).toBe(64 * 1024);
    const longest = new RawClient(gateway.port, exactly);
    statuses.push(await longest.status);
    longest.close();
    expect(statuses).toEqual([101, 431, 101]);
    expect(liveKit.seen.at(-1)?.header("x")?.length).toBeGreaterThan(60_000);
  });

  it("answers what is no HTTP with 400 and goes on", async () => {
    const client = new RawClient(gateway.port, "\u0016\u0003\u0001 hello\r\n\r\n");
    expect(await client.status).toBe(400);
    expect(await statusOf("/healthz")).toBe(200);
  });

  it("keeps idle connections longer than the balancer does, and ends heads that do not come", () => {
    const { keepAliveTimeout, headersTimeout, requestTimeout } = gateway.server.timeouts();
    expect(keepAliveTimeout).toBeGreaterThan(350_000);
    expect(headersTimeout).toBeLessThanOrEqual(10_000);
    expect(requestTimeout).toBeLessThanOrEqual(30_000);
  });
});

describe("G.8: going", () => {
  it("is not ready first, ends tunnels spread over the time without a closing frame, then stops", async () => {
    const clients: RawClient[] = [];
    for (let index = 0; index < 6; index++) {
      const client = RawClient.upgrade(gateway.port, await joinUrl(`room-${index}`));
      expect(await client.status).toBe(101);
      clients.push(client);
    }
    const begin = performance.now();
    const ended = clients.map((client) => client.closed.then(() => performance.now() - begin));
    const stopped = gateway.stop();
    expect(await statusOf("/readyz")).toBe(503);
    expect(await statusOf("/region-health")).toBe(503);
    expect(await statusOf("/healthz")).toBe(200);
    expect(gateway.tunnels.size()).toBe(6);
    const times = (await Promise.all(ended)).sort((left, right) => left - right);
    // 100 ms of not being ready, then one every 200 ms.
    expect(times[0]).toBeGreaterThan(250);
    expect(times[2]).toBeGreaterThan(600);
    expect(times[5]).toBeGreaterThan(1200);
    expect(times[5]).toBeLessThan(2500);
    for (const client of clients) {
      expect(client.body.length).toBe(0);
    }
    await stopped;
    expect(gateway.counted.filter((it) => it === "cut 1 shutdown")).toHaveLength(6);
    await expect(fetch(`${gateway.url}/healthz`)).rejects.toThrow();
  });

  it("finishes requests under way, and cuts what is left at the end", async () => {
    const held = connect(gateway.port, "127.0.0.1");
    held.on("error", () => undefined);
    held.write("GET /healthz HTTP/1.1\r\nHost: a\r\n");
    const closed = new Promise((resolve) => held.once("close", resolve));
    let go: (() => void) | undefined;
    liveKit.always((socket) => {
      go = () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    });
    const asked = fetch(`${gateway.url}${await joinUrl("room", { path: "/rtc/validate" })}`);
    await expect.poll(() => go).toBeDefined();
    const begin = performance.now();
    const stopped = gateway.stop();
    setTimeout(() => go?.(), 500);
    expect(await (await asked).text()).toBe("done");
    await stopped;
    await closed;
    expect(performance.now() - begin).toBeGreaterThan(1700);
    expect(performance.now() - begin).toBeLessThan(3500);
  });

  it("stops at once where nobody is connected", async () => {
    const begin = performance.now();
    await gateway.stop();
    expect(performance.now() - begin).toBeLessThan(1200);
  });
});
