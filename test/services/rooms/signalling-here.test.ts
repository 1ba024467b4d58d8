import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  answers,
  echoes,
  FakeLiveKit,
  hangsUp,
  hasNoRoom,
  opens,
  sends,
} from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import {
  claimOf,
  joinUrl,
  OLD_API_KEY,
  SignallingGateway,
} from "../../support/rooms/signalling-gateway.ts";
import { Unplaceable } from "../../../services/rooms/placement/proposer.ts";

let liveKit: FakeLiveKit;
let gateway: SignallingGateway;

function accessToken(url: string): string {
  return new URLSearchParams(url.split("?")[1]).get("access_token") ?? "";
}

beforeEach(async () => {
  liveKit = await FakeLiveKit.start();
  gateway = await SignallingGateway.start({
    region: "eu",
    liveKitUrl: liveKit.url,
    clientMs: 3000,
  });
});

afterEach(async () => {
  await gateway.stop();
  await liveKit.stop();
});

describe("an upgrade of a room that this region hosts", () => {
  it("is admitted first, reaches LiveKit with its own URL, and is tunnelled both ways", async () => {
    const url = await joinUrl("room");
    const client = RawClient.upgrade(gateway.port, url);
    expect(await client.status).toBe(101);
    client.socket.write("hello");
    expect((await client.bytes(5)).toString()).toBe("hello");
    expect(gateway.admissions).toEqual([claimOf("room", "eu")]);
    expect(liveKit.seen.map((it) => [it.method, it.url])).toEqual([["GET", url]]);
    expect(gateway.tunnels.groups()).toEqual([
      { room: "room", region: "eu", tenure: 1, identities: ["ada"] },
    ]);
    client.close();
  });

  it("G.4: leaves frames, close codes and permessage-deflate as they are", async () => {
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.header("Sec-WebSocket-Extensions")).toBe(
      "permessage-deflate; client_max_window_bits",
    );
    expect(await client.header("Sec-WebSocket-Accept")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const deflated = Buffer.from([0xc1, 0x87, 1, 2, 3, 4, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0]);
    const closing = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf3]);
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const bytes = Buffer.concat([deflated, every, closing]);
    client.socket.write(bytes);
    expect(await client.bytes(bytes.length)).toEqual(bytes);
    client.close();
  });

  it("passes on what the client sent right behind its request", async () => {
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"), [], "early");
    expect((await client.bytes(5)).toString()).toBe("early");
    client.close();
  });

  it("passes on what LiveKit says in one piece with the head of its answer", async () => {
    liveKit.always(sends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst"));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect((await client.bytes(5)).toString()).toBe("first");
    client.close();
  });

  it("tells LiveKit the address that the balancer saw, and nothing that the client says of itself", async () => {
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"), [
      ["X-Forwarded-For", "10.0.0.1, 203.0.113.7"],
      ["X-Forwarded-Proto", "https"],
      ["X-Real-IP", "10.0.0.1"],
      ["CF-Connecting-IP", "10.0.0.1"],
      ["Forwarded", "for=10.0.0.1"],
      ["Cookie", "meet_sessionid=secret"],
      ["X-Meet-Hops", "1"],
      ["X-Meet-Claim", "e30"],
      ["X-Custom", "kept"],
    ]);
    expect(await client.status).toBe(101);
    const names = liveKit.seen[0]?.headers.map(([name]) => name.toLowerCase()).sort();
    expect(names).toEqual([
      "connection",
      "host",
      "origin",
      "sec-websocket-extensions",
      "sec-websocket-key",
      "sec-websocket-version",
      "upgrade",
      "user-agent",
      "x-custom",
      "x-forwarded-for",
    ]);
    expect(liveKit.seen[0]?.header("x-forwarded-for")).toBe("203.0.113.7");
    client.close();
  });

  it("drops headers that its Connection header names", async () => {
    const client = RawClient.get(gateway.port, await joinUrl("room"), [
      ["Connection", "Upgrade, X-Hop"],
      ["Upgrade", "websocket"],
      ["X-Hop", "1"],
    ]);
    expect(await client.status).toBe(101);
    expect(liveKit.seen[0]?.header("x-hop")).toBeUndefined();
    client.close();
  });

  it("G.9: is let in with a token that the previous key signed", async () => {
    const client = RawClient.upgrade(gateway.port, await joinUrl("room", { key: OLD_API_KEY }));
    expect(await client.status).toBe(101);
    client.close();
  });

  it.each(["the query", "the header"])(
    "is signed with the current key first, then with the one before where LiveKit has that: in %s",
    async (where) => {
      const url = await joinUrl("room", { key: OLD_API_KEY });
      const token = accessToken(url);
      const isInQuery = where === "the query";
      const asked = isInQuery ? url : "/rtc?sdk=js&auto_subscribe=1";
      const headers = isInQuery ? [] : ([["Authorization", `Bearer ${token}`]] as const);
      liveKit.once(answers(401, "invalid API key: meet"));
      const client = RawClient.upgrade(gateway.port, asked, headers);
      expect(await client.status).toBe(101);
      const seen = liveKit.seen.map((it) => it.header("authorization") ?? accessToken(it.url));
      const issuers = seen.map((text) => decodeJwt(text.replace("Bearer ", "")).iss);
      expect(issuers).toEqual(["meet", "old"]);
      expect(seen[1]?.replace("Bearer ", "")).toBe(token);
      const others = liveKit.seen.map((it) => it.url.replace(accessToken(it.url), ""));
      expect(others).toEqual([asked, asked].map((it) => it.replace(accessToken(it), "")));
      client.close();
    },
  );

  it("is refused as LiveKit refuses it where that knows neither key", async () => {
    liveKit.always(answers(401, "invalid API key"));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(401);
    expect(liveKit.seen).toHaveLength(2);
  });

  it("takes the token from the Authorization header too, before the query, as LiveKit does", async () => {
    const token = (await joinUrl("room")).replace(/^.*access_token=([^&]*).*$/, "$1");
    const client = RawClient.upgrade(gateway.port, "/rtc?access_token=nonsense", [
      ["Authorization", `Bearer ${token}`],
    ]);
    expect(await client.status).toBe(101);
    const other = RawClient.upgrade(gateway.port, `/rtc?access_token=${token}`, [
      ["Authorization", "Basic abc"],
    ]);
    expect(await other.status).toBe(401);
    client.close();
    other.close();
  });

  it("says the country to placement where one is known", async () => {
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"), [["X-Country", "DE"]]);
    expect(await client.status).toBe(101);
    expect(gateway.wishes).toEqual([{ room: "room", country: "DE" }]);
    client.close();
  });
});

