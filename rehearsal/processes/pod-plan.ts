import { join } from "node:path";
import type { DeployedRegion } from "./deployed-region.ts";
import { programFor, repositoryOf } from "./images.ts";
import type { Container, Deployment } from "./objects.ts";
import type { Rewrites } from "./rewrites.ts";
import type { Workload } from "./running-fleet.ts";

/** A local process as it is started, and the files it needs. */
export interface PodPlan {
  readonly name: string;
  readonly region: string;
  readonly workload: Workload;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** By absolute path. */
  readonly files: Readonly<Record<string, Buffer>>;
  /** Folders that must be there, also when nothing is in them. */
  readonly folders: readonly string[];
  readonly ports: Readonly<Record<string, number>>;
  /** The deployed readiness probe; undefined where there is none of HTTP. */
  readonly readiness?: { readonly path: string; readonly port: number };
  /** Between leaving its Services and SIGTERM. */
  readonly preStopSeconds: number;
  /** From leaving its Services to SIGKILL. */
  readonly graceSeconds: number;
}

/** Where one pod is put. */
export interface PodSite {
  readonly name: string;
  /** Its own folder, empty. */
  readonly folder: string;
  /** A free port of its place. */
  readonly port: () => Promise<number>;
  /** Base URLs here by the ones that were deployed: `http://livekit.media.svc.cluster.local:7880`. */
  readonly addresses: Readonly<Record<string, string>>;
}

/**
 * The process for one pod of a Deployment: the deployed command, environment and mounted files, with paths, ports and
 * addresses of this machine. Every difference is noted.
 */
export async function planPod(
  region: DeployedRegion,
  deployment: Deployment,
  workload: Workload,
  site: PodSite,
  rewrites: Rewrites,
): Promise<PodPlan> {
  const { containers, volumes, terminationGracePeriodSeconds } = deployment.spec.template.spec;
  const [container] = containers;
  if (container === undefined || containers.length > 1) {
    throw new Error(
      `${region.label(deployment)}: it has ${containers.length} containers, a local process stands for exactly one.`,
    );
  }
  const label = region.label(deployment);
  const mounts = container.volumeMounts.map(({ name, mountPath }) => {
    const volume = volumes.find((one) => one.name === name);
    const files = volume === undefined ? {} : region.filesOf(deployment.metadata.namespace, volume);
    rewrites.note(label, "path of a mount", mountPath, "a folder of this machine");
    return { mountPath, folder: join(site.folder, name), files };
  });
  const movePaths = pathMover(mounts);
  const ports: Record<string, number> = {};
  for (const { name, containerPort } of container.ports) {
    ports[name] = await site.port();
    rewrites.note(label, `port ${name}`, containerPort, "a free one for each pod");
  }
  const program = programFor(container.image);
  rewrites.note(
    label,
    "image",
    container.image,
    `${repositoryOf(container.image).split("/").at(-1) ?? ""} ${program.version()} of this machine`,
  );
  const words = [...container.command, ...container.args];
  if (program.commandWord !== undefined && words.shift() !== program.commandWord) {
    throw new Error(
      `${label}: its command begins with ${container.command[0] ?? "nothing"}, not ${program.commandWord}.`,
    );
  }
  const { readinessProbe } = container;
  const probed = readinessProbe?.httpGet;
  return {
    name: site.name,
    region: region.name,
    workload,
    command: program.path(),
    args: words.map(movePaths),
    environment: environmentOf(container, ports, movePaths, site.addresses, label, rewrites),
    files: Object.fromEntries(
      mounts.flatMap(({ folder, files }) =>
        Object.entries(files).map(([path, content]) => [join(folder, path), content] as const),
      ),
    ),
    folders: mounts.map(({ folder }) => folder),
    ports,
    ...(probed === undefined
      ? {}
      : { readiness: { path: probed.path, port: portOf(container, probed.port, ports) } }),
    preStopSeconds: container.lifecycle?.preStop.sleep?.seconds ?? 0,
    graceSeconds: terminationGracePeriodSeconds,
  };
}

/** The local port of a deployed one, by its name or its number. @throws Error if the container has none such */
export function portOf(
  container: Pick<Container, "name" | "ports">,
  wanted: string | number,
  ports: Readonly<Record<string, number>>,
): number {
  const named = container.ports.find(
    ({ name, containerPort }) => name === wanted || containerPort === wanted,
  );
  const port = ports[named?.name ?? ""];
  if (port === undefined) {
    throw new Error(`Container "${container.name}": it has no port ${wanted}.`);
  }
  return port;
}

/** Replaces mount paths by folders, all at once: a folder may itself lie below one of the paths. */
function pathMover(
  mounts: readonly { readonly mountPath: string; readonly folder: string }[],
): (text: string) => string {
  const folders = new Map(mounts.map(({ mountPath, folder }) => [mountPath, folder]));
  const paths = [...folders.keys()].sort((one, other) => other.length - one.length);
  if (paths.length === 0) {
    return (text) => text;
  }
  const pattern = new RegExp(`(?<![\\w./-])(${paths.map(escaped).join("|")})(?=/|"|$)`, "g");
  return (text) => text.replace(pattern, (path) => folders.get(path) ?? path);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function environmentOf(
  container: Container,
  ports: Readonly<Record<string, number>>,
  movePaths: (text: string) => string,
  addresses: PodSite["addresses"],
  label: string,
  rewrites: Rewrites,
): Record<string, string> {
  const entries = container.env.map(({ name, value = "" }) => {
    const address = addresses[value];
    if (address !== undefined) {
      return [name, rewrites.note(label, name, value, address)] as const;
    }
    const named = container.ports.find(({ containerPort }) => String(containerPort) === value);
    const port = name.endsWith("PORT") && named !== undefined ? ports[named.name] : undefined;
    return [name, port === undefined ? movePaths(value) : String(port)] as const;
  });
  return Object.fromEntries(entries);
}
