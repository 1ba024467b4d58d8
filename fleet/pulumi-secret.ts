import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { FleetError } from "./exit.ts";

/**
 * Encrypts a setting into a stack's file. The value goes by standard input: the Automation API would pass it as an
 * argument, and every user of the machine can read the arguments of a process.
 * @throws FleetError with what the engine said
 */
export async function setSecret(
  folder: string,
  { stack, key, value }: { readonly stack: string; readonly key: string; readonly value: string },
  program = "pulumi",
): Promise<void> {
  const child = spawn(
    program,
    ["config", "set", key, "--stack", stack, "--secret", "--non-interactive"],
    { cwd: folder, stdio: ["pipe", "ignore", "pipe"] },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // A program that ends early says why on its own; that its input is closed says nothing more.
  child.stdin.on("error", () => undefined);
  // The engine takes off one line end.
  child.stdin.end(`${value}\n`);
  const said = text(child.stderr);
  const status = await ended.catch((error: unknown) => {
    throw new FleetError(
      `Stack "${stack}": the engine could not set ${key} (${error instanceof Error ? error.message : "no reason"}). Put pulumi on the PATH, or run script/setup.`,
    );
  });
  if (status !== 0) {
    const reason = (await said).trim().split("\n").at(-1) ?? "";
    throw new FleetError(
      `Stack "${stack}": the engine could not set ${key} (${reason === "" ? `status ${status ?? "unknown"}` : reason}). Remove the cause.`,
    );
  }
}
