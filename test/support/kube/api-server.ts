import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest, Agent } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toolPath } from "../../../tools/tools.ts";
import { writeServiceAccountKeys } from "./service-account-keys.ts";

/** What the API server answered. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request to the API server. */
export type Ask = (
  method: "GET" | "POST" | "PATCH",
  path: string,
  body?: unknown,
  contentType?: string,
) => Promise<Answer>;

/** A real kube-apiserver with an etcd of its own, on the loopback address. */
export interface ApiServer {
  readonly ask: Ask;
  stop(): Promise<void>;
}

const STARTUP_SECONDS = 90;

/**
 * Starts etcd and kube-apiserver with the built-in admission plugins and pod security on. There is neither a
 * controller nor a scheduler: objects are judged and, outside of a dry run, stored, and nothing happens after that.
 */
export async function startApiServer(): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), "meet-kube-"));
  const [clientPort, peerPort, port] = await freePorts(3);
  const token = randomBytes(16).toString("hex");
  const keys = writeServiceAccountKeys(folder);
  const tokens = join(folder, "tokens.csv");
  // The group that the API server lets do everything.
  writeFileSync(tokens, `${token},test,test,"system:masters"\n`, { mode: 0o600 });

  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const etcd = start(folder, "etcd", [
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
  ]);
  const apiServer = start(folder, "kube-apiserver", [
    `--etcd-servers=${client}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    // The certificate is made by the server itself, there.
    `--cert-dir=${join(folder, "certificates")}`,
    `--service-account-key-file=${keys.public}`,
    `--service-account-signing-key-file=${keys.private}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--token-auth-file=${tokens}`,
    "--authorization-mode=RBAC",
    "--service-cluster-ip-range=10.96.0.0/16",
    // As in EKS: which pods may be privileged is pod security's to say.
    "--allow-privileged=true",
    // Without its controller nobody makes the service accounts that this plugin asks for.
    "--disable-admission-plugins=ServiceAccount",
  ]);

  // One connection, kept: the certificate is self-signed and the server is our own child.
  const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });
  const ask: Ask = (method, path, body, contentType = "application/json") =>
    send({ agent, port, token }, method, path, body, contentType);
  const stop = async (): Promise<void> => {
    agent.destroy();
    await Promise.all([end(apiServer), end(etcd)]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(ask, [etcd, apiServer]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ask, stop };
}

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly log: string;
}

function start(folder: string, name: "etcd" | "kube-apiserver", args: readonly string[]): Child {
  const log = join(folder, `${name}.log`);
  const descriptor = openSync(log, "w");
  const child = spawn(toolPath(name), args, { stdio: ["ignore", descriptor, descriptor] });
  closeSync(descriptor);
  return { name, process: child, log };
}

async function end(child: Child): Promise<void> {
  if (child.process.exitCode === null && child.process.signalCode === null) {
    const ended = new Promise((resolve) => child.process.once("exit", resolve));
    child.process.kill("SIGKILL");
    await ended;
  }
}

async function ready(ask: Ask, children: readonly Child[]): Promise<void> {
  const deadline = Date.now() + STARTUP_SECONDS * 1000;
  let last = "no answer";
  while (Date.now() < deadline) {
    for (const { name, process: child, log } of children) {
      if (child.exitCode !== null) {
        const tail = readFileSync(log, "utf8").slice(-2000);
        throw new Error(`${name} ended with ${child.exitCode} before it was ready: ${tail}`);
      }
    }
    try {
      const { status } = await ask("GET", "/readyz");
      if (status === 200) {
        return;
      }
      last = String(status);
    } catch (error) {
      last = String(error);
    }
    await sleep(200);
  }
  throw new Error(`kube-apiserver was not ready after ${STARTUP_SECONDS} s: ${last}`);
}

function send(
  to: { readonly agent: Agent; readonly port: number; readonly token: string },
  method: string,
  path: string,
  body: unknown,
  contentType: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${to.token}`, "content-type": contentType };
    const options = { host: "127.0.0.1", port: to.port, agent: to.agent, method, path, headers };
    const sent = httpsRequest(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => {
        const json = response.headers["content-type"]?.startsWith("application/json") === true;
        resolve({ status: response.statusCode ?? 0, body: json ? JSON.parse(text) : text });
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Ports that are free at the moment; all are held until the last is found, so that they differ. */
async function freePorts(count: 3): Promise<readonly [number, number, number]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const [first = 0, second = 0, third = 0] = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [first, second, third];
}
