import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MediaKey } from "../../../services/recordings/media-key.ts";
import type { Bucket } from "../../../services/recordings/storage/bucket.ts";
import type { Buckets } from "../../../services/recordings/storage/buckets.ts";
import { Finder } from "../../../services/recordings/storage/finder.ts";
import { Memory } from "../../../services/recordings/storage/memory.ts";
import type { Look } from "../../../services/recordings/storage/s3-client.ts";

type State = Look["kind"] | "silent" | "slow marker";

const KEY = keyOf("0190e5c4-7a3b-4d1e-9f00-0123456789ab");

function keyOf(id: string): MediaKey {
  const key = MediaKey.parse(`/media/recordings/${id}.mp4`);
  if (key === undefined) {
    throw new Error(`${id} is no id`);
  }
  return key;
}

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

/** Buckets by name, each in a state; those after a `+` come with the next refresh. */
class World implements Buckets {
  readonly asked: string[] = [];
  readonly states: Map<string, State>;
  refreshes = 0;
  complete = true;
  private readonly coming: readonly string[];

  constructor(states: Readonly<Record<string, State>>) {
    const entries = Object.entries(states);
    this.states = new Map(entries.map(([name, state]) => [name.replace("+", ""), state]));
    this.coming = entries.flatMap(([name]) => (name.startsWith("+") ? [name.slice(1)] : []));
  }

  home(): Bucket {
    return bucket("home");
  }

  others(): readonly Bucket[] {
    return [...this.states.keys()]
      .filter((name) => name !== "home" && (this.refreshes > 0 || !this.coming.includes(name)))
      .map(bucket);
  }

  isComplete(): boolean {
    return this.complete;
  }

  refresh(): Promise<void> {
    this.refreshes += 1;
    return Promise.resolve();
  }

  finder(nowMs: () => number = () => 0): Finder {
    const look = (it: Bucket): Promise<Look> => {
      this.asked.push(it.name);
      const kind = this.states.get(it.name) ?? "missing";
      switch (kind) {
        case "there":
          return Promise.resolve({ kind, headers: { etag: it.name } });
        case "silent":
          return new Promise(() => undefined);
        case "slow marker":
          return new Promise((resolve) => {
            setTimeout(resolve, 900, { kind: "deleted" });
          });
        case "failed":
          return Promise.resolve({ kind, reason: "status 503" });
        default:
          return Promise.resolve({ kind });
      }
    };
    return new Finder(this, look, new Memory(2, 1000, nowMs));
  }
}

