import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { removeNamespaces } from "./namespaces.ts";

/**
 * Waits until its standard input ends, which is when its owner does, and ends what is left: `node --import tsx
 * guard-process.ts OWNER FOLDER`, with a line `+PID` on standard input for each child and `-PID` for its end.
 */
async function main(owner: number, folder: string): Promise<void> {
  const left = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line.startsWith("+")) {
      left.add(pid);
    } else {
      left.delete(pid);
    }
  }
  for (const pid of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  removeNamespaces(owner);
  rmSync(folder, { recursive: true, force: true });
}

const [, , owner = "", folder = ""] = process.argv;
await main(Number(owner), folder);
