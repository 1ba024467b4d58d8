import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localPlace, type Place } from "../network/place.ts";
import { ManagedProcess } from "./managed-process.ts";

/** How a Redis is started. */
export interface RedisOptions {
  /** @default this machine */
  readonly place?: Place;
  /** @default none */
  readonly password?: string;
  /** Serves TLS only, with a certificate of its own; `certificate` is what a client has to trust. @default false */
  readonly tls?: boolean;
}

/** A real Redis without persistence. */
export interface Redis {
  readonly host: string;
  readonly port: number;
  readonly password: string | undefined;
  /** `redis://` or `rediss://`, with the password, without a database. */
  readonly url: string;
  /** Path of the certificate to trust, with TLS. */
  readonly certificate: string | undefined;
  readonly process: ManagedProcess;
  /** Connections stay open and get no answer. */
  pause(): void;
  resume(): void;
  /** Connections are refused from now on. */
  kill(): Promise<void>;
  /** Starts it again after kill(), empty. */
  start(): Promise<void>;
  /** Killed and back at once with nothing in it. */
  restartEmpty(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts Redis on a free port, without persistence. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { place = localPlace, password, tls = false } = options;
  const folder = mkdtempSync(join(tmpdir(), "meet-redis-"));
  const port = await place.port();
  const certificate = tls ? writeCertificate(folder, place.address) : undefined;
  const lines = [
    `bind ${place.address}`,
    "protected-mode no",
    `dir ${folder}`,
    'save ""',
    "appendonly no",
    ...(password === undefined ? [] : [`requirepass ${JSON.stringify(password)}`]),
    ...(certificate === undefined
      ? [`port ${port}`]
      : [
          "port 0",
          `tls-port ${port}`,
          `tls-cert-file ${certificate.certificate}`,
          `tls-key-file ${certificate.key}`,
          `tls-ca-cert-file ${certificate.certificate}`,
          "tls-auth-clients no",
        ]),
  ];
  const config = join(folder, "redis.conf");
  writeFileSync(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  const managed = new ManagedProcess({
    name: "redis-server",
    place,
    command: "redis-server",
    args: [config],
    log: join(folder, "redis.log"),
    isReady: () => answersPing(place.address, port, certificate !== undefined),
  });
  const stop = async (): Promise<void> => {
    await managed.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await managed.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const credentials = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  return {
    host: place.address,
    port,
    password,
    url: `${tls ? "rediss" : "redis"}://${credentials}${place.address}:${port}`,
    certificate: certificate?.certificate,
    process: managed,
    pause: () => {
      managed.pause();
    },
    resume: () => {
      managed.resume();
    },
    kill: () => managed.kill(),
    start: () => managed.start(),
    restartEmpty: async () => {
      await managed.kill();
      await managed.start();
    },
    stop,
  };
}

/** True if the server answers at all; without the password it does so with an error. */
function answersPing(host: string, port: number, isTls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = isTls
      ? connectTls({ host, port, rejectUnauthorized: false })
      : connect({ host, port });
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(1000, () => {
      finish(false);
    });
    socket.once("error", () => {
      finish(false);
    });
    socket.once("data", () => {
      finish(true);
    });
    socket.write("PING\r\n");
  });
}

function writeCertificate(
  folder: string,
  address: string,
): { readonly certificate: string; readonly key: string } {
  const certificate = join(folder, "certificate.pem");
  const key = join(folder, "key.pem");
  const made = spawnSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=redis"],
      ...["-addext", `subjectAltName=IP:${address}`],
    ],
    { encoding: "utf8" },
  );
  if (made.status !== 0) {
    throw new Error(`openssl req: ${made.error?.message ?? made.stderr}`);
  }
  return { certificate, key };
}
