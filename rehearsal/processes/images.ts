import { spawnSync } from "node:child_process";
import { toolPath } from "../../tools/tools.ts";
import type { Workload } from "./running-fleet.ts";

/** A program of this machine that stands for an image. */
export interface LocalProgram {
  /** What runs in place of the image's entry point or of the command's first word. */
  readonly path: () => string;
  /** What its version is called here, for the list of rewrites. */
  readonly version: () => string;
  /** First word of a deployed command that the program replaces; without it the image's entry point runs. */
  readonly commandWord?: string;
}

/** Images by their repository, and what runs in their place. */
export const PROGRAMS: Readonly<Record<string, LocalProgram>> = {
  "docker.io/livekit/livekit-server": {
    path: () => toolPath("livekit-server"),
    version: () => versionOf(toolPath("livekit-server"), "--version"),
  },
  "docker.io/library/node": {
    path: () => process.execPath,
    version: () => process.version,
    commandWord: "node",
  },
};

/** What stands for ElastiCache's Valkey. */
export const VALKEY_PROGRAM: LocalProgram = {
  path: () => "redis-server",
  version: () => versionOf("redis-server", "--version"),
};

/** The Deployments that run here, by `namespace/name`. */
export const RUN_HERE: Readonly<Record<string, Exclude<Workload, "valkey">>> = {
  "media/livekit": "livekit",
  "meet/rooms": "rooms",
};

/** Why the others do not. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  "meet/downloads": "it answers for buckets, and the stand-in cloud's hold no bytes",
  "media/egress": "recording needs the image's browser and encoder",
};

const OTHERWISE = "no program of this machine stands for its image";

/** Why a Deployment has no local process. */
export function reasonNotRun(deployment: string): string {
  return NOT_RUN[deployment] ?? OTHERWISE;
}

/** An image's name without its tag and digest. */
export function repositoryOf(image: string): string {
  const [name = ""] = image.split("@");
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash);
  return colon === -1 ? name : name.slice(0, colon);
}

/** The program for an image. @throws Error if the table has none */
export function programFor(image: string): LocalProgram {
  const program = PROGRAMS[repositoryOf(image)];
  if (program === undefined) {
    throw new Error(
      `Image "${image}": no program stands for it. Add it to rehearsal/processes/images.ts.`,
    );
  }
  return program;
}

function versionOf(command: string, option: string): string {
  const { stdout, error } = spawnSync(command, [option], { encoding: "utf8" });
  if (error !== undefined) {
    throw new Error(`Program "${command}": it does not start: ${error.message}. Run script/setup.`);
  }
  return /v?\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "unknown";
}
