import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mediaRegionFile } from "../support/fleets.ts";

/*
 * The command as people run it, in a child process, on a repository of its own: a copy of what the plan needs, with
 * this checkout's dependencies. The copy must not be within the checkout, or git would find the wrong repository.
 */
const ROOT = join(import.meta.dirname, "..", "..");
const PARTS = ["Pulumi.yaml", "Pulumi.eu.yaml", "Pulumi.us.yaml", "package.json", "tsconfig.json"];
const FOLDERS = ["infra", "components", "services", "plan"];
const MINUTES = 60_000;

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "meet-plan-test-"));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function plan(...args: string[]): Promise<Ended> {
  const command = ["--import", "tsx", "plan/main.ts", ...args];
  try {
    const output = await run(process.execPath, command, { cwd: folder, maxBuffer: 1e9 });
    return { status: 0, ...output };
  } catch (error) {
    const ended = error as { code: number; stdout: string; stderr: string };
    return { status: ended.code, stdout: ended.stdout, stderr: ended.stderr };
  }
}

async function git(...args: string[]): Promise<string> {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  const { stdout } = await run("git", [...identity, ...args], { cwd: folder });
  return stdout.trim();
}

beforeAll(async () => {
  await git("init", "--quiet");
  writeFileSync(join(folder, "empty.txt"), "before there was a plan\n");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "empty");
  await git("tag", "empty");
  for (const part of [...PARTS, ...FOLDERS]) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
  writeFileSync(join(folder, ".gitignore"), "node_modules\n");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "base");
  await git("tag", "base");
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("npm run plan", () => {
  it(
    "prints an object keyed by stack, and nothing else, with --json",
    { timeout: 3 * MINUTES },
    async () => {
      const { status, stdout, stderr } = await plan("--json");
      expect([status, stderr]).toEqual([0, ""]);
      const plans = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
      expect(Object.keys(plans)).toEqual(["eu", "us"]);
      for (const one of Object.values(plans)) {
        expect(Object.keys(one)).toEqual(
          expect.arrayContaining([
            "inventory",
            "names",
            "failover",
            "availability",
            "quotas",
            "costs",
            "warnings",
          ]),
        );
      }
      expect(plans["eu"]?.["failover"]).toMatchObject([
        { name: "livekit.example.org", refusingSeconds: 31, silentSeconds: 46 },
        { name: "meet.example.org", afterPromotion: true },
      ]);
      expect(stdout).not.toContain("placeholder-of-a-secret");
    },
  );

  it.each([
    [["--stack", "xx"], "--stack xx: there is no Pulumi.xx.yaml. Choose one of eu, us.\n"],
    [["--json", "--markdown"], "--json and --markdown exclude each other. Choose one.\n"],
    [["--wrong"], /^plan: unknown option '--wrong'/],
    [["--prices", "/nowhere"], /^Price file \/nowhere cannot be read: ENOENT/],
    [["--base", "nosuch"], /^Revision "nosuch": git does not know it here\. Fetch it first/],
    [["--base", "--help-me"], /^Revision "--help-me": git does not know it here\./],
    [
      ["--base", "empty"],
      /^Revision "empty": it has no plan\/main\.ts, so it cannot be compared with\./,
    ],
  ])("refuses %j in one sentence", { timeout: 3 * MINUTES }, async (args, sentence) => {
    const { status, stdout, stderr } = await plan(...args);
    expect(stderr).toMatch(sentence);
    expect(status).toBeGreaterThan(0);
    expect(stdout).toBe("");
    expect(await git("worktree", "list")).not.toContain("\n");
  });

  it("explains itself", { timeout: 3 * MINUTES }, async () => {
    const { status, stdout } = await plan("--help");
    expect(status).toBe(0);
    expect(stdout).toContain("without engine, account or credential");
    expect(stdout).not.toContain("--snapshot");
  });

  it(
    "names every fault of the configuration and prints no trace",
    { timeout: 3 * MINUTES },
    async () => {
      const file = join(folder, "Pulumi.us.yaml");
      const before = readFileSync(file, "utf8");
      try {
        writeFileSync(
          file,
          `${before.replace("10.44.0.0/16", "10.40.0.0/16")}  meet:sise: small\n`,
        );
        const { status, stderr } = await plan();
        expect(status).toBe(1);
        expect(stderr).toContain("Pulumi.us.yaml");
        expect(stderr).toContain("meet:sise");
        expect(stderr).toMatch(/10\.40\.0\.0\/16/);
        expect(stderr).not.toContain("    at ");
      } finally {
        writeFileSync(file, before);
      }
    },
  );
});

