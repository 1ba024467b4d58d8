import { join } from "node:path";
import type { DeployedRegion, DeployedValkey } from "./deployed-region.ts";
import { VALKEY_PROGRAM } from "./images.ts";
import type { PodPlan } from "./pod-plan.ts";
import type { Rewrites } from "./rewrites.ts";

/** A Redis in place of a replication group: its password and parameters, without TLS, replicas and snapshots. */
export function valkeyPlan(
  region: DeployedRegion,
  valkey: DeployedValkey,
  site: {
    readonly name: string;
    readonly folder: string;
    readonly address: string;
    readonly port: number;
  },
  rewrites: Rewrites,
): PodPlan {
  const label = `${region.name} replication group ${valkey.replicationGroupId}`;
  const engine = `${valkey.engine} ${valkey.engineVersion}`;
  rewrites.note(label, "engine", engine, `redis-server ${VALKEY_PROGRAM.version()}`);
  rewrites.note(label, "nodes", valkey.numCacheClusters, "1: there is no failover");
  rewrites.note(label, "snapshots", "daily", "none: a restart comes back empty");
  rewrites.note(
    label,
    "endpoint",
    `${valkey.primaryEndpointAddress}:${valkey.port}`,
    `${site.address}:${site.port}`,
  );
  if (valkey.transitEncryptionEnabled) {
    rewrites.note(label, "TLS", "required", "none");
  }
  const lines = [
    `bind ${site.address}`,
    `port ${site.port}`,
    "protected-mode no",
    `dir ${site.folder}`,
    'save ""',
    "appendonly no",
    ...(valkey.authToken === "" ? [] : [`requirepass ${JSON.stringify(valkey.authToken)}`]),
    ...Object.entries(valkey.parameters).map(([key, value]) => `${key} ${value}`),
  ];
  const file = join(site.folder, "redis.conf");
  return {
    name: site.name,
    region: region.name,
    workload: "valkey",
    command: VALKEY_PROGRAM.path(),
    args: [file],
    environment: {},
    files: { [file]: Buffer.from(`${lines.join("\n")}\n`) },
    folders: [site.folder],
    ports: { redis: site.port },
    preStopSeconds: 0,
    graceSeconds: 30,
  };
}
