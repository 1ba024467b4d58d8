import { z } from "zod";
import type { Ask } from "./api-server.ts";

/** What is looked at of any Kubernetes object. */
const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

/** A Kubernetes object as plain JSON. */
export type KubernetesObject = z.infer<typeof objectSchema>;

/** An object and what the API server had against it. */
export interface Refused {
  readonly object: string;
  readonly status: number;
  readonly reason: string;
}

const discoverySchema = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

const statusSchema = z.object({ message: z.string() });

/**
 * Checks that something is a Kubernetes object.
 * @throws if it has no apiVersion, kind or name
 */
export function kubernetesObject(candidate: unknown): KubernetesObject {
  return objectSchema.parse(candidate);
}

/**
 * Sends every object to a real API server as server-side apply in a dry run with strict field validation: schema,
 * defaulting, admission and pod security judge it, nothing is stored. Namespaces are made for real before, because
 * what lives in them is refused without.
 */
export async function applyDryRun(
  ask: Ask,
  objects: readonly KubernetesObject[],
): Promise<readonly Refused[]> {
  const isNamespace = (object: KubernetesObject): boolean => object.kind === "Namespace";
  const refused: Refused[] = [];
  for (const object of objects.filter(isNamespace)) {
    refused.push(...(await apply(ask, object, false)));
  }
  for (const object of objects.filter((other) => !isNamespace(other))) {
    refused.push(...(await apply(ask, object, true)));
  }
  return refused;
}

async function apply(
  ask: Ask,
  object: KubernetesObject,
  dryRun: boolean,
): Promise<readonly Refused[]> {
  const { apiVersion, kind, metadata } = object;
  const refusal = (status: number, reason: string): readonly Refused[] => [
    {
      object: `${apiVersion} ${kind} ${metadata.namespace ?? ""}/${metadata.name}`,
      status,
      reason,
    },
  ];
  const path = await pathOf(ask, object);
  if (path === undefined) {
    return refusal(404, `the server knows no ${kind} in ${apiVersion}`);
  }
  const query = `fieldManager=test&fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
  // JSON is YAML; the API server takes server-side apply under this media type only.
  const answer = await ask("PATCH", `${path}?${query}`, object, "application/apply-patch+yaml");
  if (answer.status < 300) {
    return [];
  }
  const status = statusSchema.safeParse(answer.body);
  return refusal(answer.status, status.success ? status.data.message : String(answer.body));
}

/** The address of an object, by the server's own list of what it serves. */
async function pathOf(ask: Ask, object: KubernetesObject): Promise<string | undefined> {
  const { apiVersion, kind, metadata } = object;
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { status, body } = await ask("GET", group);
  const served = status === 200 ? discoverySchema.parse(body).resources : [];
  const resource = served.find((item) => item.kind === kind && !item.name.includes("/"));
  if (resource === undefined) {
    return undefined;
  }
  const name = encodeURIComponent(metadata.name);
  return resource.namespaced
    ? `${group}/namespaces/${metadata.namespace ?? "default"}/${resource.name}/${name}`
    : `${group}/${resource.name}/${name}`;
}
