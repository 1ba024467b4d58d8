import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deletions, SETTLE_MS } from "../../services/recordings/deletions/deletions.ts";
import { Outbound } from "../../services/recordings/outbound.ts";
import type { Bucket } from "../../services/recordings/storage/bucket.ts";
import { BucketCalls } from "../../services/recordings/storage/bucket-calls.ts";
import { NamedBuckets } from "../../services/recordings/storage/buckets.ts";
import { Signer } from "../../services/recordings/storage/signer.ts";
import { createLog } from "../../services/shared/log.ts";
import { bucketIn, DownloadWorld, HOME, US } from "../support/recordings/download-world.ts";

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

describe("a deletion that is asked for in the home's bucket", () => {
  it("takes all versions and delete markers from the buckets of all regions, and leaves the rest", async () => {
    const id = await world.recording("first", HOME, US);
    const kept = await world.recording("kept", HOME, US);
    await world.moto.put(HOME, `recordings/${id}.mp4`, "second", "video/mp4");
    await world.moto.put(US, `recordings/${id}.mp4.json`, "{}", "application/json");
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
    const deletions = new Deletions({
      buckets: new NamedBuckets(bucket("eu-west-3"), [bucket("us-east-1")]),
      calls: new BucketCalls(outbound, new Signer()),
      log: createLog("recordings", "eu", () => undefined),
      observe: (outcome) => outcomes.push(outcome),
      nowMs: () => Date.now() + SETTLE_MS + 1000,
    });
    const id = randomUUID();
    await world.moto.put(US, `recordings/${id}.ogg`, "audio", "audio/ogg");
    await world.moto.put(HOME, `deletions/${id}`, "", "text/plain");
    world.s3.away.add(US);
    await deletions.round();
    expect(outcomes).not.toContain("done");
    world.s3.away.delete(US);
    await deletions.round();
    await deletions.round();
    expect(await world.moto.versions(US, `recordings/${id}`)).toEqual([]);
    expect(await world.moto.versions(HOME, `deletions/${id}`)).toEqual(["Version", "DeleteMarker"]);
    expect(deletions.waiting()).toEqual({ count: 0, oldestSeconds: 0 });
    outbound.close();
  });
});
