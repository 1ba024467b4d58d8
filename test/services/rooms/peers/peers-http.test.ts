import fc from "fast-check";
import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  LiveKitDown,
  PeerUnreachable,
  StoreAway,
} from "../../../../services/rooms/placement/ports.ts";
import { CLAIM, PeerNode, PIN } from "./fleet.ts";

let eu: PeerNode;
let us: PeerNode;
let urls: Record<string, string>;

beforeEach(async () => {
  urls = {};
  eu = new PeerNode("eu", urls, ["eu", "us"]);
  us = new PeerNode("us", urls, ["eu", "us"]);
  await eu.listen();
  await us.listen();
});
afterEach(async () => {
  await eu.close();
  await us.close();
});

/** Posts to `us` as a region, with a token that is in order. */
async function post(
  path: string,
  text: string,
  { from = eu, signed = path }: { from?: PeerNode; signed?: string } = {},
): Promise<Response> {
  const body = Buffer.from(text);
  const token = await from.signer.sign("us", { method: "POST", url: signed, body });
  return fetch(`${urls["us"] ?? ""}${path}`, {
    method: "POST",
    headers: { "x-meet-peer": token },
    body,
  });
}

describe("two regions over HTTP", () => {
  it("ask each other everything that placement asks", async () => {
    const { client, calls } = eu;
    const status = { region: "us", liveKitUp: true, storeUp: true, draining: false };
    expect(await client.read("us", CLAIM.room)).toEqual({ claim: CLAIM, status });
    expect(await client.readAll("us", [CLAIM.room, "other"])).toEqual([CLAIM]);
    expect(await client.put("us", CLAIM, undefined)).toEqual({ stored: false, found: undefined });
    const earlier = { ...CLAIM, epoch: 5 };
    expect(await client.put("us", CLAIM, earlier)).toEqual({ stored: false, found: earlier });
    expect(await client.merge("us", CLAIM)).toEqual(CLAIM);
    expect(await client.probe("us", "ap")).toBeUndefined();
    expect(await client.probe("us", "sa")).toEqual(status);
    expect(await client.status("us")).toMatchObject(status);
    expect(await client.claims("us", "0")).toEqual({ claims: [CLAIM], next: "more" });
    expect(await client.count("us", "daily")).toEqual({
      identities: ["a", "b"],
      liveKitUp: true,
      tenure: 5,
    });
    await client.expectRejoin("us", "daily", ["a"]);
    await client.heal("us", "daily");
    const carried = { metadata: "{}", dispatches: [{ agentName: "scribe", metadata: "x" }] };
    await client.prepare("us", CLAIM, carried);
    expect(await calls.putPin("us", PIN)).toEqual(PIN);
    expect(await calls.putPin("us", { ...PIN, region: undefined })).toEqual({
      ...PIN,
      region: undefined,
    });
    expect(await calls.pins("us", "0")).toEqual({ pins: [PIN], next: ">more" });
    expect(await calls.poll("us")).toMatchObject({
      status: { load: { tunnels: 7 } },
      members: { eu: { version: 1, state: "member" }, us: { version: 1, state: "member" } },
    });
    expect(us.callee.asked.filter(([call]) => call !== "status")).toEqual([
      ["read", CLAIM.room],
      ["readAll", [CLAIM.room, "other"]],
      ["put", CLAIM, undefined],
      ["put", CLAIM, earlier],
      ["merge", CLAIM],
      ["probe", "ap"],
      ["probe", "sa"],
      ["claims", "0"],
      ["count", "daily"],
      ["expectRejoin", "daily", ["a"]],
      ["heal", "daily", "eu"],
      ["prepare", CLAIM, carried],
      ["putPin", PIN],
      ["putPin", { ...PIN, region: undefined }],
      ["pins", "0"],
    ]);
  });

  it("tell a store that is away from a region that is", async () => {
    us.callee.failure = new StoreAway("away");
    await expect(eu.client.read("us", "daily")).rejects.toThrow(
      new StoreAway('Region "us": its store does not answer.'),
    );
    us.callee.failure = new LiveKitDown("down");
    await expect(eu.client.count("us", "daily")).rejects.toThrow(PeerUnreachable);
    us.callee.failure = new Error("a fault of its own");
    await expect(eu.client.read("us", "daily")).rejects.toThrow(
      'Region "us": its gateway does not answer (read: status 500).',
    );
    expect(us.log.lines).toContainEqual({
      level: "error",
      message: "a peer's call failed",
      fields: { call: "read", caller: "eu", reason: "a fault of its own" },
    });
    await us.close();
    await expect(eu.client.read("us", "daily")).rejects.toThrow(PeerUnreachable);
  });

  it("turn to another arbiter where one does not reach who asks", async () => {
    await expect(eu.client.heal("us", "unseen")).rejects.toThrow(PeerUnreachable);
    expect(us.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("give up on a region that is silent after a second", async () => {
    us.callee.read = () => new Promise(() => undefined);
    const begun = performance.now();
    await expect(eu.client.read("us", "daily")).rejects.toThrow("1000 ms");
    expect(performance.now() - begun).toBeLessThan(1500);
  });

  it("call again at once when a connection that was kept open has been closed", async () => {
    await eu.client.read("us", "daily");
    const port = Number(new URL(urls["us"] ?? "").port);
    us.http.closeAllConnections();
    await new Promise((resolve) => us.http.close(resolve));
    await us.listen(port);
    expect(await eu.client.merge("us", CLAIM)).toEqual(CLAIM);
  });

  it("do not understand an answer that is no answer", async () => {
    us.callee.count = () => Promise.resolve({ identities: [], liveKitUp: "yes" } as never);
    await expect(eu.client.count("us", "daily")).rejects.toThrow(
      'Region "us": its gateway does not answer (count: an answer that is not understood).',
    );
  });
});

describe("a gateway asked by another", () => {
  it("refuses what is not signed for it, and says why without telling anything", async () => {
    const answer = await fetch(`${urls["us"] ?? ""}/peer/v1/read`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("x-meet-refusal")).toBe("unauthorized");
    expect(await answer.json()).toEqual({
      refusal: "unauthorized",
      error: "the token is missing or too long",
    });
    const other = await post("/peer/v1/heal", "{}", { signed: "/peer/v1/read" });
    expect([other.status, await other.json()]).toMatchObject([
      401,
      { error: "the token is for another request" },
    ]);
    expect(us.callee.asked).toEqual([]);
    expect(us.log.lines.map(({ message }) => message)).toEqual([
      "a peer's call was refused",
      "a peer's call was refused",
    ]);
  });

  it("refuses a call that it does not have, as an older version does", async () => {
    const answer = await post("/peer/v1/teleport", "{}");
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { refusal: "unknown", error: "this version has no such call" },
    ]);
    const prototype = await post("/peer/v1/constructor", "{}");
    expect(prototype.status).toBe(404);
  });

  it("names the fields of a message that it does not understand", async () => {
    const answer = await post("/peer/v1/put", JSON.stringify({ claim: { ...CLAIM, epoch: "x" } }));
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { refusal: "not-understood", error: "not understood: claim.epoch" },
    ]);
    const noJson = await post("/peer/v1/put", "{");
    expect(await noJson.json()).toMatchObject({ error: "not understood: the message" });
  });

  it("reads no message above 4 MiB", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const call = httpRequest(
        `${urls["us"] ?? ""}/peer/v1/read`,
        { method: "POST", headers: { "x-meet-peer": "x" } },
        (response) => {
          resolve(response.statusCode);
          response.resume();
        },
      );
      call.on("error", reject);
      call.end(Buffer.alloc(4 * 1024 * 1024 + 1));
    });
    expect(status).toBe(413);
  });

  it("goes on when a message breaks off in the middle", async () => {
    const call = httpRequest(`${urls["us"] ?? ""}/peer/v1/read`, {
      method: "POST",
      headers: { "content-length": "100" },
    });
    const broken = new Promise((resolve) => call.once("error", resolve));
    call.write("{");
    await new Promise<void>((resolve) => us.http.once("request", () => setTimeout(resolve, 50)));
    call.destroy();
    await broken;
    expect(await eu.client.merge("us", CLAIM)).toEqual(CLAIM);
  });

  it("refuses a region that was removed, but lets it learn that it was", async () => {
    const ap = new PeerNode("ap", urls, ["eu", "us"]);
    await us.membership.announce("ap", {});
    await us.membership.remove("ap");
    const answer = await post("/peer/v1/read", '{"room":"daily"}', { from: ap });
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { refusal: "removed", error: "the region was removed; an operator can admit it again" },
    ]);
    expect(ap.membership.isMember()).toBe(true);
    await ap.monitor.start();
    expect(ap.membership.isMember()).toBe(false);
    expect(us.membership.members()).toEqual(["eu"]);
    ap.monitor.stop();
    ap.connections.close();
  });

  it("survives any body", async () => {
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc.object({ maxDepth: 3 }).map((value) => JSON.stringify({ claim: value, room: value })),
    );
    const names = ["read", "put", "merge", "announce", "prepare", "expect-rejoin", "claims"];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), text, async (name, body) => {
        const answer = await post(`/peer/v1/${name}`, body);
        expect([200, 400]).toContain(answer.status);
        await answer.json();
      }),
      { numRuns: 150 },
    );
    expect(us.log.lines).toEqual([]);
    expect(us.membership.members()).toEqual(["eu"]);
  });
});

