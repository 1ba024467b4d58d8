import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Thing } from "../cloud/model.ts";
import { FleetNetwork } from "../network/fleet-network.ts";
import { TEST, type Endpoint, type Network } from "../network/partition.ts";
import type { Place } from "../network/place.ts";
import { locationOf } from "../names/answer.ts";
import { deployedAccess, type DeployedAccess } from "./deployed-access.ts";
import { DeployedRegion } from "./deployed-region.ts";
import { LocalRegion } from "./local-region.ts";
import { MeetReceiver } from "./meet-receiver.ts";
import { planRegion, type RegionPlan } from "./region-plan.ts";
import { Rewrites, type Rewrite } from "./rewrites.ts";
import { syncPods } from "./sync.ts";
import type { FleetAccess, NotRun, RunningFleet, RunningRegion, Webhook } from "./running-fleet.ts";

/** Where people are, by the AWS region that is nearest to them. */
const PEOPLE = { europe: "eu-west-3", america: "us-east-1", asia: "ap-northeast-1" } as const;

/** What a fleet of processes is started from. */
export interface LocalFleetOptions {
  /** All that exists in the stand-in cloud now. */
  readonly things: () => readonly Thing[];
  /** Stacks that have been deployed. */
  readonly regions: readonly string[];
  /** Regions that may be added later: a place for them has to be there from the start. @default none */
  readonly planned?: readonly { readonly name: string; readonly awsRegion: string }[];
  /** @default namespaces where the machine allows it */
  readonly network?: Network["kind"];
}

/** The deployed fleet as processes of this machine. */
export class LocalFleet implements RunningFleet {
  readonly clients: ReadonlyMap<string, Place>;
  private readonly options: LocalFleetOptions;
  private readonly net: FleetNetwork;
  private readonly meet: MeetReceiver;
  private readonly folder: string;
  private readonly places: readonly string[];
  private readonly noted = new Rewrites();
  private readonly local = new Map<string, LocalRegion>();
  private readonly plans = new Map<string, RegionPlan>();
  private readonly known = new Map<string, DeployedAccess>();
  /** By region, as this process reaches its entry. */
  private readonly endpoints = new Map<string, string>();
  private cuts: (readonly [string, string])[] = [];
  private closing: Promise<void> | undefined;

  private constructor(
    options: LocalFleetOptions,
    net: FleetNetwork,
    meet: MeetReceiver,
    folder: string,
  ) {
    this.options = options;
    this.net = net;
    this.meet = meet;
    this.folder = folder;
    this.places = [...namesOf(options), ...Object.keys(PEOPLE)];
    this.clients = new Map(Object.keys(PEOPLE).map((name) => [name, net.place(name)]));
  }

  /** Starts the workloads of all deployed regions, and Meet's end of the webhooks. */
  static async start(options: LocalFleetOptions): Promise<LocalFleet> {
    const folder = mkdtempSync(join(tmpdir(), "meet-fleet-"));
    const deployed = options.regions.map((name) => new DeployedRegion(options.things(), name));
    let net: FleetNetwork | undefined;
    let fleet: LocalFleet | undefined;
    try {
      net = await FleetNetwork.create({
        regions: [...deployed, ...(options.planned ?? [])].map(({ name, awsRegion }) => ({
          name,
          location: locationOf(awsRegion),
        })),
        clients: Object.entries(PEOPLE).map(([name, awsRegion]) => ({
          name,
          location: locationOf(awsRegion),
        })),
        folder,
        ...(options.network === undefined ? {} : { kind: options.network }),
      });
      const own = net.network.place(TEST);
      const meet = await MeetReceiver.start(own.address, await own.port());
      fleet = new LocalFleet(options, net, meet, folder);
      for (const region of deployed) {
        await fleet.plan(region);
      }
      await Promise.all([...fleet.local.values()].map((region) => region.start()));
      return fleet;
    } catch (error) {
      await (fleet === undefined ? net?.close() : fleet.close());
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get regions(): ReadonlyMap<string, RunningRegion> {
    return this.local;
  }

  get rewrites(): readonly Rewrite[] {
    return this.noted.all();
  }

  get notRun(): readonly NotRun[] {
    return [...this.plans.values()].flatMap(({ notRun }) => notRun);
  }

  get network(): Network["kind"] {
    return this.net.network.kind;
  }

  get delays(): FleetNetwork["delays"] {
    return this.net.delays;
  }

  get here(): Place {
    return this.net.network.place(TEST);
  }

  reach(place: string, region: string): Promise<Endpoint> {
    return this.net.reach(place, region);
  }

  reachDirectly(region: string): Promise<Endpoint> {
    return this.net.reachDirectly(region);
  }

  async partition(groups: readonly (readonly string[])[]): Promise<void> {
    const sides = groups.flatMap((names, side) => names.map((name) => ({ name, side })));
    for (const one of sides) {
      for (const other of sides.filter(({ side }) => side > one.side)) {
        await this.net.network.cut(one.name, other.name);
        this.cuts.push([one.name, other.name]);
      }
    }
  }

  async heal(): Promise<void> {
    for (const [one, other] of this.cuts.splice(0)) {
      await this.net.network.heal(one, other);
    }
  }

  async add(name: string): Promise<RunningRegion> {
    const region = await this.plan(new DeployedRegion(this.options.things(), name));
    await region.start();
    return region;
  }

  async remove(name: string): Promise<void> {
    await this.local.get(name)?.kill();
    this.local.delete(name);
    this.plans.delete(name);
    this.known.delete(name);
    this.endpoints.delete(name);
  }

  async sync(name: string): Promise<void> {
    const region = this.local.get(name);
    if (region === undefined) {
      throw new Error(`Region "${name}": nothing of it runs. Add it first.`);
    }
    const deployed = new DeployedRegion(this.options.things(), name);
    await syncPods(deployed, region.pods, this.folder);
    this.learn(deployed);
  }

  webhooks(): readonly Webhook[] {
    return this.meet.received;
  }

  refusedWebhooks(): readonly string[] {
    return this.meet.refused;
  }

  access(): FleetAccess {
    const [first] = this.known.values();
    if (first === undefined) {
      throw new Error("Fleet: no region of it runs. Start one first.");
    }
    const { domain, operatorSecret, keys } = first;
    return { domain, operatorSecret, key: keys[0], endpoints: Object.fromEntries(this.endpoints) };
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await Promise.allSettled([...this.local.values()].map((region) => region.kill()));
    await this.meet.stop();
    await this.net.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async plan(deployed: DeployedRegion): Promise<LocalRegion> {
    const { net, folder, places } = this;
    const plan = await planRegion(deployed, {
      net,
      folder,
      regions: namesOf(this.options),
      meetPort: this.meet.port,
      rewrites: this.noted,
    });
    const region = new LocalRegion(deployed, plan, { net, folder, places });
    this.plans.set(deployed.name, plan);
    this.local.set(deployed.name, region);
    this.learn(deployed);
    const { host, port } = await net.reachDirectly(deployed.name);
    this.endpoints.set(deployed.name, `http://${host}:${port}`);
    return region;
  }

  /** Meet is deployed by the primary, with the keys that all regions have. */
  private learn(deployed: DeployedRegion): void {
    const access = deployedAccess(deployed);
    this.known.set(deployed.name, access);
    this.meet.useKeys(access.keys);
  }
}

function namesOf({ regions, planned = [] }: LocalFleetOptions): string[] {
  return [...regions, ...planned.map(({ name }) => name)];
}
