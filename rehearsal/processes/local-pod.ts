import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../network/place.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { PodPlan } from "./pod-plan.ts";
import type { Pod, Workload } from "./running-fleet.ts";

/** Who has to know that a pod is about to end: what leads to it. */
export type Leaving = (pod: LocalPod, isLeaving: boolean) => void;

/** Seconds that a pod may take until it is ready. */
const READY_SECONDS = 60;

/** A pod's process. */
export class LocalPod implements Pod {
  readonly name: string;
  readonly region: string;
  readonly workload: Workload;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly readiness: PodPlan["readiness"];
  private readonly plan: PodPlan;
  private readonly process: ManagedProcess;
  private readonly leaving: Leaving;

  constructor(plan: PodPlan, place: Place, folder: string, leaving: Leaving) {
    this.plan = plan;
    this.name = plan.name;
    this.region = plan.region;
    this.workload = plan.workload;
    this.address = place.address;
    this.ports = plan.ports;
    this.readiness = plan.readiness;
    this.leaving = leaving;
    plan.folders.forEach((path) => mkdirSync(path, { recursive: true }));
    this.writeFiles(plan.files);
    this.process = new ManagedProcess({
      name: plan.name,
      place,
      command: plan.command,
      args: plan.args,
      environment: plan.environment,
      log: join(folder, `${plan.name}.log`),
      isReady: () => this.isReady(),
      readyWithinSeconds: READY_SECONDS,
    });
  }

  running(): boolean {
    return this.process.isRunning;
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  async stop(graceSeconds = this.plan.graceSeconds): Promise<void> {
    const pause = Math.min(this.plan.preStopSeconds, graceSeconds);
    this.leaving(this, true);
    await sleep(pause * 1000);
    await this.process.stop(graceSeconds - pause);
  }

  pause(): void {
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
  }

  async start(): Promise<void> {
    await this.process.start();
    this.leaving(this, false);
  }

  logs(): string {
    return this.process.log();
  }

  /** Replaces files that it has mounted, each in one step; the kubelet changes them in running pods too. */
  writeFiles(files: PodPlan["files"]): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(path), { recursive: true });
      const next = `${path}.next`;
      writeFileSync(next, content, { mode: 0o600 });
      renameSync(next, path);
    }
  }

  private isReady(): Promise<boolean> {
    const { readiness, ports } = this.plan;
    if (readiness !== undefined) {
      return answersOk(`http://${this.address}:${readiness.port}${readiness.path}`);
    }
    return accepts(this.address, Object.values(ports)[0] ?? 0);
  }
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

/** True if a port takes connections. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.setTimeout(1000, () => {
      finish(false);
    });
    socket.once("connect", () => {
      finish(true);
    });
    socket.once("error", () => {
      finish(false);
    });
  });
}
