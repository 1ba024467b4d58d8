import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

describe("recordings that S3 is copying when their region is removed", () => {
  it("are waited for, with what is left shown, and then the removal goes on", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4", "b.mp4"] });
    s3.statuses["a.mp4"] = s3.statuses["b.mp4"] = "PENDING";
    let pauses = 0;
    const { world, said, stacks } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        pauses++;
        if (pauses === 3) {
          s3.copy("b.mp4", EU, US);
        } else if (pauses === 8) {
          s3.copy("a.mp4", EU, US);
        }
      },
    });
    const options = { ...REMOVE, deleteRecordings: true };
    expect(await removeRegion(world, "ap", options)).toBe(EXIT.done);
    expect(said.filter((line) => line.includes("on their way"))).toEqual([
      "ap: 2 of 2 recordings are on their way to eu and us; waited for 0 s",
      "ap: 1 of 2 recordings are on their way to eu and us; waited for 45 s",
      "ap: 1 of 2 recordings are on their way to eu and us; waited for 105 s",
    ]);
    expect(said).toContain("ap: 2 recordings, 2 of them copied to eu and us");
    expect(s3.deleted).toEqual(["a.mp4", "b.mp4"]);
    expect(stacks.calls).toEqual(["up ap", "destroy ap", "remove ap"]);
  });

  it("end the command with 3 when the time is over, with nothing changed, and called again it goes on", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.statuses["a.mp4"] = "PENDING";
    const { world, stacks } = deployed({ files: residency, words: ["ap"], aws: s3 });
    await expect(removeRegion(world, "ap", { ...REMOVE, waitSeconds: 40 })).rejects.toMatchObject({
      exit: EXIT.notFinished,
      message: expect.stringMatching(
        /^Bucket "meet-recordings-\S+": after 40 s of waiting, 1 of 1 recordings are still on their way \(a\.mp4\)\. S3 goes on.*\n.*\n.*\nRun fleet region remove ap again: it goes on\.$/,
      ) as string,
    });
    expect(stacks.calls).toEqual([]);
    // At 0, 15, 30 and 40 s: the last look is never later than asked for.
    expect(s3.heads).toHaveLength(4);
    s3.copy("a.mp4", EU, US);
    const options = { ...REMOVE, deleteRecordings: true };
    expect(await removeRegion(world, "ap", options)).toBe(EXIT.done);
  });

  it("are left to S3 when the operator interrupts", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.statuses["a.mp4"] = "PENDING";
    const fake = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        fake.interrupt();
      },
    });
    await expect(removeRegion(fake.world, "ap", REMOVE)).rejects.toMatchObject({
      exit: EXIT.notFinished,
      message: expect.stringContaining("interrupted here, 1 of 1 recordings") as string,
    });
    expect(fake.stacks.calls).toEqual([]);
  });

  it.each(["FAILED", "NONE"])(
    "but not those that are %s: the command that copies these is named at once",
    async (status) => {
      const s3 = new FakeRecordings({ [AP]: ["a.mp4", "b.mp4"] });
      Object.assign(s3.statuses, { "a.mp4": "PENDING", "b.mp4": status });
      const { world, stacks } = deployed({
        files: residency,
        words: ["ap"],
        aws: s3,
        onSleep: () => Promise.reject(new Error("it waits")),
      });
      await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(
        `2 of 2 recordings are in no other region, and of these S3 does not copy b.mp4 (${status}) by itself. Run fleet recordings backfill ap, or add --lose-recordings.`,
      );
      expect(stacks.calls).toEqual([]);
    },
  );

  it("are stuck if S3 calls them COMPLETED and a later look still does not find them in any home", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.statuses["a.mp4"] = "COMPLETED";
    const { world } = deployed({ files: residency, words: ["ap"], aws: s3 });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow("copy a.mp4 (COMPLETED) by");
    expect(s3.heads).toHaveLength(2);
  });

  it("are asked about before those that are in one home already, however many these are", async () => {
    const many = Array.from({ length: 60 }, (_, index) => `old-${index}.mp4`);
    const s3 = new FakeRecordings({ [AP]: [...many, "new.mp4"], [EU]: [...many] });
    s3.statuses["new.mp4"] = "PENDING";
    const { world, said } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        s3.copy("new.mp4", EU, US);
      },
    });
    expect(await removeRegion(world, "ap", { ...REMOVE, deleteRecordings: true })).toBe(EXIT.done);
    expect(s3.heads[0]).toBe("new.mp4");
    expect(said.join("\n")).toMatch(
      /one home has not.*: old-0\.mp4 \(NONE\),.* and 35 more\. Once ap is gone, fleet recordings backfill/,
    );
  });

  it("are asked about again while S3 does not tell for now, and are neither called lost nor copied", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.refusal = "SlowDown";
    const { world, said, stacks } = deployed({ files: residency, words: ["ap"], aws: s3 });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toMatchObject({
      exit: EXIT.notFinished,
    });
    expect(said).toContain("ap: its copies cannot be looked at (SlowDown); waited for 0 s");
    expect(s3.heads).toHaveLength(41);
    expect(stacks.calls).toEqual([]);
  });

  it("stop the removal at once if S3 may not tell", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.refusal = "403";
    const { world, stacks } = deployed({ files: residency, words: ["ap"], aws: s3 });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow("is not known (403)");
    expect(s3.heads).toHaveLength(1);
    expect(stacks.calls).toEqual([]);
  });

  it("and are deleted meanwhile are no hindrance", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.refusal = "404";
    const { world } = deployed({
      files: residency,
      words: ["ap"],
      aws: s3,
      onSleep: () => {
        s3.objects[AP] = [];
      },
    });
    expect(await removeRegion(world, "ap", REMOVE)).toBe(EXIT.done);
  });

  it("are not waited for when they may be lost", async () => {
    const s3 = new FakeRecordings({ [AP]: ["a.mp4"] });
    s3.statuses["a.mp4"] = "PENDING";
    const { world } = deployed({ files: residency, words: ["ap"], aws: s3 });
    expect(await removeRegion(world, "ap", { ...REMOVE, loseRecordings: true })).toBe(EXIT.done);
    expect([s3.heads, s3.deleted]).toEqual([[], ["a.mp4"]]);
  });
});