describe("two versions of the gateway", () => {
  const older = {
    room: "daily",
    epoch: 7,
    region: "eu",
    tenure: 7,
    state: "open",
    cause: "join",
  };

  it("work together where the older one leaves fields out", async () => {
    const answer = await post("/peer/v1/merge", JSON.stringify({ claim: older }));
    expect(answer.status).toBe(200);
    expect(us.callee.asked).toEqual([["merge", { ...older, confirmed: false, fresh: false }]]);
    expect((await post("/peer/v1/announce", "{}")).status).toBe(200);
    expect(
      (await post("/peer/v1/prepare", JSON.stringify({ claim: older, carried: {} }))).status,
    ).toBe(200);
  });

  it("work together where the newer one adds fields, causes and lines", async () => {
    const newer = { ...older, confirmed: true, fresh: true, cause: "balance", weight: 3 };
    await post("/peer/v1/merge", JSON.stringify({ claim: newer, trace: { id: 1 } }));
    expect(us.callee.asked).toEqual([
      ["merge", { ...older, confirmed: true, fresh: true, cause: "failover" }],
    ]);
    const members = {
      sa: { version: 1, state: "member", since: 5 },
      af: { version: 1, state: "leaving" },
      "not a region": { version: 1, state: "member" },
    };
    await post("/peer/v1/announce", JSON.stringify({ members, more: [] }));
    expect(us.membership.members()).toEqual(["eu", "sa"]);
  });
});
