import { describe, expect, it } from "vitest";
import { preview } from "../../fleet/commands/preview.ts";
import { up } from "../../fleet/commands/up.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { runWaves, safeAtOnce } from "../../fleet/waves.ts";
import { mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { FakeStacks, fakeWorld } from "./support/fake-world.ts";

const OPTIONS = { skipPreview: false, dryRun: false, yes: false, parallel: 4 };

const UPDATE = {
  kind: "update",
  succeeded: true,
  startedAt: 0,
  endedAt: 1,
  config: new Map<string, string>(),
};

/** eu, us and three media regions. */
function fiveRegions(): Map<string, string> {
  return repositoryFiles()
    .set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"))
    .set("Pulumi.de.yaml", mediaRegionFile("eu-central-1", "10.52.0.0/16"))
    .set("Pulumi.sg.yaml", mediaRegionFile("ap-southeast-1", "10.56.0.0/16"));
}

describe("fleet up", () => {
  it("deploys the primary, then the standby, then the media regions side by side", async () => {
    const stacks = new FakeStacks(["eu", "us", "ap", "de", "sg"]);
    const { world, result } = fakeWorld({ files: fiveRegions(), stacks });
    expect(await up(world, [], OPTIONS)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(["up eu", "up us", "up ap", "up de", "up sg"]);
    expect(stacks.most).toBe(3);
    expect(result().text).toContain("eu: done in 0 s, 1 update");
  });

  it("creates all missing stacks before the first is deployed, with the primary's secrets provider", async () => {
    const stacks = new FakeStacks(["eu"]);
    const files = fiveRegions();
    const provider = "awskms://alias/meet?region=eu-west-3";
    files.set("Pulumi.eu.yaml", `secretsprovider: ${provider}\n${files.get("Pulumi.eu.yaml")}`);
    const { world } = fakeWorld({ files, stacks });
    await up(world, [], OPTIONS);
    expect(stacks.calls.slice(0, 5)).toEqual([
      "create us",
      "create ap",
      "create de",
      "create sg",
      "up eu",
    ]);
    expect(stacks.providers).toEqual([provider, provider, provider, provider]);
  });

  it("deploys only the regions that are named", async () => {
    const { world, stacks } = fakeWorld({ files: fiveRegions() });
    await up(world, ["ap", "us"], OPTIONS);
    expect(stacks.calls).toEqual(["create ap", "up us", "up ap"]);
  });

  it("finishes a wave of which one failed, starts no later one, and says what is not done", async () => {
    const stacks = new FakeStacks(["eu", "us", "ap", "de", "sg"]);
    stacks.failing.set("up us", new FleetError('Stack "us": up failed.'));
    const { world, result } = fakeWorld({ files: fiveRegions(), stacks });
    expect(await up(world, [], OPTIONS)).toBe(EXIT.failed);
    expect(stacks.calls).toEqual(["up eu", "up us"]);
    const { text, json } = result();
    expect(text).toContain('us: not done. Stack "us": up failed.');
    expect(text).toContain("sg: not started");
    expect(text).toContain("Not all is done. Run fleet up again: it goes on.");
    expect(json).toMatchObject({
      stacks: [
        { stack: "eu", outcome: "done", changes: { update: 1 } },
        { stack: "us", outcome: "failed" },
        { stack: "ap", outcome: "not started" },
        { stack: "de", outcome: "not started" },
        { stack: "sg", outcome: "not started" },
      ],
    });
  });

  it("starts nothing more after an interrupt, and ends with the status that says: call it again", async () => {
    const { world, stacks, result, interrupt } = fakeWorld({ files: fiveRegions() });
    stacks.after = (call) => {
      if (call === "up eu") {
        interrupt();
      }
    };
    expect(await up(world, [], OPTIONS)).toBe(EXIT.notFinished);
    expect(stacks.calls.filter((call) => call.startsWith("up"))).toEqual(["up eu"]);
    expect(result().text).toContain("Interrupted. Run fleet up again: it goes on.");
  });

  it("asks before something is deleted or replaced, and does nothing unless that is confirmed", async () => {
    const stacks = new FakeStacks();
    stacks.steps.set("us", ["create a b", "replace aws:rds/instance:Instance database"]);
    stacks.histories.set("us", [UPDATE]);
    const { world, asked } = fakeWorld({ stacks, answers: ["no"] });
    await expect(up(world, [], OPTIONS)).rejects.toMatchObject({
      message: 'Confirmation: "no" is not yes. Nothing more was done.',
      exit: EXIT.notConfirmed,
    });
    expect(asked.join()).toContain("us: replace aws:rds/instance:Instance database");
    expect(asked.join()).not.toContain("create a b");
    expect(stacks.calls).toEqual([]);
  });

  it("does not ask about what is only created or updated", async () => {
    const stacks = new FakeStacks();
    stacks.steps.set("eu", ["create a b", "update c d"]);
    stacks.histories.set("eu", [UPDATE]);
    const { world, asked } = fakeWorld({ stacks });
    expect(await up(world, [], OPTIONS)).toBe(EXIT.done);
    expect(asked).toEqual([]);
  });

  it("says with --dry-run which stacks it would create and in which waves, and does nothing", async () => {
    const { world, stacks, result } = fakeWorld({ files: fiveRegions() });
    expect(await up(world, [], { ...OPTIONS, dryRun: true })).toBe(EXIT.done);
    expect(stacks.calls).toEqual([]);
    expect(result().json).toEqual({
      waves: [["eu"], ["us"], ["ap", "de", "sg"]],
      atOnce: 4,
      create: ["ap", "de", "sg"],
    });
  });

  it("tells all faults of the files and does nothing", async () => {
    const files = fiveRegions().set("Pulumi.de.yaml", mediaRegionFile("mars-1", "10.40.0.0/16"));
    const { world, stacks } = fakeWorld({ files });
    const failure = up(world, [], OPTIONS);
    await expect(failure).rejects.toThrow(/aws:region in Pulumi.de.yaml: mars-1/);
    await expect(failure).rejects.toThrow(/overlaps 10.40.0.0\/16 of Pulumi.eu.yaml/);
    await expect(failure).rejects.toMatchObject({ exit: EXIT.wrongUse });
    expect(stacks.calls).toEqual([]);
  });

  it("names the regions there are when it is given another", async () => {
    await expect(up(fakeWorld().world, ["ue"], OPTIONS)).rejects.toThrow(
      'Region "ue": it has no Pulumi.ue.yaml. Use one of eu, us.',
    );
  });
});

describe("stacks at once", () => {
  it("are as many as memory allows, at least one and at most four", () => {
    expect([0, 3, 5, 64].map((gib) => safeAtOnce(gib * 1024 ** 3))).toEqual([1, 1, 2, 4]);
  });

  it("are never more than asked for", async () => {
    let [now, most] = [0, 0];
    const act = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
    };
    const { signal } = new AbortController();
    await runWaves([["a", "b", "c", "d", "e"]], { atOnce: 2, interrupted: signal }, act);
    expect(most).toBe(2);
  });
});

describe("fleet preview", () => {
  it("shows what would change, stack by stack, and what is not created yet", async () => {
    const stacks = new FakeStacks();
    stacks.steps.set("us", ["update kubernetes:apps/v1:Deployment rooms"]);
    const files = repositoryFiles().set(
      "Pulumi.ap.yaml",
      mediaRegionFile("ap-northeast-1", "10.48.0.0/16"),
    );
    const { world, result } = fakeWorld({ files, stacks });
    expect(await preview(world, [], { exitCode: false, parallel: 2 })).toBe(EXIT.done);
    expect(result().text.split("\n")).toEqual([
      "eu: nothing changed",
      "us: 1 update",
      "  update kubernetes:apps/v1:Deployment rooms",
      "ap: not created yet. npm run plan -- --stack ap shows what fleet up makes.",
    ]);
  });

  it("ends with 4 on request if there are changes, and with 0 if there are none", async () => {
    const changed = fakeWorld();
    changed.stacks.steps.set("us", ["update a b"]);
    expect(await preview(changed.world, [], { exitCode: true })).toBe(EXIT.notWell);
    expect(await preview(fakeWorld().world, [], { exitCode: true })).toBe(EXIT.done);
  });

  it("shows the others when one cannot be previewed, and fails", async () => {
    const { world, stacks, result } = fakeWorld();
    stacks.failing.set("preview eu", new FleetError('Stack "eu": no.'));
    expect(await preview(world, [], { exitCode: false })).toBe(EXIT.failed);
    expect(result().text.split("\n")).toEqual(['eu: Stack "eu": no.', "us: nothing changed"]);
  });
});
