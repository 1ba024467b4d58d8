import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { POSTGRES_TYPE } from "../../components/postgres/postgres.ts";
import { rotate } from "../../fleet/commands/keys.ts";
import { destroyFleet } from "../../fleet/commands/destroy.ts";
import { preview } from "../../fleet/commands/preview.ts";
import { promote } from "../../fleet/commands/promote.ts";
import { returnRegion } from "../../fleet/commands/return.ts";
import { up } from "../../fleet/commands/up.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { DATABASE_TYPE } from "../../fleet/returning.ts";
import { readFleet, regionOf, withSetting } from "../../fleet/stack-files.ts";
import { FIRST_MAKES, mediaRegionFile, repositoryFiles } from "../support/fleets.ts";
import { FakeStacks, fakeWorld, type FakeOptions } from "./support/fake-world.ts";

const GO = { dryRun: false };

/** What `pulumi config set --secret` leaves in a file. */
const ENCRYPTED = { secure: "v1:abc:def" };

/** eu with its secrets, us and ap. */
function files(): Map<string, string> {
  const all = repositoryFiles().set(
    "Pulumi.ap.yaml",
    mediaRegionFile("ap-northeast-1", "10.48.0.0/16"),
  );
  let eu = all.get("Pulumi.eu.yaml") ?? "";
  for (const key of ["meet:oidcClientSecret", "meet:mailPassword"]) {
    eu = withSetting(eu, [key], ENCRYPTED);
  }
  return all.set("Pulumi.eu.yaml", eu);
}

/** The state of us with its database, as the replica of eu's unless another source is given. */
function replica(replicateSourceDb = "arn:aws:rds:eu-west-3:123456789012:db:meet-eu-1") {
  const type = "aws:rds/instance:Instance";
  const inputs = { identifier: "meet-us-1", replicateSourceDb };
  const urn = `urn:pulumi:us::meet::${type}::database`;
  return { resources: [{ urn, type, protect: true, outputs: {}, inputs }], pending: [] };
}

function fleetOf(options: FakeOptions = {}) {
  const stacks = options.stacks ?? new FakeStacks(["eu", "us", "ap"]);
  const fake = fakeWorld({ files: files(), stacks, words: ["us", "eu"], ...options });
  stacks.states.set("us", stacks.states.get("us") ?? replica());
  stacks.encrypted.set(
    "eu",
    new Map([
      ["meet:oidcClientSecret", "one"],
      ["meet:mailPassword", "two"],
    ]),
  );
  stacks.onSecret = (stack, key) => {
    const path = join(fake.folder, `Pulumi.${stack}.yaml`);
    writeFileSync(path, withSetting(readFileSync(path, "utf8"), [key], ENCRYPTED));
  };
  const config = (stack: string) =>
    parseDocument(readFileSync(join(fake.folder, `Pulumi.${stack}.yaml`), "utf8"));
  return { ...fake, stacks, config };
}

/** RDS where a snapshot that was asked for is there at once. */
function rds() {
  const calls: string[] = [];
  return {
    calls,
    call: (region: string | undefined, args: readonly string[]): Promise<unknown> => {
      calls.push(`${region ?? ""} ${args.join(" ")}`);
      if (args[1] === "create-db-snapshot") {
        return Promise.resolve({});
      }
      return calls.some((it) => it.includes("create-db-snapshot"))
        ? Promise.resolve({ DBSnapshots: [{ Status: "available" }] })
        : Promise.reject(new Error("DBSnapshotNotFound"));
    },
  };
}

const PROMOTION = [
  "set meet:oidcClientSecret us",
  "set meet:mailPassword us",
  "set meet:sharedSecrets us",
  "up us",
  "up ap",
];

