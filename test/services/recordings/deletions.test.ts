import { beforeEach, describe, expect, it } from "vitest";
import { Deletions, SETTLE_MS } from "../../../services/recordings/deletions/deletions.ts";
import type { Bucket } from "../../../services/recordings/storage/bucket.ts";
import type { Version } from "../../../services/recordings/storage/bucket-calls.ts";
import { S3Failed } from "../../../services/recordings/storage/s3-client.ts";
import { createLog } from "../../../services/shared/log.ts";

const ID = "0190e5c4-7a3b-4d1e-9f00-0123456789ab";
const OTHER_ID = "0190e5c4-7a3b-4d1e-9f00-0123456789ac";
const KEY = `recordings/${ID}.mp4`;
const ASKED_MS = Date.parse("2026-11-23T10:00:00Z");

function bucket(name: string): Bucket {
  return {
    name,
    region: "eu-west-3",
    endpoint: "https://s3.example.org",
    pathStyle: true,
    delivery: "redirect",
    credentials: { current: () => Promise.reject(new Error("nobody asks")) },
  };
}

/** Two buckets with versions, and the deletions that wait in the first. */
class World {
  readonly versions: Record<string, Version[]> = { home: [], us: [] };
  readonly removals: string[] = [];
  readonly outcomes: string[] = [];
  readonly lines: string[] = [];
  waiting = [`deletions/${ID}`];
  /** Times of intents that nobody knows the end of. */
  unsettled: number[] = [];
  others = ["us"];
  /** Buckets that do nothing. */
  readonly away = new Set<string>();
  hasVersions = true;
  isComplete = true;
  now = ASKED_MS;
  readonly deletions = new Deletions({
    buckets: {
      home: () => bucket("home"),
      others: () => this.others.map(bucket),
      isComplete: () => this.isComplete,
      refresh: () => Promise.resolve(),
    },
    calls: {
      list: (at) =>
        this.away.has(at.name)
          ? Promise.reject(new S3Failed("status 503"))
          : Promise.resolve(this.waiting.map((key) => ({ key, modifiedMs: ASKED_MS }))),
      versions: (at, prefix) => {
        if (this.away.has(at.name)) {
          return Promise.reject(new S3Failed("status 503"));
        }
        const all = this.versions[at.name]?.filter(({ key }) => key.startsWith(prefix));
        return Promise.resolve(this.hasVersions ? all : undefined);
      },
      remove: (at, key, versionId) => {
        this.removals.push(`${at.name} ${key} ${versionId ?? ""}`.trim());
        this.waiting = this.waiting.filter((it) => it !== key);
        this.versions[at.name] = (this.versions[at.name] ?? []).filter(
          (it) => it.key !== key || it.versionId !== versionId,
        );
        return Promise.resolve();
      },
    },
    intents: {
      confirm: (id) => {
        if (this.away.has("home")) {
          return Promise.reject(new S3Failed("status 503"));
        }
        this.waiting.push(`deletions/${id}`);
        return Promise.resolve();
      },
      unsettled: () =>
        this.away.has("home")
          ? Promise.reject(new S3Failed("status 503"))
          : Promise.resolve(this.unsettled.map((modifiedMs) => ({ key: "", modifiedMs }))),
    },
    log: createLog("recordings", "eu", (line) => this.lines.push(line)),
    observe: (outcome) => this.outcomes.push(outcome),
    nowMs: () => this.now,
  });
}

let world: World;

beforeEach(() => {
  world = new World();
  world.versions["us"] = [{ key: KEY, versionId: "u1" }];
  world.versions["home"] = [
    { key: KEY, versionId: "h2" },
    { key: KEY, versionId: "h1" },
    { key: `recordings/${OTHER_ID}.mp4`, versionId: "x" },
  ];
});