describe("npm run plan -- --base", () => {
  it(
    "finds no change in an unchanged checkout, and leaves no work tree",
    { timeout: 5 * MINUTES },
    async () => {
      const { status, stdout, stderr } = await plan("--base", "base");
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("No stack changes.");
      expect(await git("worktree", "list")).not.toContain("\n");
      expect(await git("status", "--porcelain")).toBe("");
    },
  );

  it(
    "shows what a branch changes in every stack, with its cost",
    { timeout: 5 * MINUTES },
    async () => {
      const file = join(folder, "Pulumi.us.yaml");
      const before = readFileSync(file, "utf8");
      try {
        appendFileSync(file, "  meet:media:\n    min: 4\n    max: 9\n");
        writeFileSync(
          join(folder, "Pulumi.ap.yaml"),
          mediaRegionFile("ap-northeast-1", "10.48.0.0/16"),
        );
        const { status, stdout } = await plan("--base", "base", "--json");
        expect(status).toBe(0);
        const differences = JSON.parse(stdout) as Record<
          string,
          {
            kind: string;
            usdPerMonthChange: number;
            comparison: {
              added: unknown[];
              removed: unknown[];
              changed: {
                type: string;
                inputs: { path: string; before: string; after: string }[];
              }[];
            };
          }
        >;
        expect(Object.entries(differences).map(([stack, { kind }]) => [stack, kind])).toEqual([
          ["ap", "added"],
          ["eu", "kept"],
          ["us", "kept"],
        ]);
        // A new media region changes nothing elsewhere.
        expect(differences["eu"]?.comparison).toMatchObject({
          added: [],
          removed: [],
          changed: [],
        });
        expect(differences["ap"]?.comparison.added.length).toBeGreaterThan(50);
        const group = differences["us"]?.comparison.changed.find(({ type }) =>
          type.startsWith("aws:autoscaling/"),
        );
        expect(group?.inputs).toContainEqual({ path: "minSize", before: "2", after: "4" });
        expect(differences["us"]?.usdPerMonthChange).toBeGreaterThan(0);
      } finally {
        rmSync(join(folder, "Pulumi.ap.yaml"), { force: true });
        writeFileSync(file, before);
      }
    },
  );

  it("says that a stack's file is gone", { timeout: 5 * MINUTES }, async () => {
    const file = join(folder, "Pulumi.us.yaml");
    const before = readFileSync(file, "utf8");
    try {
      rmSync(file);
      const { stdout } = await plan("--base", "base", "--stack", "us");
      expect(stdout).toContain("**stack file removed**");
      expect(stdout).toContain("> **us: its file is gone.**");
    } finally {
      writeFileSync(file, before);
    }
  });

  it(
    "reports a revision whose own plan fails, and removes its work tree",
    { timeout: 5 * MINUTES },
    async () => {
      const file = join(folder, "Pulumi.eu.yaml");
      const before = readFileSync(file, "utf8");
      writeFileSync(file, before.replace("meet:role: primary", "meet:role: media"));
      await git("commit", "--quiet", "--all", "--message", "no primary");
      await git("tag", "broken");
      writeFileSync(file, before);
      await git("commit", "--quiet", "--all", "--message", "mended");
      const { status, stderr } = await plan("--base", "broken");
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^Revision "broken": its own plan fails: .*primary.* Choose a revision/s,
      );
      expect(await git("worktree", "list")).not.toContain("\n");
    },
  );

  it("removes its work tree when it is interrupted", { timeout: 5 * MINUTES }, async () => {
    const child = execFile(
      process.execPath,
      ["--import", "tsx", "plan/main.ts", "--base", "base"],
      {
        cwd: folder,
      },
    );
    let complaint = "";
    child.stderr?.on("data", (text: string) => {
      complaint += text;
    });
    const ended = new Promise<number | null>((resolve) => {
      child.on("close", resolve);
    });
    for (;;) {
      const trees = await git("worktree", "list");
      if (trees.includes("\n") || child.exitCode !== null) {
        break;
      }
    }
    expect(child.exitCode).toBeNull();
    child.kill("SIGINT");
    expect(await ended).toBe(1);
    expect(complaint).toBe(
      "--base base: interrupted. Nothing was changed, and the work tree of base is removed.\n",
    );
    expect(await git("worktree", "list")).not.toContain("\n");
  });
});
