import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * SIGKILL to a process and to all that it has started, itself first. A process group would not do: the engine puts its
 * language host and its plugins into groups of their own (`sdk/go/common/util/cmdutil/child_unix.go`).
 */
export function killTree(root: number): void {
  // Found before the first dies: orphans would be adopted by another parent.
  for (const pid of [root, ...descendants(root)]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
  }
}

/** Process ids of all that a process has started, directly or not. */
export function descendants(root: number): readonly number[] {
  const parents = parentsOfAll();
  const found: number[] = [];
  const queue = [root];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const [pid, parent] of parents) {
      if (parent === next) {
        found.push(pid);
        queue.push(pid);
      }
    }
  }
  return found;
}

function parentsOfAll(): ReadonlyMap<number, number> {
  return existsSync("/proc/self/stat") ? fromProc() : fromPs();
}

function fromProc(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) {
      try {
        // "pid (name) state ppid …"; the name may hold spaces and brackets.
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [, parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        parents.set(Number(name), Number(parent));
      } catch {
        // It has ended in the meantime.
      }
    }
  }
  return parents;
}

function fromPs(): ReadonlyMap<number, number> {
  const listed = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).stdout;
  const pairs = listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return new Map(pairs.map(([pid = 0, parent = 0]) => [pid, parent]));
}
