import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Deletions, SETTLE_MS } from "../../services/recordings/deletions/deletions.ts";
import { Intents, OPEN_MS } from "../../services/recordings/deletions/intents.ts";
import { Outbound } from "../../services/recordings/outbound.ts";
import type { Bucket } from "../../services/recordings/storage/bucket.ts";
import { BucketCalls } from "../../services/recordings/storage/bucket-calls.ts";
import { NamedBuckets } from "../../services/recordings/storage/buckets.ts";
import { Signer } from "../../services/recordings/storage/signer.ts";
import { createLog } from "../../services/shared/log.ts";
import { bucketIn, DownloadWorld, HOME, US } from "../support/recordings/download-world.ts";
import { deletingAs } from "../support/recordings/fake-meet.ts";
import type { ServiceProcess } from "../support/service-process.ts";

let world: DownloadWorld;

beforeAll(async () => {
  world = await DownloadWorld.start();
});

afterAll(async () => {
  await world.stop();
});

/** Waits for a state of the storage. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries += 1) {
    if (tries > 200) {
      throw new Error("It did not come about in ten seconds.");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The deletions as a pod sees them so many milliseconds from now. */
function deletionsIn(laterMs: number) {
  const outbound = new Outbound();
  world.s3.keys.set("ADMIN", { secret: "secret-of-the-admin" });
  const bucket = (region: string): Bucket => ({
    ...{ name: bucketIn(region), region, endpoint: world.s3.url },
    ...{ pathStyle: true, delivery: "redirect" },
    credentials: {
      current: () =>
        Promise.resolve({ accessKeyId: "ADMIN", secretAccessKey: "secret-of-the-admin" }),
    },
  });
  const outcomes: string[] = [];
  const buckets = new NamedBuckets(bucket("eu-west-3"), [bucket("us-east-1")]);
  const calls = new BucketCalls(outbound, new Signer());
  const deletions = new Deletions({
    buckets,
    calls,
    intents: new Intents(buckets, calls),
    log: createLog("recordings", "eu", () => undefined),
    observe: (outcome) => outcomes.push(outcome),
    nowMs: () => Date.now() + laterMs,
  });
  const close = (): void => {
    outbound.close();
  };
  return { deletions, outcomes, close };
}

describe("a deletion that is asked for in the home's bucket", () => {
  it("takes all versions and delete markers from the buckets of all regions, and leaves the rest", async () => {
    const id = await world.recording("first", HOME, US);
    const kept = await world.recording("kept", HOME, US);
    await world.moto.put(HOME, `recordings/${id}.mp4`, "second", "video/mp4");
    await world.moto.put(US, `recordings/${id}.ogg`, "sound alone", "audio/ogg");
    await world.moto.delete(US, `recordings/${id}.mp4`);
    await world.moto.put(HOME, `deletions/${id}`, "", "text/plain");
    const route = await world.route();
    await until(async () => {
      const home = await world.moto.versions(HOME, `recordings/${id}`);
      const us = await world.moto.versions(US, `recordings/${id}`);
      return home.length + us.length === 0;
    });
    expect(await world.moto.versions(HOME, `recordings/${kept}`)).toEqual(["Version"]);
    expect(await world.moto.versions(US, `recordings/${kept}`)).toEqual(["Version"]);
    // A copy may still arrive: it waits on, for all to see.
    await until(async () =>
      (await world.metrics(route)).includes('recordings_deletions_waiting{region="eu"} 1'),
    );
    expect(await world.moto.versions(HOME, `deletions/${id}`)).toEqual(["Version"]);
  });

  it("is over when it was gone over again after the time of a copy", async () => {
    const { deletions, outcomes, close } = deletionsIn(SETTLE_MS + 1000);
    const id = randomUUID();
    await world.moto.put(US, `recordings/${id}.ogg`, "audio", "audio/ogg");
    await world.moto.put(HOME, `recordings/${id}.ogg`, "audio", "audio/ogg");
    await world.moto.put(HOME, `deletions/${id}`, "", "text/plain");
    world.s3.away.add(US);
    await deletions.round();
    expect(outcomes).not.toContain("done");
    expect(await world.moto.versions(HOME, `recordings/${id}`)).toEqual([]);
    expect(await world.moto.versions(US, `recordings/${id}`)).toEqual(["Version"]);
    world.s3.away.delete(US);
    await deletions.round();
    await deletions.round();
    expect(await world.moto.versions(US, `recordings/${id}`)).toEqual([]);
    expect(await world.moto.versions(HOME, `deletions/${id}`)).toEqual(["Version", "DeleteMarker"]);
    expect(deletions.waiting()).toEqual({ count: 0, oldestSeconds: 0 });
    close();
  });
});