describe("a token that is not in order", () => {
  it("G.3: is answered with 401 and CORS: none at all, as Firefox's warm-up, and one that does not verify", async () => {
    // Not the last letter, whose last two bits mean nothing.
    const forged = (await joinUrl("room")).replace(
      /(.)(.{9}&join_request)/,
      (_, letter: string, rest: string) => `${letter === "A" ? "B" : "A"}${rest}`,
    );
    for (const url of ["/rtc", "/rtc/v1", "/rtc?access_token=a.b.c", forged]) {
      const client = RawClient.upgrade(gateway.port, url);
      expect(await client.status).toBe(401);
      expect(await client.header("access-control-allow-origin")).toBe("*");
      await client.closed;
    }
    expect(gateway.wishes).toEqual([]);
    expect(liveKit.seen).toEqual([]);
  });

  it("is answered with 400 where a name is longer than LiveKit takes, before anything is asked", async () => {
    const urls = [
      await joinUrl("é".repeat(129)),
      await joinUrl("room", { identity: "x".repeat(257) }),
    ];
    const bodies = [
      "The room's name has more than 256 bytes. Use a shorter one.\n",
      "The identity has more than 256 bytes. Use a shorter one.\n",
    ];
    for (const [index, url] of urls.entries()) {
      const client = RawClient.upgrade(gateway.port, url);
      expect(await client.status).toBe(400);
      expect(await client.whole()).toBe(bodies[index]);
    }
    const longest = RawClient.upgrade(gateway.port, await joinUrl("é".repeat(128)));
    expect(await longest.status).toBe(101);
    longest.close();
    expect(gateway.wishes).toHaveLength(1);
  });
});

describe("LiveKit's refusals", () => {
  it("G.4: are passed on with their status, headers and body", async () => {
    liveKit.always(answers(403, "no permission", { "X-Reason": "grants", "Keep-Alive": "5" }));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(403);
    expect(await client.header("X-Reason")).toBe("grants");
    expect(await client.header("Keep-Alive")).toBeUndefined();
    expect(await client.whole()).toBe("no permission");
    expect(gateway.counted).toContain("refused eu");
  });

  it("are passed on where they come in chunks, or end with the connection", async () => {
    liveKit.once(
      sends(
        "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
      ),
      (socket) => socket.end("HTTP/1.1 400 Bad\r\n\r\nto the end"),
    );
    const chunked = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await chunked.header("content-length")).toBe("5");
    expect(await chunked.whole()).toBe("abcde");
    const ended = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await ended.whole()).toBe("to the end");
  });

  it("are streamed where they are long", async () => {
    const long = "x".repeat(300_000);
    liveKit.always(answers(400, long));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.whole()).toBe(long);
    const asked = await fetch(`${gateway.url}${await joinUrl("room", { path: "/rtc/validate" })}`);
    expect(await asked.text()).toBe(long);
  });

  it("G.3: a 404 of LiveKit's for another reason is passed on, an old server's for /rtc/v1", async () => {
    liveKit.always(answers(404, "404 page not found"));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(404);
    expect(await client.whole()).toBe("404 page not found");
  });

  it("the final 404 of a room that closed in between is caught: the room is made again", async () => {
    liveKit.once(hasNoRoom, hasNoRoom, hasNoRoom);
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    expect(gateway.admissions).toHaveLength(4);
    client.close();
  });

  it("that 404 is never passed on, even if it does not end", async () => {
    liveKit.always(hasNoRoom);
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    await client.closed;
  });

  it("a fault of LiveKit's own is tried again, and passed on in the end", async () => {
    liveKit.once(answers(503, "later"), answers(500, "no response from servers"));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    client.close();
    liveKit.always(answers(503, "full"));
    const last = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await last.status).toBe(503);
    expect(await last.whole()).toBe("full");
  });
});

