import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTlsServer, type Server } from "node:tls";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeClaim } from "../../../services/rooms/peers/peer-dialer.ts";
import { answers, FakeLiveKit, hasNoRoom, isSilent } from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import { claimOf, joinUrl, SignallingGateway } from "../../support/rooms/signalling-gateway.ts";

let liveKit: FakeLiveKit;
let host: SignallingGateway;
let entry: SignallingGateway;
let others: SignallingGateway[] = [];

beforeEach(async () => {
  liveKit = await FakeLiveKit.start();
  host = await SignallingGateway.start({ region: "us", liveKitUrl: liveKit.url });
  entry = await gatewayOf("eu", { us: host.url });
  entry.locate = ({ room }) => Promise.resolve(claimOf(room, "us", 5));
});

afterEach(async () => {
  await Promise.all([entry, host, ...others].map((gateway) => gateway.stop()));
  others = [];
  await liveKit.stop();
});

/** A gateway of a region without a LiveKit. */
function gatewayOf(region: string, peers: Record<string, string>): Promise<SignallingGateway> {
  const liveKitUrl = "http://127.0.0.1:1";
  return SignallingGateway.start({ region, liveKitUrl, peers, clientMs: 3000 });
}

async function another(region: string, peers: Record<string, string>): Promise<SignallingGateway> {
  const gateway = await gatewayOf(region, peers);
  others.push(gateway);
  return gateway;
}

/** A server that answers every request with these bytes, as a balancer without targets does. */
async function balancer(bytes: string): Promise<FakeLiveKit> {
  const fake = await FakeLiveKit.start();
  fake.always((socket) => socket.end(bytes));
  return fake;
}

