import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pinnedVersion, isAtLeast, recipe, TOOL_NAMES, toolPath } from "../../tools/tools.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meet-tools-"));
  vi.stubEnv("MEET_TOOLS_CACHE", join(folder, "cache"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function executable(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Runs tools/build.ts with nothing but the given folder on PATH. */
function build(path: string, ...names: readonly string[]): { status: number | null; text: string } {
  const done = spawnSync(process.execPath, ["--import", "tsx", "tools/build.ts", ...names], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

describe("the pins", () => {
  it.each(TOOL_NAMES)("give %s one exact version and a place of its own in the cache", (name) => {
    const { version, path } = recipe(name);
    expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
    expect(path).toMatch(
      new RegExp(`^${folder}/cache/${name}-${version.slice(1)}-[0-9a-f]{12}/${name}$`),
    );
  });

  it("take the Kubernetes API server and all its staging modules from one release", () => {
    const goMod = readFileSync("tools/kube-apiserver/go.mod", "utf8");
    const replaced = [...goMod.matchAll(/^\t(k8s\.io\/\S+) => (\S+) (\S+)$/gm)];
    expect(replaced.length).toBeGreaterThan(25);
    for (const [, from, to, version] of replaced) {
      expect([to, version]).toEqual([from, recipe("kube-apiserver").version.replace("v1.", "v0.")]);
    }
  });

  it("say so when the module is not required", () => {
    expect(() => pinnedVersion("module x\n", "example.com/y")).toThrow(
      "Tool pins: no go.mod line requires example.com/y. Run go get -tool in its folder.",
    );
  });
});

describe("versions", () => {
  it.each([
    ["3.230.0", "3.230.0", true],
    ["3.229.9", "3.230.0", false],
    ["3.1000.0", "3.230.0", true],
    ["4.0.0", "3.230.0", true],
    ["go1.26.8", "1.26", true],
    ["go1.9", "1.26", false],
    ["", "3.230.0", false],
  ])("%s is at least %s: %s", (version, oldest, expected) => {
    expect(isAtLeast(version, oldest)).toBe(expected);
  });
});

describe("a tool", () => {
  it("that is not built is told in one sentence", () => {
    expect(() => toolPath("actionlint")).toThrow(
      `Tool "actionlint": not built in ${folder}/cache. Run script/setup.`,
    );
  });

  it("that is built already is not built again", () => {
    executable(recipe("actionlint").path, "");
    expect(build("", "actionlint")).toEqual({
      status: 0,
      text: `actionlint ${recipe("actionlint").version.slice(1)} (built): ${recipe("actionlint").path}\n`,
    });
  });

  it("cannot be built without go, which one sentence says", () => {
    expect(build("", "actionlint")).toEqual({
      status: 1,
      text: 'Tool "go": not found on PATH. Install Go 1.26 or newer from https://go.dev/dl.\n',
    });
  });

  it("cannot be built with an old go that may not fetch a newer one", () => {
    executable(join(folder, "bin", "go"), 'printf "go1.21.0\\nlocal\\n"');
    expect(build(join(folder, "bin"), "actionlint")).toEqual({
      status: 1,
      text:
        'Tool "go": go1.21.0 is older than go1.26 and GOTOOLCHAIN is local. ' +
        "Install Go 1.26 or newer, or set GOTOOLCHAIN=auto.\n",
    });
  });

  it("whose build fails says what go said, and leaves nothing that looks built", () => {
    const go =
      'if [ "$1" = env ]; then printf "go1.26.0\\nauto\\n"; else echo "no route" >&2; exit 3; fi';
    executable(join(folder, "bin", "go"), go);
    const { status, text } = build(join(folder, "bin"), "actionlint");
    expect(status).toBe(1);
    expect(text).toContain(
      'Tool "actionlint": go build ended with 3: no route. ' +
        "Check that Go can reach its module proxy (go env GOPROXY) and run script/setup again.",
    );
    expect(() => toolPath("actionlint")).toThrow("not built");
  });

  it("of an unknown name is refused", () => {
    expect(build("", "kubectl")).toEqual({
      status: 1,
      text: `Tool "kubectl": there is none of that name. Choose from ${TOOL_NAMES.join(", ")}.\n`,
    });
  });
});

describe("pulumi on PATH", () => {
  const bin = (): string => join(folder, "bin");

  it("is used when it is new enough and has its Node host", () => {
    executable(join(bin(), "pulumi"), "echo v3.240.1");
    executable(join(bin(), "pulumi-language-nodejs"), "");
    expect(build(bin(), "pulumi", "pulumi-language-nodejs").text).toBe(
      `pulumi 3.240.1 (from PATH): ${bin()}/pulumi\n` +
        `pulumi-language-nodejs 3.240.1 (from PATH): ${bin()}/pulumi-language-nodejs\n`,
    );
  });

  it.each([
    ["older than the tests were written against", "v3.229.0", true],
    ["without its Node host", "v3.240.1", false],
  ])("is left alone when it is %s", (_, version, withHost) => {
    executable(join(bin(), "pulumi"), `echo ${version}`);
    if (withHost) {
      executable(join(bin(), "pulumi-language-nodejs"), "");
    }
    executable(recipe("pulumi").path, "");
    expect(build(bin(), "pulumi").text).toContain(`(built): ${recipe("pulumi").path}`);
  });
});
