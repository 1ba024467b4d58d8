import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SCENARIOS } from "../../rehearsal/drill/scenarios.ts";
import { descendants } from "../../rehearsal/process-tree.ts";
import { runCommand } from "./fleet-commands.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const factsSchema = z.object({
  stacks: z.array(
    z.object({
      stack: z.string(),
      resources: z.number(),
      seconds: z.number(),
      secondUpChanges: z.number(),
    }),
  ),
  changesByThirdRegion: z.record(z.string(), z.number()),
  leftOfThirdRegion: z.number(),
  drill: z.object({
    scenarios: z.array(
      z.object({
        name: z.string(),
        participants: z.array(z.object({ isAffected: z.boolean(), enteredBy: z.string() })),
        guarantees: z.array(z.object({ isKept: z.boolean() })).min(3),
        split: z.object({ during: z.literal(0), after: z.literal(0) }),
      }),
    ),
    rewrites: z.array(z.object({ object: z.string(), from: z.string(), to: z.string() })).min(20),
    costs: z.array(z.object({ region: z.string(), usdPerMonth: z.number() })).min(10),
  }),
});

/** Network namespaces that there are; none where the machine has no such thing. */
function namespaces(): readonly string[] {
  return existsSync("/run/netns") ? readdirSync("/run/netns") : [];
}

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Starts it. @param onOutput is given all that it has written so far, each time it writes */
function run(
  args: readonly string[],
  onOutput: (output: string, child: ChildProcess) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "rehearsal/main.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (piece: Buffer): void => {
    output += piece.toString();
    onOutput(output, child);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve) => {
    child.on("close", (status) => {
      resolve({ status, output });
    });
  });
}

const statusSchema = z.object({
  regions: z.array(z.object({ region: z.string(), gateway: z.object({ known: z.boolean() }) })),
});

/** What the commands that `--keep` has printed say in a shell that was given what it exports. */
async function inAnotherShell(printed: string): Promise<unknown> {
  const exports = [...printed.matchAll(/^export (\w+)='([^']*)'$/gm)];
  const environment = Object.fromEntries(exports.map(([, name = "", value = ""]) => [name, value]));
  const program = /^cd '([^']*)' && pulumi/m.exec(printed)?.[1] ?? "";
  const commands = [...printed.matchAll(/ && npx fleet (.*) --project '([^']*)'$/gm)];
  expect(commands.map(([, words, project]) => [words, project])).toEqual([
    ["status", program],
    ["promote us --dry-run", program],
  ]);
  const shell = { program, environment };
  const { stdout, stderr } = await runCommand(shell, "status", "--json");
  expect(stderr).toBe("");
  const promotion = await runCommand(shell, "promote", "us", "--dry-run");
  expect(promotion.stderr).toBe("");
  return {
    gateways: statusSchema
      .parse(JSON.parse(stdout))
      .regions.map(({ region, gateway }) => [region, gateway.known]),
    promotion: promotion.stdout,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * The whole fleet on the real engine, then as processes with people in meetings: the one test that deploys every
 * resource of every stack, and the quick drill.
 */
describe("script/rehearse", () => {
  const folder = mkdtempSync(join(tmpdir(), "rehearse-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("deploys eu and us, has them lose LiveKit and be evacuated, and adds a region that changes nothing", async () => {
    const file = join(folder, "facts.json");
    const report = join(folder, "report.html");
    const files = ["--json", file, "--report", report];
    let pid = 0;
    let processes: readonly number[] = [];
    let kept: Promise<unknown> | undefined;
    const look = (printed: string, child: ChildProcess): void => {
      if (kept === undefined && printed.includes("Ctrl-C here ends") && child.pid !== undefined) {
        ({ pid } = child);
        processes = descendants(pid);
        kept = inAnotherShell(printed)
          .catch((error: unknown) => error)
          .finally(() => child.kill("SIGINT"));
      }
    };
    const options = ["--quick", "--third", "--verbose", "--keep", ...files];
    const { status, output } = await run(options, look);
    expect({ status, output }).toMatchObject({ status: 0 });
    const wanted: unknown = expect.stringMatching(
      /^How far the replica is behind is not known \((the aws command is not installed|no AWS credentials)\).*\nThe state of us has the replica; 3 secrets of eu can be read\.\nWould go through:\n(.*\n){4}$/,
    );
    expect(await kept).toEqual({
      gateways: [
        ["eu", true],
        ["us", true],
      ],
      promotion: wanted,
    });
    const facts = factsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    expect(facts.stacks.map(({ stack, secondUpChanges }) => [stack, secondUpChanges])).toEqual([
      ["eu", 0],
      ["us", 0],
      ["ap", 0],
    ]);
    for (const { resources } of facts.stacks) {
      expect(resources).toBeGreaterThan(150);
    }
    expect(facts.changesByThirdRegion).toEqual({ eu: 0, us: 0 });
    expect(facts.leftOfThirdRegion).toBe(0);
    expect(output).toContain("What this does not prove");
    const { scenarios, rewrites } = facts.drill;
    expect(scenarios.map(({ name }) => name)).toEqual(["livekit-lost", "evacuation"]);
    for (const { participants } of scenarios) {
      expect(participants).toHaveLength(6);
      expect(new Set(participants.map(({ enteredBy }) => enteredBy))).toEqual(
        new Set(["eu", "us"]),
      );
      expect(participants.every(({ isAffected }) => isAffected)).toBe(true);
    }
    expect(output).toContain(`${rewrites.length} things differ from what was deployed`);
    for (const { from } of rewrites) {
      expect(output).toContain(from);
    }
    expect(output).toContain("Every guarantee of the drill was kept.");
    expect(readFileSync(report, "utf8")).toContain("Every guarantee was kept");
    // Nothing is left behind after Ctrl-C.
    expect(processes.length).toBeGreaterThan(10);
    await expect.poll(() => processes.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    expect(namespaces().filter((name) => name.startsWith(`meet${pid}`))).toEqual([]);
  }, 1_200_000);

  it("refuses a scenario that there is none of, before anything is started", async () => {
    const { status, output } = await run(["flood"]);
    expect(status).toBe(1);
    expect(output).toBe(
      `Scenario "flood": there is none of that name. Choose from ${SCENARIOS.map(({ name }) => name).join(", ")}.\n`,
    );
  });

  it("refuses an option it does not know", async () => {
    const { status, output } = await run(["--jsn"]);
    expect(status).toBe(1);
    expect(output).toContain("unknown option '--jsn'");
  });
});
