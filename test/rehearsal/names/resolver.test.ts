import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ClientCache } from "../../../rehearsal/names/client-cache.ts";
import type { EndpointCheck } from "../../../rehearsal/names/health.ts";
import { probe } from "../../../rehearsal/names/probe.ts";
import { readZone } from "../../../rehearsal/names/records.ts";
import { Resolver } from "../../../rehearsal/names/resolver.ts";
import { check, cname, latency, PARIS, VIRGINIA } from "./zone.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const end of ends.splice(0)) {
    end();
  }
});

function endpoint(inputs: Parameters<typeof check>[1] = {}): EndpointCheck {
  const found = readZone([check("x", { type: "HTTP", ...inputs })]).checks.get("x");
  if (found?.kind !== "endpoint") {
    throw new Error("not an endpoint");
  }
  return found;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve();
    });
  });
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const web = (status: number, body = "OK"): Promise<number> =>
  listen(createHttpServer((_, response) => response.writeHead(status).end(body)));

const at = (port: number) => ({ host: "127.0.0.1", port, isTls: false });

describe("one question of a health checker", () => {
  it.each([
    [200, true],
    [204, true],
    [302, true],
    [404, false],
    [503, false],
  ])("answered with %d passes: %j", async (status, passes) => {
    expect(await probe(endpoint(), at(await web(status)))).toBe(passes);
  });

  it("fails where the address refuses", async () => {
    expect(await probe(endpoint(), at(1))).toBe(false);
  });

  it("fails when no status comes in time, and when the connection is cut", async () => {
    const limits = { connectMs: 100, tcpOnlyMs: 100, statusMs: 100, bodyMs: 100 };
    const silent = await listen(createServer(() => undefined));
    const from = Date.now();
    expect(await probe(endpoint(), at(silent), limits)).toBe(false);
    expect(Date.now() - from).toBeGreaterThanOrEqual(95);
    const cuts = await listen(createServer((socket) => socket.destroy()));
    expect(await probe(endpoint(), at(cuts), limits)).toBe(false);
  });

  it("of type TCP passes where somebody takes the connection", async () => {
    const silent = await listen(createServer(() => undefined));
    expect(await probe(endpoint({ type: "TCP" }), at(silent))).toBe(true);
  });

  it("looks for the text in the first 5120 bytes", async () => {
    const looks = endpoint({ type: "HTTP_STR_MATCH", searchString: "Here" });
    expect(await probe(looks, at(await web(200, `${" ".repeat(5000)}Here`)))).toBe(true);
    const limits = { connectMs: 1000, tcpOnlyMs: 1000, statusMs: 1000, bodyMs: 200 };
    expect(await probe(looks, at(await web(200, `${" ".repeat(5120)}Here`)), limits)).toBe(false);
  });
});

describe("a client's cache", () => {
  it("keeps an answer for its TTL and not longer", () => {
    let [now, asked] = [0, 0];
    const ask = () => ({ values: [String(asked++)], ttlSeconds: 5, setIdentifiers: [] });
    const cache = new ClientCache(ask, () => now);
    const look = (at: number): string | undefined => {
      now = at;
      return cache.lookUp("a")?.values[0];
    };
    expect([look(0), look(4999), look(5000), look(9999), look(10_000)]).toEqual([
      "0",
      "0",
      "1",
      "1",
      "2",
    ]);
  });

  it("is one of each client's own", () => {
    let asked = 0;
    const ask = () => ({ values: [String(asked++)], ttlSeconds: 5, setIdentifiers: [] });
    const [one, other] = [new ClientCache(ask, () => 0), new ClientCache(ask, () => 0)];
    expect([one.lookUp("a"), other.lookUp("a")].map((found) => found?.values[0])).toEqual([
      "0",
      "1",
    ]);
  });
});

