import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cookieOf } from "../../support/recordings/fake-meet.ts";
import { RouteWorld } from "../../support/recordings/route-world.ts";

const ID = "0190e5c4-7a3b-4d1e-9f00-0123456789ab";
const RECORDING = `/media/recordings/${ID}.mp4`;
const FILE = `/media/files/${ID}.png`;
const ALICE = { headers: { cookie: cookieOf("alice") } };

let world: RouteWorld;

beforeEach(async () => {
  world = await RouteWorld.start();
  world.meet.recording(ID, "alice");
  world.meet.file(ID, "alice");
});

afterEach(async () => {
  await world.stop();
});

describe("a recording that Meet allows", () => {
  it("is behind a link that no cache keeps, of the very key, for a quarter of an hour", async () => {
    const response = await world.fetch(`${RECORDING}?x=../y`, ALICE);
    expect(response.status).toBe(302);
    expect(response.headers.get("cache-control")).toBe("private, no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const link = new URL(response.headers.get("location") ?? "");
    expect(link.pathname).toBe(`/meet-recordings/recordings/${ID}.mp4`);
    expect(Object.fromEntries(link.searchParams)).toMatchObject({
      "X-Amz-Expires": "900",
      "X-Amz-Security-Token": "C",
      "response-content-disposition": 'attachment; filename="recording-2026-11-23-0190e5c4.mp4"',
      "response-cache-control": "private, no-store",
    });
    expect(world.searched).toEqual([`recordings/${ID}.mp4`]);
  });

  it("is described by HEAD without a link, and without what is S3's own business", async () => {
    const response = await world.fetch(RECORDING, { method: "HEAD", ...ALICE });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "video/mp4",
      "content-length": "1000",
      "accept-ranges": "bytes",
      etag: '"e"',
      "content-disposition": 'attachment; filename="recording-2026-11-23-0190e5c4.mp4"',
    });
    expect(response.headers.has("x-amz-request-id")).toBe(false);
  });

  it("goes through the service where browsers do not reach the storage", async () => {
    world.delivery = "stream";
    world.object = {
      status: 206,
      headers: { "content-length": "3", "content-range": "bytes 0-2/9" },
      body: "abc",
    };
    const headers = { ...ALICE.headers, range: "bytes=0-2", authorization: "Bearer x" };
    const response = await world.fetch(RECORDING, { headers });
    expect([response.status, await response.text()]).toEqual([206, "abc"]);
    expect(response.headers.get("content-range")).toBe("bytes 0-2/9");
    expect(world.asked[0]).toMatchObject({
      range: "bytes=0-2",
      authorization: expect.stringContaining("AWS4-HMAC-SHA256") as string,
    });
    expect(world.asked[0]).not.toHaveProperty("cookie");
  });
});

describe("an upload that Meet allows", () => {
  it("comes from Meet's own name, which a canvas needs, as an attachment that runs nothing", async () => {
    const response = await world.fetch(FILE, ALICE);
    expect([response.status, await response.text()]).toEqual([200, "png"]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/png",
      "content-disposition": "attachment",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
      "cache-control": "private, no-store",
    });
  });

  it("is told apart from a range that it does not have", async () => {
    world.object = {
      status: 416,
      headers: { "content-range": "bytes */3", "content-length": "5" },
      body: "<xml>",
    };
    const headers = { ...ALICE.headers, range: "bytes=9-" };
    const response = await world.fetch(FILE, { headers });
    expect([response.status, await response.text()]).toEqual([416, ""]);
    expect(response.headers.get("content-range")).toBe("bytes */3");
  });

  it("is a page when the storage refuses it after all", async () => {
    world.object = { status: 403, headers: {}, body: "AccessDenied" };
    const response = await world.fetch(FILE, ALICE);
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("AccessDenied");
  });
});