describe("a recording that somebody deletes in Meet", () => {
  let route: ServiceProcess;

  beforeAll(async () => {
    route = await world.route();
  });

  afterEach(() => {
    world.meet.deleteFault = "none";
    world.s3.away.clear();
  });

  function remove(id: string, user = "alice", headers = deletingAs(user)): Promise<Response> {
    return fetch(`${route.url}/api/v1.0/recordings/${id}/`, { method: "DELETE", headers });
  }

  /** What is left of a recording, and of what was written down about its deletion. */
  async function left(id: string) {
    const count = async (bucket: string, prefix: string): Promise<number> =>
      (await world.moto.keys(bucket, `${prefix}${id}`)).length;
    return {
      home: (await world.moto.versions(HOME, `recordings/${id}`)).length,
      us: (await world.moto.versions(US, `recordings/${id}`)).length,
      deletions: await count(HOME, "deletions/"),
      intents: await count(HOME, "deletion-intents/"),
    };
  }

  const KEPT = { home: 1, us: 1, deletions: 0, intents: 0 };
  const WAITING = { home: 1, us: 1, deletions: 1, intents: 0 };

  it("is deleted for its owner, and its files go from every bucket, markers and all", async () => {
    const id = await world.recording("mine", HOME, US);
    await world.moto.put(HOME, `recordings/${id}.mp4`, "second version", "video/mp4");
    await world.moto.delete(US, `recordings/${id}.mp4`);
    expect((await remove(id)).status).toBe(204);
    expect(world.meet.has(id)).toBe(false);
    expect(await left(id)).toMatchObject({ deletions: 1, intents: 0 });
    // What is written down is done by any pod, at its start and each minute.
    await world.route();
    await until(async () => {
      const { home, us } = await left(id);
      return home + us === 0;
    });
  });

  it.each([
    ["somebody else", "bob", deletingAs("bob"), 404],
    ["nobody", "", {}, 401],
    ["a page of another site", "alice", { ...deletingAs("alice"), referer: "https://evil/" }, 403],
    ["a page without the token", "alice", { ...deletingAs("alice"), "x-csrftoken": "x" }, 403],
  ])("is kept when Meet refuses %s", async (_, user, headers, status) => {
    const id = await world.recording("kept", HOME, US);
    expect((await remove(id, user, headers)).status).toBe(status);
    expect(world.meet.has(id)).toBe(true);
    expect(await left(id)).toEqual(KEPT);
  });

  it("is kept while it is being made", async () => {
    const id = await world.recording("being made", HOME, US);
    world.meet.recording(id, "alice", "mp4", false);
    expect((await remove(id)).status).toBe(403);
    expect(await left(id)).toEqual(KEPT);
  });

  it("is not deleted in Meet while that cannot be written down", async () => {
    const id = await world.recording("kept", HOME, US);
    world.s3.away.add(HOME);
    expect((await remove(id)).status).toBe(503);
    expect(world.meet.has(id)).toBe(true);
    world.s3.away.clear();
    expect(await left(id)).toEqual(KEPT);
  });

  it.each(["500 after", "cut after"] as const)(
    "is deleted although Meet's answer is lost (%s), as Meet does not have it any more",
    async (fault) => {
      const id = await world.recording("gone", HOME, US);
      world.meet.deleteFault = fault;
      expect((await remove(id)).status).toBe(204);
      expect(await left(id)).toEqual(WAITING);
    },
  );

  it.each([
    ["500 before", 500],
    ["cut before", 504],
  ] as const)("is kept while Meet may still have it (%s)", async (fault, status) => {
    const id = await world.recording("perhaps", HOME, US);
    world.meet.deleteFault = fault;
    expect((await remove(id)).status).toBe(status);
    expect(await left(id)).toEqual({ ...KEPT, intents: 1 });
    world.meet.deleteFault = "none";
    expect((await remove(id)).status).toBe(204);
    expect(await left(id)).toEqual(WAITING);
  });

  it("is deleted when it is asked for again after the pod died between Meet's deletion and its own", async () => {
    const id = await world.recording("crashed", HOME, US);
    const first = route;
    world.meet.delayMs = 500;
    const lost = remove(id).catch(() => "lost");
    await until(() => Promise.resolve(!world.meet.has(id)));
    first.child.kill("SIGKILL");
    expect(await lost).toBe("lost");
    world.meet.delayMs = 0;
    expect(await left(id)).toEqual({ ...KEPT, intents: 1 });
    route = await world.route();
    // Nobody knows: nothing is deleted by itself, and after a time it is counted.
    for (const [laterMs, count] of [
      [0, 0],
      [OPEN_MS + 1000, 1],
    ] as const) {
      const { deletions, close } = deletionsIn(laterMs);
      await deletions.round();
      close();
      expect(deletions.unsettled().count).toBe(count);
      expect(await left(id)).toEqual({ ...KEPT, intents: 1 });
    }
    expect((await remove(id)).status).toBe(204);
    expect(await left(id)).toEqual(WAITING);
  });

  it("is deleted once when two ask at the same time", async () => {
    const id = await world.recording("twice", HOME, US);
    const answers = await Promise.all([remove(id), remove(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 204]);
    expect(await left(id)).toEqual(WAITING);
  });

  it("is kept by a row that a restored database lacks, whoever asks", async () => {
    const id = randomUUID();
    await world.moto.put(HOME, `recordings/${id}.mp4`, "no row", "video/mp4");
    expect((await remove(id)).status).toBe(404);
    expect(await left(id)).toEqual({ ...KEPT, us: 0 });
  });
});
