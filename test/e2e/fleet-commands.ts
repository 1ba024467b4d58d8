import { spawn } from "node:child_process";
import { join } from "node:path";

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
  /** As if the machine lost power. */
  kill(): void;
  /** What it has said so far. */
  said(): string;
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
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.on("error", reject).on("close", (status) => {
      resolve({ status, stdout, stderr });
    });
  });
  return {
    ended,
    interrupt: () => child.kill("SIGINT"),
    kill: () => child.kill("SIGKILL"),
    said: () => stderr,
  };
}
