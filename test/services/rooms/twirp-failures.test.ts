import { createServer, type Server } from "node:net";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errorOf, TwirpFleet, type TwirpRegion } from "../../support/rooms/twirp-fleet.ts";

const ROOM = "standup";
const SEND = "RoomService/SendData";
const GET = "RoomService/GetParticipant";
const ASK = JSON.stringify({ room: ROOM, identity: "ada" });

/** Short, so that the tests are; the ratio of the real ones is the same. */
const TIMES = { callMs: 1500, startMs: 2500 };

describe("the server API when something is away", () => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;
  let us: TwirpRegion;
  const silent: Server[] = [];

  beforeEach(async () => {
    fleet = await new TwirpFleet({ times: TIMES }).start();
    ({ eu, us } = fleet);
  });
  afterEach(async () => {
    await fleet.stop();
    for (const server of silent.splice(0)) {
      server.close();
    }
  });

  /** Leads the way to a region's gateway into nothing. */
  async function silence(region: TwirpRegion): Promise<{ connections: number }> {
    const seen = { connections: 0 };
    const server = createServer((socket) => {
      seen.connections += 1;
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    silent.push(server);
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    fleet.detours.set(region.name, `http://127.0.0.1:${port}`);
    return seen;
  }

  async function timed(method: string, body = ASK): Promise<{ code: string; ms: number }> {
    const begin = performance.now();
    const answer = await eu.call(method, body);
    const ms = performance.now() - begin;
    return { code: answer.status === 200 ? "ok" : errorOf(answer).code, ms };
  }

  it("signs a call with its other key where LiveKit does not know the first, here and there", async () => {
    const refused = { kind: "answer", status: 401, body: "invalid API key" } as const;
    for (const region of [eu, us]) {
      const room = `${ROOM}-${region.name}`;
      fleet.addRoom(room, region, "ada");
      region.liveKit.misdeeds.set(SEND, refused);
      const answer = await eu.call(SEND, JSON.stringify({ room, identity: "ada" }));
      expect(errorOf(answer).code).toBe("unavailable");
      const tokens = region.liveKit.callsOf(SEND).map((call) => call.authorization);
      expect(tokens.map((text) => decodeJwt(text.replace("Bearer ", "")).iss)).toEqual([
        "APIdevkey",
        "APIother",
      ]);
    }
  });

  it("answers in time when LiveKit is silent, and sends what may have an effect once", async () => {
    fleet.addRoom(ROOM, eu, "ada");
    eu.liveKit.misdeeds.set(SEND, { kind: "silence" });
    const { code, ms } = await timed(SEND);
    expect(code).toBe("deadline_exceeded");
    expect(ms).toBeGreaterThan(1000);
    expect(ms).toBeLessThan(TIMES.callMs + 400);
    expect(eu.liveKit.callsOf(SEND).length).toBe(1);
  });

  it("tells LiveKit how long it waits, a little less each station", async () => {
    fleet.addRoom(ROOM, us, "ada");
    const seen: number[] = [];
    for (const region of [eu, us]) {
      fleet.places.hosts.set(ROOM, region.name);
      region.liveKit.misdeeds.set(GET, { kind: "silence" });
      const begin = performance.now();
      await eu.call(GET, ASK);
      seen.push(performance.now() - begin);
    }
    expect(Math.max(...seen)).toBeLessThan(TIMES.callMs + 400);
  });

  it("answers in time when another region's gateway is silent, and sends once", async () => {
    fleet.addRoom(ROOM, us, "ada");
    const seen = await silence(us);
    const { code, ms } = await timed(SEND);
    expect(code).toBe("deadline_exceeded");
    expect(ms).toBeLessThan(TIMES.callMs + 400);
    expect(seen.connections).toBe(1);
  });

  it("waits a shorter time for a region that did not answer of late", async () => {
    await fleet.stop();
    fleet = await new TwirpFleet().start();
    ({ eu, us } = fleet);
    fleet.addRoom(ROOM, us, "ada");
    await silence(us);
    eu.unreachable = ["us"];
    const { code, ms } = await timed(SEND);
    expect(code).toBe("unavailable");
    expect(ms).toBeLessThan(2500);
  });

  it("never sends again what was cut off after it was sent", async () => {
    fleet.addRoom(ROOM, us, "ada");
    us.liveKit.misdeeds.set(SEND, { kind: "cut" });
    const answer = await eu.call(SEND, ASK);
    expect([answer.status, errorOf(answer)]).toEqual([
      503,
      {
        code: "unavailable",
        msg: 'Region "us": LiveKit did not answer in time. The call may have had an effect.',
      },
    ]);
    expect(us.liveKit.callsOf(SEND).length).toBe(1);
  });

  it("looks again when a look was cut off", async () => {
    fleet.addRoom(ROOM, eu, "ada");
    eu.liveKit.misdeeds.set(GET, { kind: "cut" });
    setTimeout(() => {
      eu.liveKit.misdeeds.clear();
    }, 50);
    expect((await timed(GET)).code).toBe("ok");
    expect(eu.liveKit.callsOf(GET).length).toBe(2);
  });

  it("says at once that a region takes no connections, and that nothing was done", async () => {
    fleet.addRoom(ROOM, us, "ada");
    await us.stopGateway();
    const begin = performance.now();
    const answer = await eu.call(SEND, ASK);
    expect(errorOf(answer)).toEqual({
      code: "unavailable",
      msg: 'Region "us": LiveKit takes no connections. Nothing was done; try again.',
    });
    expect(performance.now() - begin).toBeLessThan(1200);
    expect(fleet.places.refusals).toContain("us unreachable");
  });

  it("tries again, elsewhere if need be, what found no connection", async () => {
    fleet.addRoom(ROOM, us, "ada");
    await us.stopGateway();
    setTimeout(() => {
      fleet.addRoom(ROOM, eu, "ada");
    }, 50);
    expect((await timed(SEND)).code).toBe("ok");
    expect(eu.liveKit.callsOf(SEND).length).toBe(1);
  });

  it("tries again when its own LiveKit restarts", async () => {
    fleet.addRoom(ROOM, eu, "ada");
    const port = eu.liveKit.port();
    await eu.liveKit.close();
    setTimeout(() => void eu.liveKit.listen(port), 80);
    expect((await timed(SEND)).code).toBe("ok");
    expect(eu.liveKit.callsOf(SEND).length).toBe(1);
    expect(fleet.places.refusals).toContain("eu livekit-down");
  });

  it("looks where the room is now when the region says that it has no such room", async () => {
    fleet.places.hosts.set(ROOM, "us");
    eu.liveKit.addRoom(ROOM);
    setTimeout(() => fleet.places.hosts.set(ROOM, "eu"), 30);
    expect((await timed(SEND)).code).toBe("ok");
    expect(fleet.places.refusals).toEqual(["us moved"]);
  });

  it("says that there is no such room when all agree where it would be", async () => {
    fleet.places.hosts.set(ROOM, "us");
    expect((await timed(SEND)).code).toBe("not_found");
    expect(us.liveKit.callsOf(SEND).length).toBe(1);
  });

  it("lists what the regions that answer have, and says so when none does", async () => {
    fleet.addRoom("a", eu);
    fleet.addRoom("b", us);
    await us.stopGateway();
    const answer = await eu.call("RoomService/ListRooms", "{}");
    expect(answer.body.toString()).toContain('"a"');
    await eu.liveKit.close();
    const none = await eu.call("RoomService/ListRooms", "{}");
    expect(errorOf(none).code).toBe("unavailable");
  });

  it("makes a Twirp error of an answer that is none", async () => {
    fleet.addRoom(ROOM, eu, "ada");
    eu.liveKit.misdeeds.set(SEND, { kind: "answer", status: 502, body: "<html>Bad Gateway" });
    const answer = await eu.call(SEND, ASK);
    expect([answer.status, answer.contentType]).toEqual([503, "application/json"]);
    expect(errorOf(answer)).toEqual({
      code: "unavailable",
      msg: "LiveKit answered RoomService/SendData with status 502.",
    });
  });

  it("answers in time even if placement never does", async () => {
    fleet.places.find = () => new Promise(() => undefined);
    const { code, ms } = await timed(SEND);
    expect(code).toBe("deadline_exceeded");
    expect(ms).toBeLessThan(TIMES.callMs + 400);
  });

  it("answers when placement fails, and logs where without the error's words", async () => {
    fleet.places.find = () => Promise.reject(new Error("with Bearer eyJhbGciOi in it"));
    const answer = await eu.call(SEND, ASK);
    expect([answer.status, errorOf(answer).code]).toEqual([500, "internal"]);
    const lines = eu.lines.join("\n");
    expect(lines).toContain("a call failed");
    expect(lines).not.toContain("eyJ");
  });

  it("answers in time when the body never ends", async () => {
    const { port } = new URL(eu.url());
    const { connect } = await import("node:net");
    const socket = connect(Number(port), "127.0.0.1");
    const { fullToken } = await import("../../support/rooms/twirp-fleet.ts");
    const begin = performance.now();
    socket.write(
      `POST /twirp/livekit.${SEND} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n` +
        `authorization: Bearer ${fullToken()}\r\ncontent-length: 100\r\n\r\n{`,
    );
    const text = await new Promise<string>((resolve) => {
      socket.once("data", (data: Buffer) => {
        resolve(data.toString());
      });
    });
    expect(text).toContain("HTTP/1.1 408");
    expect(text).toContain('"code":"deadline_exceeded"');
    expect(performance.now() - begin).toBeLessThan(TIMES.callMs + 400);
    socket.destroy();
  });

  it("gives a caller that says how long it waits an answer before that", async () => {
    fleet.addRoom(ROOM, eu, "ada");
    eu.liveKit.misdeeds.set(SEND, { kind: "silence" });
    const begin = performance.now();
    const headers = { "x-twirp-timeout-ms": "900" };
    const answer = await eu.call(SEND, ASK, { headers });
    expect(errorOf(answer).code).toBe("deadline_exceeded");
    expect(performance.now() - begin).toBeLessThan(900);
  });
});

describe("making a room by the server API", () => {
  let fleet: TwirpFleet;
  const CREATE = "RoomService/CreateRoom";
  const BODY = JSON.stringify({ name: ROOM });

  beforeEach(async () => {
    fleet = await new TwirpFleet({ times: TIMES }).start();
  });
  afterEach(() => fleet.stop());

  it("locates again when the host says that the room moved", async () => {
    fleet.places.admissions.push({ admitted: false, reason: "moved" });
    const answer = await fleet.eu.call(CREATE, BODY);
    expect(answer.status).toBe(200);
    expect(fleet.places.refusals).toEqual(["eu moved"]);
    expect(fleet.eu.liveKit.callsOf(CREATE).length).toBe(1);
  });

  it("gives up in time when the region's store stays away", async () => {
    const away = { admitted: false, reason: "store-away" } as const;
    fleet.places.admissions.push(away, away, away, away, away);
    const answer = await fleet.eu.call(CREATE, BODY);
    expect(errorOf(answer).code).toBe("unavailable");
    expect(fleet.eu.liveKit.callsOf(CREATE)).toEqual([]);
  });

  it("admits at the host, for a call that came in elsewhere", async () => {
    fleet.places.claimsGoTo = "us";
    await fleet.eu.call(CREATE, BODY);
    expect(fleet.places.admitted).toEqual([`${ROOM}@us`]);
    expect(fleet.us.liveKit.rooms.has(ROOM)).toBe(true);
  });

  it("refuses to make a room for a peer when the room is hosted elsewhere", async () => {
    fleet.places.hosts.set(ROOM, "us");
    const headers = { "x-meet-peer": "peer-token-of-this-test" };
    const answer = await fleet.eu.call(CREATE, BODY, { headers });
    expect(errorOf(answer)).toEqual({
      code: "unavailable",
      msg: `Room "${ROOM}": it moved.`,
    });
    expect(fleet.eu.liveKit.calls).toEqual([]);
  });

  it("says why no region can take it", async () => {
    const { Unplaceable } = await import("../../../services/rooms/placement/proposer.ts");
    fleet.places.locate = () => Promise.reject(new Unplaceable("no region's store answers"));
    const answer = await fleet.eu.call(CREATE, BODY);
    expect(errorOf(answer)).toEqual({ code: "unavailable", msg: "no region's store answers" });
  });
});
