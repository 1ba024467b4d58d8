import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Recorded } from "./recorded.ts";

const run = promisify(execFile);

/** Why another revision cannot be compared with: one sentence for the user. */
export class BaselineError extends Error {}

/** First line of the format that `--snapshot` prints; a reader refuses any other. */
export const SNAPSHOT_FORMAT = "meet-plan-snapshot-1";

/** The recorded resources of every stack of one revision. */
export interface Snapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  readonly stacks: Readonly<
    Record<string, { readonly awsRegion: string; readonly resources: readonly Recorded[] }>
  >;
}

const recordedSchema: z.ZodType<Recorded> = z.looseObject({
  type: z.string(),
  name: z.string(),
  urn: z.string(),
  custom: z.boolean(),
  inputs: z.record(z.string(), z.unknown()),
  protect: z.boolean(),
  retainOnDelete: z.boolean(),
  deleteBeforeReplace: z.boolean(),
  dependsOn: z.array(z.string()),
  ignoreChanges: z.array(z.string()),
  replaceOnChanges: z.array(z.string()),
  aliases: z.array(z.string()),
});

const snapshotSchema = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  stacks: z.record(
    z.string(),
    z.strictObject({ awsRegion: z.string(), resources: z.array(recordedSchema) }),
  ),
});

/** Room for the snapshot of a large fleet; Node's default of 1 MiB is too small for one stack. */
const OUTPUT_BYTES = 512 * 1024 * 1024;

/**
 * Records another revision of the project with that revision's own code, in a child process of its own: a work tree of
 * git in a temporary folder, which is removed whatever happens. Dependencies are this checkout's.
 * @throws BaselineError
 */
export async function snapshotOf(
  revision: string,
  root: string,
  signal?: AbortSignal,
): Promise<Snapshot> {
  const commit = await commitOf(revision, root);
  const folder = mkdtempSync(join(tmpdir(), "meet-plan-"));
  const tree = join(folder, "tree");
  const stop = signal === undefined ? {} : { signal };
  try {
    await run(
      "git",
      ["-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet", tree, commit],
      {
        cwd: root,
        ...stop,
      },
    );
    return await recordIn(tree, revision, root, stop);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await run("git", ["worktree", "prune"], { cwd: root });
  }
}

async function commitOf(revision: string, root: string): Promise<string> {
  try {
    const { stdout } = await run(
      "git",
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`],
      { cwd: root },
    );
    return stdout.trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new BaselineError("--base needs git, and there is none. Install git.");
    }
    throw new BaselineError(
      `Revision "${revision}": git does not know it here. Fetch it first, or name a branch, tag or commit that exists.`,
    );
  }
}

async function recordIn(
  tree: string,
  revision: string,
  root: string,
  stop: { readonly signal?: AbortSignal },
): Promise<Snapshot> {
  if (!existsSync(join(tree, "plan", "main.ts"))) {
    throw new BaselineError(
      `Revision "${revision}": it has no plan/main.ts, so it cannot be compared with. Choose a later revision.`,
    );
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"), "dir");
  let stdout: string;
  try {
    ({ stdout } = await run(
      process.execPath,
      ["--import", "tsx", join("plan", "main.ts"), "--snapshot"],
      { cwd: tree, maxBuffer: OUTPUT_BYTES, ...stop },
    ));
  } catch (error) {
    throw new BaselineError(
      `Revision "${revision}": its own plan fails: ${reasonOf(error)} Choose a revision whose plan works.`,
    );
  }
  const snapshot = snapshotSchema.safeParse(parsed(stdout));
  if (!snapshot.success) {
    throw new BaselineError(
      `Revision "${revision}": its plan gives no snapshot of the form ${SNAPSHOT_FORMAT}. Choose a later revision.`,
    );
  }
  return snapshot.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a failed child said, in one line; never its output, which may be long. */
function reasonOf(error: unknown): string {
  const stderr =
    error instanceof Error && "stderr" in error && typeof error.stderr === "string"
      ? error.stderr
      : "";
  const line = stderr
    .split("\n")
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .slice(0, 3)
    .join(" ");
  return line === "" ? (error instanceof Error ? error.message : String(error)) : line;
}
