import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FakeLiveKit } from "../../test/support/rooms/fake-livekit.ts";
import { BROWSER_HEADERS } from "../../test/support/rooms/raw-client.ts";
import { joinUrl } from "../../test/support/rooms/signalling-gateway.ts";
import { median } from "../result.ts";
import { figure, type Figure } from "./figure.ts";
import { ended, startHaproxy, type Proxy } from "./haproxy.ts";

const GATEWAY = fileURLToPath(
  new URL("../../test/support/rooms/signalling-process.ts", import.meta.url),
);

/** Bytes of a message: about what a LiveKit update of one participant has. */
const MESSAGE_BYTES = 200;
const CONNECTIONS = 50;

/** Clock ticks of a second in /proc (sysconf(_SC_CLK_TCK), 100 on every Linux that Node runs on). */
const TICKS = 100;

/** Messages of many tunnels by the CPU time of the process between, beside HAProxy in the same place. */
export async function measureMessages(
  plan: { readonly rounds: number; readonly messages: number },
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const liveKit = await FakeLiveKit.start();
  const started: { stop(): Promise<void> }[] = [liveKit];
  try {
    const gateway = await startGateway(liveKit.url);
    started.push(gateway);
    const haproxy = await startHaproxy(Number(new URL(liveKit.url).port));
    started.push(haproxy);
    const rates = { gateway: [] as number[], haproxy: [] as number[] };
    for (let round = 0; round < plan.rounds; round++) {
      note(`messages, round ${round + 1} of ${plan.rounds}`);
      rates.haproxy.push(await rate(haproxy, plan.messages));
      rates.gateway.push(await rate(gateway, plan.messages));
    }
    const [own, other] = [median(rates.gateway), median(rates.haproxy)];
    return [
      figure({
        what: "messages for a second of CPU / HAProxy's",
        value: own / other,
        unit: "×",
        target: 0.3,
        isFloor: true,
        from: `${Math.round(own)} and ${Math.round(other)} messages each way of ${MESSAGE_BYTES} bytes`,
      }),
    ];
  } finally {
    await Promise.all(started.map((one) => one.stop()));
  }
}

/** Memory of the gateway's process for each tunnel that nothing comes through. */
export async function measureMemory(
  tunnels: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const liveKit = await FakeLiveKit.start();
  const gateway = await startGateway(liveKit.url);
  const clients: Socket[] = [];
  try {
    const before = await gateway.memory();
    while (clients.length < tunnels) {
      const more = Math.min(100, tunnels - clients.length);
      clients.push(...(await Promise.all(Array.from({ length: more }, () => open(gateway.port)))));
    }
    note(`${tunnels} tunnels are open`);
    await sleep(3000);
    const after = await gateway.memory();
    if (after.tunnels !== tunnels) {
      throw new Error(`Benchmark "memory": ${after.tunnels} of ${tunnels} tunnels are open.`);
    }
    return [
      figure({
        what: `memory of an idle tunnel, of ${tunnels}`,
        value: (after.rssBytes - before.rssBytes) / 1024 / tunnels,
        unit: "KB",
        target: 60,
        from: `${Math.round(before.rssBytes / 2 ** 20)} MB before, ${Math.round(after.rssBytes / 2 ** 20)} MB with them`,
      }),
    ];
  } finally {
    for (const client of clients) {
      client.destroy();
    }
    await Promise.all([gateway.stop(), liveKit.stop()]);
  }
}

interface Gateway extends Proxy {
  memory(): Promise<{ readonly tunnels: number; readonly rssBytes: number }>;
}

async function startGateway(liveKitUrl: string): Promise<Gateway> {
  const child = fork(GATEWAY, [liveKitUrl], { execArgv: ["--import", "tsx", "--expose-gc"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    port,
    pid: child.pid ?? 0,
    stop: () => ended(child),
    memory: async () => {
      child.send("memory");
      const [answer] = (await once(child, "message")) as [{ tunnels: number; rssBytes: number }];
      return answer;
    },
  };
}

/** Messages there and back again for a second of the process's CPU. */
async function rate({ port, pid }: Proxy, messages: number): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(port)));
  const each = Math.ceil(messages / CONNECTIONS);
  const before = cpuSeconds(pid);
  await Promise.all(sockets.map((socket) => pingPong(socket, each)));
  const seconds = cpuSeconds(pid) - before;
  for (const socket of sockets) {
    socket.destroy();
  }
  return (each * CONNECTIONS) / seconds;
}

/** User and system time of a process so far (proc(5), fields 14 and 15 of stat). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** One connection whose upgrade was answered. */
async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  const head = [["Host", "livekit.example.org"], ...BROWSER_HEADERS]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  socket.write(`GET ${await joinUrl("bench")} HTTP/1.1\r\n${head}\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101")) {
    throw new Error(`Benchmark: the upgrade was answered with ${answer.toString("latin1", 0, 60)}`);
  }
  socket.on("error", () => undefined);
  return socket;
}

/** Sends a message whenever the one before has come back. */
function pingPong(socket: Socket, count: number): Promise<void> {
  const message = Buffer.alloc(MESSAGE_BYTES, "m");
  return new Promise((resolve, reject) => {
    let sent = 1;
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < sent * MESSAGE_BYTES) {
        return;
      }
      if (sent === count) {
        resolve();
        return;
      }
      sent++;
      socket.write(message);
    });
    socket.once("close", () => {
      reject(new Error("Benchmark: a connection ended."));
    });
    socket.write(message);
  });
}