describe("a LiveKit that is not there", () => {
  it("G.3: is tried again before anything is answered", async () => {
    liveKit.once(hangsUp, hangsUp);
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    expect(gateway.counted.filter((it) => it === "error livekit eu")).toHaveLength(2);
    client.close();
  });

  it("is waited for while its restart takes a moment", async () => {
    await liveKit.goAway();
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    setTimeout(() => void liveKit.comeBack(), 300);
    expect(await client.status).toBe(101);
    client.close();
  });

  it("makes the room be placed again as soon as its probe says that it is down", async () => {
    await liveKit.goAway();
    gateway.isLiveKitUp = false;
    const other = await FakeLiveKit.start();
    const second = await SignallingGateway.start({ region: "us", liveKitUrl: other.url });
    const entry = await SignallingGateway.start({
      region: "eu",
      liveKitUrl: liveKit.url,
      peers: { us: second.url },
    });
    entry.isLiveKitUp = false;
    entry.locate = ({ room }) =>
      Promise.resolve(
        entry.refusals.length === 0 ? claimOf(room, "eu", 1) : claimOf(room, "us", 2),
      );
    const client = RawClient.upgrade(entry.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    expect(entry.refusals).toEqual([{ claim: claimOf("room", "eu", 1), why: "livekit-down" }]);
    client.close();
    await entry.stop();
    await second.stop();
    await other.stop();
  });

  it("G.3: ends in 503 with Retry-After and CORS once the time is over, never in a 404", async () => {
    await liveKit.goAway();
    const begin = performance.now();
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(503);
    expect(await client.header("retry-after")).toBe("1");
    expect(await client.header("access-control-allow-origin")).toBe("*");
    expect(await client.whole()).toBe("No region could take the connection in time. Try again.\n");
    expect(performance.now() - begin).toBeGreaterThan(2900);
    expect(performance.now() - begin).toBeLessThan(4000);
    expect(gateway.counted).toContain("failed none");
  });
});

describe("placement", () => {
  it("is asked again where no region can take the room at the moment", async () => {
    let asked = 0;
    gateway.locate = ({ room }) =>
      asked++ < 2
        ? Promise.reject(new Unplaceable("not now"))
        : Promise.resolve(claimOf(room, "eu"));
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    client.close();
  });

  it("is told of the claim that the host found, and asked again", async () => {
    const found = claimOf("room", "eu", 7);
    gateway.locate = ({ room }) =>
      Promise.resolve(gateway.refusals.length === 0 ? claimOf(room, "eu", 1) : found);
    gateway.admit = (_room, claim) =>
      Promise.resolve(
        claim.epoch === 7
          ? { admitted: true, sid: "RM_2" }
          : { admitted: false, reason: "moved", claim: found },
      );
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    expect(await client.status).toBe(101);
    expect(gateway.refusals).toEqual([{ claim: claimOf("room", "eu", 1), why: "moved", found }]);
    expect(gateway.tunnels.groups()[0]?.tenure).toBe(7);
    client.close();
  });

  it("that breaks is answered with 503, and logged without the token", async () => {
    const url = await joinUrl("room");
    gateway.locate = () => Promise.reject(new Error("broken"));
    const client = RawClient.upgrade(gateway.port, url);
    expect(await client.status).toBe(503);
    expect(gateway.lines).toContain(
      JSON.stringify({
        level: "error",
        message: "a join failed",
        path: "/rtc/v1",
        reason: "broken",
      }),
    );
  });

  it("is not waited for by a client that went away, and no tunnel is opened for it", async () => {
    let go: (() => void) | undefined;
    gateway.locate = ({ room }) =>
      new Promise((resolve) => {
        go = () => {
          resolve(claimOf(room, "eu"));
        };
      });
    const client = RawClient.upgrade(gateway.port, await joinUrl("room"));
    await expect.poll(() => go).toBeDefined();
    client.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    go?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gateway.tunnels.size()).toBe(0);
    expect(liveKit.sockets.size).toBe(0);
  });
});

