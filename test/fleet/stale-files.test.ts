import { describe, expect, it } from "vitest";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { createOutput } from "../../fleet/output.ts";
import { runFleet } from "../../fleet/program.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { standbyFile } from "../../fleet/returning.ts";
import {
  checkedFleet,
  readStackFiles,
  regionOf,
  stackFileName,
  withSetting,
} from "../../fleet/stack-files.ts";
import type { StackUpdate } from "../../fleet/stacks.ts";
import { FIRST_MAKES, filesWithThirdRegion } from "../support/fleets.ts";
import { FakeStacks, fakeWorld, START } from "./support/fake-world.ts";

type Files = ReadonlyMap<string, string>;

/** What `pulumi config set --secret` leaves in a file. */
const ENCRYPTED = { secure: "v1:abc:def" };

/** The files after the standby was promoted. */
function promoted(before: Files, region: string): Files {
  const fleet = { folder: "", project: "meet", ...checkedFleet(before) };
  const changed = promotedFiles(fleet, regionOf(fleet, region), FIRST_MAKES);
  const files = new Map(before);
  for (const [stack, text] of changed) {
    files.set(stackFileName(stack), text);
  }
  return withSecrets(files, region);
}

function withSecrets(files: Files, region: string): Files {
  const name = stackFileName(region);
  const text = withSetting(files.get(name) ?? "", ["meet:sharedSecrets"], ENCRYPTED);
  return new Map(files).set(name, text);
}

/** The files after the region that was the primary is the standby. */
function returned(before: Files, region: string): Files {
  const { regions } = checkedFleet(before);
  const text = standbyFile(before, regionOf({ regions }, region));
  return new Map(before).set(stackFileName(region), text);
}

const OLD = filesWithThirdRegion();
const FENCED = promoted(OLD, "us");
const RETURNED = returned(FENCED, "eu");

function update(epoch: number | undefined, but: Partial<StackUpdate> = {}): StackUpdate {
  const promotion = { epoch, from: "eu", makes: FIRST_MAKES };
  return {
    ...{ kind: "update", succeeded: true, startedAt: START, endedAt: START + 1000 },
    commit: "1a2b3c4",
    config: new Map(
      epoch === undefined ? [] : [["meet:promotion", JSON.stringify(promotion)] as const],
    ),
    ...but,
  };
}

/** eu deployed before any promotion, us as given, the newest update first. */
function stacksWith(us: readonly StackUpdate[]): FakeStacks {
  const stacks = new FakeStacks(["eu", "us", "ap"]);
  stacks.histories.set("eu", [update(undefined)]);
  stacks.histories.set("us", us);
  return stacks;
}

async function run(files: Files, stacks: FakeStacks, line: string) {
  const fake = fakeWorld({ files, stacks, yes: true, words: ["us", "eu", "ap", "meet"] });
  const [out, err]: [string[], string[]] = [[], []];
  const streams = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const start = (options: { readonly json: boolean }) => ({
    ...fake.world,
    output: createOutput(streams, options),
  });
  const status = await runFleet(line.split(" "), start, streams, fake.folder);
  return { status, out: out.join(""), err: err.join(""), left: readStackFiles(fake.folder) };
}

const DEPLOYING = [
  "up",
  "up ap --skip-preview",
  "up --rolling",
  "up --dry-run",
  "preview",
  "promote us",
  "promote us --dry-run",
  "return eu",
  "restore eu --to latest",
  "region add sa --aws-region sa-east-1",
  "region remove ap --lost",
  "keys rotate",
  "keys rotate --dry-run",
  "secrets rotate django",
  "secrets rotate valkey",
  "destroy --confirm meet",
];

