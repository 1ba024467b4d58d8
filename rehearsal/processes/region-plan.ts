import { join } from "node:path";
import type { FleetNetwork } from "../network/fleet-network.ts";
import { TEST } from "../network/partition.ts";
import { deployedAccess } from "./deployed-access.ts";
import type { DeployedFront, DeployedRegion } from "./deployed-region.ts";
import { reasonNotRun, RUN_HERE } from "./images.ts";
import { livekitFile, livekitPlan } from "./livekit-plan.ts";
import type { Deployment, Service } from "./objects.ts";
import { planPod, type PodPlan, type PodSite } from "./pod-plan.ts";
import type { FrontPlan } from "./region-fronts.ts";
import type { Rewrites } from "./rewrites.ts";
import { roomsPlan } from "./rooms-plan.ts";
import type { NotRun, Workload } from "./running-fleet.ts";
import { valkeyPlan } from "./valkey-plan.ts";

/** More pods of a kind than these show nothing new on one machine. */
export const MOST_PODS = 2;

/** What a region's processes are made with. */
export interface RegionSetting {
  readonly net: FleetNetwork;
  /** Regions that there are or will be. */
  readonly regions: readonly string[];
  readonly folder: string;
  readonly meetPort: number;
  readonly rewrites: Rewrites;
}

/** Everything that runs for a region. */
export interface RegionPlan {
  readonly pods: readonly PodPlan[];
  readonly fronts: readonly FrontPlan[];
  readonly front: DeployedFront;
  readonly notRun: readonly NotRun[];
}

/** A Deployment that runs here, with the Service that leads to it. */
interface Run {
  readonly workload: Exclude<Workload, "valkey">;
  readonly deployment: Deployment;
  readonly service: Service;
  readonly servicePort: number;
}

/** Plans a region's processes from what was deployed of it. */
export async function planRegion(
  region: DeployedRegion,
  setting: RegionSetting,
): Promise<RegionPlan> {
  const { net, rewrites, folder } = setting;
  const place = net.network.place(region.name);
  const { runs, notRun } = await sorted(region, () => place.port());
  const addresses: Record<string, string> = {};
  for (const { service, servicePort } of runs) {
    for (const { port } of service.spec.ports) {
      addresses[serviceUrl(service, port)] = `http://${place.address}:${servicePort}`;
    }
  }
  const rooms = runs.find(({ workload }) => workload === "rooms");
  if (rooms === undefined || !runs.some(({ workload }) => workload === "livekit")) {
    throw new Error(`Region "${region.name}": it has no LiveKit or no gateway. Deploy it whole.`);
  }
  const meet = await net.network.reach(region.name, TEST, setting.meetPort);
  addresses[deployedAccess(region).meetUrl] = `http://${meet.host}:${meet.port}`;

  const peers: Record<string, string> = {};
  for (const peer of setting.regions) {
    const { host, port } =
      peer === region.name
        ? { host: place.address, port: net.entryPort(peer) }
        : await net.reach(region.name, peer);
    peers[peer] = `http://${host}:${port}`;
  }

  const valkeys = new Map<string, PodPlan>();
  const pods: PodPlan[] = [];
  for (const run of [...runs].sort((one) => (one.workload === "livekit" ? -1 : 1))) {
    const { deployment, workload } = run;
    const label = region.label(deployment);
    const replicas = region.replicas(deployment);
    const count = Math.min(replicas, MOST_PODS);
    if (count < replicas) {
      rewrites.note(label, "pods", replicas, count);
    }
    for (let index = 0; index < count; index++) {
      const name = `${region.name}-${workload}-${index}`;
      const site: PodSite = {
        name,
        folder: join(folder, name),
        port: () => place.port(),
        addresses,
      };
      const plan = await planPod(region, deployment, workload, site, rewrites);
      if (workload === "livekit") {
        const { address } = livekitFile(plan).file.redis;
        const valkey = await valkeyAt(address);
        const here = {
          redisAddress: `${place.address}:${valkey.ports["redis"] ?? 0}`,
          mediaAddress: place.mediaAddress,
          ...(place.address === "127.0.0.1" ? { bindAddress: place.address } : {}),
          udpPort: await place.port(),
          addresses,
        };
        pods.push(livekitPlan(plan, label, here, rewrites));
      } else {
        pods.push(roomsPlan(plan, label, { valkeys: valkeyAddresses(), peers }, rewrites));
      }
    }
  }
  const front = region.frontOf(rooms.service);
  return {
    pods: [...valkeys.values(), ...pods],
    fronts: frontsOf(region, runs, front, setting),
    front,
    notRun,
  };

  async function valkeyAt(address: string): Promise<PodPlan> {
    const known = valkeys.get(address);
    if (known !== undefined) {
      return known;
    }
    const deployed = region.valkeyAt(address.slice(0, address.lastIndexOf(":")));
    const name = `${region.name}-valkey-${valkeys.size}`;
    const site = {
      name,
      folder: join(folder, name),
      address: place.address,
      port: await place.port(),
    };
    const plan = valkeyPlan(region, deployed, site, rewrites);
    valkeys.set(address, plan);
    return plan;
  }

  function valkeyAddresses(): Record<string, string> {
    return Object.fromEntries(
      [...valkeys].map(([address, plan]) => [
        address,
        `${place.address}:${plan.ports["redis"] ?? 0}`,
      ]),
    );
  }
}