describe("fleet promote", () => {
  it("moves the fleet's settings and secrets to the standby, deploys it and the media regions, never the region lost", async () => {
    const { world, stacks, config, folder } = fleetOf();
    expect(await promote(world, "us", GO)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(PROMOTION);
    const { fleet } = readFleet(folder);
    expect(fleet.primary.stack).toBe("us");
    expect(fleet.fenced?.stack).toBe("eu");
    expect(fleet.promotion).toEqual({
      epoch: 2,
      from: "eu",
      makes: { livekitKeys: [1], peer: [1], operator: [1], django: [1], database: [1] },
    });
    expect(config("us").getIn(["config", "meet:domain"])).toBe("example.org");
    expect(config("eu").hasIn(["config", "meet:domain"])).toBe(false);
    expect(stacks.encrypted.get("us")?.get("meet:sharedSecrets")).toBe(
      '{"operatorSecret":"operators"}',
    );
  });

  describe("in the middle of a rotation", () => {
    const setting = { generation: 2, keepPrevious: true };
    const both = { ...setting, signWith: "previous" };
    const deployed = (config: Record<string, unknown>, succeeded = true) => ({
      ...{ kind: "update", succeeded, startedAt: 0, endedAt: 1 },
      config: new Map([["meet:secrets", JSON.stringify(config)]]),
    });
    const promotedWith = async (inFile: unknown, arrange: (stacks: FakeStacks) => void) => {
      const changed = files();
      const eu = withSetting(changed.get("Pulumi.eu.yaml") ?? "", ["meet:secrets"], inFile);
      const { world, stacks, folder } = fleetOf({ files: changed.set("Pulumi.eu.yaml", eu) });
      arrange(stacks);
      expect(await promote(world, "us", GO)).toBe(EXIT.done);
      const { promotion, secrets } = readFleet(folder).fleet;
      return { makes: promotion?.makes, secrets };
    };

    it("hands over the makes that the state says its values are of, and keeps what the file says but of a password that no database has", async () => {
      const makes = { ...FIRST_MAKES, peer: [1, 2], database: [3] };
      const it = await promotedWith({ peer: setting, database: { generation: 4 } }, (stacks) => {
        stacks.sharedSecrets = { ...stacks.sharedSecrets, makes };
        stacks.histories.set("eu", [deployed({ peer: setting })]);
      });
      expect(it.makes).toEqual(makes);
      expect(it.secrets.peer).toEqual({ ...setting, signWith: "current" });
      expect(it.secrets.database).toEqual({ generation: 3 });
    });

    it("takes them from the last update that succeeded where a version before deployed the state", async () => {
      const it = await promotedWith({ peer: setting }, (stacks) => {
        stacks.histories.set("eu", [deployed({ peer: setting }, false), deployed({ peer: both })]);
      });
      expect(it.makes).toEqual({ ...FIRST_MAKES, peer: [1, 2] });
    });

    it("takes them from the file where there is no history either", async () => {
      const it = await promotedWith({ peer: setting }, () => undefined);
      expect(it.makes).toEqual({ ...FIRST_MAKES, peer: [2, 1] });
    });
  });

  it.each(PROMOTION)(
    "killed at %s and called again, does the rest and nothing twice before it",
    async (call) => {
      const { world, stacks } = fleetOf();
      stacks.failing.set(call, new FleetError("killed"));
      await expect(promote(world, "us", GO)).rejects.toThrow("Run fleet promote us again");
      stacks.failing.clear();
      stacks.calls.length = 0;
      const later = { ...world, output: { say: () => undefined, result: () => undefined } };
      expect(await promote(later, "us", GO)).toBe(EXIT.done);
      expect(stacks.calls.slice(-2)).toEqual(["up us", "up ap"]);
    },
  );

  it("killed between the two files, writes the second", async () => {
    const { world, folder } = fleetOf();
    const before = readFleet(folder);
    const written = promotedFiles(before, regionOf(before, "us"), FIRST_MAKES).get("us") ?? "";
    writeFileSync(join(folder, "Pulumi.us.yaml"), written);
    expect(() => readFleet(folder)).toThrow("primary");
    expect(await promote(world, "us", GO)).toBe(EXIT.done);
    expect(readFleet(folder).fleet.fenced?.stack).toBe("eu");
  });

  it("shows the plan and changes nothing with --dry-run", async () => {
    const { world, stacks, result, folder } = fleetOf();
    expect(await promote(world, "us", { dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain(
      "How far the replica is behind is not known (no AWS credentials)",
    );
    expect(result().text).toContain("  us: secrets of eu");
    expect(stacks.calls).toEqual([]);
    expect(readFleet(folder).fleet.primary.stack).toBe("eu");
  });

  it.each([
    [[1, 300, 2], "The replica was 5 min behind at most in the last 15 minutes"],
    [[2, -1], "is not known (RDS says that replication was not active in the last 15 minutes)"],
  ])("says of lags of %j s what may be lost", async (lags, sentence) => {
    const Datapoints = lags.map((Maximum, minutes) => ({
      Timestamp: new Date(Date.UTC(2026, 10, 23, 10, 59 - minutes)).toISOString(),
      Maximum,
    }));
    const aws = { call: () => Promise.resolve({ Datapoints }) };
    const { world, result } = fleetOf({ aws });
    expect(await promote(world, "us", { dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain(sentence);
  });

  it("wants the region's name", async () => {
    const { world } = fleetOf({ words: [] });
    await expect(promote(world, "us", GO)).rejects.toThrow("Add --confirm us if that is meant.");
  });

  it.each([
    [
      "ap",
      'Region "ap": it is media, and only the standby has a copy of the database. That is us.',
    ],
    [
      "eu",
      'Region "eu": it is primary, and only the standby has a copy of the database. That is us.',
    ],
  ])("refuses %s", async (name, sentence) => {
    const { world } = fleetOf();
    await expect(promote(world, name, GO)).rejects.toThrow(sentence);
  });

  it("says which secrets the region before does not give, with nothing changed", async () => {
    const { world, stacks, folder } = fleetOf();
    stacks.encrypted.clear();
    await expect(promote(world, "us", GO)).rejects.toThrow(
      'Stack "eu": its meet:oidcClientSecret, meet:mailPassword cannot be read.',
    );
    expect(stacks.calls).toEqual([]);
    expect(readFleet(folder).fleet.primary.stack).toBe("eu");
  });

  it.each([
    ["no database", { resources: [], pending: [] }, "has no database meet-us-1, so a promotion"],
    [
      "one that was being made when an update was killed",
      { resources: [], pending: ["urn:pulumi:us::meet::aws:rds/instance:Instance::database"] },
      "does not say whether RDS has it",
    ],
    ["one of its own", replica(""), "is no replica, not of meet-eu-1, which Meet uses"],
    [
      "a replica of another",
      replica("arn:aws:rds:eu-west-3:123456789012:db:meet-eu-7"),
      "is a replica of arn:aws:rds:eu-west-3:123456789012:db:meet-eu-7, not of meet-eu-1",
    ],
  ])(
    "refuses where the standby has %s, in a dry run too, with nothing changed",
    async (_, state, sentence) => {
      for (const dryRun of [true, false]) {
        const { world, stacks, folder } = fleetOf();
        stacks.states.set("us", state);
        await expect(promote(world, "us", { dryRun })).rejects.toThrow(sentence);
        expect(stacks.calls).toEqual([]);
        expect(readFleet(folder).fleet.primary.stack).toBe("eu");
      }
    },
  );

  it("names all that is missing at once", async () => {
    const { world, stacks } = fleetOf();
    stacks.states.set("us", { resources: [], pending: [] });
    stacks.encrypted.clear();
    await expect(promote(world, "us", GO)).rejects.toThrow(
      /has no database meet-us-1[^]*meet:mailPassword cannot be read[^]*Nothing was changed/,
    );
  });

  it("writes no file in a dry run, not even the second of two", async () => {
    const { world, folder, result } = fleetOf();
    const before = readFleet(folder);
    const written = promotedFiles(before, regionOf(before, "us"), FIRST_MAKES).get("us") ?? "";
    writeFileSync(join(folder, "Pulumi.us.yaml"), written);
    expect(await promote(world, "us", { dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain("The state of us has the database");
    expect(() => readFleet(folder)).toThrow("primary");
  });
});

describe("a fenced region", () => {
  const UP = { skipPreview: false, dryRun: false, yes: false, parallel: 4 };
  const LINE =
    "eu: skipped, it is fenced, because us was promoted instead of it. When it is back, run fleet return eu.";

  async function fenced() {
    const fake = fleetOf();
    await promote(fake.world, "us", GO);
    fake.stacks.calls.length = 0;
    return { ...fake, world: { ...fake.world, output: fakeOutput() } };
  }

  function fakeOutput() {
    const said: string[] = [];
    return { said, say: (line: string) => said.push(line), result: () => undefined };
  }

  it("is left out by fleet up and fleet preview, which say why", async () => {
    const { world, stacks } = await fenced();
    expect(await up(world, [], UP)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(["up us", "up ap"]);
    expect(world.output.said).toContain(LINE);
    world.output.said.length = 0;
    await preview(world, [], { exitCode: false });
    expect(world.output.said).toEqual([LINE, "us: preview", "ap: preview"]);
  });

  it("has fleet destroy refuse before anything is asked or deleted, and in a dry run", async () => {
    const { world, stacks, asked } = await fenced();
    const before = asked.length;
    for (const dryRun of [true, false]) {
      const options = { waitSeconds: 0, deleteRecordings: false, loseRecordings: true, dryRun };
      await expect(destroyFleet(world, options)).rejects.toMatchObject({
        exit: EXIT.wrongUse,
        message:
          'Region "eu": it is fenced, and its protected database may have rows that us has not. Run fleet return eu first, or fleet region remove eu --forget if it never returns.',
      });
    }
    expect(stacks.calls).toEqual([]);
    expect(asked).toHaveLength(before);
  });

  it("is not looked at for losses either: it may not answer", async () => {
    const { world, stacks } = await fenced();
    const update = { kind: "update", succeeded: true, startedAt: 0, endedAt: 1 };
    stacks.histories.set("eu", [{ ...update, config: new Map() }]);
    stacks.steps.set("eu", ["delete aws:rds/instance:Instance database"]);
    expect(await up(world, [], UP)).toBe(EXIT.done);
  });

  it("is refused where it is named, before anything is deployed", async () => {
    const { world, stacks } = await fenced();
    for (const command of [
      () => up(world, ["ap", "eu"], UP),
      () => preview(world, ["eu"], { exitCode: false }),
    ]) {
      await expect(command()).rejects.toThrow('Region "eu": it is fenced, because us was promoted');
    }
    expect(stacks.calls).toEqual([]);
  });

  it("keeps the keys from being rotated: its gateways would not hear of the promotion", async () => {
    const { world, stacks } = await fenced();
    const options = { evacuate: false, deadlineSeconds: 60, inPlace: false, dropNow: false };
    await expect(rotate(world, { ...options, secret: "peer", dryRun: false })).rejects.toThrow(
      "Keys: eu is fenced and cannot be deployed",
    );
    expect(stacks.calls).toEqual([]);
  });
});

describe("fleet return", () => {
  async function promoted(aws = rds()) {
    const fake = fleetOf({ aws });
    await promote(fake.world, "us", GO);
    fake.stacks.calls.length = 0;
    const output = { say: () => undefined, result: () => undefined };
    return { ...fake, aws, world: { ...fake.world, output } };
  }

  it("keeps the old database with a snapshot, and makes the region the standby with a new one", async () => {
    const { world, stacks, aws, folder, config } = await promoted();
    expect(await returnRegion(world, "eu", GO)).toBe(EXIT.done);
    expect(aws.calls.filter((it) => it.includes("create-db-snapshot"))).toHaveLength(1);
    expect(stacks.calls).toEqual(["keep eu", "up eu", "up us", "up eu", "up ap"]);
    const { fleet, regions } = readFleet(folder);
    expect(fleet.standby?.stack).toBe("eu");
    expect(regions.get("eu")?.home?.database.generation).toBe(2);
    expect(config("eu").hasIn(["config", "meet:oidcClientSecret"])).toBe(false);
  });

  it.each(["keep eu", "up eu", "up us", "up ap"])(
    "killed at %s and called again, goes on",
    async (call) => {
      const { world, stacks, aws, folder } = await promoted();
      stacks.failing.set(call, new FleetError("killed"));
      await expect(returnRegion(world, "eu", GO)).rejects.toThrow("Run fleet return eu again");
      stacks.failing.clear();
      expect(await returnRegion(world, "eu", GO)).toBe(EXIT.done);
      expect(aws.calls.filter((it) => it.includes("create-db-snapshot"))).toHaveLength(1);
      expect(readFleet(folder).regions.get("eu")?.home?.database.generation).toBe(2);
    },
  );

  it("keeps what the database's component made, by the type that it has", () => {
    expect(DATABASE_TYPE).toBe(POSTGRES_TYPE);
  });

  it("changes nothing while AWS does not answer", async () => {
    const aws = rds();
    const { world, stacks } = await promoted(aws);
    aws.call = () => Promise.reject(new Error("AWS did not answer within 20 s"));
    await expect(returnRegion(world, "eu", GO)).rejects.toThrow(
      "(AWS did not answer within 20 s). Nothing was changed; call the command when eu-west-3 answers.",
    );
    expect(stacks.calls).toEqual([]);
  });

  it("goes on without a snapshot where RDS has no such database any more, and says so", async () => {
    const aws = {
      call: (_: unknown, args: readonly string[]): Promise<unknown> =>
        Promise.reject(
          new Error(args[1] === "create-db-snapshot" ? "DBInstanceNotFound" : "DBSnapshotNotFound"),
        ),
    };
    const fake = await promoted({ ...rds(), ...aws });
    const said: string[] = [];
    const output = { say: (line: string) => said.push(line), result: () => undefined };
    expect(await returnRegion({ ...fake.world, output }, "eu", GO)).toBe(EXIT.done);
    expect(said).toContain(
      "eu: RDS has no meet-eu-1 any more, so there is nothing to keep and nothing to compare",
    );
    expect(readFleet(fake.folder).regions.get("eu")?.role).toBe("standby");
  });

  it("stops at a snapshot that failed", async () => {
    const aws = rds();
    const { world } = await promoted(aws);
    aws.call = () => Promise.resolve({ DBSnapshots: [{ Status: "failed" }] });
    await expect(returnRegion(world, "eu", GO)).rejects.toThrow("RDS says it failed.");
  });

  it("refuses a region that nobody was promoted instead of", async () => {
    const { world } = fleetOf();
    await expect(returnRegion(world, "us", GO)).rejects.toThrow(
      'Region "us": it is standby, and only a region that another was promoted instead of returns.',
    );
  });
});
