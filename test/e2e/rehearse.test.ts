import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";

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
});

function run(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "rehearsal/main.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (piece: Buffer): void => {
    output += piece.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve) => {
    child.on("close", (status) => {
      resolve({ status, output });
    });
  });
}

/** The whole fleet on the real engine: the one test that deploys every resource of every stack. */
describe("script/rehearse", () => {
  const folder = mkdtempSync(join(tmpdir(), "rehearse-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("deploys eu and us, adds a third region that changes nothing, and removes it whole", async () => {
    const file = join(folder, "facts.json");
    const { status, output } = await run(["--json", file]);
    expect({ status, output }).toMatchObject({ status: 0 });
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
  }, 1_200_000);

  it("refuses an option it does not know", async () => {
    const { status, output } = await run(["--jsn"]);
    expect(status).toBe(1);
    expect(output).toContain("unknown option '--jsn'");
  });
});