describe("the question why an upgrade failed", () => {
  it("is answered by LiveKit, at both paths, with what LiveKit says", async () => {
    liveKit.always(answers(200, "success", { "Access-Control-Allow-Origin": "*" }));
    for (const path of ["/rtc/validate", "/rtc/v1/validate"]) {
      const answer = await fetch(`${gateway.url}${await joinUrl("room", { path })}`);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe("success");
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
    expect(liveKit.seen.map((it) => it.header("upgrade"))).toEqual([undefined, undefined]);
    expect(gateway.tunnels.size()).toBe(0);
  });

  it("G.3: is answered with 401 without a token, with 503 without LiveKit, both with CORS", async () => {
    const none = await fetch(`${gateway.url}/rtc/validate`);
    expect(none.status).toBe(401);
    expect(none.headers.get("access-control-allow-origin")).toBe("*");
    await liveKit.goAway();
    const url = await joinUrl("room", { path: "/rtc/validate" });
    const away = await fetch(`${gateway.url}${url}`);
    expect(away.status).toBe(503);
    expect(away.headers.get("access-control-allow-origin")).toBe("*");
  });

  it("is not answered with an upgrade", async () => {
    liveKit.always(opens(() => undefined));
    const url = await joinUrl("room", { path: "/rtc/validate" });
    expect((await fetch(`${gateway.url}${url}`)).status).toBe(503);
    expect(gateway.tunnels.size()).toBe(0);
  });
});

describe("what is not signalling", () => {
  it("is refused under /rtc without ever a 404", async () => {
    const cases = [
      ["GET", "/rtc", 426],
      ["GET", "/rtc/v2", 501],
      ["GET", "/rtc/v1/other", 501],
      ["POST", "/rtc/validate", 405],
    ] as const;
    for (const [method, path, status] of cases) {
      const answer = await fetch(`${gateway.url}${path}`, { method });
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  it("is refused as an upgrade with 501: agents' path, others', and what is no WebSocket", async () => {
    for (const url of ["/agent", "/rtc/validate", "/", "/rtc/v2"]) {
      const client = RawClient.upgrade(gateway.port, url);
      expect(await client.status).toBe(501);
      await client.closed;
    }
    const h2c = RawClient.get(gateway.port, await joinUrl("room"), [
      ["Connection", "Upgrade, HTTP2-Settings"],
      ["Upgrade", "h2c"],
    ]);
    expect(await h2c.status).toBe(501);
    expect(liveKit.seen).toEqual([]);
  });
});

describe("rate limits", () => {
  it("let an address join so often a minute, by the balancer's word, and say when to come again", async () => {
    const limited = await SignallingGateway.start({
      region: "eu",
      liveKitUrl: liveKit.url,
      joinsPerAddress: 2,
    });
    const statuses: number[] = [];
    for (const address of [
      "9.9.9.9, 203.0.113.7",
      "8.8.8.8, 203.0.113.7",
      "203.0.113.7",
      "5.5.5.5",
    ]) {
      const client = RawClient.upgrade(limited.port, await joinUrl("room"), [
        ["X-Forwarded-For", address],
      ]);
      statuses.push(await client.status);
      if (statuses.at(-1) === 429) {
        expect(await client.header("retry-after")).toBe("30");
        expect(await client.header("access-control-allow-origin")).toBe("*");
      }
      client.close();
    }
    expect(statuses).toEqual([101, 101, 429, 101]);
    await limited.stop();
  });

  it("let a token join so often a minute", async () => {
    const limited = await SignallingGateway.start({
      region: "eu",
      liveKitUrl: liveKit.url,
      joinsPerToken: 1,
    });
    const [mine, other] = [await joinUrl("room"), await joinUrl("room", { identity: "bob" })];
    const statuses: number[] = [];
    for (const url of [mine, mine, other]) {
      const client = RawClient.upgrade(limited.port, url);
      statuses.push(await client.status);
      client.close();
    }
    expect(statuses).toEqual([101, 429, 101]);
    await limited.stop();
  });
});

it("G.10: no log line holds a token, whatever happened", async () => {
  const url = await joinUrl("room");
  liveKit.once(answers(401, "invalid token"), hangsUp, echoes);
  for (let join = 0; join < 3; join++) {
    const client = RawClient.upgrade(gateway.port, url);
    await client.status;
    client.close();
  }
  await fetch(`${gateway.url}/breaks?access_token=secret`);
  expect(gateway.lines.length).toBeGreaterThan(0);
  for (const line of gateway.lines) {
    expect(line).not.toContain(url.slice(-80));
    expect(line).not.toMatch(/access_token=secret|Bearer/);
  }
});
