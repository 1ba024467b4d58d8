import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ENDPOINTS_VARIABLE } from "../../fleet/gateways.ts";
import { LocalFleet } from "../../rehearsal/processes/local-fleet.ts";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startDeployedFleet } from "../support/engine/deployed-fleet.ts";
import type { Fleet } from "../support/engine/fleet.ts";
import { runCommand, type CommandEnd, type CommandFleet } from "./fleet-commands.ts";
import { fleetProcesses } from "./fleet-processes.ts";

let fleet: Fleet;
let processes: LocalFleet;
let running: CommandFleet;

const reportSchema = z.object({
  regions: z.array(
    z.object({
      region: z.string(),
      stack: z.object({
        known: z.literal(true),
        value: z.object({
          versions: z.array(
            z.object({ what: z.string(), files: z.string(), deployed: z.string() }),
          ),
          lastUpdate: z.object({ succeeded: z.boolean() }),
        }),
      }),
      gateway: z.object({
        known: z.literal(true),
        value: z.object({ liveKitUp: z.boolean(), rooms: z.number() }),
      }),
      aws: z.object({ certificateDays: z.object({ known: z.literal(false), why: z.string() }) }),
    }),
  ),
  troubles: z.array(z.string()),
});

beforeAll(async () => {
  fleet = await startDeployedFleet();
  processes = await LocalFleet.start({
    things: () => fleet.running.cloud.all(),
    regions: ["eu", "us"],
  });
  const { program, environment } = fleet.workspace;
  const endpoints = JSON.stringify(processes.access().endpoints);
  running = {
    program,
    environment: { ...environment, ...CHECKPOINTS_AT_END, [ENDPOINTS_VARIABLE]: endpoints },
  };
});

afterAll(async () => {
  await processes.close();
  await fleet.close();
});

fleetProcesses(() => processes);

describe("npx fleet where gateways answer", () => {
  let printed = "";
  const run = async (...args: readonly string[]): Promise<CommandEnd> => {
    const end = await runCommand(running, ...args);
    printed += end.stdout + end.stderr;
    return end;
  };

  it("shows what is deployed, what the gateways say, and why the rest is not known", async () => {
    const { stdout, stderr } = await run("status", "--json");
    expect(stderr).toBe("");
    const { regions } = reportSchema.parse(JSON.parse(stdout));
    expect(regions.map(({ region }) => region)).toEqual(["eu", "us"]);
    for (const { stack, gateway, aws } of regions) {
      expect(stack.value.lastUpdate.succeeded).toBe(true);
      expect(stack.value.versions.length).toBeGreaterThan(2);
      for (const { files, deployed } of stack.value.versions) {
        expect(deployed).toBe(files);
      }
      expect(gateway.value.liveKitUp).toBe(true);
      expect(aws.certificateDays.why).not.toBe("");
    }
  });

  it("previews both regions: nothing changes", async () => {
    const { status, stdout } = await run("preview", "--exit-code");
    expect(stdout).toBe("eu: nothing changed\nus: nothing changed\n");
    expect(status).toBe(0);
  });

  it("drains a region, says so in the status, and lets it take rooms again", async () => {
    const drained = await run("drain", "us", "--deadline", "1h");
    expect(drained.stdout).toContain("Region us is empty and takes no rooms.");
    const status = await run("status");
    expect(status.stdout).toMatch(/drain .*takes rooms .*drain by \S/);
    expect((await run("undrain", "us")).stdout).toBe("Region us takes rooms again.\n");
  });

  it("pins a room, and finds no region that hosts it", async () => {
    expect((await run("room", "pin", "e2e", "--to", "us")).stdout).toBe(
      "Room e2e: its next meeting is in us.\n",
    );
    expect((await run("room", "show", "e2e")).stdout).toContain("Room e2e is in no region.");
    expect((await run("room", "unpin", "e2e")).status).toBe(0);
  });

  it("adds a region from two answers, and changes nothing in the others", async () => {
    const added = await run("region", "add", "ap", "--aws-region", "ap-northeast-1", "--no-wait");
    expect(added.stderr).toContain("Pulumi.ap.yaml: written");
    expect(added.stdout).toMatch(/^ap: done in \d+ s, \d+ create\n$/);
    const previewed = await run("preview", "eu", "us", "--exit-code");
    expect(previewed.stdout).toBe("eu: nothing changed\nus: nothing changed\n");
  });

  it("removes it only when its name is given, then deletes all of it", async () => {
    const asked = await run("region", "remove", "ap", "--lost");
    expect(asked.status).toBe(5);
    expect(asked.stderr).toContain("Add --confirm ap if that is meant.");
    const removed = await run("region", "remove", "ap", "--lost", "--confirm", "ap");
    expect(removed.stdout, removed.stderr).toContain("ap: destroy: done\n");
    expect(removed.stdout).toContain("Region ap is removed.");
    expect(removed.status).toBe(0);
    expect(existsSync(join(running.program, "Pulumi.ap.yaml"))).toBe(false);
    expect((await run("region", "remove", "ap")).stdout).toBe(
      "Region ap has no file and no stack. If the others were still to be deployed, run fleet up.\n",
    );
  });

  it("has shown no secret in all that", () => {
    expect(printed.length).toBeGreaterThan(1000);
    expect(printed).not.toMatch(/eyJ|operatorSecret|Bearer/);
  });
});
