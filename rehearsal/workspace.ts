import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { findTool, type FoundTool, type ToolName } from "../tools/tools.ts";
import { killTree } from "./process-tree.ts";

/** How a workspace is made. */
export interface WorkspaceOptions {
  /** Where it is made; it must not exist yet. @default a new folder of the system's temporary folder */
  readonly folder?: string;
  /** Folder of the program that is copied. @default this checkout */
  readonly program?: string;
  /** What of that folder is copied; what is missing is left out. @default the program's parts and all stack files */
  readonly parts?: readonly string[];
  /** Value of PULUMI_DEBUG_PROVIDERS. @default none: every provider is a plugin, and none is downloaded */
  readonly debugProviders?: string;
  /** Encrypts the secrets in stack files and state. @default "rehearsal" */
  readonly passphrase?: string;
  /**
   * When the engine writes its state: after each step, so that a killed update is found there, or once when a command
   * ends, which makes an update of some 300 resources more than twice as fast (engine's PULUMI_SKIP_CHECKPOINTS,
   * `backend/snapshot.go`). @default "each-step", as on a user's machine
   */
  readonly checkpoints?: "each-step" | "at-end";
}

/** A command that has ended. */
export interface Ended {
  /** Exit status; null after a signal. */
  readonly status: number | null;
  readonly stdout: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** A command that runs. */
export interface Running {
  readonly ended: Promise<Ended>;
  /** What it has written so far. */
  output(): string;
  /** SIGKILL to the engine first, so that it can write nothing more, then to all that it has started. */
  kill(): void;
}

/** Options of one command. */
export interface RunOptions {
  /** Is called with each piece of output. @default nothing */
  readonly onOutput?: (text: string) => void;
  /** Replaces variables of the workspace's environment. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** @default 600 */
  readonly timeoutSeconds?: number;
}

/** A copy of the program with a state of its own, on which the real engine is run. */
export interface Workspace {
  /** Holds all of it: program, state and Pulumi's home. */
  readonly folder: string;
  /** The copied program; stack files can be written there. */
  readonly program: string;
  /** What a shell needs so that `pulumi` works on this copy. */
  readonly environment: Readonly<Record<string, string>>;
  readonly engine: FoundTool;
  /** Runs `pulumi` with the arguments until it ends. @throws if it takes longer than its time */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Starts `pulumi` with the arguments. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** Kills what still runs, and removes the folder. */
  remove(): Promise<void>;
}

/** What the Pulumi program consists of, beside its stack files. */
export const PROGRAM_PARTS = [
  "Pulumi.yaml",
  "package.json",
  "tsconfig.json",
  "infra",
  "components",
  "services",
] as const;

/** State once, when a command ends: see `checkpoints`. */
export const CHECKPOINTS_AT_END = {
  PULUMI_EXPERIMENTAL: "true",
  PULUMI_SKIP_CHECKPOINTS: "true",
} as const;

const CHECKOUT = join(dirname(fileURLToPath(import.meta.url)), "..");

const STACK_FILE = /^Pulumi\.[^.]+\.yaml$/;

/** What could lead the engine or a provider to a real account, or change what the engine prints. */
const NOT_INHERITED =
  /^(PULUMI|AWS|CLOUDFLARE|KUBE|NODE_OPTIONS$|VITEST|GRPC|https?_proxy$|all_proxy$)/i;

/**
 * Makes a workspace: the program is copied and shares only node_modules with where it came from; state, secrets key,
 * Pulumi's home and environment are its own, so that neither the checkout nor a real account can be touched.
 */
export async function createWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  const engine = need("pulumi");
  const host = need("pulumi-language-nodejs");
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "meet-workspace-")));
  const program = join(folder, "program");
  await copyProgram(options.program ?? CHECKOUT, program, options.parts);
  const [state, home] = [join(folder, "state"), join(folder, "home")];
  await Promise.all([state, home].map((path) => mkdir(path, { recursive: true })));
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || NOT_INHERITED.test(name) ? [] : [[name, value] as const],
  );
  const environment: Record<string, string> = {
    PATH: [dirname(engine.path), dirname(host.path), process.env["PATH"] ?? ""].join(delimiter),
    PULUMI_BACKEND_URL: pathToFileURL(state).href,
    PULUMI_CONFIG_PASSPHRASE: options.passphrase ?? "rehearsal",
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    ...(options.debugProviders === undefined
      ? {}
      : { PULUMI_DEBUG_PROVIDERS: options.debugProviders }),
    // The Node host that is built here knows no `nodeargs` of Pulumi.yaml; one from PATH does.
    ...(host.from === "built" ? { NODE_OPTIONS: "--import tsx" } : {}),
  };
  // Not in the environment that is shown: what is run by hand on a kept workspace keeps its checkpoints.
  const checkpoints = options.checkpoints === "at-end" ? CHECKPOINTS_AT_END : {};
  const started = new Set<Running>();
  const start = (args: readonly string[], run: RunOptions = {}): Running => {
    const command = startCommand(engine.path, ["--color", "never", ...args], program, run, {
      ...Object.fromEntries(inherited),
      ...environment,
      ...checkpoints,
      ...run.environment,
    });
    started.add(command);
    const forget = (): unknown => started.delete(command);
    command.ended.then(forget, forget);
    return command;
  };
  return {
    folder,
    program,
    environment,
    engine,
    start,
    run: (args, run) => start(args, run).ended,
    remove: async () => {
      const left = [...started];
      left.forEach((command) => {
        command.kill();
      });
      await Promise.allSettled(left.map(({ ended }) => ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function need(name: ToolName): FoundTool {
  const found = findTool(name);
  if (found === undefined) {
    throw new Error(`Tool "${name}": not built. Run script/setup.`);
  }
  return found;
}

async function copyProgram(
  from: string,
  to: string,
  parts: readonly string[] | undefined,
): Promise<void> {
  await mkdir(to, { recursive: true });
  const stackFiles = (await readdir(from)).filter((name) => STACK_FILE.test(name));
  for (const part of parts ?? [...PROGRAM_PARTS, ...stackFiles]) {
    if (existsSync(join(from, part))) {
      await cp(join(from, part), join(to, part), { recursive: true });
    }
  }
  await symlink(join(CHECKOUT, "node_modules"), join(to, "node_modules"), "dir");
}

function startCommand(
  command: string,
  args: readonly string[],
  folder: string,
  options: RunOptions,
  environment: Readonly<Record<string, string>>,
): Running {
  const { timeoutSeconds = 600, onOutput } = options;
  const began = Date.now();
  const child = spawn(command, args, {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, output] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      onOutput?.(text);
    });
  }
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      killTree(child.pid);
    }
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeoutSeconds * 1000);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (status) => {
      clearTimeout(timer);
      const seconds = (Date.now() - began) / 1000;
      if (late) {
        reject(
          new Error(
            `pulumi ${args.join(" ")} had not ended after ${timeoutSeconds} s and was killed. ` +
              `Its last output was: ${output.slice(-2000)}`,
          ),
        );
      } else {
        resolve({ status, stdout, output, seconds });
      }
    });
  });
  return { ended, kill, output: () => output };
}
