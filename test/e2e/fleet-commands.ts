import { spawn } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { killTree } from "../../rehearsal/process-tree.ts";

/** A fleet as the commands reach it. */
export interface CommandFleet {
  /** Folder of Pulumi.yaml. */
  readonly program: string;
  /** For the engine; and MEET_FLEET_ENDPOINTS, where gateways answer. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface CommandEnd {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const FLEET = join(import.meta.dirname, "..", "..", "fleet", "fleet.js");

/** A command that runs. */
export interface RunningCommand {
  readonly ended: Promise<CommandEnd>;
  /** Ctrl-C. */
  interrupt(): void;
  /** As if the machine lost power: with all that it has started. */
  kill(): void;
  /** What it has said so far. */
  said(): string;
  /** Calls back at once with what it has said so far, each time that it says something. */
  onSaid(listener: (said: string) => void): void;
}

/** Runs the command line as an operator does: a process of its own, without a terminal. */
export function runCommand(fleet: CommandFleet, ...args: readonly string[]): Promise<CommandEnd> {
  return startCommand(fleet, ...args).ended;
}

/** Starts it. */
export function startCommand(fleet: CommandFleet, ...args: readonly string[]): RunningCommand {
  const child = spawn(process.execPath, [FLEET, ...args, "--project", fleet.program], {
    // What could lead the AWS CLI to an account is left out: nothing of AWS is known here.
    env: { ...fleet.environment, AWS_EC2_METADATA_DISABLED: "true", HOME: fleet.program },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const listeners: ((said: string) => void)[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const listener of listeners) {
      listener(stderr);
    }
  });
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.on("error", reject).on("close", (status) => {
      resolve({ status, stdout, stderr });
    });
  });
  return {
    ended,
    interrupt: () => child.kill("SIGINT"),
    kill: () => {
      if (child.pid !== undefined) {
        killTree(child.pid);
      }
    },
    said: () => stderr,
    onSaid: (listener) => listeners.push(listener),
  };
}

/**
 * Starts a command and kills it as soon as it says this line: what comes before it is done, and the engine that would
 * do what it announces has not begun.
 * @param line whole, without the seconds before it
 * @returns all that it has said
 * @throws when it ends without having said it
 */
export async function killedAt(
  fleet: CommandFleet,
  line: string,
  ...args: readonly string[]
): Promise<string> {
  const command = startCommand(fleet, ...args);
  const isSaid = (said: string): boolean =>
    said.split("\n").some((each) => /^ *\d+ s {2}(.*)$/.exec(each)?.[1] === line);
  command.onSaid((said) => {
    if (isSaid(said)) {
      command.kill();
    }
  });
  const { status, stderr } = await command.ended;
  if (!isSaid(stderr)) {
    throw new Error(`fleet ${args.join(" ")} ended with ${status} before "${line}":\n${stderr}`);
  }
  return stderr;
}

const stepsSchema = z.object({ steps: z.array(z.string()).min(2) });

/** The steps that a command would go through, in its own words. @throws when its dry run fails */
export async function stepsOf(
  fleet: CommandFleet,
  ...args: readonly string[]
): Promise<readonly string[]> {
  const { stdout, stderr, status } = await runCommand(fleet, ...args, "--dry-run", "--json");
  if (status !== 0) {
    throw new Error(`fleet ${args.join(" ")} --dry-run ended with ${status}:\n${stderr}`);
  }
  return stepsSchema.parse(JSON.parse(stdout)).steps;
}
