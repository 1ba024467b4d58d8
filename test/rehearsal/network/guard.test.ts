import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const NETWORK = join(import.meta.dirname, "..", "..", "..", "rehearsal", "network");
const url = (file: string): string => JSON.stringify(pathToFileURL(join(NETWORK, file)).href);
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Starts a server that would run for ever, prints its process id, and ends as the line says. */
const OWNER = (end: string): string => `
  const { Guard } = await import(${url("guard.ts")});
  const { localPlace } = await import(${url("place.ts")});
  const guard = Guard.start(process.argv.at(-1));
  const server = guard.over(localPlace).spawn("sleep", ["600"], { stdio: "ignore" });
  process.stdout.write(server.pid + "\\n");
  ${end}
`;

/** Runs it; gives the server's process id and the folder, once the owner has ended. */
function own(end: string): Promise<{ readonly server: number; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "guard-"));
  const words = ["--import", "tsx", "--input-type=module", "--eval", OWNER(end), folder];
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("exit", () => {
      resolve({ server: Number(output), folder });
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("Guard", () => {
  it.each([
    ["is killed", `setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);`],
    ["crashes", `setTimeout(() => { throw new Error("on purpose, for the guard"); }, 300);`],
    ["is interrupted", `setTimeout(() => process.kill(process.pid, "SIGINT"), 300);`],
    ["ends without a word", `setTimeout(() => process.exit(0), 300);`],
  ])(
    "ends what was started, and removes the folder, when its owner %s",
    async (_, end) => {
      const { server, folder } = await own(end);
      expect(server).toBeGreaterThan(1);
      await expect.poll(() => isAlive(server), { timeout: 15_000 }).toBe(false);
      await expect.poll(() => existsSync(folder), { timeout: 15_000 }).toBe(false);
    },
    40_000,
  );

  it("has ended everything when it is stopped", async () => {
    const { server, folder } = await own(`
      process.kill(server.pid, 0);
      await guard.stop();
      process.kill(process.pid, "SIGKILL");
    `);
    expect(isAlive(server)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  }, 40_000);
});
