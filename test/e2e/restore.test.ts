import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COPIED_BACKUPS } from "../../rehearsal/cloud/aws/rds.ts";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startDeployedFleet } from "../support/engine/deployed-fleet.ts";
import type { Fleet } from "../support/engine/fleet.ts";
import {
  killedAt,
  runCommand,
  stepsOf,
  type CommandEnd,
  type CommandFleet,
} from "./fleet-commands.ts";

let fleet: Fleet;
let running: CommandFleet;
let tools: string;

/** An `aws` that answers what the test has written, whatever it is asked. */
const AWS = `#!/usr/bin/env node
console.log(require("node:fs").readFileSync(__dirname + "/answer", "utf8"));
`;

const TO = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z/, "Z");

beforeAll(async () => {
  fleet = await startDeployedFleet();
  tools = await mkdtemp(join(tmpdir(), "meet-aws-"));
  await writeFile(join(tools, "aws"), AWS);
  await chmod(join(tools, "aws"), 0o755);
  const { environment, program } = fleet.workspace;
  const path = [tools, environment["PATH"] ?? ""].join(delimiter);
  // The engine is killed in none of its steps, so it may write its state at their ends.
  running = { program, environment: { ...environment, ...CHECKPOINTS_AT_END, PATH: path } };
});

afterAll(async () => {
  await fleet.close();
  await rm(tools, { recursive: true, force: true });
});

/** What RDS says of the backups of one instance, also where it is asked for copies in another region. */
function backupsOf(identifier: string, region: string, resource: string, copies?: string) {
  const RestoreWindow = {
    EarliestTime: "2026-01-01T00:00:00+00:00",
    LatestTime: new Date().toISOString(),
  };
  const answer = {
    ...{ DBInstanceIdentifier: identifier, DbiResourceId: resource, Region: region },
    ...{ DBInstanceAutomatedBackupsArn: copies, RestoreWindow },
  };
  const text = JSON.stringify({ DBInstanceAutomatedBackups: [answer] });
  return writeFile(join(tools, "answer"), text);
}

const run = (...args: readonly string[]): Promise<CommandEnd> => runCommand(running, ...args);

/** Kills a command before each of its steps in turn, and lets it end then. */
async function killedBetween(
  steps: readonly string[],
  ...args: readonly string[]
): Promise<CommandEnd> {
  for (const step of steps) {
    await killedAt(running, step, ...args);
  }
  return run(...args);
}

function databasesIn(awsRegion: string) {
  return fleet.running.cloud
    .all("aws:rds/instance:Instance")
    .filter(({ scope }) => scope === awsRegion);
}

function text(thing: ReturnType<typeof databasesIn>[number] | undefined, key: string): string {
  const found = thing?.state[key];
  return typeof found === "string" ? found : "";
}

describe("npx fleet restore", () => {
  it("in the primary, killed between any two steps and called again, makes a database and a replica beside the old ones", async () => {
    const [old] = databasesIn("eu-west-3");
    const [oldReplica] = databasesIn("us-east-1");
    await backupsOf(text(old, "identifier"), "eu-west-3", text(old, "resourceId"));
    const command = ["restore", "eu", "--to", TO, "--confirm", "eu"];
    const steps = await stepsOf(running, "restore", "eu", "--to", TO);
    expect(steps).toHaveLength(6);
    const restored = await killedBetween(steps, ...command);
    expect(restored.stdout, restored.stderr).toContain("Meet in eu uses");
    const [kept, made, ...none] = databasesIn("eu-west-3");
    expect([kept?.id, none]).toEqual([old?.id, []]);
    expect(text(made, "identifier")).toMatch(/-eu-2$/);
    expect(made?.state["restoreToPointInTime"]).toEqual({
      restoreTime: TO,
      sourceDbiResourceId: text(old, "resourceId"),
    });
    const replicas = databasesIn("us-east-1");
    expect(replicas.map(({ id }) => id)).toContain(oldReplica?.id);
    expect(replicas.map((it) => text(it, "replicateSourceDb"))).toEqual([
      text(old, "arn"),
      text(made, "arn"),
    ]);
  });

  it("in the standby, the primary's region lost, killed between any two steps and called again, makes it the primary with a database of the copied backups", async () => {
    const source = databasesIn("eu-west-3").at(-1);
    const [copies] = fleet.running.cloud.all(COPIED_BACKUPS);
    await backupsOf(text(source, "identifier"), "eu-west-3", "db-OUTOFREACH1", copies?.id);
    fleet.running.cloud.faults.add({
      scope: "*eu-west-3*",
      times: Number.POSITIVE_INFINITY,
      action: { kind: "fail", errorCode: "RegionLost", message: "eu-west-3 does not answer" },
    });
    const steps = await stepsOf(running, "restore", "us", "--to", TO);
    expect(steps).toHaveLength(5);
    const restored = await killedBetween(steps, "restore", "us", "--to", TO, "--confirm", "us");
    expect(restored.stdout, restored.stderr).toContain("Meet in us uses");
    const made = databasesIn("us-east-1").at(-1);
    expect(made?.state["restoreToPointInTime"]).toEqual({
      restoreTime: TO,
      sourceDbInstanceAutomatedBackupsArn: copies?.id,
    });
    expect(text(made, "kmsKeyId")).toBe(text(copies, "kmsKeyId"));
    const eu = await readFile(join(fleet.workspace.program, "Pulumi.eu.yaml"), "utf8");
    expect(eu).toContain("meet:role: fenced");
    const previewed = await run("preview", "us", "--exit-code");
    expect(previewed.stdout, previewed.stderr).toContain("us: nothing changed");
  });
});
