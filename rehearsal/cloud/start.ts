import { Cloud } from "./cloud.ts";
import { startControl } from "./control.ts";
import { serve } from "./grpc.ts";
import type { CloudOptions } from "./inventory.ts";
import { providerNames } from "./model.ts";
import { StandInProvider } from "./provider.ts";

/** A stand-in cloud that runs. */
export interface RunningCloud {
  readonly ports: Readonly<Record<string, number>>;
  /** Value for PULUMI_DEBUG_PROVIDERS. */
  readonly debugProviders: string;
  /** Address of the control endpoint. */
  readonly controlUrl: string;
  readonly cloud: Cloud;
  close(): Promise<void>;
}

/**
 * Starts a cloud for the real Pulumi engine: providers for aws, kubernetes, cloudflare and random on local ports,
 * over one inventory that all stacks share. Attach them with PULUMI_DEBUG_PROVIDERS.
 *
 * It proves that a program deploys in the order in which it declares its dependencies, that a second update
 * changes nothing, and that the documented refusals in `rules/` are not met. It does not prove:
 * - that AWS accepts every input: what is not in a rule is taken as it is, and no IAM policy is evaluated;
 * - that anything runs: there are no machines, databases, balancers or pods behind the names; a Deployment is
 *   available as soon as what it refers to exists, and its image is never pulled;
 * - times, quotas, prices and eventual consistency: a call is done when it is answered;
 * - what the real providers change on the way: defaults they add, differences they show for ever, their bugs;
 * - Kubernetes schemas: those are checked by a real kube-apiserver elsewhere in the tests.
 */
export async function startCloud(options: CloudOptions = {}): Promise<RunningCloud> {
  const cloud = new Cloud(options);
  const served = await Promise.all(
    providerNames.map(async (name) => ({
      name,
      server: await serve(new StandInProvider(name, cloud)),
    })),
  );
  const control = await startControl(cloud);
  return {
    ports: Object.fromEntries(served.map(({ name, server }) => [name, server.port])),
    debugProviders: served.map(({ name, server }) => `${name}:${server.port}`).join(","),
    controlUrl: control.url,
    cloud,
    close: async () => {
      cloud.faults.release();
      await Promise.all([control.close(), ...served.map(({ server }) => server.close())]);
    },
  };
}
