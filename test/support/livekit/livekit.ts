import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolPath } from "../../../tools/tools.ts";
import { localLiveKitConfig, type ApiKey, type LocalConfigInputs } from "./local-config.ts";
import { ManagedProcess } from "../../../rehearsal/processes/managed-process.ts";
import { localPlace, type Place } from "../../../rehearsal/network/place.ts";

/** How a LiveKit is started. */
export interface LiveKitOptions {
  /** @default this machine */
  readonly place?: Place;
  readonly region: string;
  readonly redis: LocalConfigInputs["redis"];
  readonly key: ApiKey;
  /** @default no webhooks */
  readonly webhookUrl?: string;
  /** @default as deployed: false */
  readonly roomsByJoin?: boolean;
}

/** A real LiveKit server with the configuration that is deployed. */
export interface LiveKit {
  /** `http://` address of signalling and server API. */
  readonly url: string;
  readonly port: number;
  readonly process: ManagedProcess;
  /** The key that it has now. */
  key(): ApiKey;
  /** SIGKILL, as the loss of its node. */
  kill(): Promise<void>;
  /** Starts it again on the same ports, with another key and another password of its Redis if given. */
  start(key?: ApiKey, redisPassword?: string): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts LiveKit on free ports and waits until `/` says 200. */
export async function startLiveKit(options: LiveKitOptions): Promise<LiveKit> {
  const { place = localPlace, region, redis, webhookUrl, roomsByJoin } = options;
  const folder = mkdtempSync(join(tmpdir(), "meet-livekit-"));
  const ports = {
    signal: await place.port(),
    iceTcp: await place.port(),
    iceUdp: await place.port(),
    metrics: await place.port(),
  };
  const file = join(folder, "livekit.yaml");
  let current = options.key;
  const configure = (key: ApiKey, password = redis.password): void => {
    current = key;
    const config = localLiveKitConfig({
      region,
      redis: { ...redis, password },
      key,
      nodeAddress: place.mediaAddress,
      ports,
      ...(webhookUrl === undefined ? {} : { webhookUrl }),
      ...(roomsByJoin === undefined ? {} : { roomsByJoin }),
      ...(place.address === "127.0.0.1" ? { bindAddress: place.address } : {}),
    });
    writeFileSync(file, config, { mode: 0o600 });
  };
  const url = `http://${place.address}:${ports.signal}`;
  const managed = new ManagedProcess({
    name: `livekit-server ${region}`,
    place,
    command: toolPath("livekit-server"),
    args: ["--config", file],
    log: join(folder, "livekit.log"),
    isReady: () => answersOk(url),
  });
  const stop = async (): Promise<void> => {
    // A polite end would wait for every participant to leave.
    await managed.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  configure(current);
  try {
    await managed.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    port: ports.signal,
    process: managed,
    key: () => current,
    kill: () => managed.kill(),
    start: async (key, redisPassword) => {
      if (key !== undefined) {
        configure(key, redisPassword);
      }
      await managed.start();
    },
    stop,
  };
}

/** True if a GET of the address is answered with 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
