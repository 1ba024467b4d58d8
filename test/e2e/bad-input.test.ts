import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { upArguments } from "../support/engine/engine.ts";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { mediaRegionFile } from "../support/fleets.ts";

const STACK_TRACE = /^\s+at .*\.[jt]s:\d+/m;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({ cloud: { zones: ["example.org"] } });
  await fleet.add("eu");
});

afterEach(() => {
  expect(fleet.existing()).toEqual([]);
});

afterAll(async () => {
  await fleet.close();
});

/** Runs `up` of the primary, which must be refused. */
async function refused(options: Parameters<Fleet["run"]>[1] = {}): Promise<string> {
  const { status, output } = await fleet.run(upArguments("eu"), options);
  expect(status).not.toBe(0);
  expect(output).not.toMatch(STACK_TRACE);
  return output;
}

/** With one more stack file beside the primary's, for as long as `act` takes. */
async function beside<T>(file: string, act: () => Promise<T>): Promise<T> {
  await fleet.write("us", file);
  try {
    return await act();
  } finally {
    await rm(join(fleet.workspace.program, "Pulumi.us.yaml"));
  }
}

/** All of these are shown on the engine itself; every sentence of the configuration is tested in test/infra. */
describe("bad input stops `pulumi up` with a sentence and nothing made:", () => {
  it("a wrong passphrase", async () => {
    const output = await refused({ environment: { PULUMI_CONFIG_PASSPHRASE: "wrong" } });
    expect(output).toMatch(/error: .*incorrect passphrase/);
  });

  it("a stack file of another stack that is no YAML, and an unknown key, both at once", async () => {
    const output = await fleet.change("eu", ["config:\n", "config:\n  meet:quality: best\n"], () =>
      beside("config: [\n", () => refused()),
    );
    expect(output).toMatch(/Config meet:quality in Pulumi\.eu\.yaml: unknown key\. Known here: /);
    expect(output).toMatch(/Config in Pulumi\.us\.yaml: line \d+ is no YAML \(.*\)\. Correct it/);
  });

  it("a stack's own file that is no YAML", async () => {
    const output = await fleet.change("eu", ["config:\n", "config:\n  - [\n"], () => refused());
    expect(output).toMatch(/error: .*invalid YAML file: yaml: line \d+/);
  });

  it("overlapping ranges", async () => {
    const output = await beside(mediaRegionFile("us-east-1", "10.40.0.0/20"), () => refused());
    expect(output).toContain(
      "Config meet:network.cidr in Pulumi.us.yaml: 10.40.0.0/20 overlaps 10.40.0.0/16 of Pulumi.eu.yaml. Give each region a range of its own.",
    );
  });

  it("no primary", async () => {
    const output = await fleet.change("eu", ["meet:role: primary", "meet:role: media"], () =>
      refused(),
    );
    expect(output).toContain(
      "Config meet:role in Pulumi.eu.yaml: no stack of the fleet is primary (eu: media). Set meet:role: primary in one file.",
    );
  });

  it("an AWS region with fewer zones than are asked for", async () => {
    const output = await fleet.change(
      "eu",
      ["aws:region: eu-west-3", "aws:region: us-west-1"],
      () =>
        fleet.change("eu", ["cidr: 10.40.0.0/16", "cidr: 10.40.0.0/16\n    zoneCount: 3"], () =>
          refused(),
        ),
    );
    expect(output).toMatch(
      /Region us-west-1: 3 availability zones are asked for, 2 can hold an EKS cluster of those this account sees: us-west-1a \(usw1-az1\), us-west-1b \(usw1-az3\)\. Lower meet:network\.zoneCount or choose another region\./,
    );
  });

  it("a DNS zone that the account does not have", async () => {
    const output = await fleet.change("eu", ["domain: example.org", "domain: example.net"], () =>
      fleet.change("eu", ["zoneName: example.org", "zoneName: example.net"], () => refused()),
    );
    expect(output).toMatch(
      /error: Zone "example\.net": Route 53 did not find it as a public zone of this account \([^]*no matching Route 53 Hosted Zone found\)\. Make it first, or correct meet:dns\.zoneName\./,
    );
  });

  it("a secret that was never set", async () => {
    await fleet.must(["config", "rm", "meet:mailPassword", "--stack", "eu"]);
    expect(await refused()).toContain(
      "Config meet:mailPassword in Pulumi.eu.yaml: missing for the mail user meet. Run pulumi config set --secret meet:mailPassword --stack eu.",
    );
  });

  it("a primary that has not been deployed, for a stack that needs it", async () => {
    await fleet.add("ap", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));
    const { status, output } = await fleet.run(upArguments("ap"));
    expect(status).not.toBe(0);
    expect(output).not.toMatch(STACK_TRACE);
    expect(output).toContain(
      'error: Output "sharedSecrets" of stack "eu": it is missing or cannot be decrypted. Run pulumi up -s eu first, and give all stacks the same secrets provider and passphrase.',
    );
    await fleet.forget("ap");
  });

  it("a tool that is not there, for the rehearsal", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "rehearsal/main.ts"],
      {
        encoding: "utf8",
        env: { PATH: dirname(process.execPath), MEET_TOOLS_CACHE: fleet.workspace.folder },
      },
    );
    expect(status).toBe(1);
    expect(stderr).toBe('Tool "pulumi": not built. Run script/setup.\n');
  });
});