describe("the resolver", () => {
  const inventory = [
    latency("eu", "eu-west-3", "h-eu"),
    latency("us", "us-east-1", "h-us"),
    check("h-eu"),
    check("h-us"),
  ];

  it("finds a lost region within the interval, and the client within the TTL after that", async () => {
    vi.useFakeTimers();
    const lost = new Set<string>();
    const resolver = Resolver.start(inventory, {
      locate: () => at(1),
      ask: ({ host }) => Promise.resolve(!lost.has(host)),
    });
    ends.push(() => {
      resolver.stop();
    });
    const client = resolver.clientAt(PARIS);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(resolver.isSettled).toBe(true);
    expect(client.lookUp("livekit.example.org")?.setIdentifiers).toEqual(["eu"]);
    lost.add("h-eu.example.org");
    await vi.advanceTimersByTimeAsync(4000);
    expect(client.lookUp("livekit.example.org")?.setIdentifiers).toEqual(["eu"]);
    await vi.advanceTimersByTimeAsync(6000);
    expect(resolver.answer("livekit.example.org", PARIS)?.setIdentifiers).toEqual(["us"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(client.lookUp("livekit.example.org")?.setIdentifiers).toEqual(["us"]);
    expect(resolver.changes).toMatchObject([{ host: "h-eu.example.org", isHealthy: false }]);

    lost.clear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(resolver.answer("livekit.example.org", PARIS)?.setIdentifiers).toEqual(["eu"]);
    expect(resolver.changes).toHaveLength(2);
    expect(resolver.budgetOf("livekit.example.org", VIRGINIA)).toEqual({
      intervalSeconds: 10,
      ttlSeconds: 5,
    });
  });

  it("asks each endpoint from eight places at the deployed interval, not all at once", async () => {
    vi.useFakeTimers();
    const asked: number[] = [];
    const from = Date.now();
    const resolver = Resolver.start([check("h-eu", { requestInterval: 30 })], {
      locate: () => at(1),
      ask: () => {
        asked.push(Date.now() - from);
        return Promise.resolve(true);
      },
    });
    ends.push(() => {
      resolver.stop();
    });
    await vi.advanceTimersByTimeAsync(29_999);
    expect(asked).toEqual([0, 3750, 7500, 11_250, 15_000, 18_750, 22_500, 26_250]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toHaveLength(16);
  });

  it("asks from the places of the check, if it names any, and not at all if it is disabled", async () => {
    vi.useFakeTimers();
    let asked = 0;
    const regions = ["us-east-1", "eu-west-1", "sa-east-1"];
    const resolver = Resolver.start([check("a", { regions }), check("b", { disabled: true })], {
      locate: () => at(1),
      ask: () => Promise.resolve(++asked > 0),
    });
    ends.push(() => {
      resolver.stop();
    });
    await vi.advanceTimersByTimeAsync(9999);
    expect(asked).toBe(3);
  });

  it("takes up a region that is deployed, and forgets one that is removed", async () => {
    vi.useFakeTimers();
    const resolver = Resolver.start(inventory.slice(0, 1).concat(inventory.slice(2, 3)), {
      locate: () => undefined,
    });
    ends.push(() => {
      resolver.stop();
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(resolver.answer("livekit.example.org", VIRGINIA)?.setIdentifiers).toEqual(["eu"]);
    resolver.refresh(inventory);
    expect(resolver.isSettled).toBe(false);
    expect(resolver.answer("livekit.example.org", VIRGINIA)?.setIdentifiers).toEqual(["us"]);
    resolver.refresh([cname("livekit.example.org", "only.example.net")]);
    expect(resolver.isSettled).toBe(true);
    expect(resolver.answer("livekit.example.org", PARIS)?.values).toEqual(["only.example.net"]);
  });

  it("stops asking", async () => {
    const asked = vi.fn(() => Promise.resolve(true));
    const resolver = Resolver.start(inventory, { locate: () => at(1), ask: asked });
    await sleep(20);
    resolver.stop();
    const before = asked.mock.calls.length;
    await sleep(100);
    expect(asked.mock.calls.length).toBe(before);
  });
});
