import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { repositoryFiles } from "../support/fleets.ts";
import { runCommand, type CommandEnd } from "./fleet-commands.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";

const STORES = `  meet:stores: { kind: external, databaseAuthority: "${CERTIFICATE}" }\n`;

const PASSWORD = "not-to-be-seen";

const VALKEY = `rediss://meet:${PASSWORD}-v@valkey.example.net:6379`;

const database = (stack: string): string =>
  `postgresql://meet:${PASSWORD}-${stack}@db-${stack}.example.net:5432/meet`;

const NOTHING_ASTRAY = { orphans: [], lost: [] };

let fleet: Fleet;
/** Once the primary is deployed: it is not deployed again for a region that is added. */
let addUs: () => Promise<void>;

beforeAll(async () => {
  fleet = await startFleet();
  const files = repositoryFiles();
  const eu = (files.get("Pulumi.eu.yaml") ?? "").replace("config:\n", `config:\n${STORES}`);
  const us = (files.get("Pulumi.us.yaml") ?? "").replace("role: standby", "role: active");
  await fleet.add("eu", eu);
  await setSecret("eu", "meet:valkeyUrl", VALKEY);
  await setSecret("eu", "meet:databaseUrl", database("eu"));
  addUs = () => fleet.add("us", us);
});

afterAll(async () => {
  await fleet.close();
});

async function setSecret(stack: string, key: string, value: string): Promise<void> {
  await fleet.must(["config", "set", "--secret", key, value, "--stack", stack]);
}

const run = (...args: readonly string[]): Promise<CommandEnd> =>
  runCommand(fleet.workspace, ...args);

function all(type: string, stack: string) {
  return fleet.running.cloud.all(type).filter(({ urn }) => urn.startsWith(`urn:pulumi:${stack}::`));
}

/** The pods' environment and files that are secret, of Meet in a region. */
function secretsOf(stack: string): string {
  const secrets = all("kubernetes:core/v1:Secret", stack);
  return JSON.stringify(secrets.map(({ state }) => state));
}

describe("Meet active in two regions, on stores of the user's", () => {
  it("refuses an active region that has no database, before anything is made in it", async () => {
    expect(Object.keys(await fleet.up("eu"))).toEqual(["create"]);
    await addUs();
    const refused = await fleet.run(["up", "--stack", "us", "--yes", "--non-interactive"]);
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain("meet:databaseUrl");
    expect(fleet.existing("us")).toEqual([]);
  });

  it("is deployed in both; one more update changes nothing in either", async () => {
    await setSecret("us", "meet:databaseUrl", database("us"));
    expect(Object.keys(await fleet.up("us"))).toEqual(["create"]);
    for (const stack of ["eu", "us"]) {
      expect(await fleet.up(stack)).toEqual({});
      expect(await fleet.strays(stack)).toEqual(NOTHING_ASTRAY);
    }
  });

  it("gives each Meet its own way to the one database, and both the one Valkey", () => {
    expect(fleet.running.cloud.all("aws:rds/instance:Instance")).toEqual([]);
    for (const [stack, other] of [
      ["eu", "us"],
      ["us", "eu"],
    ] as const) {
      const secrets = secretsOf(stack);
      expect(secrets).toContain(`db-${stack}.example.net`);
      expect(secrets).not.toContain(`db-${other}.example.net`);
      expect(secrets).toContain(VALKEY);
      const names = all("aws:route53/record:Record", stack).map(({ state }) => state);
      expect(names).toContainEqual(
        expect.objectContaining({ name: "meet.example.org", setIdentifier: stack }),
      );
    }
  });

  it("has no address of a store in plain in a state or a file", async () => {
    for (const stack of ["eu", "us"]) {
      const { stdout } = await fleet.must(["stack", "export", "--stack", stack]);
      const file = join(fleet.workspace.program, `Pulumi.${stack}.yaml`);
      for (const text of [stdout, await readFile(file, "utf8")]) {
        expect(text.length).toBeGreaterThan(100);
        expect(text).not.toContain(PASSWORD);
      }
    }
  });

  it("needs no promotion when the primary's region is lost, and is told so", async () => {
    fleet.running.cloud.faults.add({
      scope: "*eu-west-3*",
      times: Number.POSITIVE_INFINITY,
      action: { kind: "fail", errorCode: "RegionLost", message: "eu-west-3 does not answer" },
    });
    const before = fleet.existing();
    const promoted = await run("promote", "us", "--confirm", "us");
    expect(promoted.status, promoted.stdout).not.toBe(0);
    expect(promoted.stderr).toContain(
      "Nothing has to be promoted: meet.example.org leaves out the region that is lost.",
    );
    expect(fleet.existing()).toEqual(before);
  });

  it("can be updated meanwhile in the region that is left", async () => {
    const smaller = ["meet:size: medium", "meet:size: small"] as const;
    const steps = await fleet.change("us", smaller, () => fleet.up("us"));
    expect(steps["update"]).toBeGreaterThan(0);
    expect(await fleet.strays("us")).toEqual(NOTHING_ASTRAY);
  });
});
