import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { restore } from "../../fleet/commands/restore.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { plannedRestoration, restoredFiles } from "../../fleet/restoring.ts";
import { readFleet, withSetting } from "../../fleet/stack-files.ts";
import type { StateResource } from "../../fleet/stacks.ts";
import { mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { FakeStacks, fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

const TO = "2026-11-23T03:00:00Z";
const GO = { to: TO, dryRun: false };
const COPIES = "arn:aws:rds:us-east-1:123456789012:auto-backup:ab-abcdefghijkl";
const ENCRYPTED = { secure: "v1:abc:def" };

/** An instance as a state has it. */
function database(stack: string, generation: number, source?: string): StateResource {
  return {
    urn: `urn:pulumi:${stack}::meet::aws:rds/instance:Instance::database`,
    type: "aws:rds/instance:Instance",
    protect: true,
    outputs: {},
    inputs: {
      identifier: `meet-${stack}-${generation}`,
      ...(source === undefined
        ? {}
        : { replicateSourceDb: `arn:aws:rds:eu-west-3:123456789012:db:${source}` }),
    },
  };
}

/** RDS with backups of eu's database in both homes, until an hour before the tests begin. */
const RDS = {
  call: (): Promise<unknown> => {
    const RestoreWindow = {
      EarliestTime: "2026-11-10T00:00:00+00:00",
      LatestTime: "2026-11-23T11:00:00+00:00",
    };
    return Promise.resolve({
      DBInstanceAutomatedBackups: [
        {
          ...{ DBInstanceIdentifier: "meet-eu-1", DbiResourceId: "db-ABCDEFGHIJKL" },
          ...{ Region: "eu-west-3", DBInstanceAutomatedBackupsArn: COPIES, RestoreWindow },
        },
        {
          ...{ DBInstanceIdentifier: "another", DbiResourceId: "db-ZZZZZZZZZZZZ" },
          ...{ Region: "eu-west-3", RestoreWindow },
        },
      ],
    });
  },
};

function fleetOf(options: FakeOptions = {}) {
  const files = repositoryFiles();
  files.set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));
  const eu = withSetting(files.get("Pulumi.eu.yaml") ?? "", ["meet:oidcClientSecret"], ENCRYPTED);
  files.set("Pulumi.eu.yaml", eu);
  const stacks = new FakeStacks(["eu", "us", "ap"]);
  const fake = fakeWorld({ files, stacks, words: ["us", "eu"], aws: RDS, ...options });
  stacks.states.set("eu", { resources: [database("eu", 1)], pending: [] });
  stacks.states.set("us", { resources: [database("us", 1, "meet-eu-1")], pending: [] });
  stacks.encrypted.set("eu", new Map([["meet:oidcClientSecret", "one"]]));
  stacks.onSecret = (stack, key) => {
    const path = join(fake.folder, `Pulumi.${stack}.yaml`);
    writeFileSync(path, withSetting(readFileSync(path, "utf8"), [key], ENCRYPTED));
  };
  let time = START;
  // An update makes what the files say, where the state has no database.
  stacks.after = (call) => {
    const [what, stack = ""] = call.split(" ");
    if (what === "up" && !stacks.failing.has(call)) {
      const setting = readFleet(fake.folder).regions.get(stack)?.home?.database;
      const startedAt = (time += 120_000);
      const update = { kind: "update", succeeded: true, startedAt, endedAt: startedAt + 60_000 };
      const config = new Map([["meet:database", JSON.stringify(setting ?? {})]]);
      stacks.histories.set(stack, [{ ...update, config }, ...(stacks.histories.get(stack) ?? [])]);
    }
    if (what !== "up" || (stacks.states.get(stack)?.resources.length ?? 1) > 0) {
      return;
    }
    const { regions, fleet } = readFleet(fake.folder);
    const generation = regions.get(stack)?.home?.database.generation ?? 0;
    const source =
      regions.get(stack)?.role === "standby"
        ? `meet-${fleet.primary.stack}-${fleet.primaryDatabaseGeneration}`
        : undefined;
    stacks.states.set(stack, { resources: [database(stack, generation, source)], pending: [] });
  };
  const again = { ...fake.world, output: { say: () => undefined, result: () => undefined } };
  return { ...fake, again };
}

const IN_PRIMARY = ["forget eu database", "up eu", "forget us database", "up us"];
const IN_STANDBY = [
  "set meet:oidcClientSecret us",
  "set meet:sharedSecrets us",
  "forget us database",
  "up us",
  "up ap",
];

