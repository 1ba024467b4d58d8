import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { destroyFleet } from "../../fleet/commands/destroy.ts";
import { addRegion, type AddOptions } from "../../fleet/commands/region.ts";
import { removeRegion } from "../../fleet/commands/remove-region.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { freeRange } from "../../fleet/file-edits.ts";
import { mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us", "ap"]);
});

afterEach(async () => {
  await regions.stop();
});

const RESOURCE = { urn: "a::b::c::d", type: "a:b:C", protect: false, inputs: {}, outputs: {} };

const withAp = () =>
  repositoryFiles().set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));

/** A fleet of eu, us and ap, all deployed. */
function deployed(options: FakeOptions = {}) {
  const stacks = options.stacks ?? new FakeStacks(["eu", "us", "ap"]);
  for (const stack of stacks.existing) {
    stacks.states.set(stack, { resources: [RESOURCE], pending: [] });
  }
  return fakeWorld({ endpoints: regions.endpoints, files: withAp(), ...options, stacks });
}

const ADD: AddOptions = {
  awsRegion: "ap-northeast-1",
  cidr: undefined,
  role: "media",
  size: undefined,
  residency: undefined,
  wait: true,
  dryRun: false,
};

const REMOVE = {
  lost: false,
  forget: false,
  waitSeconds: 600,
  deleteRecordings: false,
  loseRecordings: false,
  dryRun: false,
};

describe("fleet region add", () => {
  const two = { files: repositoryFiles() };

  it("writes two settings, deploys that region only, and waits until another region reaches it", async () => {
    const { world, stacks, folder, result } = fakeWorld({ ...two, endpoints: regions.endpoints });
    expect(await addRegion(world, "ap", ADD)).toBe(EXIT.done);
    expect(readFileSync(join(folder, "Pulumi.ap.yaml"), "utf8")).toBe(
      mediaRegionFile("ap-northeast-1", "10.48.0.0/16"),
    );
    expect(stacks.calls).toEqual(["create ap", "up ap"]);
    expect(result().json).toEqual({ region: "ap", deployed: true, member: true });
  });

  it("lets a region in again that was removed before", async () => {
    regions.removed.add("ap");
    const { world } = fakeWorld({ ...two, endpoints: regions.endpoints });
    expect(await addRegion(world, "ap", ADD)).toBe(EXIT.done);
    expect(regions.calls).toEqual(["eu admit ap"]);
  });

  it("writes nothing when the fleet would be wrong with it", async () => {
    const { world, stacks, folder } = fakeWorld(two);
    const wrong = addRegion(world, "ap", { ...ADD, awsRegion: "eu-west-3", cidr: "10.40.0.0/20" });
    await expect(wrong).rejects.toThrow(/eu-west-3 is the region of Pulumi.eu.yaml too/);
    await expect(wrong).rejects.toThrow(/10.40.0.0\/20 overlaps 10.40.0.0\/16/);
    expect(existsSync(join(folder, "Pulumi.ap.yaml"))).toBe(false);
    expect(stacks.calls).toEqual([]);
  });

  it("needs to know where, and says so", async () => {
    await expect(
      addRegion(fakeWorld(two).world, "ap", { ...ADD, awsRegion: undefined }),
    ).rejects.toThrow('Region "ap": where it is, is not given. Add --aws-region');
  });

  it("goes on with a file that is there, unless it says something else", async () => {
    const again = deployed({ stacks: new FakeStacks(["eu", "us"]) });
    expect(await addRegion(again.world, "ap", { ...ADD, awsRegion: undefined })).toBe(EXIT.done);
    expect(again.stacks.calls).toEqual(["create ap", "up ap"]);
    await expect(
      addRegion(deployed().world, "ap", { ...ADD, awsRegion: "sa-east-1" }),
    ).rejects.toThrow('Region "ap": its file says ap-northeast-1, not sa-east-1.');
  });

  it("says what is not done when the deployment failed", async () => {
    const stacks = new FakeStacks();
    stacks.failing.set("up ap", new FleetError('Stack "ap": up failed.'));
    const { world, result } = fakeWorld({ ...two, stacks });
    expect(await addRegion(world, "ap", ADD)).toBe(EXIT.failed);
    expect(result().text).toContain("Run fleet region add ap again: it goes on.");
  });

  it("ends with 3 when nobody reaches the new gateway within five minutes", async () => {
    regions.get("ap").isAway = true;
    const { world, result } = fakeWorld({ ...two, endpoints: regions.endpoints });
    expect(await addRegion(world, "ap", ADD)).toBe(EXIT.notFinished);
    expect(result().text).toContain('Not one of the fleet yet: Region "ap": its gateway does not');
  });

  it("deploys every region for a standby, after a question", async () => {
    const files = repositoryFiles();
    files.delete("Pulumi.us.yaml");
    const stacks = new FakeStacks(["eu"]);
    const options = { files, stacks, endpoints: regions.endpoints, answers: ["yes"] };
    const { world, asked } = fakeWorld(options);
    const standby = {
      ...ADD,
      awsRegion: "us-east-1",
      role: "standby",
      residency: "eu-us",
    } as const;
    expect(await addRegion(world, "us", standby)).toBe(EXIT.done);
    expect(asked.join()).toContain("a standby gets a replica of the database");
    expect(stacks.calls).toEqual(["create us", "up eu", "up us"]);
  });

  it("takes a range that is free", () => {
    expect(freeRange([])).toBe("10.40.0.0/16");
    expect(freeRange(["10.40.0.0/16", "10.47.255.0/24", "10.44.1.0/24"])).toBe("10.48.0.0/16");
    expect(() => freeRange(["10.0.0.0/8"])).toThrow("Range: none of 10.40.0.0/16 to 10.252.0.0/16");
  });
});

