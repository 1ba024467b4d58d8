import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MediaKey } from "../../../services/recordings/media-key.ts";
import { MediaAuth } from "../../../services/recordings/meet/media-auth.ts";
import { Outbound } from "../../../services/recordings/outbound.ts";
import { cookieOf, FakeMeet, MEET_HOST } from "../../support/recordings/fake-meet.ts";

const ID = "0190e5c4-7a3b-4d1e-9f00-0123456789ab";
const OTHER_ID = "0190e5c4-7a3b-4d1e-9f00-00000000000f";

let meet: FakeMeet;
let outbound: Outbound;
let auth: MediaAuth;

beforeEach(async () => {
  meet = await FakeMeet.start();
  meet.recording(ID, "alice");
  meet.recording(OTHER_ID, "alice", "mp4", false);
  meet.file(ID, "alice");
  outbound = new Outbound();
  auth = new MediaAuth({ meetUrl: `${meet.url}/`, host: MEET_HOST, outbound });
});

afterEach(async () => {
  outbound.close();
  await meet.stop();
});

function decide(path: string, user?: string) {
  const key = MediaKey.parse(path);
  if (key === undefined) {
    throw new Error(`${path} names no key`);
  }
  return auth.decide(key, {
    method: "GET",
    forwardedFor: "192.0.2.1",
    ...(user === undefined ? {} : { cookie: cookieOf(user) }),
  });
}

describe("Meet", () => {
  it("is asked as nginx asks it: by the original address, for the cookie's owner, and nothing else", async () => {
    expect(await decide(`/media/recordings/${ID}.mp4?x=1`, "alice")).toEqual({ kind: "allowed" });
    expect(meet.questions).toEqual([
      {
        host: MEET_HOST,
        accept: "application/json",
        connection: "keep-alive",
        cookie: cookieOf("alice"),
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "https",
        "x-original-method": "GET",
        "x-original-url": `https://${MEET_HOST}/media/recordings/${ID}.mp4`,
      },
    ]);
  });

  it("is asked about files by the view for files", async () => {
    expect(await decide(`/media/files/${ID}.png`, "alice")).toEqual({ kind: "allowed" });
    expect(await decide(`/media/files/${ID}.png`, "mallory")).toEqual({
      kind: "denied",
      status: 403,
    });
  });

  it.each([
    ["nobody in particular", `/media/recordings/${ID}.mp4`, undefined, 401],
    ["somebody else", `/media/recordings/${ID}.mp4`, "mallory", 403],
    ["its owner before it is saved", `/media/recordings/${OTHER_ID}.mp4`, "alice", 403],
    ["its owner by the wrong extension", `/media/recordings/${ID}.ogg`, "alice", 404],
    ["its owner by no extension of recordings", `/media/recordings/${ID}.txt`, "alice", 400],
  ])("denies %s by its own status", async (_who, path, user, status) => {
    expect(await decide(path, user)).toEqual({ kind: "denied", status });
  });

  it("says how long to wait when it is asked too often", async () => {
    meet.fault = "busy";
    expect(await decide(`/media/recordings/${ID}.mp4`, "alice")).toEqual({
      kind: "denied",
      status: 429,
      retryAfter: "7",
    });
  });

  it("has allowed nothing when a page of the frontend answers 200 in its place", async () => {
    meet.fault = "frontend";
    expect(await decide(`/media/recordings/${ID}.mp4`, "alice")).toEqual({
      kind: "unavailable",
      reason: "a 200 that is not of media-auth",
    });
  });

  it("has decided nothing by a fault, a redirect or silence", async () => {
    meet.fault = "status 500";
    expect(await decide(`/media/recordings/${ID}.mp4`, "alice")).toEqual({
      kind: "unavailable",
      reason: "status 500",
    });
    meet.fault = "none";
    await meet.stop();
    expect(await decide(`/media/recordings/${ID}.mp4`, "alice")).toEqual({
      kind: "unavailable",
      reason: "ECONNREFUSED",
    });
  });
});