/** What a promise has come to; "pending" where it has come to nothing yet. */
async function settled<T>(promise: Promise<T>): Promise<T | "pending"> {
  const turns = async (): Promise<"pending"> => {
    for (let turn = 0; turn < 50; turn += 1) {
      await Promise.resolve();
    }
    return "pending";
  };
  return Promise.race([promise, turns()]);
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a search", () => {
  it("ends at home where the home has it, without a word to the others", async () => {
    const world = new World({ home: "there", us: "there" });
    expect(await world.finder().find(KEY)).toMatchObject({
      kind: "found",
      where: "home",
      bucket: { name: "home" },
    });
    expect(world.asked).toEqual(["home"]);
  });

  it("goes on to all the others while the copy has not arrived, and remembers", async () => {
    const world = new World({ home: "missing", ap: "missing", us: "there" });
    const finder = world.finder();
    expect(await finder.find(KEY)).toMatchObject({ where: "searched", bucket: { name: "us" } });
    expect(await finder.find(KEY)).toMatchObject({ where: "remembered", bucket: { name: "us" } });
    expect(world.asked).toEqual(["home", "ap", "us", "home", "us"]);
    world.states.set("home", "there");
    expect(await finder.find(KEY)).toMatchObject({ where: "home" });
  });

  it("never goes past a delete marker at home, even where the object's bucket is remembered", async () => {
    const world = new World({ home: "missing", us: "there" });
    const finder = world.finder();
    expect(await finder.find(KEY)).toMatchObject({ kind: "found" });
    world.states.set("home", "deleted");
    expect(await finder.find(KEY)).toEqual({ kind: "deleted" });
    expect(world.asked.filter((name) => name === "us")).toHaveLength(2);
  });

  it("says nothing for certain while the home does not answer: it may have been deleted there", async () => {
    const world = new World({ home: "failed", us: "there" });
    expect(await world.finder().find(KEY)).toEqual({
      kind: "unknown",
      reason: "home: status 503",
    });
  });

  it("finds the bucket of a region that was added after the last look", async () => {
    const world = new World({ home: "missing", us: "missing", "+ap": "there" });
    expect(await world.finder().find(KEY)).toMatchObject({ bucket: { name: "ap" } });
    expect([world.refreshes, world.asked]).toEqual([1, ["home", "us", "ap"]]);
  });

  it("does not call missing what a silent or an unknown bucket may have", async () => {
    const silent = new World({ home: "missing", us: "failed" });
    expect(await silent.finder().find(KEY)).toEqual({ kind: "unknown", reason: "us: status 503" });
    const unlisted = new World({ home: "missing" });
    unlisted.complete = false;
    expect(await unlisted.finder().find(KEY)).toEqual({
      kind: "unknown",
      reason: "the other buckets are not known",
    });
    unlisted.complete = true;
    expect(await unlisted.finder().find(KEY)).toEqual({ kind: "missing" });
  });

  it("gives out what one bucket has although another never answers", async () => {
    vi.useFakeTimers();
    const world = new World({ home: "missing", ap: "silent", us: "there" });
    const found = world.finder().find(KEY);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await settled(found)).toMatchObject({ where: "searched", bucket: { name: "us" } });
  });

  it("does not go past a delete marker that comes within a second of the object", async () => {
    vi.useFakeTimers();
    const world = new World({ home: "missing", br: "silent", ap: "slow marker", us: "there" });
    const found = world.finder().find(KEY);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await settled(found)).toEqual({ kind: "deleted" });
  });

  it("gives out what has come home although the region that recorded it never answers", async () => {
    const world = new World({ home: "missing", us: "there" });
    const finder = world.finder();
    await finder.find(KEY);
    world.states.set("home", "there").set("us", "silent");
    expect(await settled(finder.find(KEY))).toMatchObject({ where: "home" });
    await finder.find(KEY);
    world.states.set("home", "missing").set("us", "there");
    await finder.find(KEY);
    world.states.set("home", "deleted").set("us", "silent");
    expect(await settled(finder.find(KEY))).toEqual({ kind: "deleted" });
  });

  it("holds what it promises in whatever state the buckets are, and whatever was before", async () => {
    const state = fc.constantFrom<State>("there", "missing", "deleted", "failed");
    const states = fc.record({ home: state, us: state, ap: state, "+br": state });
    await fc.assert(
      fc.asyncProperty(fc.array(states, { minLength: 1, maxLength: 4 }), async (steps) => {
        const world = new World(steps[0] ?? {});
        const finder = world.finder();
        for (const step of steps) {
          for (const [name, kind] of Object.entries(step)) {
            world.states.set(name.replace("+", ""), kind);
          }
          const found = await finder.find(KEY);
          const others = [step.us, step.ap, step["+br"]];
          if (step.home === "deleted") {
            expect(found.kind).toBe("deleted");
          } else if (step.home === "failed") {
            expect(["unknown", "deleted"]).toContain(found.kind);
          } else if (step.home === "there") {
            expect(found).toMatchObject({ kind: "found", bucket: { name: "home" } });
          } else if (found.kind === "found") {
            expect(world.states.get(found.bucket.name)).toBe("there");
          } else if (found.kind === "missing") {
            expect(others.every((it) => it === "missing")).toBe(true);
          } else {
            expect(others).toContain(found.kind === "deleted" ? "deleted" : "failed");
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the memory", () => {
  it("forgets after its time, and the longest unused beyond its capacity", () => {
    let now = 0;
    const memory = new Memory<number>(2, 1000, () => now);
    memory.keep("a", 1);
    memory.keep("b", 2);
    expect(memory.recall("a")).toBe(1);
    memory.keep("c", 3);
    expect([memory.recall("a"), memory.recall("b"), memory.recall("c")]).toEqual([1, undefined, 3]);
    now = 1000;
    expect([memory.recall("a"), memory.recall("c")]).toEqual([undefined, undefined]);
  });
});
