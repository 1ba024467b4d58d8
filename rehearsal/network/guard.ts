import { spawn, type ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Place } from "./place.ts";

const PROGRAM = fileURLToPath(new URL("guard-process.ts", import.meta.url));

/**
 * Sees to it that nothing outlives this process, however it ends: a process of its own that is told of every child,
 * and ends those that are left, with this process's namespaces and folder, once this one is gone.
 */
export class Guard {
  private readonly child: ChildProcess;
  private readonly input: Writable;

  private constructor(child: ChildProcess, input: Writable) {
    this.child = child;
    this.input = input;
  }

  /** @param folder removed as well */
  static start(folder: string): Guard {
    // Of a session of its own, so that a terminal's Ctrl-C does not reach it.
    const child = spawn(
      process.execPath,
      ["--import", "tsx", PROGRAM, String(process.pid), folder],
      { stdio: ["pipe", "ignore", "ignore"], detached: true },
    );
    child.unref();
    child.on("error", () => undefined);
    child.stdin.on("error", () => undefined);
    return new Guard(child, child.stdin);
  }

  /** The same place, whose children are guarded. */
  over(place: Place): Place {
    return {
      ...place,
      spawn: (command, args, options) => {
        const child = place.spawn(command, args, options);
        if (child.pid !== undefined) {
          const { pid } = child;
          this.input.write(`+${pid}\n`);
          child.once("exit", () => this.input.write(`-${pid}\n`));
        }
        return child;
      },
    };
  }

  /** Lets it end: what it was told of has ended, or is ended by it now. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    child.ref();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    this.input.end();
    await ended;
  }
}
