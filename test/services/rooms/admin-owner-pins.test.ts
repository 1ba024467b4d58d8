import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OwnerPins } from "../../../services/rooms/admin/owner-pins.ts";
import { StoreAway } from "../../../services/rooms/placement/ports.ts";

let server: Server;
let base: string;
let now: number;
let isAway: boolean;
let pinned: unknown[][];

beforeEach(async () => {
  now = 1_000_000;
  isAway = false;
  pinned = [];
  const pins = new OwnerPins({
    verify: (token) =>
      token === "owner"
        ? { ok: true, ownedRoom: "a/b" }
        : token === "guest"
          ? { ok: true }
          : { ok: false, fault: "the token has expired" },
    regions: () => ["us", "eu"],
    allows: (_room, region) => region !== "us",
    pin: (room, region) => {
      pinned.push([room, region]);
      return isAway ? Promise.reject(new StoreAway("away")) : Promise.resolve([]);
    },
    perMinute: 2,
    nowMs: () => now,
  });
  server = createServer((request, response) => void pins.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(
  method: string,
  { path = "/rooms/a%2Fb/pin", token = "owner", body = '{"region":"eu"}' } = {},
): Promise<[number, unknown]> {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(method === "PUT" ? { body } : {}),
  });
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  return [answer.status, answer.status === 204 ? undefined : await answer.json()];
}

describe("the owner of a room", () => {
  it("pins its next meeting, and takes the pin away", async () => {
    expect(await ask("PUT")).toEqual([
      200,
      { room: "a/b", region: "eu", from: "the next meeting" },
    ]);
    expect(await ask("DELETE")).toEqual([200, { room: "a/b", from: "the next meeting" }]);
    expect(pinned).toEqual([
      ["a/b", "eu"],
      ["a/b", undefined],
    ]);
  });

  it("may do so some times a minute", async () => {
    expect((await ask("PUT"))[0]).toBe(200);
    expect((await ask("DELETE"))[0]).toBe(200);
    expect(await ask("PUT")).toEqual([
      429,
      { error: 'Room "a/b": its pin was changed 2 times within a minute. Wait one.' },
    ]);
    expect(pinned).toHaveLength(2);
    now += 60_000;
    expect((await ask("PUT"))[0]).toBe(200);
  });

  it.each([
    [{ body: '{"region":"mars"}' }, 404, 'Region "mars": it is no member. Use one of eu, us.'],
    [
      { body: '{"region":"us"}' },
      403,
      'Room "a/b": a rule of this deployment says where it is. Ask an operator.',
    ],
    [{ body: "region=eu" }, 400, 'Request: the body must be { "region": "<name>" }.'],
    [{ body: " ".repeat(4097) }, 413, "Request: a body is at most 4096 bytes."],
    [{ path: "/rooms/a/b/pin" }, 404, "Request: use PUT or DELETE with /rooms/<room>/pin."],
    [{ path: "/rooms/%ff/pin" }, 404, "Request: use PUT or DELETE with /rooms/<room>/pin."],
    [
      { path: "/rooms/other/pin" },
      403,
      'Room "other": the token is not its owner\'s. Ask an owner of the room.',
    ],
    [
      { token: "guest" },
      403,
      'Room "a/b": the token is not its owner\'s. Ask an owner of the room.',
    ],
    [{ token: "old" }, 401, "Token: the token has expired. Join the room to get one."],
  ])("is told what is wrong with %j", async (request, status, error) => {
    expect(await ask("PUT", request)).toEqual([status, { error }]);
    expect(pinned).toEqual([]);
  });

  it("is told that the store is away", async () => {
    isAway = true;
    expect(await ask("PUT")).toEqual([
      503,
      { error: "Store: it does not answer in this region. Try again." },
    ]);
  });

  it("may ask from a page of any origin", async () => {
    expect(await ask("OPTIONS")).toEqual([204, undefined]);
    expect(await ask("GET")).toEqual([
      404,
      { error: "Request: use PUT or DELETE with /rooms/<room>/pin." },
    ]);
  });
});
