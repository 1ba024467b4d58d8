import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkedFleet } from "../../fleet/stack-files.ts";
import { filesOf, readAnswers } from "../../fleet/init-answers.ts";
import { runFleet } from "../../fleet/program.ts";
import { SCENARIOS } from "../../rehearsal/drill/scenarios.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const RUNBOOKS = join(ROOT, "docs", "runbooks");

/** Pages of losses and works, each with the tests on real servers that rehearse it. */
const REHEARSED = {
  "region-lost.md": "test/real/rooms-partition.test.ts",
  "region-returns.md": "test/real/rooms-partition.test.ts",
  "drain-for-maintenance.md": "test/real/rooms-evacuation.test.ts",
  "upgrade-livekit.md": "test/real/rooms-evacuation.test.ts",
  "split-rooms.md": "test/real/rooms-partition.test.ts",
  "redis-lost.md": "test/real/rooms-losses.test.ts",
  "keys-leaked.md": "test/real/rooms-evacuation.test.ts",
} as const;

function page(name: string): string {
  return readFileSync(join(RUNBOOKS, name), "utf8");
}

/** Command lines of `fleet` in a text: the words after it, up to a comment, a pipe or the end of the code. */
function commandLines(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/npx fleet ([^`\n#|]+)/g)].map(([, words = ""]) =>
    words.trim().split(/\s+/),
  );
}

/** The help of a command; undefined where there is no such command. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  const groups = ["room", "region", "recordings", "keys", "secrets"];
  const isGrouped = groups.includes(words[0] ?? "");
  const command = words.slice(0, isGrouped ? 2 : 1).filter((word) => !word.startsWith("-"));
  const out: string[] = [];
  const streams = { out: (text: string) => out.push(text), err: () => undefined };
  const nobody = () => {
    throw new Error("help starts nothing");
  };
  const status = await runFleet([...command, "--help"], nobody, streams, ROOT);
  const text = out.join("");
  return status === 0 && text.startsWith(`Usage: fleet ${command.join(" ")}`) ? text : undefined;
}

describe("the runbooks", () => {
  it.each(Object.entries(REHEARSED))(
    "%s names what rehearses it and what is expected",
    (name, file) => {
      expect(page(name)).toContain(`\`${file}\``);
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      const [, drilled = ""] = /`script\/rehearse ([a-z -]+)`/.exec(page(name)) ?? [];
      expect(SCENARIOS.map((scenario) => scenario.name)).toEqual(
        expect.arrayContaining(drilled.split(" ")),
      );
      expect(page(name)).toMatch(/\*\*When:\*\*/);
      expect(page(name)).toMatch(/\*\*[Ee]xpected/);
    },
  );

  it.each(SCENARIOS)("$name is named by its page", ({ name, runbook }) => {
    expect(readFileSync(join(ROOT, runbook.file), "utf8")).toMatch(
      new RegExp(`\\*\\*Rehearsed by:\\*\\*.*\\b${name}\\b`),
    );
  });

  it.each(readdirSync(RUNBOOKS))("%s uses only commands and options that exist", async (name) => {
    for (const words of commandLines(page(name))) {
      const help = await helpOf(words);
      expect(help, words.join(" ")).toBeDefined();
      for (const option of words.filter((word) => word.startsWith("--"))) {
        expect(help, words.join(" ")).toContain(option);
      }
    }
  });

  it("are there wherever the program refers to one", () => {
    const sources = readdirSync(join(ROOT, "fleet"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(ROOT, "fleet", file), "utf8"));
    const named = new Set(sources.join("\n").match(/docs\/runbooks\/[\w-]+\.md/g));
    expect(named.size).toBeGreaterThan(3);
    for (const file of named) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
    }
  });

  it("have an example of answers that makes a fleet", () => {
    const [, yaml = ""] = /```yaml\n(domain:[^`]*)```/.exec(page("first-deployment.md")) ?? [];
    expect(parse(yaml)).toHaveProperty("regions");
    const { regions } = checkedFleet(filesOf(readAnswers(yaml, "the runbook")));
    expect([...regions.keys()]).toEqual(["eu", "us"]);
  });
});