describe("recordings of a region that is removed", () => {
  it("stop the removal before anything is changed if they are in no other region", async () => {
    const aws = new FakeRecordings({
      "ap-northeast-1": ["a.mp4", "b.mp4"],
      "eu-west-3": ["a.mp4"],
    });
    const { world, stacks } = deployed({ files: residency, words: ["ap"], aws });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(
      'Bucket "meet-recordings-123456789012-ap-northeast-1-an": 1 of 2 recordings are in no other region, and of these S3 does not copy b.mp4 (NONE) by itself.',
    );
    expect(stacks.calls).toEqual([]);
  });

  it("stop it when they are copied, until it is said that they may go here", async () => {
    const aws = new FakeRecordings({ "ap-northeast-1": ["a.mp4"], "us-east-1": ["a.mp4"] });
    const { world, said } = deployed({ files: residency, words: ["ap"], aws });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(
      /it holds 1 recordings, all copied.*Add --delete-recordings/,
    );
    expect(said).toContain("ap: 1 recordings, 1 of them copied to eu and us");
    expect(await removeRegion(world, "ap", { ...REMOVE, deleteRecordings: true })).toBe(EXIT.done);
    expect(aws.deleted).toEqual(["a.mp4"]);
  });

  it("are all called lost in a region whose residency group has no home", async () => {
    const aws = new FakeRecordings({ "ap-northeast-1": ["a.mp4"], "eu-west-3": ["a.mp4"] });
    const { world } = deployed({ words: ["ap"], aws });
    await expect(removeRegion(world, "ap", { ...REMOVE, deleteRecordings: true })).rejects.toThrow(
      "1 of 1 recordings are in no other region",
    );
  });

  it("go when that is said in so many words", async () => {
    const aws = new FakeRecordings({ "ap-northeast-1": ["a.mp4"] });
    const { world } = deployed({ words: ["ap"], aws });
    expect(await removeRegion(world, "ap", { ...REMOVE, loseRecordings: true })).toBe(EXIT.done);
    expect(aws.deleted).toEqual(["a.mp4"]);
  });

  it.each([
    ["{ kind: single }", "the bucket of eu"],
    [
      "{ kind: s3-compatible, default: { endpoint: https://s3.example.org, region: r, bucket: all } }",
      "all at https://s3.example.org",
    ],
  ])("stay where they are with storage %s", async (storage, where) => {
    const eu = residency.get("Pulumi.eu.yaml") ?? "";
    const days = "    expirationDays: 90\n";
    const files = new Map(residency).set(
      "Pulumi.eu.yaml",
      eu.replace(days, `${days}    storage: ${storage}\n`),
    );
    const { world, said } = deployed({ files, words: ["ap"] });
    expect(await removeRegion(world, "ap", REMOVE)).toBe(EXIT.done);
    expect(said).toContain(`ap: its recordings are in ${where} and stay there`);
  });
});