describe("fleet restore in the primary", () => {
  it("makes a new instance from the backups and a new replica of it, and deletes neither old one", async () => {
    const { world, stacks, folder } = fleetOf();
    expect(await restore(world, "eu", GO)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(IN_PRIMARY);
    const { fleet, regions } = readFleet(folder);
    expect(fleet.primary.stack).toBe("eu");
    expect(regions.get("eu")?.home?.database).toMatchObject({
      generation: 2,
      restore: { from: "db-ABCDEFGHIJKL", to: TO },
    });
    expect(regions.get("us")?.home?.database.generation).toBe(2);
    // Unquoted, the engine would read a time and write it back in another form.
    const text = readFileSync(join(folder, "Pulumi.eu.yaml"), "utf8");
    expect(text).toContain(`to: "${TO}"`);
  });

  it.each(IN_PRIMARY)(
    "killed at %s and called again, does the rest, and forgets and raises nothing twice",
    async (call) => {
      const { world, again, stacks, folder } = fleetOf();
      stacks.failing.set(call, new FleetError("killed"));
      await expect(restore(world, "eu", GO)).rejects.toThrow(
        `Run fleet restore eu --to ${TO} again: it goes on.`,
      );
      stacks.failing.clear();
      expect(await restore(again, "eu", GO)).toBe(EXIT.done);
      expect(stacks.calls.filter((it) => it.startsWith("forget eu")).length).toBeLessThan(3);
      const { regions } = readFleet(folder);
      expect(regions.get("eu")?.home?.database.generation).toBe(2);
      expect(regions.get("us")?.home?.database.generation).toBe(2);
      const sources = (await stacks.state("us")).resources.map(({ inputs }) => inputs);
      expect(sources).toEqual([
        expect.objectContaining({
          identifier: "meet-us-2",
          replicateSourceDb: expect.stringMatching(/:db:meet-eu-2$/) as unknown,
        }),
      ]);
    },
  );

  it("killed while the engine makes the instance, makes no second one until it is known whether that is there", async () => {
    const { world, again, stacks } = fleetOf();
    const urn = "urn:pulumi:eu::meet::aws:rds/instance:Instance::database";
    const make = stacks.after;
    stacks.after = (call) => {
      if (call === "up eu") {
        stacks.states.set("eu", { resources: [], pending: [urn] });
      }
    };
    stacks.failing.set("up eu", new FleetError("killed"));
    await expect(restore(world, "eu", GO)).rejects.toThrow("killed");
    stacks.failing.clear();
    await expect(restore(again, "eu", GO)).rejects.toThrow(
      /^Stack "eu": an update was killed while it made the database.*script\/resolve-pending.*Instance::database\.\nDone: .*\nLeft: eu: make meet-eu-2/s,
    );
    expect(stacks.calls.filter((call) => call === "up eu")).toHaveLength(1);
    // As script/resolve-pending leaves the state where RDS has it.
    stacks.states.set("eu", { resources: [database("eu", 2)], pending: [] });
    stacks.after = make;
    expect(await restore(again, "eu", GO)).toBe(EXIT.done);
    expect(stacks.calls.filter((call) => call.startsWith("forget eu"))).toHaveLength(1);
    expect((await stacks.state("eu")).resources).toEqual([database("eu", 2)]);
  });

  it("goes on with what is under way when called with latest, and refuses another time until that is made", async () => {
    const { world, again, stacks } = fleetOf();
    stacks.failing.set("up eu", new FleetError("killed"));
    stacks.after = () => undefined;
    await expect(restore(world, "eu", GO)).rejects.toThrow("killed");
    await expect(
      restore(again, "eu", { to: "2026-11-22T03:00:00Z", dryRun: false }),
    ).rejects.toThrow(`Region "eu": its restore to ${TO} is under way.`);
    const plan = await plannedRestoration(again, readFleet(again.project), "eu", "latest");
    expect(plan).toMatchObject({ generation: 2, restore: { to: TO } });
  });

  it.each([
    ["eu", "up eu"],
    ["eu", "forget us database"],
    ["eu", "up us"],
    ["us", "up us"],
    ["us", "up ap"],
  ])(
    "to latest in %s, killed at %s and called again, goes on to the same time",
    async (stack, call) => {
      const { world, again, stacks, folder } = fleetOf();
      const latest = { to: "latest", dryRun: false };
      stacks.failing.set(call, new FleetError("killed"));
      await expect(restore(world, stack, latest)).rejects.toThrow("it goes on.");
      stacks.failing.clear();
      const moved = (await RDS.call()) as object;
      const text = JSON.stringify(moved).replaceAll("T11:00:00", "T11:30:00");
      const later = { ...again, aws: { call: () => Promise.resolve(JSON.parse(text) as unknown) } };
      expect(await restore(later, stack, latest)).toBe(EXIT.done);
      expect(readFleet(folder).regions.get(stack)?.home?.database).toMatchObject({
        generation: 2,
        restore: { to: "2026-11-23T11:00:00Z" },
      });
    },
  );

  it("begins another restore once the one before is finished", async () => {
    const { world, again, folder } = fleetOf({ aws: { call: () => named("meet-eu-1") } });
    await restore(world, "eu", GO);
    const later = { ...again, aws: { call: () => named("meet-eu-2") } };
    await restore(later, "eu", { to: "latest", dryRun: false });
    expect(readFleet(folder).regions.get("eu")?.home?.database).toMatchObject({
      generation: 3,
      restore: { to: "2026-11-23T11:00:00Z" },
    });
  });

  it("shows what is lost and the plan, and changes nothing with --dry-run", async () => {
    const { world, stacks, result, folder } = fleetOf();
    expect(await restore(world, "eu", { to: TO, dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain(
      "Database meet-eu-2 is made as meet-eu-1 was at 2026-11-23T03:00:00Z: what was written in the 9 h since, and until the end of this, is lost to Meet. The backups reach to 2026-11-23T11:00:00Z, 8 h later.",
    );
    expect(result().json).toMatchObject({
      backups: { earliest: "2026-11-10T00:00:00Z", latest: "2026-11-23T11:00:00Z" },
    });
    expect(stacks.calls).toEqual([]);
    expect(readFleet(folder).regions.get("eu")?.home?.database.generation).toBe(1);
  });

  it("wants the region's name", async () => {
    const { world, stacks } = fleetOf({ words: [] });
    await expect(restore(world, "eu", GO)).rejects.toThrow("Add --confirm eu if that is meant.");
    expect(stacks.calls).toEqual([]);
  });
});

/** The backups of one instance, in eu. */
async function named(identifier: string): Promise<unknown> {
  const text = JSON.stringify(await RDS.call()).replaceAll("meet-eu-1", identifier);
  return JSON.parse(text);
}

describe("fleet restore in the standby", () => {
  it("takes the primary's place with a database of the copied backups, without a call to the region before", async () => {
    const { world, stacks, folder } = fleetOf();
    expect(await restore(world, "us", GO)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(IN_STANDBY);
    const { fleet, regions } = readFleet(folder);
    expect([fleet.primary.stack, fleet.fenced?.stack]).toEqual(["us", "eu"]);
    expect(regions.get("us")?.home?.database).toMatchObject({
      generation: 2,
      restore: { from: COPIES, to: TO },
    });
  });

  it.each(IN_STANDBY)("killed at %s and called again, does the rest", async (call) => {
    const { world, again, stacks, folder } = fleetOf();
    stacks.failing.set(call, new FleetError("killed"));
    await expect(restore(world, "us", GO)).rejects.toThrow("it goes on.");
    stacks.failing.clear();
    expect(await restore(again, "us", GO)).toBe(EXIT.done);
    expect(stacks.calls.slice(-2)).toEqual(["up us", "up ap"]);
    expect(readFleet(folder).regions.get("us")?.home?.database.generation).toBe(2);
    expect((await stacks.state("us")).resources).toEqual([database("us", 2)]);
  });

  it("killed between the two files, writes the second", async () => {
    const { world, again, folder, result } = fleetOf();
    const files = readFleet(folder);
    const plan = await plannedRestoration(world, files, "us", TO);
    const written = (await restoredFiles(world, files, plan)).get("us") ?? "";
    writeFileSync(join(folder, "Pulumi.us.yaml"), written);
    const eu = readFileSync(join(folder, "Pulumi.eu.yaml"), "utf8");
    expect(await restore(world, "us", { ...GO, dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain("Would go through:");
    expect(readFileSync(join(folder, "Pulumi.eu.yaml"), "utf8")).toBe(eu);
    expect(await restore(again, "us", GO)).toBe(EXIT.done);
    expect(readFleet(folder).fleet.fenced?.stack).toBe("eu");
  });
});

describe("fleet restore refuses", () => {
  it.each([
    ["eu", "2026-11-23", 'Time "2026-11-23": it is neither latest nor a time with its zone.'],
    [
      "eu",
      "2026-11-23T11:30:00Z",
      "the backups reach from 2026-11-10T00:00:00Z to 2026-11-23T11:00:00Z.",
    ],
    ["ap", TO, 'Region "ap": it is media and has no backups of the database. Restore in eu or us.'],
  ])("in %s to %s", async (name, to, sentence) => {
    const { world, stacks, folder } = fleetOf();
    await expect(restore(world, name, { to, dryRun: false })).rejects.toThrow(sentence);
    expect(stacks.calls).toEqual([]);
    expect(readFleet(folder).fleet.primaryDatabaseGeneration).toBe(1);
  });

  it("without backups, and while AWS does not answer", async () => {
    const empty = { call: () => Promise.resolve({ DBInstanceAutomatedBackups: [] }) };
    await expect(restore(fleetOf({ aws: empty }).world, "eu", GO)).rejects.toThrow(
      'Backups of "meet-eu-1" in eu-west-3: there are none that can be restored.',
    );
    const silent = { call: () => Promise.reject(new Error("no AWS credentials")) };
    await expect(restore(fleetOf({ aws: silent }).world, "eu", GO)).rejects.toThrow(
      "AWS does not name them (no AWS credentials). Nothing was changed;",
    );
  });
});