describe("a download that is not to be had", () => {
  it.each([
    ["nobody in particular", RECORDING, undefined, 401, "Please sign in"],
    ["somebody else", RECORDING, "mallory", 403, "Not allowed"],
    ["somebody else's upload", FILE, "mallory", 403, "Not allowed"],
    ["an unknown recording", RECORDING.replace("0190", "0191"), "alice", 404, "Not found"],
    ["another kind of file", RECORDING.replace("mp4", "exe"), "alice", 400, "Not a recording"],
    ["a path that is no medium's", "/media/tmp/x", "alice", 403, "Not allowed"],
  ])("is a page with Meet's status: %s", async (_what, path, user, status, title) => {
    const response = await world.fetch(
      path,
      user === undefined ? {} : { headers: { cookie: cookieOf(user) } },
    );
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await response.text()).toContain(`<h1>${title}</h1>`);
    expect(world.searched).toEqual([]);
  });

  it("says when to come back if Meet asks for patience", async () => {
    world.meet.fault = "busy";
    const response = await world.fetch(RECORDING, ALICE);
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
  });

  it.each([
    [{ kind: "missing" } as const, 404, "30", "Not here yet"],
    [{ kind: "deleted" } as const, 404, null, "Deleted"],
    [{ kind: "unknown", reason: "home: 500" } as const, 503, "15", "Not available at the moment"],
  ])("says what is the matter: %o", async (found, status, retryAfter, title) => {
    world.found = found;
    const response = await world.fetch(RECORDING, ALICE);
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter]);
    const page = await response.text();
    expect(page).toContain(`<h1>${title}</h1>`);
    expect(page.includes('http-equiv="refresh"')).toBe(retryAfter !== null);
    expect(page).not.toContain(ID);
  });

  it("is not available while Meet, or the role's credentials, are away", async () => {
    world.hasCredentials = false;
    expect((await world.fetch(RECORDING, ALICE)).status).toBe(503);
    world.meet.fault = "frontend";
    const response = await world.fetch(RECORDING, ALICE);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "15"]);
    expect(world.searched).toHaveLength(1);
  });

  it("cannot be had by another method", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      const response = await world.fetch(RECORDING, { method, ...ALICE });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
    expect(world.meet.questions).toEqual([]);
  });
});

describe("the server", () => {
  it("answers probes, and a page elsewhere", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const response = await world.fetch(path);
      expect([response.status, await response.text()]).toEqual([200, "ok\n"]);
    }
    expect((await world.fetch("/region-health")).status).toBe(404);
  });

  it("tells those beyond its limit to come back", async () => {
    const small = await RouteWorld.start(1);
    try {
      small.meet.recording(ID, "alice");
      small.meet.delayMs = 200;
      const [one, other] = await Promise.all([
        small.fetch(RECORDING, ALICE),
        small.fetch(RECORDING, ALICE),
      ]);
      expect([one.status, other.status].sort()).toEqual([302, 503]);
      expect((await small.fetch(RECORDING, ALICE)).status).toBe(302);
    } finally {
      await small.stop();
    }
  });

  it("finishes what is under way when it is told to end, and takes nothing more", async () => {
    world.meet.delayMs = 200;
    const underWay = world.fetch(RECORDING, ALICE);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const left = world.leave();
    expect((await underWay).status).toBe(302);
    await left;
    await expect(world.fetch("/readyz")).rejects.toThrow();
  });

  it("writes down what became of a request, and nothing that opens anything", async () => {
    await world.fetch(`${RECORDING}?token=abc`, ALICE);
    await world.fetch(`/media/recordings/%2e%2e/secret-path`, ALICE);
    const text = world.lines.join("");
    expect(world.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { message: "request", method: "GET", key: `recordings/${ID}.mp4`, outcome: "redirected" },
      { message: "request", key: "", outcome: "refused" },
    ]);
    for (const secret of ["meet_sessionid", "alice", "Signature", "token", "secret-path"]) {
      expect(text).not.toContain(secret);
    }
    const metrics = await world.metrics.registry.metrics();
    expect(metrics).toContain(
      'recordings_request_seconds_count{region="eu",kind="recordings",outcome="redirected"} 1',
    );
    expect(metrics).toContain('recordings_found_total{where="home",region="eu"} 1');
    expect(metrics).toContain('recordings_meet_seconds_count{region="eu",outcome="allowed"} 1');
    expect(metrics).toContain('recordings_buckets{region="eu"} 3');
  });
});
