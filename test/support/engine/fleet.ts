import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { RunOptions } from "../../../rehearsal/workspace.ts";
import { startEngine, upArguments, type Engine } from "./engine.ts";

/** How many resources each kind of step was for; `same` is left out, so `{}` means that nothing changed. */
export type Steps = Readonly<Record<string, number>>;

/** What exists in the stand-in cloud and what a stack's state says, where the two differ. */
export interface Strays {
  /** Exists, but no state knows it. */
  readonly orphans: readonly string[];
  /** Is in the state, but does not exist. */
  readonly lost: readonly string[];
}

/** The real program on the real engine and a stand-in cloud, with the stack files that a test writes. */
export interface Fleet extends Engine {
  /** Writes a stack's file, the repository's own if none is given, and makes the stack. */
  add(stack: string, file?: string, options?: RunOptions): Promise<void>;
  /** Removes a stack that has nothing, and its file. */
  forget(stack: string): Promise<void>;
  /** Writes a stack's file without making the stack. */
  write(stack: string, file: string): Promise<void>;
  /** Replaces a part of a stack's file for as long as `act` takes. @throws when the part is not there */
  change<T>(stack: string, part: readonly [string, string], act: () => Promise<T>): Promise<T>;
  /** What a preview would change, each as `update kubernetes:apps/v1:Deployment rooms`. */
  previewed(stack: string): Promise<string[]>;
  /** Runs `up`. @throws with its output unless it ends with 0 */
  up(stack: string): Promise<Steps>;
  /** Compares the stand-in cloud with the state of a stack. */
  strays(stack: string): Promise<Strays>;
  /** URNs of what exists in the stand-in cloud; of all stacks, or of one. */
  existing(stack?: string): readonly string[];
}

const historySchema = z
  .array(z.object({ resourceChanges: z.record(z.string(), z.number()).default({}) }))
  .min(1);

const previewSchema = z.object({
  steps: z.array(z.object({ op: z.string(), urn: z.string() })).default([]),
});

/** Of the engine itself, or in the state only (`random`): neither is in any cloud. */
const NOT_IN_A_CLOUD = /^(pulumi:|random:)/;

/** Starts the engine on a copy of the program without any stack, so that each test says which fleet it is about. */
export async function startFleet(options: Parameters<typeof startEngine>[0] = {}): Promise<Fleet> {
  const engine = await startEngine({ checkpoints: "at-end", ...options });
  const path = (stack: string): string => join(engine.workspace.program, `Pulumi.${stack}.yaml`);
  const samples = new Map<string, string>();
  for (const stack of ["eu", "us"]) {
    samples.set(stack, await readFile(path(stack), "utf8"));
    await rm(path(stack));
  }
  const existing = (stack?: string): readonly string[] =>
    engine.running.cloud
      .inventory()
      .map(({ urn }) => urn)
      .filter((urn) => stack === undefined || urn.startsWith(`urn:pulumi:${stack}::`));
  return {
    ...engine,
    existing,
    add: async (stack, file = samples.get(stack) ?? "", runOptions = {}) => {
      await writeFile(path(stack), file);
      await engine.must(["stack", "init", stack], runOptions);
      if (/meet:role: primary/.test(file)) {
        for (const key of ["meet:oidcClientSecret", "meet:mailPassword"]) {
          await engine.must(["config", "set", "--secret", key, "a secret", "--stack", stack]);
        }
      }
    },
    forget: async (stack) => {
      await engine.must(["stack", "rm", stack, "--yes", "--force"]);
      await rm(path(stack), { force: true });
    },
    write: (stack, file) => writeFile(path(stack), file),
    change: async (stack, [from, to], act) => {
      const before = await readFile(path(stack), "utf8");
      if (!before.includes(from)) {
        throw new Error(`Stack file of "${stack}": it has no ${from.trim()}. Correct the test.`);
      }
      await writeFile(path(stack), before.replace(from, to));
      try {
        return await act();
      } finally {
        await writeFile(path(stack), before);
      }
    },
    previewed: async (stack) => {
      const { stdout } = await engine.must(["preview", "--stack", stack, "--json"]);
      return previewSchema
        .parse(JSON.parse(stdout))
        .steps.filter(({ op }) => op !== "same" && op !== "read")
        .map(({ op, urn }) => [op, ...urn.split("::").slice(-2)].join(" "))
        .map((step) => step.replace(/ \S*\$/, " "))
        .sort();
    },
    up: async (stack) => {
      await engine.must(upArguments(stack));
      const { stdout } = await engine.must([
        "stack",
        "history",
        "--stack",
        stack,
        "--json",
        "--page-size",
        "1",
      ]);
      const [last] = historySchema.parse(JSON.parse(stdout));
      const steps = Object.entries(last?.resourceChanges ?? {});
      return Object.fromEntries(steps.filter(([step]) => step !== "same"));
    },
    strays: async (stack) => {
      const { resources } = await engine.state(stack);
      const known = resources
        .filter(({ id, type }) => (id ?? "") !== "" && !NOT_IN_A_CLOUD.test(type))
        .map(({ urn }) => urn);
      const there = existing(stack);
      return {
        orphans: there.filter((urn) => !known.includes(urn)),
        lost: known.filter((urn) => !there.includes(urn)),
      };
    },
  };
}
