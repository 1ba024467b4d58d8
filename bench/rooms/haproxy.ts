import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../rehearsal/network/place.ts";
import { BENCH_PROGRAMS, findProgram } from "../../tools/programs.ts";

/** A process between clients and LiveKit. */
export interface Proxy {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** HAProxy, with one thread as a gateway has, in front of one server on this machine. */
export async function startHaproxy(upstream: number): Promise<Proxy> {
  const program = BENCH_PROGRAMS.find(({ name }) => name === "haproxy");
  const path = program === undefined ? undefined : findProgram(program);
  if (path === undefined) {
    throw new Error('Tool "haproxy": not found. Run script/bench rooms, which installs it.');
  }
  const folder = mkdtempSync(join(tmpdir(), "meet-haproxy-"));
  const port = await freePort();
  const lines = [
    "global",
    "  nbthread 1",
    "  maxconn 5000",
    "defaults",
    "  mode http",
    "  timeout connect 5s",
    "  timeout client 60s",
    "  timeout server 60s",
    "  timeout tunnel 300s",
    "listen livekit",
    `  bind 127.0.0.1:${port}`,
    `  server one 127.0.0.1:${upstream}`,
  ];
  const config = join(folder, "haproxy.cfg");
  writeFileSync(config, `${lines.join("\n")}\n`);
  const child = spawn(path, ["-f", config, "-db"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) {
      throw new Error(`Tool "haproxy": it ended at once. It said: ${said}`);
    }
    await sleep(100);
  }
  return {
    port,
    pid: child.pid ?? 0,
    stop: async () => {
      await ended(child);
      rmSync(folder, { recursive: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

/** Kills a process and waits until it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}
