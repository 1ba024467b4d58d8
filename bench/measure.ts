import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFleetFiles } from "../infra/fleet-files.ts";
import { startCloud } from "../rehearsal/cloud/start.ts";
import { createWorkspace, PROGRAM_PARTS } from "../rehearsal/workspace.ts";
import type { Workspace } from "../rehearsal/workspace.ts";
import { generatedFleet } from "./generated-fleet.ts";
import type { Round } from "./result.ts";

const ROOT = join(import.meta.dirname, "..");

/** An empty program under the same engine, language host and loader. */
const EMPTY = {
  "index.ts": "export {};\n",
  "package.json": '{ "type": "module" }\n',
  "Pulumi.yaml":
    'name: empty\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false, nodeargs: "--import tsx" } }\n',
} as const;

/** Told what runs. */
export type Note = (text: string) => void;

/** One round of all measurements, with a stand-in cloud and a state of its own. */
export async function measureRound(note: Note): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), "meet-bench-"));
  const cloud = await startCloud();
  const workspaces: Workspace[] = [];
  try {
    const source = join(folder, "empty-source");
    await writeFiles(source, EMPTY);
    const { debugProviders } = cloud;
    const empty = await createWorkspace({
      folder: join(folder, "empty"),
      program: source,
      parts: Object.keys(EMPTY),
      debugProviders,
    });
    const fleet = await createWorkspace({ folder: join(folder, "fleet"), debugProviders });
    workspaces.push(empty, fleet);
    await must(empty, ["stack", "init", "eu"]);
    await must(fleet, ["stack", "init", "eu"]);
    for (const secret of ["oidcClientSecret", "mailPassword"]) {
      const value = ["--secret", `meet:${secret}`, "bench-placeholder", "--stack", "eu"];
      await must(fleet, ["config", "set", ...value]);
    }
    const preview = ["preview", "--stack", "eu", "--non-interactive"];
    const up = ["up", "--stack", "eu", "--yes", "--skip-preview", "--non-interactive"];
    note("preview of an empty program");
    const previewEmpty = await must(empty, preview);
    note("preview of eu");
    const { seconds: previewEu, megabytes } = await withMemory(fleet, preview, folder);
    note("plan of 2 regions");
    const planTwo = await plan(folder, 2);
    note("up of an empty program");
    const upEmpty = await must(empty, up);
    note("up of eu");
    const upEu = await must(fleet, up);
    note("plan of 20 regions");
    const planTwenty = await plan(folder, 20);
    return {
      seconds: { previewEmpty, previewEu, upEmpty, upEu, planTwo, planTwenty },
      programMegabytes: megabytes,
    };
  } finally {
    await cloud.close();
    await Promise.all(workspaces.map((workspace) => workspace.remove()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `pulumi` and returns its seconds. @throws with its output unless it ends with 0 */
async function must(
  workspace: Workspace,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const began = performance.now();
  const { status, output } = await workspace.run(args, { environment });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) {
    throw new Error(`pulumi ${args.join(" ")} ended with ${status ?? "a signal"}:\n${output}`);
  }
  return seconds;
}

/** Every Node process of the command notes its largest resident set when it ends; the program's is the largest. */
async function withMemory(
  workspace: Workspace,
  args: readonly string[],
  folder: string,
): Promise<{ readonly seconds: number; readonly megabytes: number }> {
  const [script, notes] = [join(folder, "memory.cjs"), join(folder, "memory.txt")];
  await writeFile(
    script,
    `process.on("exit", () => require("node:fs").appendFileSync(${JSON.stringify(notes)}, ` +
      "process.resourceUsage().maxRSS + '\\n'));\n",
  );
  const options = `${workspace.environment["NODE_OPTIONS"] ?? ""} --require ${script}`.trim();
  const seconds = await must(workspace, args, { NODE_OPTIONS: options });
  return { seconds, megabytes: largestMegabytes(await readFile(notes, "utf8")) };
}

/** The largest of some resident sets in kilobytes, one a line, as megabytes. @throws when there is none */
export function largestMegabytes(lines: string): number {
  const kilobytes = lines
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
  if (kilobytes.length === 0) {
    throw new Error("Memory of the program: no process reported it. Is the program run by Node?");
  }
  return Math.max(...kilobytes) / 1000;
}

/** Seconds that `npm run plan -- --json` takes for a fleet of so many regions, from a copy of the program. */
async function plan(folder: string, regions: number): Promise<number> {
  const copy = join(folder, `plan-${regions}`);
  await mkdir(copy, { recursive: true });
  for (const part of [...PROGRAM_PARTS, "plan"]) {
    await cp(join(ROOT, part), join(copy, part), { recursive: true });
  }
  await writeFiles(copy, Object.fromEntries(generatedFleet(readFleetFiles(ROOT), regions)));
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"), "dir");
  const began = performance.now();
  const { status, complaint } = await runPlan(copy);
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) {
    throw new Error(`plan of ${regions} regions ended with ${status ?? "a signal"}:\n${complaint}`);
  }
  return seconds;
}

function runPlan(
  folder: string,
): Promise<{ readonly status: number | null; readonly complaint: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", "plan/main.ts", "--json"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.on("error", reject).on("close", (status) => {
      resolve({ status, complaint });
    });
  });
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
  }
}