describe("fleet region remove", () => {
  it("evacuates, leaves the fleet, lifts protection, destroys, removes stack and file", async () => {
    regions.get("ap").rooms.set("daily", 3);
    const onSleep = (): void => {
      regions.get("ap").rooms.clear();
    };
    const slept = deployed({ answers: ["ap"], onSleep });
    expect(await removeRegion(slept.world, "ap", REMOVE)).toBe(EXIT.done);
    expect(regions.calls).toEqual(["ap evacuate 600", "eu remove ap"]);
    expect(slept.stacks.calls).toEqual(["up ap", "destroy ap", "remove ap"]);
    expect(existsSync(join(slept.folder, "Pulumi.ap.yaml"))).toBe(false);
    expect(slept.asked.join()).toContain("1 rooms are moved to other regions.");
    expect(slept.result().text).toContain("Region ap is removed.");
  });

  it("does nothing unless the region's name is typed", async () => {
    const { world, stacks } = deployed({ answers: ["yes"], yes: true });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toMatchObject({
      message: 'Confirmation: "yes" is not ap. Nothing more was done.',
      exit: EXIT.notConfirmed,
    });
    expect([...stacks.calls, ...regions.calls]).toEqual([]);
  });

  it("goes on where it stopped: what was done is seen in files and stacks", async () => {
    const first = deployed({ words: ["ap"] });
    first.stacks.failing.set("destroy ap", new FleetError('Stack "ap": destroy failed.'));
    const failure = removeRegion(first.world, "ap", REMOVE);
    await expect(failure).rejects.toThrow(
      [
        'Stack "ap": destroy failed.',
        "Done: ap: evacuate; ap: leave the fleet's member list; ap: recordings; ap: protection off.",
        "Left: ap: destroy; ap: remove the stack; ap: remove the file.",
        "Run fleet region remove ap again: it goes on.",
      ].join("\n"),
    );
    const text = readFileSync(join(first.folder, "Pulumi.ap.yaml"), "utf8");
    expect(text).toContain("reason: removed by fleet region remove ap");
    first.stacks.failing.clear();
    first.stacks.calls.length = 0;
    regions.calls.length = 0;
    first.stacks.states.set("ap", { resources: [RESOURCE], pending: [] });
    expect(await removeRegion(first.world, "ap", REMOVE)).toBe(EXIT.done);
    expect(first.stacks.calls).toEqual(["destroy ap", "remove ap"]);
    expect(regions.calls).toEqual([]);
  });

  it("called once more, says that there is nothing left", async () => {
    const { world, result } = fakeWorld();
    expect(await removeRegion(world, "ap", REMOVE)).toBe(EXIT.done);
    expect(result().text).toBe(
      "Region ap has no file and no stack. If the others were still to be deployed, run fleet up.",
    );
  });

  it("wants the file back when only that is gone", async () => {
    const { world } = fakeWorld({ stacks: new FakeStacks(["eu", "us", "ap"]) });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(
      'Region "ap": its stack is there, but Pulumi.ap.yaml is missing. Bring the file back',
    );
  });

  it("does not remove the primary", async () => {
    await expect(removeRegion(deployed().world, "eu", REMOVE)).rejects.toThrow(
      'Region "eu": it is the primary, which the others cannot do without. Use fleet destroy',
    );
  });

  it("does not evacuate a region that is lost, but takes it out of the fleet", async () => {
    regions.get("ap").isAway = true;
    const { world } = deployed({ words: ["ap"] });
    expect(await removeRegion(world, "ap", { ...REMOVE, lost: true })).toBe(EXIT.done);
    expect(regions.calls).toEqual(["eu remove ap"]);
  });

  it("does nothing while a rule sends meetings there", async () => {
    const files = withAp();
    const rule = "  meet:placement:\n    rules:\n      - { rooms: [board], region: ap }\n";
    files.set("Pulumi.eu.yaml", `${files.get("Pulumi.eu.yaml")}${rule}`);
    const { world, stacks } = deployed({ files, words: ["ap"] });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(
      /Config meet:placement\S* in Pulumi.eu.yaml: /,
    );
    expect([...stacks.calls, ...regions.calls]).toEqual([]);
  });

  it("removes a region that never became one of the fleet", async () => {
    regions.removed.add("ap");
    const { world } = deployed({ words: ["ap"] });
    expect(await removeRegion(world, "ap", { ...REMOVE, lost: true })).toBe(EXIT.done);
    expect(regions.calls).toEqual([]);
  });

  it("stops at the evacuation of a region that does not answer, with nothing destroyed", async () => {
    regions.get("ap").isAway = true;
    const { world, stacks } = deployed({ words: ["ap"] });
    await expect(removeRegion(world, "ap", REMOVE)).rejects.toThrow(/^Region "ap": its gateway/);
    expect(stacks.calls).toEqual([]);
  });

  it("deploys the others after a standby has gone", async () => {
    const { world, stacks } = deployed({ words: ["us"] });
    expect(await removeRegion(world, "us", REMOVE)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(["up us", "destroy us", "remove us", "up eu", "up ap"]);
  });
});

describe("fleet destroy", () => {
  it("deletes media regions, the standby, and last the primary, each after its name", async () => {
    const { world, stacks, asked, folder } = deployed({ answers: ["ap", "us", "eu"] });
    const options = { ...REMOVE, dryRun: false };
    expect(await destroyFleet(world, options)).toBe(EXIT.done);
    expect(stacks.calls.filter((call) => call.startsWith("destroy"))).toEqual([
      "destroy ap",
      "destroy us",
      "destroy eu",
    ]);
    expect(asked).toHaveLength(3);
    expect(asked[2]).toContain("With it go accounts, rooms and the database");
    expect(existsSync(join(folder, "Pulumi.us.yaml"))).toBe(false);
    expect(readFileSync(join(folder, "Pulumi.eu.yaml"), "utf8")).not.toContain("meet:protection");
  });

  it("stops at the first name that is not typed, and keeps what is left", async () => {
    const { world, stacks } = deployed({ answers: ["ap", "no"] });
    const options = { ...REMOVE, dryRun: false };
    await expect(destroyFleet(world, options)).rejects.toMatchObject({ exit: EXIT.notConfirmed });
    expect(stacks.calls).toEqual(["up ap", "destroy ap", "remove ap"]);
    expect(stacks.existing).toEqual(new Set(["eu", "us"]));
  });

  it("with --dry-run only says the order", async () => {
    const { world, stacks, result } = deployed();
    const options = { ...REMOVE, dryRun: true };
    expect(await destroyFleet(world, options)).toBe(EXIT.done);
    expect(result().json).toEqual({ order: ["ap", "us", "eu"] });
    expect(stacks.calls).toEqual([]);
  });
});
