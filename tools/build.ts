import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { findTool, isAtLeast, isToolName, onPath, recipe, TOOL_NAMES } from "./tools.ts";
import type { FoundTool, Recipe, ToolName } from "./tools.ts";

/** What the go.mod files ask for. */
const OLDEST_GO = "1.26";

const STILL_BUILDING_SECONDS = 60;

/** A failure that is told in one sentence. */
class ToolError extends Error {}

/**
 * Builds the named tools that are not there yet, or all, one at a time, and prints where each is:
 * `node --import tsx tools/build.ts [names…]`. Progress goes to standard error.
 */
async function main(words: readonly string[]): Promise<void> {
  const unknown = words.filter((word) => !isToolName(word));
  if (unknown.length > 0) {
    throw new ToolError(
      `Tool "${unknown.join(", ")}": there is none of that name. Choose from ${TOOL_NAMES.join(", ")}.`,
    );
  }
  const names = words.length === 0 ? TOOL_NAMES : words.filter(isToolName);
  for (const name of names) {
    const { path, version, from } = findTool(name) ?? (await build(name));
    console.log(`${name} ${version} (${from === "PATH" ? "from PATH" : "built"}): ${path}`);
  }
}

async function build(name: ToolName): Promise<FoundTool> {
  checkGo();
  const tool = recipe(name);
  const version = tool.version.slice(1);
  console.error(`building ${name} ${version} (${tool.duration}, once)…`);
  const begin = Date.now();
  const seconds = (): string => `${Math.round((Date.now() - begin) / 1000)} s`;
  const ticker = setInterval(() => {
    console.error(`still building ${name} after ${seconds()}…`);
  }, STILL_BUILDING_SECONDS * 1000);
  try {
    await goBuild(tool);
  } finally {
    clearInterval(ticker);
  }
  console.error(`built ${name} in ${seconds()}`);
  return { path: tool.path, version, from: "built" };
}

/** Builds beside the final place and renames, so that a build that is interrupted leaves nothing that looks finished. */
async function goBuild(tool: Recipe): Promise<void> {
  const folder = dirname(tool.path);
  const unfinished = `${folder}.${process.pid}.part`;
  mkdirSync(folder, { recursive: true });
  const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", tool.linkerFlags];
  const child = spawn("go", ["build", ...flags, "-o", unfinished, tool.package], {
    cwd: tool.folder,
    env: { ...process.env, GOWORK: "off", GOFLAGS: "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  if (status !== 0) {
    rmSync(unfinished, { force: true });
    // Lines of "go: downloading …" say nothing about the failure.
    const lines = errors.split("\n").filter((line) => !/^go: downloading|^\s*$/.test(line));
    throw new ToolError(
      `Tool "${tool.name}": go build ended with ${status ?? "a signal"}: ${lines.slice(-4).join(" ")}. ` +
        "Check that Go can reach its module proxy (go env GOPROXY) and run script/setup again.",
    );
  }
  renameSync(unfinished, tool.path);
}

let goIsThere = false;

function checkGo(): void {
  if (goIsThere) {
    return;
  }
  if (onPath("go") === undefined) {
    throw new ToolError(
      `Tool "go": not found on PATH. Install Go ${OLDEST_GO} or newer from https://go.dev/dl.`,
    );
  }
  // Outside every module, so that the answer is about the go command itself.
  const asked = spawnSync("go", ["env", "GOVERSION", "GOTOOLCHAIN"], {
    cwd: tmpdir(),
    encoding: "utf8",
  });
  const [version = "", toolchain = ""] = asked.stdout.split("\n");
  if (toolchain === "local" && !isAtLeast(version, OLDEST_GO)) {
    throw new ToolError(
      `Tool "go": ${version} is older than go${OLDEST_GO} and GOTOOLCHAIN is local. ` +
        `Install Go ${OLDEST_GO} or newer, or set GOTOOLCHAIN=auto.`,
    );
  }
  goIsThere = true;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ToolError)) {
    throw error;
  }
  console.error(error.message);
  process.exitCode = 1;
}
