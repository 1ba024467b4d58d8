import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mayPass } from "../../fleet/aws.ts";
import { destroyFleet } from "../../fleet/commands/destroy.ts";
import { removeRegion } from "../../fleet/commands/remove-region.ts";
import { EXIT } from "../../fleet/exit.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import {
  AP,
  BUCKET,
  EU,
  FakeRecordings,
  REMOVE,
  residency,
  US,
  withAp,
} from "./support/fake-recordings.ts";
import { FakeStacks, fakeWorld, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us", "ap"]);
});

afterEach(async () => {
  await regions.stop();
});

/** A fleet of eu, us and ap, with a bucket deployed in ap. */
function deployed(options: FakeOptions) {
  const stacks = new FakeStacks(["eu", "us", "ap"]);
  stacks.states.set("ap", { resources: [BUCKET], pending: [] });
  return fakeWorld({ endpoints: regions.endpoints, files: withAp(), stacks, ...options });
}

describe("recordings of which AWS does not say what there are", () => {
  it.each([
    "AWS did not answer within 20 s",
    "SlowDown",
    "503",
    'Could not connect to the endpoint URL: "https://s3.ap-northeast-1.amazonaws.com/"',
  ])("are asked about again after %s, and are waited for once it answers", async (away) => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.away = away;
    s3.statuses["a.mp4"] = "PENDING";
    let pauses = 0;
    const { world, said, stacks } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        pauses++;
        if (pauses === 2) {
          s3.away = undefined;
        } else if (pauses === 4) {
          s3.copy("a.mp4", EU, US);
        }
      },
    });
    expect(await removeRegion(world, "ap", { ...REMOVE, deleteRecordings: true })).toBe(EXIT.done);
    expect(said).toContain(`ap: its copies cannot be looked at (${away}); waited for 0 s`);
    expect(said).toContain("ap: 1 of 1 recordings are on their way to eu and us; waited for 30 s");
    expect(stacks.calls).toEqual(["up ap", "destroy ap", "remove ap"]);
  });

  it("stop the removal with 3 when the time is over, before anything is changed", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.away = "AWS did not answer within 20 s";
    const { world, stacks } = deployed({ files: residency, words: ["ap"], aws: s3 });
    await expect(removeRegion(world, "ap", { ...REMOVE, waitSeconds: 40 })).rejects.toMatchObject({
      exit: EXIT.notFinished,
      message: expect.stringMatching(
        /^Region "ap": after 40 s of waiting, what recordings it has, and which of them are copied, is not known \(AWS did not answer within 20 s\), and copies that are on their way would never arrive\. Have aws s3api .* add --lose-recordings\.\n/,
      ) as string,
    });
    expect(stacks.calls).toEqual([]);
  });

  it.each([
    "the aws command is not installed",
    "no AWS credentials",
    "AccessDenied",
    "ExpiredToken, credentials have expired",
    "NoSuchBucket",
  ])("stop it at once where somebody has to do something first: %s", async (away) => {
    const s3 = new FakeRecordings({});
    s3.away = away;
    const { world, stacks } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => Promise.reject(new Error("it waits")),
    });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toMatchObject({
      exit: EXIT.notFinished,
      message: expect.stringContaining(
        `Region "ap": what recordings it has, and which of them are copied, is not known (${away})`,
      ) as string,
    });
    expect(stacks.calls).toEqual([]);
  });

  it("stop fleet destroy as well, and without an account", async () => {
    const { world, stacks } = deployed({ words: ["ap", "us", "eu"] });
    const destroyed = destroyFleet(world, REMOVE);
    await expect(destroyed).rejects.toThrow("is not known (no AWS credentials)");
    expect(stacks.calls).toEqual([]);
  });

  it("stop it again before the bucket's replication goes, though they were known before", async () => {
    const s3 = new FakeRecordings({});
    const { world, stacks } = deployed({ files: residency, words: ["ap"], aws: s3 });
    stacks.after = (call) => {
      if (call === "up ap") {
        s3.away = "AccessDenied";
      }
    };
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toMatchObject({
      exit: EXIT.notFinished,
    });
    expect(stacks.calls).toEqual(["up ap"]);
    s3.away = undefined;
    expect(await removeRegion(world, "ap", REMOVE)).toBe(EXIT.done);
  });

  it.each([{ lost: true }, { loseRecordings: true }])(
    "are given up with %o, and AWS still guards a bucket that has some",
    async (given) => {
      const { world, said, stacks } = deployed({ words: ["ap"] });
      expect(await removeRegion(world, "ap", { ...REMOVE, ...given })).toBe(EXIT.done);
      expect(said).toContain(
        "ap: whether there are recordings is not known (no AWS credentials); a bucket with recordings is not deleted",
      );
      expect(stacks.calls).toEqual(["up ap", "destroy ap", "remove ap"]);
    },
  );

  it("are waited for in a lost region that has answered once", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.statuses["a.mp4"] = "PENDING";
    const { world, stacks } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        s3.away = "AWS did not answer within 20 s";
      },
    });
    await expect(removeRegion(world, "ap", { ...REMOVE, lost: true })).rejects.toMatchObject({
      exit: EXIT.notFinished,
    });
    expect(stacks.calls).toEqual([]);
  });

  it("are none where the stack has no bucket: a removal goes on after the bucket is gone", async () => {
    const { world, said, stacks } = deployed({ words: ["ap"] });
    stacks.states.set("ap", { resources: [{ ...BUCKET, type: "a:b:C" }], pending: [] });
    expect(await removeRegion(world, "ap", REMOVE)).toBe(EXIT.done);
    expect(said).toContain("ap: its stack has no bucket of recordings");
  });

  it("may pass only where nobody has to do anything about it", () => {
    const passing = ["500", "503", "429", "Throttling", "ThrottlingException", "InternalError"];
    const lasting = ["400", "403", "404", "InvalidClientTokenId", "SignatureDoesNotMatch", "5003"];
    expect(passing.filter(mayPass)).toEqual(passing);
    expect(lasting.filter(mayPass)).toEqual([]);
  });
});
