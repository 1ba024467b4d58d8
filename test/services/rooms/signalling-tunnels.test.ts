import { connect, createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Tunnel } from "../../../services/rooms/signalling/tunnel.ts";
import { FakeLiveKit, opens } from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import { claimOf, joinUrl, SignallingGateway } from "../../support/rooms/signalling-gateway.ts";

let liveKit: FakeLiveKit;
let gateway: SignallingGateway;

beforeEach(async () => {
  liveKit = await FakeLiveKit.start();
  gateway = await SignallingGateway.start({ region: "eu", liveKitUrl: liveKit.url });
});

afterEach(async () => {
  await gateway.stop();
  await liveKit.stop();
});

async function open(room: string, identity = "ada"): Promise<RawClient> {
  const client = RawClient.upgrade(gateway.port, await joinUrl(room, { identity }));
  expect(await client.status).toBe(101);
  return client;
}

const cleanClose = Buffer.from([0x88, 0x02, 0x03, 0xe8]);

describe("the end of a tunnel", () => {
  it("is passed on from the client: LiveKit's connection ends, and the tunnel is forgotten", async () => {
    const client = await open("room");
    client.socket.end();
    await client.closed;
    await expect.poll(() => liveKit.sockets.size).toBe(0);
    expect(gateway.tunnels.size()).toBe(0);
    expect(gateway.counted).toEqual(["joined eu", "opened eu", "closed eu"]);
  });

  it("is passed on from a client that is torn away", async () => {
    const client = await open("room");
    client.socket.resetAndDestroy();
    await expect.poll(() => liveKit.sockets.size).toBe(0);
    await expect.poll(() => gateway.tunnels.size()).toBe(0);
  });

  it("loses nothing that LiveKit said before it ended, however slowly the client reads", async () => {
    const last = Buffer.alloc(3_000_000, "x");
    liveKit.always(opens((socket) => socket.end(last)));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 300);
    await client.closed;
    expect(client.body.equals(last)).toBe(true);
    expect(gateway.tunnels.size()).toBe(0);
  });

  it("by a LiveKit that dies is seen by the client without a closing frame", async () => {
    const client = await open("room");
    for (const socket of liveKit.sockets) {
      socket.resetAndDestroy();
    }
    await client.closed;
    expect(client.body.length).toBe(0);
    await expect.poll(() => gateway.tunnels.size()).toBe(0);
  });

  it("is cut for a client that never ends its side", async () => {
    liveKit.always(opens((socket) => setTimeout(() => socket.end("bye"), 50)));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    client.socket.allowHalfOpen = true;
    await client.bytes(3);
    expect(gateway.tunnels.size()).toBe(0);
    const begin = performance.now();
    const chatter = setInterval(() => client.socket.write("still here"), 100);
    await client.closed;
    clearInterval(chatter);
    expect(performance.now() - begin).toBeLessThan(3000);
  });
});

it("a tunnel without a byte for a minute is cut at both ends, by a client that was torn away silently", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const [client, upstream] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  const connected = { room: "room", identity: "ada", region: "eu", tenure: 1 };
  let ended = 0;
  const tunnel = new Tunnel(connected, client, upstream, () => {
    ended++;
  });
  tunnel.start(Buffer.alloc(0), Buffer.alloc(0));
  // LiveKit pings every 10 s, clients every 5 s.
  expect(client.timeout).toBe(60_000);
  client.emit("timeout");
  expect([client.destroyed, upstream.destroyed, ended]).toEqual([true, true, 1]);
  server.close();
});

