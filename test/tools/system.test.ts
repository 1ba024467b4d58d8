import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browserPath, findProgram, meetPython, TEST_PROGRAMS } from "../../tools/programs.ts";

let folder: string;
let bin: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meet-system-"));
  bin = join(folder, "bin");
  mkdirSync(bin);
  vi.stubEnv("MEET_TOOLS_CACHE", join(folder, "cache"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function executable(name: string, script: string): void {
  const path = join(bin, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Runs tools/system.ts with nothing but our folder on PATH, as root or as nobody in particular. */
function system(...words: readonly string[]): { status: number | null; text: string } {
  const done = spawnSync(process.execPath, ["--import", "tsx", "tools/system.ts", ...words], {
    encoding: "utf8",
    env: { PATH: bin, MEET_TOOLS_CACHE: join(folder, "cache") },
  });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

describe("a program of the system", () => {
  it("may have one of several names", () => {
    executable("google-chrome", "");
    vi.stubEnv("PATH", bin);
    expect(browserPath()).toBe(join(bin, "google-chrome"));
  });

  it("that is missing is told in one sentence", () => {
    vi.stubEnv("PATH", bin);
    expect(() => browserPath()).toThrow('Tool "chromium": not found on PATH. Run script/setup.');
  });

  it("counts as missing when its check fails", () => {
    executable("python3", "exit 1");
    vi.stubEnv("PATH", bin);
    const python = TEST_PROGRAMS.find(({ name }) => name === "python3");
    expect(python && findProgram(python)).toBeUndefined();
    executable("python3", "");
    expect(python && findProgram(python)).toBe(join(bin, "python3"));
  });
});

describe("set-up of the system", () => {
  it("names what is missing where there is no apt-get", () => {
    executable("redis-server", "");
    expect(system("--bench")).toEqual({
      status: 1,
      text:
        'Tool "haproxy": not found on PATH, and there is no apt-get. ' +
        "Install them (on Debian: apt-get install haproxy) and run script/setup again.\n",
    });
  });

  it("says so when apt-get does not bring it", () => {
    executable("redis-server", "");
    executable("sudo", "exit 1");
    executable("apt-get", "");
    // What runs apt-get, so that the test changes nothing of the machine.
    executable("sh", 'echo "no network" >&2; exit 100');
    const { status, text } = system("--bench");
    expect(status).toBe(1);
    expect(text).toContain(
      process.getuid?.() === 0
        ? 'Tool "haproxy": apt-get did not install it, its reason is above. '
        : 'Tool "haproxy": not found on PATH, and only root may install. ',
    );
  });

  it("refuses an option that it does not have", () => {
    expect(system("--all")).toEqual({
      status: 1,
      text: 'Option "--all": there is none. Use --bench, --rehearsal, --browser-rehearsal or none.\n',
    });
  });

  it("makes Meet's client library from PyPI, and says so when that fails", () => {
    for (const { commands } of TEST_PROGRAMS) {
      executable(commands[0] ?? "", "");
    }
    executable("python3", 'test "$1" = -c || { echo "no venv" >&2; exit 3; }');
    const { status, text } = system();
    expect(status).toBe(1);
    expect(text).toContain("no venv");
    expect(text).toContain(
      `Tool "livekit-api": python3 -m venv ${join(meetPython(), "../..")} failed, its reason is above. ` +
        "Check that pip can reach PyPI (pip config list) and run script/setup again.",
    );
  });
});
