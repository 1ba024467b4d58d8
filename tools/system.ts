import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { onPath } from "./tools.ts";
import {
  BENCH_PROGRAMS,
  BROWSER_REHEARSAL_PROGRAMS,
  findProgram,
  hasPythonLibrary,
  type Program,
  PYTHON_LIBRARIES,
  REHEARSAL_PROGRAMS,
  type PythonLibrary,
  pythonOf,
  requirementsOf,
  TEST_PROGRAMS,
} from "./programs.ts";

/** A failure that is told in one sentence. */
class SystemError extends Error {}

/** Installs the named packages, and lets Debian start none of their services, now or at the next boot. */
const INSTALL = `
set -e
export DEBIAN_FRONTEND=noninteractive
# Whoever installs for the tests did not ask for a Redis on port 6379 (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -q
apt-get install -y -q --no-install-recommends "$@"
if command -v systemctl >/dev/null; then
  for package in "$@"; do
    case "$package" in redis-server | haproxy) systemctl disable --quiet "$package" || true ;; esac
  done
fi
`;

/** Programs by the option that asks for them. */
const PROGRAMS: Readonly<Record<string, readonly Program[]>> = {
  "": TEST_PROGRAMS,
  "--bench": BENCH_PROGRAMS,
  "--rehearsal": REHEARSAL_PROGRAMS,
  "--browser-rehearsal": BROWSER_REHEARSAL_PROGRAMS,
};

/**
 * Installs the programs of the system that are missing, and the libraries from PyPI:
 * `node --import tsx tools/system.ts [--bench | --rehearsal | --browser-rehearsal]`, the options for what script/bench
 * rooms, script/rehearse and script/rehearse --browser need. Progress goes to standard error.
 */
function main(words: readonly string[]): void {
  const [word = "", ...more] = words;
  const programs = PROGRAMS[word];
  if (programs === undefined || more.length > 0) {
    throw new SystemError(
      `Option "${words.join(" ")}": there is none. Use --bench, --rehearsal, --browser-rehearsal or none.`,
    );
  }
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) {
    install(missing);
  }
  for (const program of programs) {
    console.log(`${program.name}: ${findProgram(program) ?? "missing"}`);
  }
  for (const library of word === "" ? PYTHON_LIBRARIES : []) {
    if (!hasPythonLibrary(library)) {
      installLibrary(library);
    }
    console.log(`${library.name}: ${pythonOf(library)}`);
  }
}

function install(missing: readonly Program[]): void {
  const names = missing.map(({ name }) => name).join(", ");
  const packages = missing.flatMap((program) => program.packages);
  const advice = `Install them (on Debian: apt-get install ${packages.join(" ")}) and run script/setup again.`;
  const asRoot = privilege();
  if (onPath("apt-get") === undefined || asRoot === undefined) {
    const why = onPath("apt-get") === undefined ? "there is no apt-get" : "only root may install";
    throw new SystemError(`Tool "${names}": not found on PATH, and ${why}. ${advice}`);
  }
  console.error(`installing ${packages.join(", ")} (half a minute, once)…`);
  const [command = "sh", ...args] = [...asRoot, "sh", "-c", INSTALL, "sh", ...packages];
  // What apt writes is progress, and standard output is for the result.
  const done = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
  const still = missing.filter((program) => findProgram(program) === undefined);
  if (done.status !== 0 || still.length > 0) {
    const left = still.map(({ name }) => name).join(", ");
    throw new SystemError(
      `Tool "${left === "" ? names : left}": apt-get did not install it, its reason is above. ${advice}`,
    );
  }
}

/** Words that make a command root's; sudo only in CI, where nobody is asked for a password. */
function privilege(): string[] | undefined {
  if (process.getuid?.() === 0) {
    return [];
  }
  const isCi = process.env["CI"] === "true";
  return isCi && spawnSync("sudo", ["-n", "true"]).status === 0 ? ["sudo", "-n"] : undefined;
}

/** A virtual environment with exactly the pinned versions; half a one is made anew. */
function installLibrary(library: PythonLibrary): void {
  const python = pythonOf(library);
  const folder = dirname(dirname(python));
  console.error(`installing ${library.name} from PyPI (half a minute, once)…`);
  if (existsSync(folder)) {
    rmSync(folder, { recursive: true });
  }
  const steps: readonly (readonly [string, ...string[]])[] = [
    ["python3", "-m", "venv", folder],
    [
      python,
      ...["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"],
      ...["-r", requirementsOf(library)],
    ],
  ];
  for (const [command, ...args] of steps) {
    if (spawnSync(command, args, { stdio: ["ignore", 2, 2] }).status !== 0) {
      throw new SystemError(
        `Tool "${library.name}": ${command} ${args.join(" ")} failed, its reason is above. ` +
          "Check that pip can reach PyPI (pip config list) and run script/setup again.",
      );
    }
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SystemError)) {
    throw error;
  }
  console.error(error.message);
  process.exitCode = 1;
}
