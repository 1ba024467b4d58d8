import { basename, join } from "node:path";
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import type { DeployedRegion } from "./deployed-region.ts";
import { RUN_HERE } from "./images.ts";
import { livekitFileSchema, type LiveKitFile } from "./livekit-plan.ts";
import type { LocalPod } from "./local-pod.ts";
import type { Deployment } from "./objects.ts";
import { VALKEY_FILE } from "./rooms-plan.ts";

/** Seconds that a LiveKit here may take to end when its configuration has changed; deployed it has hours. */
const LIVEKIT_GRACE_SECONDS = 5;

/**
 * Gives a region's pods what is deployed by now. Secret files of gateways change under the running process, as the
 * kubelet does it; a LiveKit whose keys have changed is another pod, and they are replaced one by one.
 */
export async function syncPods(
  region: DeployedRegion,
  pods: readonly LocalPod[],
  folder: string,
): Promise<void> {
  for (const deployment of region.deployments) {
    const { namespace, name } = deployment.metadata;
    const workload = RUN_HERE[`${namespace}/${name}`];
    for (const pod of pods.filter((one) => one.workload === workload)) {
      const files = mountedSecrets(region, deployment, join(folder, pod.name));
      if (workload === "rooms") {
        // The address of the Valkey is this machine's own.
        pod.writeFiles(withoutName(files, VALKEY_FILE));
      } else if (workload === "livekit") {
        await replaceKeys(pod, files);
      }
    }
  }
}

function mountedSecrets(
  region: DeployedRegion,
  deployment: Deployment,
  folder: string,
): Record<string, Buffer> {
  const volumes = deployment.spec.template.spec.volumes.filter(
    ({ secret }) => secret !== undefined,
  );
  return Object.fromEntries(
    volumes.flatMap((volume) =>
      Object.entries(region.filesOf(deployment.metadata.namespace, volume)).map(
        ([path, content]) => [join(folder, volume.name, path), content] as const,
      ),
    ),
  );
}

function withoutName(files: Record<string, Buffer>, name: string): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => basename(path) !== name));
}

async function replaceKeys(pod: LocalPod, files: Record<string, Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const deployed = livekitFileSchema.parse(parse(content.toString()));
    const here = livekitFileSchema.parse(parse(readFileSync(path, "utf8")));
    if (keysOf(deployed) !== keysOf(here)) {
      const { keys } = deployed;
      const webhook =
        here.webhook === undefined
          ? {}
          : { webhook: { ...deployed.webhook, urls: here.webhook.urls } };
      await pod.stop(LIVEKIT_GRACE_SECONDS);
      pod.writeFiles({ [path]: Buffer.from(stringify({ ...here, keys, ...webhook })) });
      await pod.start();
    }
  }
}

function keysOf({ keys, webhook }: LiveKitFile): string {
  return JSON.stringify([keys, webhook?.["api_key"]]);
}