describe("a deletion", () => {
  it("removes every version from every bucket, the home last, and of no other recording", async () => {
    await world.deletions.round();
    expect(world.removals).toEqual([`us ${KEY} u1`, `home ${KEY} h2`, `home ${KEY} h1`]);
    expect(world.versions["home"]).toEqual([{ key: `recordings/${OTHER_ID}.mp4`, versionId: "x" }]);
  });

  it("waits until no copy can arrive any more, and is over then", async () => {
    await world.deletions.round();
    world.now += SETTLE_MS - 1;
    world.versions["home"]?.push({ key: KEY, versionId: "late copy" });
    await world.deletions.round();
    expect(world.removals.at(-1)).toBe(`home ${KEY} late copy`);
    expect(world.deletions.waiting()).toEqual({
      count: 1,
      oldestSeconds: (SETTLE_MS - 1) / 1000,
    });
    world.now += 1;
    await world.deletions.round();
    expect(world.removals.at(-1)).toBe(`home deletions/${ID}`);
    expect(world.deletions.waiting()).toEqual({ count: 0, oldestSeconds: 0 });
    expect(world.outcomes).toEqual(["again", "again", "done"]);
  });

  it("stays, and is seen to wait, while a bucket does not do its part", async () => {
    world.away.add("us");
    world.now += 2 * SETTLE_MS;
    await world.deletions.round();
    expect(world.removals).toEqual([`home ${KEY} h2`, `home ${KEY} h1`]);
    expect(world.deletions.waiting()).toEqual({ count: 1, oldestSeconds: 2400 });
    expect(world.lines.join("")).toContain("a recording is not deleted everywhere yet");
    expect(world.lines.join("")).toContain("us: status 503");
    world.away.delete("us");
    await world.deletions.round();
    await world.deletions.round();
    expect(world.outcomes).toEqual(["failed", "again", "done"]);
    expect(world.versions["us"]).toEqual([]);
  });

  it("goes through all other buckets while some are away, and names those", async () => {
    world.others = ["ap", "br", "us"];
    world.versions["ap"] = [{ key: KEY, versionId: "a1" }];
    world.versions["br"] = [{ key: KEY, versionId: "b1" }];
    world.away.add("ap").add("us");
    await world.deletions.round();
    expect(world.removals).toEqual([`br ${KEY} b1`, `home ${KEY} h2`, `home ${KEY} h1`]);
    expect(world.lines.join("")).toContain("ap: status 503, us: status 503");
    expect(world.deletions.waiting().count).toBe(1);
  });

  it("stays while it is not known which buckets there are", async () => {
    world.isComplete = false;
    world.now += 2 * SETTLE_MS;
    await world.deletions.round();
    await world.deletions.round();
    expect(world.waiting).toEqual([`deletions/${ID}`]);
    expect(world.outcomes).toEqual(["again", "again"]);
  });

  it("that names no recording is left alone, written down, and holds up no other", async () => {
    world.waiting = ["deletions/../recordings/x", `deletions/${ID}`];
    await world.deletions.round();
    expect(world.lines[0]).toContain("a deletion names no recording");
    expect(world.removals).toHaveLength(3);
    expect(world.deletions.waiting().count).toBe(2);
  });

  it("removes the object itself where the storage has no versions", async () => {
    world.hasVersions = false;
    await world.deletions.round();
    expect(world.removals).toEqual([
      `us ${KEY}`,
      `us recordings/${ID}.ogg`,
      `home ${KEY}`,
      `home recordings/${ID}.ogg`,
    ]);
  });

  it("is not forgotten while the list of what waits cannot be had", async () => {
    await world.deletions.round();
    world.away.add("home");
    await world.deletions.round();
    expect(world.deletions.waiting().count).toBe(1);
    expect(world.lines.at(-1)).toContain("the deletions that wait could not be listed");
  });

  it("that Meet has made is written down once the home answers again, and waits until then", async () => {
    world.waiting = [];
    world.away.add("home");
    await world.deletions.confirm(ID);
    world.now += 5000;
    await world.deletions.round();
    expect(world.removals).toEqual([]);
    world.away.delete("home");
    await world.deletions.round();
    expect(world.waiting).toEqual([`deletions/${ID}`]);
    expect(world.removals).toHaveLength(3);
    expect(world.deletions.waiting()).toEqual({ count: 1, oldestSeconds: 5 });
  });

  it("of which it is not known whether Meet made it deletes nothing, and is seen with its age", async () => {
    world.waiting = [];
    world.unsettled = [ASKED_MS - 900_000, ASKED_MS - 700_000];
    await world.deletions.round();
    expect(world.removals).toEqual([]);
    expect(world.deletions.unsettled()).toEqual({ count: 2, oldestSeconds: 900 });
    expect(world.lines.join("")).toContain("it is not known whether Meet made them");
  });
});
