import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onPath, toolsCache } from "./tools.ts";

/** A program of the system that tests or the bench start. */
export interface Program {
  readonly name: string;
  /** Any of these on PATH will do. */
  readonly commands: readonly string[];
  /** What Debian calls it. */
  readonly packages: readonly string[];
  /** A command that has to succeed too. */
  readonly check?: readonly string[];
}

/** What the tests need. */
export const TEST_PROGRAMS: readonly Program[] = [
  { name: "redis-server", commands: ["redis-server"], packages: ["redis-server"] },
  {
    name: "chromium",
    commands: ["chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium"],
  },
  { name: "openssl", commands: ["openssl"], packages: ["openssl"] },
  // Debian's Python comes without the part that a virtual environment is made with.
  {
    name: "python3",
    commands: ["python3"],
    packages: ["python3", "python3-venv"],
    check: ["python3", "-c", "import ensurepip"],
  },
];

/** What only `script/bench rooms` needs. */
export const BENCH_PROGRAMS: readonly Program[] = [
  { name: "redis-server", commands: ["redis-server"], packages: ["redis-server"] },
  { name: "haproxy", commands: ["haproxy"], packages: ["haproxy"] },
];

/** Where a program is; undefined if it is not there or does not pass its check. */
export function findProgram(program: Program): string | undefined {
  const { commands, check } = program;
  // Debian keeps haproxy where only root looks.
  const path = commands
    .map((command) => onPath(command) ?? onPath(`../sbin/${command}`))
    .find((found) => found !== undefined);
  if (path === undefined || check === undefined) {
    return path;
  }
  const [command = path, ...args] = check;
  return spawnSync(command, args).status === 0 ? path : undefined;
}

/** Where the browser is. @throws if there is none */
export function browserPath(): string {
  const browser = TEST_PROGRAMS.find(({ name }) => name === "chromium");
  const path = browser === undefined ? undefined : findProgram(browser);
  if (path === undefined) {
    throw new Error('Tool "chromium": not found on PATH. Run script/setup.');
  }
  return path;
}

/** The file that pins livekit-api and all it needs. */
export const REQUIREMENTS = join(
  dirname(fileURLToPath(import.meta.url)),
  "livekit-api",
  "requirements.txt",
);

/** The Python that has Meet's client library; its folder changes with the pins. */
export function meetPython(): string {
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  return join(toolsCache(), `livekit-api-${hash}`, "bin", "python");
}

/** True if that Python is there and can load the library. */
export function hasMeetPython(): boolean {
  return spawnSync(meetPython(), ["-c", "import livekit.api"]).status === 0;
}
