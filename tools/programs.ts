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

const REDIS: Program = {
  name: "redis-server",
  commands: ["redis-server"],
  packages: ["redis-server"],
};

const CHROMIUM: Program = {
  name: "chromium",
  commands: ["chromium", "chromium-browser", "google-chrome"],
  packages: ["chromium"],
};

/** What the tests need. */
export const TEST_PROGRAMS: readonly Program[] = [
  REDIS,
  CHROMIUM,
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
  REDIS,
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

/** What `script/rehearse` needs of the system, where LiveKit is built like the engine. */
export const REHEARSAL_PROGRAMS: readonly Program[] = [REDIS];

/** What it needs with `--browser`. */
export const BROWSER_REHEARSAL_PROGRAMS: readonly Program[] = [REDIS, CHROMIUM];

/** Where the browser is. @throws if there is none */
export function browserPath(): string {
  const path = findProgram(CHROMIUM);
  if (path === undefined) {
    throw new Error('Tool "chromium": not found on PATH. Run script/setup.');
  }
  return path;
}

/** A library from PyPI in a virtual environment of its own. */
export interface PythonLibrary {
  readonly name: string;
  /** The folder of tools/ with the file that pins it and all it needs. */
  readonly folder: string;
  /** What has to load. */
  readonly module: string;
}

/** The client library that Meet's backend pins. */
const MEET_LIBRARY: PythonLibrary = {
  name: "livekit-api",
  folder: "livekit-api",
  module: "livekit.api",
};

/** An S3 for the tests of the recordings route. */
const MOTO: PythonLibrary = { name: "moto", folder: "moto", module: "moto.server" };

/** What the tests need from PyPI. */
export const PYTHON_LIBRARIES: readonly PythonLibrary[] = [MEET_LIBRARY, MOTO];

/** The file that pins a library and all it needs. */
export function requirementsOf(library: PythonLibrary): string {
  return join(dirname(fileURLToPath(import.meta.url)), library.folder, "requirements.txt");
}

/** The Python that has the library; its folder changes with the pins. */
export function pythonOf(library: PythonLibrary): string {
  const pins = readFileSync(requirementsOf(library));
  const hash = createHash("sha256").update(pins).digest("hex").slice(0, 12);
  return join(toolsCache(), `${library.name}-${hash}`, "bin", "python");
}

/** True if that Python is there and can load the library. */
export function hasPythonLibrary(library: PythonLibrary): boolean {
  return spawnSync(pythonOf(library), ["-c", `import ${library.module}`]).status === 0;
}

/** The Python that has Meet's client library. */
export function meetPython(): string {
  return pythonOf(MEET_LIBRARY);
}

/** The Python that has moto. */
export function motoPython(): string {
  return pythonOf(MOTO);
}