describe("a room that another region hosts", () => {
  it("G.2: a join and a resume reach the hosting region's LiveKit as they are, and no other", async () => {
    const resume = (await joinUrl("room", { path: "/rtc" })) + "&reconnect=1&sid=PA_abc";
    for (const url of [await joinUrl("room"), resume]) {
      const client = RawClient.upgrade(entry.port, url);
      expect(await client.status).toBe(101);
      expect(await client.header("Sec-WebSocket-Extensions")).toBe(
        "permessage-deflate; client_max_window_bits",
      );
      client.socket.write("over there");
      expect((await client.bytes(10)).toString()).toBe("over there");
      expect(liveKit.seen.at(-1)?.url).toBe(url);
      client.close();
    }
    expect(entry.admissions).toEqual([]);
    expect(host.wishes).toEqual([]);
    expect(host.admissions).toEqual([claimOf("room", "us", 5), claimOf("room", "us", 5)]);
  });

  it("is known as a connection to that region by both gateways, with the person's identity", async () => {
    const client = RawClient.upgrade(entry.port, await joinUrl("room", { identity: "bob" }));
    expect(await client.status).toBe(101);
    const group = { room: "room", region: "us", tenure: 5, identities: ["bob"] };
    expect(entry.tunnels.groups()).toEqual([group]);
    expect(host.tunnels.groups()).toEqual([group]);
    expect(host.tunnels.cutExcept("room", { region: "us", tenure: 6 })).toBe(1);
    await client.closed;
    await expect.poll(() => entry.tunnels.size()).toBe(0);
  });

  it("LiveKit there is told the client's own address, and nothing of what is between gateways", async () => {
    const client = RawClient.upgrade(entry.port, await joinUrl("room"), [
      ["X-Forwarded-For", "1.2.3.4, 203.0.113.7"],
    ]);
    expect(await client.status).toBe(101);
    expect(liveKit.seen[0]?.header("x-forwarded-for")).toBe("203.0.113.7");
    const names = liveKit.seen[0]?.headers.map(([name]) => name.toLowerCase()) ?? [];
    expect(names.filter((name) => name.startsWith("x-meet-"))).toEqual([]);
    client.close();
  });

  it("G.4: LiveKit's refusal there is passed on whole, without what is between gateways", async () => {
    liveKit.always(answers(403, "no permission", { "X-Reason": "grants" }));
    const client = RawClient.upgrade(entry.port, await joinUrl("room"));
    expect(await client.status).toBe(403);
    expect(await client.header("X-Reason")).toBe("grants");
    expect(await client.head()).not.toMatch(/x-meet/i);
    expect(await client.whole()).toBe("no permission");
  });

  it("a client's question about its failed upgrade goes there too", async () => {
    liveKit.always(answers(200, "success"));
    const url = await joinUrl("room", { path: "/rtc/v1/validate" });
    const answer = await fetch(`${entry.url}${url}`);
    expect([answer.status, await answer.text()]).toEqual([200, "success"]);
  });

  it("a room that closed in between is made again there", async () => {
    liveKit.once(hasNoRoom);
    const client = RawClient.upgrade(entry.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    expect(host.admissions).toHaveLength(2);
    client.close();
  });
});

describe("a host that refuses", () => {
  it.each([
    ["moved", { admitted: false, reason: "moved", claim: claimOf("room", "us", 9) }],
    ["livekit-down", { admitted: false, reason: "livekit-down" }],
    ["store-away", { admitted: false, reason: "store-away" }],
  ] as const)("by %s makes the entry look again", async (why, admission) => {
    host.admit = () =>
      Promise.resolve(host.admissions.length === 1 ? admission : { admitted: true, sid: "RM_1" });
    const client = RawClient.upgrade(entry.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    const found = why === "moved" ? { found: claimOf("room", "us", 9) } : {};
    expect(entry.refusals).toEqual([{ claim: claimOf("room", "us", 5), why, ...found }]);
    client.close();
  });

  it("for as long as the client can wait ends in 503, and the client sees none of it", async () => {
    host.admit = () => Promise.resolve({ admitted: false, reason: "store-away" });
    const client = RawClient.upgrade(entry.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    expect(await client.head()).not.toMatch(/x-meet/i);
    expect(await client.header("access-control-allow-origin")).toBe("*");
    expect(entry.refusals.length).toBeGreaterThan(5);
  });
});

describe("a host that is not reached", () => {
  it.each([
    ["refuses connections", "closed"],
    ["has a balancer that answers 503 for it", "HTTP/1.1 503 Service Unavailable\r\n\r\n"],
    ["has a balancer that answers 404 for it", "HTTP/1.1 404 Not Found\r\n\r\nno such room"],
    ["speaks no HTTP", "220 mail.example.org ESMTP\r\n\r\n"],
    ["ends the connection", ""],
  ])("because it %s is unreachable: the entry looks again", async (_name, bytes) => {
    const there = await balancer(bytes);
    if (bytes === "closed") {
      await there.stop();
    }
    const alone = await another("eu", { us: there.url, ap: host.url });
    alone.locate = ({ room }) =>
      Promise.resolve(claimOf(room, alone.refusals.length === 0 ? "us" : "eu"));
    alone.admit = () => Promise.resolve({ admitted: false, reason: "store-away" });
    const client = RawClient.upgrade(alone.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    expect(alone.refusals[0]).toEqual({ claim: claimOf("room", "us"), why: "unreachable" });
    expect(alone.counted).toContain("error peer us");
    await there.stop();
  });

  it("because it is silent is given up while there is still time for another", async () => {
    const there = await FakeLiveKit.start();
    there.always(isSilent);
    const silent = await SignallingGateway.start({
      region: "eu",
      liveKitUrl: liveKit.url,
      peers: { us: there.url },
    });
    others.push(silent);
    silent.locate = ({ room }) =>
      Promise.resolve(claimOf(room, silent.refusals.length === 0 ? "us" : "eu"));
    const client = RawClient.upgrade(silent.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    client.close();
    await there.stop();
  });

  it("is reached by way of a third region, once, and what it says comes back that way", async () => {
    const relay = await another("ap", { us: host.url });
    const cutOff = await another("eu", { us: "http://127.0.0.1:1", ap: relay.url });
    cutOff.locate = ({ room }) => Promise.resolve(claimOf(room, "us", 5));
    cutOff.relayFor = () => "ap";
    const client = RawClient.upgrade(cutOff.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    client.socket.write("around");
    expect((await client.bytes(6)).toString()).toBe("around");
    for (const gateway of [cutOff, relay, host]) {
      expect(gateway.tunnels.groups().map((it) => it.region)).toEqual(["us"]);
    }
    expect(relay.admissions).toEqual([]);
    client.close();

    liveKit.always(answers(403, "no permission"));
    const refused = RawClient.upgrade(cutOff.port, await joinUrl("room"));
    expect(await refused.status).toBe(403);
    expect(await refused.whole()).toBe("no permission");
    host.admit = () =>
      Promise.resolve({ admitted: false, reason: "moved", claim: claimOf("room", "us", 8) });
    const moved = RawClient.upgrade(cutOff.port, await joinUrl("room"));
    expect(await moved.status).toBe(503);
    expect(cutOff.refusals[0]).toEqual({
      claim: claimOf("room", "us", 5),
      why: "moved",
      found: claimOf("room", "us", 8),
    });
  });

  it("is not looked for over two regions: a relay that does not reach it says so", async () => {
    const second = await another("sa", { us: host.url });
    const relay = await another("ap", { us: "http://127.0.0.1:1", sa: second.url });
    relay.relayFor = () => "sa";
    const cutOff = await another("eu", { us: "http://127.0.0.1:1", ap: relay.url });
    cutOff.locate = ({ room }) => Promise.resolve(claimOf(room, "us", 5));
    cutOff.relayFor = () => "ap";
    const client = RawClient.upgrade(cutOff.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    expect(cutOff.refusals[0]?.why).toBe("unreachable");
    expect(liveKit.seen).toEqual([]);
    expect(second.tunnels.size()).toBe(0);
  });
});

describe("a request that says it is from a gateway", () => {
  it("is refused with 401 where its signature is none, and nothing is done for it", async () => {
    const client = RawClient.upgrade(host.port, await joinUrl("room"), [
      ["x-meet-peer", "eyJhbGciOiJIUzI1NiJ9.e30.x"],
      ["x-meet-claim", encodeClaim(claimOf("room", "us", 5))],
    ]);
    expect(await client.status).toBe(401);
    expect(await client.header("x-meet-refusal")).toBe("unauthorized");
    expect(host.admissions).toEqual([]);
  });

  it("is refused where LiveKit's token is not in order here, or the claim is for another room", async () => {
    const seen: string[] = [];
    const spy = await FakeLiveKit.start();
    spy.always((socket, request) => {
      seen.push(request.header("x-meet-peer") ?? "");
      socket.destroy();
    });
    const other = await another("eu", { us: spy.url });
    other.locate = () => Promise.resolve(claimOf("another room", "us", 5));
    const url = await joinUrl("room");
    const client = RawClient.upgrade(other.port, url);
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    client.close();
    const brought = RawClient.upgrade(host.port, url, [
      ["x-meet-peer", seen[0] ?? ""],
      ["x-meet-claim", encodeClaim(claimOf("another room", "us", 5))],
    ]);
    expect(await brought.status).toBe(401);
    expect(await brought.header("x-meet-refusal")).toBe("unauthorized");
    expect(host.lines.join()).toContain("the claim is not for the token's room");
    // The same signature is good for nothing else, and for nothing twice.
    const again = RawClient.upgrade(host.port, url, [
      ["x-meet-peer", seen[0] ?? ""],
      ["x-meet-claim", encodeClaim(claimOf("room", "us", 5))],
    ]);
    expect(await again.status).toBe(401);
    await spy.stop();
  });

  it("is limited like any other where it is a lie", async () => {
    const limited = await SignallingGateway.start({
      region: "us",
      liveKitUrl: liveKit.url,
      joinsPerAddress: 1,
    });
    others.push(limited);
    const statuses: number[] = [];
    for (let index = 0; index < 2; index++) {
      const client = RawClient.upgrade(limited.port, "/rtc", [["x-meet-peer", "x"]]);
      statuses.push(await client.status);
    }
    expect(statuses).toEqual([401, 429]);
  });

  it("is not limited where it is true: a gateway brings the joins of many", async () => {
    const limited = await SignallingGateway.start({
      region: "us",
      liveKitUrl: liveKit.url,
      joinsPerAddress: 1,
      joinsPerToken: 1,
    });
    others.push(limited);
    const from = await another("eu", { us: limited.url });
    from.locate = ({ room }) => Promise.resolve(claimOf(room, "us", 5));
    for (let index = 0; index < 3; index++) {
      const client = RawClient.upgrade(from.port, await joinUrl("room"));
      expect(await client.status).toBe(101);
      client.close();
    }
  });
});

describe("the connection between gateways", () => {
  let folder: string;
  let server: Server;
  let ca: string;
  let port: number;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "rooms-tls-"));
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        ...["-nodes", "-keyout", keyFile, "-out", certFile, "-days", "2"],
        ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
      ],
      { stdio: "ignore" },
    );
    ca = readFileSync(certFile, "utf8");
    const tls = { key: readFileSync(keyFile), cert: ca, ALPNProtocols: ["http/1.1"] };
    // The balancer: it ends TLS in front of the host's gateway.
    server = createTlsServer(tls, (secure) => {
      const plain = connect(host.port, "127.0.0.1");
      secure.on("error", () => plain.destroy()).on("close", () => plain.destroy());
      plain.on("error", () => secure.destroy()).on("close", () => secure.destroy());
      secure.pipe(plain).pipe(secure);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, resolve);
    });
    port = (server.address() as AddressInfo).port;
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function secured(name: string, trusted?: string): Promise<SignallingGateway> {
    const gateway = await SignallingGateway.start({
      region: "eu",
      liveKitUrl: "http://127.0.0.1:1",
      peers: { us: `https://${name}:${port}` },
      clientMs: 1500,
      ...(trusted === undefined ? {} : { ca: trusted }),
    });
    others.push(gateway);
    gateway.locate = ({ room }) => Promise.resolve(claimOf(room, "us", 5));
    return gateway;
  }

  it("is one of TLS, to a name that the certificate proves", async () => {
    const gateway = await secured("localhost", ca);
    for (let index = 0; index < 3; index++) {
      const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
      expect(await client.status).toBe(101);
      client.socket.write("secret");
      expect((await client.bytes(6)).toString()).toBe("secret");
      client.close();
    }
  });

  it.each([
    ["another name than the certificate's", "127.0.0.1", true],
    ["an authority that nobody trusts", "localhost", false],
  ])("is none to %s", async (_name, name, isTrusted) => {
    const gateway = await secured(name, isTrusted ? ca : undefined);
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    expect(gateway.refusals[0]?.why).toBe("unreachable");
    expect(host.admissions).toEqual([]);
  });
});
