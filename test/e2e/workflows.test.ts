import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { toolPath } from "../../tools/tools.ts";

const FOLDER = join(import.meta.dirname, "..", "..", ".github", "workflows");
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".yml"));

const workflowSchema = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(
    z.string(),
    z.looseObject({
      if: z.string().optional(),
      needs: z.unknown().optional(),
      "timeout-minutes": z.number(),
      permissions: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** What actionlint says about a workflow; shellcheck and pyflakes only if they happen to be there, so neither. */
function lint(text: string): { status: number | null; output: string } {
  const args = ["-shellcheck=", "-pyflakes=", "-no-color", "-"];
  const done = spawnSync(toolPath("actionlint"), args, { input: text, encoding: "utf8" });
  return { status: done.status, output: `${done.stdout}${done.stderr}` };
}

function read(file: string): string {
  return readFileSync(join(FOLDER, file), "utf8");
}

describe("the workflows", () => {
  it("are check, plan with its comment, preview, drift and the nightly drill", () => {
    expect(FILES.sort()).toEqual([
      "check.yml",
      "drift.yml",
      "drill.yml",
      "plan-comment.yml",
      "plan.yml",
      "preview.yml",
    ]);
  });

  it.each(FILES)("%s is accepted by actionlint", (file) => {
    expect(lint(read(file))).toEqual({ status: 0, output: "" });
  });

  it.each(FILES)("%s grants no write at its top, and limits every job's time", (file) => {
    const workflow = workflowSchema.parse(parse(read(file)));
    expect(Object.values(workflow.permissions)).not.toContain("write");
  });

  it("give no right to write to what runs a pull request's code without credentials", () => {
    for (const file of ["check.yml", "drill.yml", "plan.yml"]) {
      const { jobs } = workflowSchema.parse(parse(read(file)));
      const rights = Object.values(jobs).flatMap((job) => Object.values(job.permissions ?? {}));
      expect(rights).not.toContain("write");
      expect(read(file)).not.toContain("secrets.");
    }
  });

  it("keep the report of every nightly drill, of one that failed too", () => {
    const text = read("drill.yml");
    const { on, jobs } = workflowSchema.parse(parse(text));
    expect(on).toHaveProperty("schedule");
    const { steps } = z
      .object({ steps: z.array(z.looseObject({ if: z.string().optional() })) })
      .parse(jobs["drill"]);
    const kept = steps.at(-1);
    expect(kept).toMatchObject({ if: "always()", uses: "actions/upload-artifact@v4" });
    const [, report = "no --report"] = /--report (\S+)/.exec(text) ?? [];
    expect(JSON.stringify(kept)).toContain(report);
  });

  it("check out no code where a fork's text is posted", () => {
    expect(read("plan-comment.yml")).not.toContain("actions/checkout");
  });

  it("keep credentials from forks", () => {
    const { jobs } = workflowSchema.parse(parse(read("preview.yml")));
    expect(jobs["stacks"]?.if).toBe(
      "github.event.pull_request.head.repo.full_name == github.repository",
    );
    expect(jobs["preview"]?.needs).toBe("stacks");
  });
});

describe("actionlint", () => {
  const good = read("check.yml");

  it.each([
    ["an unknown key", good.replace("timeout-minutes", "timeout-minute"), "timeout-minute"],
    ["an unknown context", good.replace("github.ref", "githab.ref"), 'undefined variable "githab"'],
    [
      "an unknown permission",
      good.replace("contents: read", "content: read"),
      'unknown permission scope "content"',
    ],
    [
      "text of a pull request in a script",
      good.replace("run: .ci/run", "run: echo ${{ github.event.pull_request.title }}"),
      "potentially untrusted",
    ],
  ])("refuses %s", (_, text, message) => {
    const { status, output } = lint(text);
    expect(status).toBe(1);
    expect(output).toContain(message);
  });
});