function serviceUrl({ metadata }: Service, port: number): string {
  return `http://${metadata.name}.${metadata.namespace}.svc.cluster.local:${port}`;
}

/** What runs here of a region, and what does not. */
async function sorted(
  region: DeployedRegion,
  port: () => Promise<number>,
): Promise<{ readonly runs: readonly Run[]; readonly notRun: readonly NotRun[] }> {
  const runs: Run[] = [];
  const notRun: NotRun[] = [];
  for (const deployment of region.deployments) {
    const { namespace, name } = deployment.metadata;
    const workload = RUN_HERE[`${namespace}/${name}`];
    if (workload === undefined) {
      const image = deployment.spec.template.spec.containers[0]?.image ?? "";
      const why = reasonNotRun(`${namespace}/${name}`);
      notRun.push({ object: region.label(deployment), image, why });
      continue;
    }
    const labels = Object.entries(deployment.spec.selector.matchLabels);
    const service = region.services.find(
      ({ metadata, spec }) =>
        metadata.namespace === namespace &&
        labels.every(([key, value]) => spec.selector[key] === value),
    );
    if (service === undefined) {
      throw new Error(`${region.label(deployment)}: no Service leads to it.`);
    }
    runs.push({ workload, deployment, service, servicePort: await port() });
  }
  return { runs, notRun };
}

/** The public balancer and a Service each, with the deployed checks. */
function frontsOf(
  region: DeployedRegion,
  runs: readonly Run[],
  front: DeployedFront,
  { net, rewrites }: RegionSetting,
): FrontPlan[] {
  const host = net.network.place(region.name).address;
  const label = `${region.name} balancer ${front.name}`;
  rewrites.note(label, "listener", "HTTPS on 443", `HTTP on ${host}:${net.entryPort(region.name)}`);
  rewrites.note(label, "targets", "nodes, by their NodePort", "the gateways' pods");
  const { path, interval, timeout, healthyThreshold, unhealthyThreshold } = front.check;
  return runs.flatMap(({ workload, deployment, service, servicePort }): FrontPlan[] => {
    const probe = deployment.spec.template.spec.containers[0]?.readinessProbe;
    const [port] = service.spec.ports;
    const targetPort = String(port?.targetPort ?? "");
    rewrites.note(
      `${region.name} Service ${service.metadata.namespace}/${service.metadata.name}`,
      "address",
      serviceUrl(service, port?.port ?? 0),
      `http://${host}:${servicePort}`,
    );
    const inner: FrontPlan = {
      name: `service-${service.metadata.name}`,
      kind: "service",
      host,
      port: servicePort,
      workload,
      targetPort,
      check: {
        path: probe?.httpGet?.path ?? "/",
        intervalSeconds: probe?.periodSeconds ?? 10,
        timeoutSeconds: probe?.timeoutSeconds ?? 1,
        healthyThreshold: 1,
        unhealthyThreshold: probe?.failureThreshold ?? 3,
      },
    };
    const outer: FrontPlan = {
      ...inner,
      name: `balancer-${front.name}`,
      kind: "balancer",
      port: net.entryPort(region.name),
      check: {
        path,
        intervalSeconds: interval,
        timeoutSeconds: timeout,
        healthyThreshold,
        unhealthyThreshold,
      },
    };
    return workload === "rooms" ? [inner, outer] : [inner];
  });
}
