import type { FleetNetwork } from "../network/fleet-network.ts";
import { TEST, type Endpoint } from "../network/partition.ts";
import { LocalPod } from "./local-pod.ts";
import { RegionFronts } from "./region-fronts.ts";
import type { RegionPlan } from "./region-plan.ts";
import type { RunningRegion, Workload } from "./running-fleet.ts";

/** The processes of a region. */
export class LocalRegion implements RunningRegion {
  readonly name: string;
  readonly awsRegion: string;
  readonly pods: readonly LocalPod[];
  readonly entry: Endpoint;
  readonly balancerName: string;
  private readonly net: FleetNetwork;
  private readonly fronts: RegionFronts;
  /** Every place of the network but its own, for links to be opened again. */
  private readonly others: readonly string[];

  constructor(
    deployed: { readonly name: string; readonly awsRegion: string },
    plan: RegionPlan,
    setting: {
      readonly net: FleetNetwork;
      readonly folder: string;
      readonly places: readonly string[];
    },
  ) {
    const { net, folder, places } = setting;
    this.name = deployed.name;
    this.awsRegion = deployed.awsRegion;
    this.net = net;
    this.others = [...places.filter((name) => name !== this.name), TEST];
    const place = net.place(this.name);
    this.entry = { host: place.address, port: net.entryPort(this.name) };
    this.balancerName = plan.front.dnsName;
    this.fronts = new RegionFronts(this.name, plan.fronts, place, folder);
    this.pods = plan.pods.map(
      (pod) =>
        new LocalPod(pod, place, folder, (one, isLeaving) => {
          if (isLeaving) {
            this.fronts.drop(one);
          } else {
            this.fronts.add(one);
          }
        }),
    );
  }

  /** Starts everything in the order in which one needs the other. */
  async start(): Promise<void> {
    await this.fronts.start();
    await this.startAll("valkey");
    await this.startAll("livekit");
    await this.startAll("rooms");
  }

  async refuse(): Promise<void> {
    await this.kill();
  }

  async silence(): Promise<void> {
    // Cut first: nobody hears of the processes' end.
    await this.net.network.isolate(this.name);
    await this.kill();
  }

  async restore(): Promise<void> {
    for (const other of this.others) {
      await this.net.network.heal(this.name, other);
    }
    await this.start();
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    await Promise.all([this.fronts.kill(), ...this.pods.map((pod) => pod.kill())]);
  }

  private async startAll(workload: Workload): Promise<void> {
    const pods = this.pods.filter((pod) => pod.workload === workload);
    await Promise.all(pods.map((pod) => pod.start()));
  }
}
