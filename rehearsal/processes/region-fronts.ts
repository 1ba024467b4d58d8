import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Front } from "../network/fronts.ts";
import type { Place } from "../network/place.ts";
import { accepts, type LocalPod } from "./local-pod.ts";
import { ManagedProcess } from "./managed-process.ts";

/** A front of a region, before anything is behind it. */
export interface FrontPlan extends Omit<Front, "targets"> {
  /** Of the pods, the one that it leads to. */
  readonly workload: LocalPod["workload"];
  readonly targetPort: string;
}

/** The balancer and the Services of a region, one process, and the pods that they lead to. */
export class RegionFronts {
  private readonly plans: readonly FrontPlan[];
  private readonly file: string;
  private readonly process: ManagedProcess;
  /** Pods that are led to, with the number of their start. */
  private readonly pods = new Map<LocalPod, number>();
  private starts = 0;

  constructor(name: string, plans: readonly FrontPlan[], place: Place, folder: string) {
    this.plans = plans;
    this.file = join(folder, `fronts-${name}.json`);
    this.process = new ManagedProcess({
      name: `fronts of ${name}`,
      place,
      command: process.execPath,
      args: [
        ...["--import", "tsx"],
        fileURLToPath(new URL("../network/fronts.ts", import.meta.url)),
        this.file,
      ],
      log: join(folder, `fronts-${name}.log`),
      isReady: async () => {
        const open = await Promise.all(plans.map(({ host, port }) => accepts(host, port)));
        return open.every((isOpen) => isOpen);
      },
    });
  }

  /** Leads to a pod that has just become ready. */
  add(pod: LocalPod): void {
    this.pods.set(pod, ++this.starts);
    this.tell();
  }

  /** Leads to it no more; what is open stays. */
  drop(pod: LocalPod): void {
    if (this.pods.delete(pod)) {
      this.tell();
    }
  }

  /** Starts with nothing behind. */
  async start(): Promise<void> {
    this.pods.clear();
    this.write();
    await this.process.start();
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  private tell(): void {
    this.write();
    this.process.signal("SIGHUP");
  }

  private write(): void {
    const fronts = this.plans.map(({ workload, targetPort, ...front }): Front => {
      const targets = [...this.pods]
        .filter(([pod]) => pod.workload === workload)
        .map(([pod, start]) => ({ host: pod.address, port: pod.ports[targetPort] ?? 0, start }));
      return { ...front, targets };
    });
    // In one step: its process may be reading what was written a moment before.
    const next = `${this.file}.next`;
    writeFileSync(next, JSON.stringify(fronts));
    renameSync(next, this.file);
  }
}
