import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cookieOf } from "../../support/recordings/fake-meet.ts";
import { RouteWorld } from "../../support/recordings/route-world.ts";

const MINE = "0190e5c4-7a3b-4d1e-9f00-0123456789ab";
const HERS = "0190e5c4-7a3b-4d1e-9f00-0123456789ac";

let world: RouteWorld;

/** A storage that has every key there is: nothing but Meet's word stands between a caller and any object. */
beforeAll(async () => {
  world = await RouteWorld.start(1000);
  world.meet.recording(MINE, "alice");
  world.meet.file(MINE, "alice");
  world.meet.recording(HERS, "bob");
  world.meet.file(HERS, "bob");
});

afterAll(async () => {
  await world.stop();
});

const allowed = fc.constantFrom(
  `/media/recordings/${MINE}.mp4`,
  `/media/files/${MINE}.png`,
  `/media/recordings/${HERS}.mp4`,
  `/media/files/${HERS}.png`,
);

const trick = fc.constantFrom(
  ...["/", "//", "/..", "/../", "/./", "%2e%2e/", "%2E%2E%2F", "%252e%252e%252f", "..%2f", "%2F"],
  ...[
    "\\",
    "%5c",
    "%00",
    "%0a",
    "%0d%0aX-Original-URL:%20x",
    "?",
    "??",
    "#",
    "%23",
    "%3f",
    ";",
    "@",
  ],
  ...[
    "&",
    "+",
    "*",
    "~",
    "é",
    "／",
    "．．",
    "\u202e",
    "%c0%ae",
    "%u002e",
    "\t",
    "\0",
    "\x7f",
    "..",
  ],
  ...[`/media/recordings/${MINE}.mp4`, `/media/recordings/${HERS}.mp4`, `recordings/${HERS}.mp4`],
  ...[
    "https://meet.example.org",
    "//evil.example.org",
    "/meet-other-bucket/",
    ".json",
    "mp4",
    HERS,
  ],
);

/** A path into which tricks were put, one after another, at whatever place. */
const target = fc
  .tuple(allowed, fc.array(fc.tuple(fc.nat(200), trick), { maxLength: 4 }))
  .map(([path, tricks]) =>
    tricks.reduce<string>(
      (text, [at, it]) =>
        text.slice(0, at % (text.length + 1)) + it + text.slice(at % (text.length + 1)),
      path,
    ),
  );

const headers = fc.constantFrom<Record<string, string>>(
  {},
  { "x-original-url": `https://meet.example.org/media/recordings/${MINE}.mp4` },
  { "x-original-url": `/media/recordings/${HERS}.mp4`, "x-forwarded-host": "evil.example.org" },
  { "x-rewrite-url": `/media/recordings/${MINE}.mp4`, "x-http-method-override": "DELETE" },
  { range: "bytes=0-1", "x-forwarded-for": "127.0.0.1, 192.0.2.1" },
);

describe("whatever is asked for", () => {
  it("leads to an object only where Meet has allowed this very key to this very caller", async () => {
    let given = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        target,
        headers,
        fc.constantFrom("alice", "bob"),
        async (path, extra, user) => {
          world.searched.length = 0;
          world.meet.questions.length = 0;
          world.asked.length = 0;
          const head = await world.raw(path, { ...extra, cookie: cookieOf(user) });
          const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 400);
          const location = /^location: (.*)$/im.exec(head)?.[1];
          const asked = world.meet.questions.map((question) => question["x-original-url"]);
          const isGiven = location !== undefined || status === 200 || status === 206;
          // Of one request no more than one key is asked about, looked for and signed, and it is the same one.
          expect(asked.length).toBeLessThanOrEqual(1);
          for (const key of world.searched) {
            expect(asked).toEqual([`https://meet.example.org/media/${key}`]);
            expect(world.meet.owns(user, key)).toBe(true);
            expect(path.split("?", 1)[0]).toBe(`/media/${key}`);
          }
          if (location !== undefined) {
            const link = new URL(location);
            expect(link.hostname).toBe("127.0.0.1");
            expect(link.pathname).toBe(`/meet-recordings/${world.searched[0] ?? ""}`);
          }
          if (isGiven) {
            given += 1;
            expect(world.searched).toHaveLength(1);
          } else {
            refused += 1;
            expect([400, 401, 403, 404]).toContain(status);
            expect(world.asked).toEqual([]);
          }
        },
      ),
      { numRuns: 1500 },
    );
    // The property is about something: both happened, many times.
    expect(given).toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(500);
  });
});