describe("files from before a promotion", () => {
  it.each(DEPLOYING)("keep fleet %s from changing anything", async (line) => {
    const stacks = stacksWith([update(2)]);
    const { status, err, out, left } = await run(OLD, stacks, line);
    expect(err).toBe(
      'Stack "us": its update of 2026-11-23T12:00:00.000Z, from a checkout of 1a2b3c4, ran with meet:promotion.epoch 2, and the files here have none, with eu as the primary: they are older than that promotion, and to deploy them would undo it. Nothing was changed. Get the files of now: git pull, or from whoever promoted us if they are not committed. If the promotion was undone on purpose, meet:promotion.epoch in Pulumi.eu.yaml has to be 3: docs/runbooks/promote.md, "Undo a promotion".\n',
    );
    expect([status, out]).toEqual([EXIT.wrongUse, ""]);
    expect(stacks.calls).toEqual([]);
    expect(left).toEqual(new Map(OLD));
  });

  it.each([
    ["before a second promotion", RETURNED, "eu", 3, "have 2, with us as the primary"],
    ["before any, after two", OLD, "eu", 3, "have none, with eu as the primary"],
  ])("are refused too: %s", async (_, files, stack, epoch, sentence) => {
    const stacks = stacksWith([update(2)]);
    stacks.histories.set(stack, [update(epoch)]);
    const { err } = await run(files, stacks, "up");
    expect(err).toContain(`Stack "${stack}": its update`);
    expect(err).toContain(`ran with meet:promotion.epoch ${epoch}`);
    expect(err).toContain(sentence);
    expect(stacks.calls).toEqual([]);
  });

  it("are refused where they are older than the region that was promoted, and not for another fleet's", async () => {
    for (const [domain, status] of [
      ["example.org", EXIT.wrongUse],
      ["staging.example.org", EXIT.done],
    ] as const) {
      const stacks = new FakeStacks(["eu", "us", "ap", "sa"]);
      const config = new Map([...update(2).config, ["meet:domain", domain]]);
      stacks.histories.set("sa", [update(2, { config })]);
      expect((await run(OLD, stacks, "up --skip-preview")).status).toBe(status);
    }
  });

  it.each([
    ["one that failed, and may have promoted the database", [update(2, { succeeded: false })]],
    ["one before another that failed", [update(undefined, { succeeded: false }), update(2)]],
    ["one before stale files were deployed in spite of it", [update(undefined), update(2)]],
    ["one before a refresh", [update(undefined, { kind: "refresh" }), update(2)]],
    [
      "one of numbers in quotes",
      [update(2, { config: new Map([["meet:promotion", '{"epoch":"2"}']]) })],
    ],
  ])("are refused by %s", async (_, updates) => {
    const stacks = stacksWith(updates);
    expect((await run(OLD, stacks, "up")).status).toBe(EXIT.wrongUse);
    expect(stacks.calls).toEqual([]);
  });

  it("does without the commit where it is not known, and says which faults the files have first", async () => {
    const { kind, succeeded, startedAt, endedAt, config } = update(2);
    const stacks = stacksWith([{ kind, succeeded, startedAt, endedAt, config }]);
    expect((await run(OLD, stacks, "up")).err).toContain(
      "2026-11-23T12:00:00.000Z, ran with meet:promotion.epoch 2",
    );
    const slip = new Map(FENCED);
    const us = slip.get("Pulumi.us.yaml") ?? "";
    slip.set("Pulumi.us.yaml", withSetting(us, ["meet:promotion", "epoch"], "two"));
    expect((await run(slip, stacks, "up")).err).toMatch(
      /^Config meet:promotion.epoch in Pulumi.us.yaml: two is not/,
    );
  });
});

describe("other files", () => {
  const deployed = async (files: Files, stacks: FakeStacks, line = "up --skip-preview") => {
    const { status, err } = await run(files, stacks, line);
    expect(err).not.toContain("older than");
    expect(status).toBe(EXIT.done);
    return stacks.calls;
  };

  it.each([
    ["a first deployment", OLD, new FakeStacks([]), "eu us ap"],
    ["a fleet that was never promoted", OLD, stacksWith([update(undefined)]), "eu us ap"],
    ["a fenced region", FENCED, stacksWith([update(2)]), "us ap"],
    ["a promotion that was not deployed yet", FENCED, stacksWith([update(undefined)]), "us ap"],
    ["a region that has returned", RETURNED, stacksWith([update(2)]), "us eu ap"],
    ["a previewed promotion", OLD, stacksWith([update(2, { kind: "preview" })]), "eu us ap"],
    [
      "a fleet that was deleted after a promotion",
      OLD,
      stacksWith([update(undefined, { kind: "destroy" }), update(2)]),
      "eu us ap",
    ],
  ])("are deployed: %s", async (_, files, stacks, order) => {
    const calls = await deployed(files, stacks);
    const ups = calls.filter((call) => call.startsWith("up "));
    expect(ups).toEqual(order.split(" ").map((stack) => `up ${stack}`));
  });

  it("are deployed after a second promotion, of the region that had returned", async () => {
    const stacks = stacksWith([update(2)]);
    stacks.histories.set("eu", [update(3), update(undefined)]);
    expect(await deployed(promoted(RETURNED, "eu"), stacks)).toEqual(["up eu", "up ap"]);
  });

  it("of a promotion that was undone on purpose are deployed with an epoch above", async () => {
    const stacks = stacksWith([update(2, { succeeded: false })]);
    const promotion = { epoch: 3, from: "us", makes: FIRST_MAKES };
    const eu = withSetting(OLD.get("Pulumi.eu.yaml") ?? "", ["meet:promotion"], promotion);
    const files = withSecrets(new Map(OLD).set("Pulumi.eu.yaml", eu), "eu");
    expect(await deployed(files, stacks)).toEqual(["up eu", "up us", "up ap"]);
  });

  it("between the two of a promotion that was killed there let it go on", async () => {
    const stacks = stacksWith([update(undefined)]);
    const files = new Map(FENCED).set("Pulumi.eu.yaml", OLD.get("Pulumi.eu.yaml") ?? "");
    const inputs = { identifier: "meet-us-1", replicateSourceDb: "" };
    const type = "aws:rds/instance:Instance";
    const urn = `urn:pulumi:us::meet::${type}::database`;
    const resources = [{ urn, type, protect: true, outputs: {}, inputs }];
    stacks.states.set("us", { resources, pending: [] });
    stacks.failing.set("up us", new FleetError("killed"));
    expect((await run(files, stacks, "promote us")).err).toContain("Run fleet promote us again");
    stacks.failing.clear();
    stacks.histories.set("us", [update(2, { succeeded: false }), update(undefined)]);
    stacks.calls.length = 0;
    expect(await deployed(files, stacks, "promote us")).toEqual(["up us", "up ap"]);
  });

  it("may be old for what deploys nothing", async () => {
    for (const line of ["status", "drain ap", "room show lobby", "report"]) {
      expect((await run(OLD, stacksWith([update(2)]), line)).err).not.toContain("older than");
    }
  });
});