describe("cutting", () => {
  it("ends the connections of a room that are under another claim, and no others", async () => {
    const before = await open("room");
    gateway.locate = ({ room }) => Promise.resolve(claimOf(room, "eu", 2));
    const after = await open("room", "bob");
    const other = await open("other", "eve");
    expect(gateway.tunnels.groups()).toEqual([
      { room: "room", region: "eu", tenure: 1, identities: ["ada"] },
      { room: "room", region: "eu", tenure: 2, identities: ["bob"] },
      { room: "other", region: "eu", tenure: 2, identities: ["eve"] },
    ]);
    expect(gateway.tunnels.cutExcept("room", { region: "eu", tenure: 2 })).toBe(1);
    await before.closed;
    expect(before.body.includes(cleanClose)).toBe(false);
    expect(gateway.tunnels.size()).toBe(2);
    expect(gateway.counted).toContain("cut 1 moved");
    expect(gateway.tunnels.cutExcept("unknown", { region: "eu", tenure: 2 })).toBe(0);
    after.close();
    other.close();
  });

  it("ends the connections towards a region that is lost", async () => {
    const [one, two] = [await open("one"), await open("two")];
    expect(gateway.tunnels.cutRegion("us")).toBe(0);
    expect(gateway.tunnels.cutRegion("eu")).toBe(2);
    await Promise.all([one.closed, two.closed]);
    expect(gateway.tunnels.rooms()).toEqual([]);
    expect(gateway.counted).toContain("cut 2 region-lost");
  });

  it("takes a tunnel whose claim changed while it was opened", async () => {
    const asked: number[] = [];
    gateway.stillHolds = () => {
      asked.push(gateway.tunnels.size());
      return Promise.resolve(false);
    };
    const client = await open("room");
    await client.closed;
    expect(asked).toEqual([1]);
    expect(gateway.tunnels.size()).toBe(0);
  });

  it("takes a tunnel of which nobody knows whether its claim holds, and nothing is written into it", async () => {
    gateway.stillHolds = () => Promise.reject(new Error("broken"));
    const client = await open("room");
    await client.closed;
    expect(client.body.length).toBe(0);
    expect(gateway.lines.join()).toContain('"reason":"broken"');
  });

  it("is possible while nothing was passed on yet: a room moved between LiveKit's word and the client's", async () => {
    gateway.stillHolds = (claim) => {
      gateway.tunnels.cutExcept(claim.room, { region: "us", tenure: 9 });
      return Promise.resolve(true);
    };
    const client = await open("room");
    await client.closed;
    expect(gateway.tunnels.size()).toBe(0);
  });
});

describe("G.8: ending all of them", () => {
  it("is spread evenly over the time, without a closing frame", async () => {
    const clients: RawClient[] = [];
    for (let index = 0; index < 20; index++) {
      clients.push(await open(`room-${index % 5}`, `user-${index}`));
    }
    const begin = performance.now();
    const ended = clients.map((client) => client.closed.then(() => performance.now() - begin));
    await gateway.tunnels.endAll(1000);
    const times = (await Promise.all(ended)).sort((left, right) => left - right);
    for (const [index, time] of times.entries()) {
      const due = (index + 1) * 50;
      expect(time).toBeGreaterThan(due - 60);
      expect(time).toBeLessThan(due + 500);
    }
    for (const client of clients) {
      expect(client.body.length).toBe(0);
    }
    expect(gateway.tunnels.size()).toBe(0);
  });
});

describe("back-pressure", () => {
  it("a slow reader holds the sender up, and the gateway's memory does not grow", async () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    let sent = 0;
    liveKit.always(
      opens((socket) => {
        const pour = (): void => {
          while (sent < 200 * 1024 * 1024 && socket.write(chunk)) {
            sent += chunk.length;
          }
        };
        socket.on("drain", pour);
        pour();
      }),
    );
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    client.socket.pause();
    let stalledAt = -1;
    await expect
      .poll(
        () => {
          const isStalled = sent === stalledAt;
          stalledAt = sent;
          return isStalled;
        },
        { interval: 300, timeout: 20_000 },
      )
      .toBe(true);
    // What the systems' socket buffers hold, of both connections, is all that is under way.
    expect(sent).toBeLessThan(40 * 1024 * 1024);
    const buffered = gateway.tunnels.buffered();
    expect(buffered).toBeGreaterThan(0);
    expect(buffered).toBeLessThanOrEqual(4 * 64 * 1024);
    const before = client.body.length;
    client.socket.resume();
    await client.bytes(before + 1024 * 1024);
    client.close();
  });

  it("a LiveKit that reads slowly holds the client up", async () => {
    liveKit.always(
      opens((socket) => {
        setImmediate(() => socket.pause());
      }),
    );
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    await new Promise((resolve) => setTimeout(resolve, 100));
    let isHeldUp = false;
    for (let index = 0; index < 2000 && !isHeldUp; index++) {
      client.socket.write(Buffer.alloc(64 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
      isHeldUp = client.socket.writableLength > 4 * 1024 * 1024;
    }
    expect(isHeldUp).toBe(true);
    expect(gateway.tunnels.buffered()).toBeLessThanOrEqual(4 * 64 * 1024);
    client.close();
  });
});
