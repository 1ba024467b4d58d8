import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { repositoryFiles } from "../support/fleets.ts";
import { runCommand, startCommand, type CommandFleet } from "./fleet-commands.ts";

let fleet: Fleet;
let running: CommandFleet;

beforeAll(async () => {
  fleet = await startFleet();
  for (const [name, text] of repositoryFiles()) {
    await fleet.write(name.slice("Pulumi.".length, -".yaml".length), text);
  }
  await fleet.must(["stack", "init", "eu"]);
  for (const key of ["meet:oidcClientSecret", "meet:mailPassword"]) {
    await fleet.must(["config", "set", "--secret", key, "a secret", "--stack", "eu"]);
  }
  running = {
    program: fleet.workspace.program,
    environment: {
      ...fleet.workspace.environment,
      // Faster, and written also when a command is interrupted.
      ...CHECKPOINTS_AT_END,
    },
  };
});

afterAll(async () => {
  await fleet.close();
});

describe("npx fleet on files that were never deployed", () => {
  it("says what up would do", async () => {
    const planned = await runCommand(running, "up", "--dry-run");
    expect(planned.stdout).toContain("Would create the stack us.");
    expect(planned.stdout).toContain("Wave 2: would deploy us.");
  });

  it("is interrupted half-way: what is under way is ended, and it says what is not done", async () => {
    const up = startCommand(running, "up", "--yes");
    const enough = { timeout: 120_000, interval: 20 };
    await expect.poll(() => fleet.existing("eu").length, enough).toBeGreaterThan(20);
    up.interrupt();
    const { status, stdout } = await up.ended;
    expect(stdout).toMatch(/^eu: not done\. Stack "eu": up was interrupted\..*\nus: not started\n/);
    expect(stdout).toContain("Interrupted. Run fleet up again: it goes on.");
    expect(status).toBe(3);
    expect(fleet.existing("eu").length).toBeLessThan(250);
    expect(await fleet.strays("eu")).toEqual({ orphans: [], lost: [] });
  });

  it("goes on when called again, and deploys the next wave", async () => {
    const up = await runCommand(running, "up");
    expect(up.stderr).toMatch(/eu: up[^]*us: up/);
    expect(up.stdout).toMatch(/^eu: done in \d+ s, \d+ create\nus: done in \d+ s, \d+ create\n$/);
    expect(up.status).toBe(0);
  });
});

describe("npx fleet destroy", () => {
  it("deletes all regions after their names, the primary last, and keeps only its file", async () => {
    // The stand-in cloud has no S3 that the AWS CLI could ask.
    const refused = await runCommand(running, "destroy", "--confirm", "us", "eu");
    expect(refused.stderr).toContain('Region "us": what recordings it has');
    expect(refused.status).toBe(3);
    const destroyed = await runCommand(
      running,
      "destroy",
      "--lose-recordings",
      "--confirm",
      "us",
      "eu",
    );
    expect(destroyed.stderr).toMatch(/us: gone[^]*Pulumi\.eu\.yaml: kept/);
    expect(destroyed.stdout).toContain("The fleet is gone.");
    const kept = fleet.existing().map((urn) => urn.split("::").slice(-2).join(" "));
    // On purpose: docs/runbooks/remove-a-region.md.
    expect(kept.map((name) => name.replace(/.*\$/, "")).sort()).toEqual([
      "aws:kms/key:Key database-backups-key",
      "aws:kms/key:Key database-key",
      "aws:kms/key:Key database-key",
      "aws:route53/record:Record gateway-certificate-validation-livekit",
      "aws:route53/record:Record web-certificate-validation-meet",
    ]);
    expect((await runCommand(running, "destroy", "--confirm", "eu")).status).toBe(0);
  });
});
