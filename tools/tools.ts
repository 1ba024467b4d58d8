import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The tools that are built from their Go modules; each has a folder here with the go.mod and go.sum that pin it. */
export const TOOL_NAMES = [
  "pulumi",
  "pulumi-language-nodejs",
  "etcd",
  "kube-apiserver",
  "actionlint",
  "livekit-server",
] as const;

/** Name of a tool that is built from its Go module. */
export type ToolName = (typeof TOOL_NAMES)[number];

/** Where a tool comes from and how it is linked. */
export interface Recipe {
  readonly name: ToolName;
  /** Folder with the tool's go.mod and go.sum. */
  readonly folder: string;
  readonly package: string;
  /** With the leading v, as go.mod has it. */
  readonly version: string;
  readonly linkerFlags: string;
  /** Said before the build: roughly how long it takes on two cores with nothing downloaded. */
  readonly duration: string;
  /** Where the finished tool is; changes with the pins and the flags. */
  readonly path: string;
}

/** Where a tool was found. */
export interface FoundTool {
  readonly path: string;
  readonly version: string;
  readonly from: "PATH" | "built";
}

interface Source {
  readonly module: string;
  readonly package: string;
  readonly duration: string;
  /** What the linker must set so that the tool knows its own version. */
  readonly stamps: (version: string) => readonly string[];
}

/** The sdk's variable is empty unless the linker sets it (`sdk/go/common/version/version.go`). */
const pulumiStamps = (version: string): readonly string[] => [
  `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
];

const SOURCES: Readonly<Record<ToolName, Source>> = {
  pulumi: {
    module: "github.com/pulumi/pulumi/pkg/v3",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    duration: "about 4 minutes",
    stamps: pulumiStamps,
  },
  // The last sdk module that still holds the host; later ones made it a module of its own that cannot be fetched by
  // version. It knows no `nodeargs`, so the workspace also sets NODE_OPTIONS (rehearsal/workspace.ts).
  "pulumi-language-nodejs": {
    module: "github.com/pulumi/pulumi/sdk/v3",
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    duration: "about 1 minute",
    stamps: pulumiStamps,
  },
  etcd: {
    module: "go.etcd.io/etcd/server/v3",
    package: "go.etcd.io/etcd/server/v3",
    duration: "about 1 minute",
    stamps: () => [],
  },
  "kube-apiserver": {
    module: "k8s.io/kubernetes",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    duration: "about 6 minutes",
    stamps: (version) => {
      const [major = "", minor = ""] = version.slice(1).split(".");
      const variable = "k8s.io/component-base/version";
      return [
        `${variable}.gitVersion=${version}`,
        `${variable}.gitMajor=${major}`,
        `${variable}.gitMinor=${minor}`,
      ];
    },
  },
  actionlint: {
    module: "github.com/rhysd/actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
    duration: "half a minute",
    stamps: (version) => [`github.com/rhysd/actionlint.version=${version.slice(1)}`],
  },
  "livekit-server": {
    module: "github.com/livekit/livekit-server",
    package: "github.com/livekit/livekit-server/cmd/server",
    duration: "about 3 minutes",
    // It has its version in its source (version/version.go).
    stamps: () => [],
  },
};

/** The oldest Pulumi CLI on PATH that is used as it is: the one the engine tests were written against. */
export const OLDEST_PULUMI = "3.230.0";

const TOOLS_FOLDER = dirname(fileURLToPath(import.meta.url));

/** Where built tools are kept: `MEET_TOOLS_CACHE`, or `.cache/tools` in the checkout. */
export function toolsCache(): string {
  const override = process.env["MEET_TOOLS_CACHE"];
  return override === undefined || override === ""
    ? join(TOOLS_FOLDER, "..", ".cache", "tools")
    : override;
}

/** True if the word names a tool. */
export function isToolName(word: string): word is ToolName {
  return TOOL_NAMES.some((name) => name === word);
}

/** How a tool is built and where it will be. */
export function recipe(name: ToolName): Recipe {
  const source = SOURCES[name];
  const folder = join(TOOLS_FOLDER, name);
  const goMod = readFileSync(join(folder, "go.mod"), "utf8");
  const version = pinnedVersion(goMod, source.module);
  const stamps = source.stamps(version).map((stamp) => `-X ${stamp}`);
  const linkerFlags = ["-s -w", ...stamps].join(" ");
  const hash = createHash("sha256")
    .update(goMod)
    .update(readFileSync(join(folder, "go.sum")))
    .update(linkerFlags)
    .digest("hex")
    .slice(0, 12);
  const path = join(toolsCache(), `${name}-${version.slice(1)}-${hash}`, name);
  const { package: packagePath, duration } = source;
  return { name, folder, package: packagePath, version, linkerFlags, duration, path };
}

/** The version that a go.mod requires of a module. @throws if it does not require it */
export function pinnedVersion(goMod: string, module: string): string {
  for (const line of goMod.split("\n")) {
    const [first, second] = line
      .trim()
      .replace(/^require /, "")
      .split(/\s+/);
    if (first === module && second !== undefined && /^v\d/.test(second)) {
      return second;
    }
  }
  throw new Error(`Tool pins: no go.mod line requires ${module}. Run go get -tool in its folder.`);
}

/** Where a tool is, from PATH (Pulumi only) or built; undefined if it has to be built. */
export function findTool(name: ToolName): FoundTool | undefined {
  if (name === "pulumi" || name === "pulumi-language-nodejs") {
    const installed = installedPulumi();
    if (installed !== undefined) {
      return { path: installed[name], version: installed.version, from: "PATH" };
    }
  }
  const { path, version } = recipe(name);
  return isExecutable(path) ? { path, version: version.slice(1), from: "built" } : undefined;
}

/**
 * Path of a tool that script/setup has found or built.
 * @throws if it is not there
 */
export function toolPath(name: ToolName): string {
  const found = findTool(name);
  if (found === undefined) {
    throw new Error(`Tool "${name}": not built in ${toolsCache()}. Run script/setup.`);
  }
  return found.path;
}

/** True if the first version is at least the second; both like 3.230.0, with or without a leading v. */
export function isAtLeast(version: string, oldest: string): boolean {
  const numbers = (text: string): number[] =>
    (/\d+(\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const [have, want] = [numbers(version), numbers(oldest)];
  for (const [index, wanted] of want.entries()) {
    const got = have[index] ?? 0;
    if (got !== wanted) {
      return got > wanted;
    }
  }
  return true;
}

interface InstalledPulumi {
  readonly pulumi: string;
  readonly "pulumi-language-nodejs": string;
  readonly version: string;
}

let installedOnce: { readonly value: InstalledPulumi | undefined } | undefined;

/** The CLI on PATH with the Node language host that came with it, if it is new enough. Asked once a process. */
function installedPulumi(): InstalledPulumi | undefined {
  installedOnce ??= { value: lookForPulumi() };
  return installedOnce.value;
}

function lookForPulumi(): InstalledPulumi | undefined {
  const pulumi = onPath("pulumi");
  if (pulumi === undefined) {
    return undefined;
  }
  const version = spawnSync(pulumi, ["version"], { encoding: "utf8", timeout: 30_000 })
    .stdout.trim()
    .replace(/^v/, "");
  const host = "pulumi-language-nodejs";
  const beside = join(dirname(realpathSync(pulumi)), host);
  const hostPath = isExecutable(beside) ? beside : onPath(host);
  return isAtLeast(version, OLDEST_PULUMI) && hostPath !== undefined
    ? { pulumi, [host]: hostPath, version }
    : undefined;
}

/** Path of a command on PATH. */
export function onPath(command: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
