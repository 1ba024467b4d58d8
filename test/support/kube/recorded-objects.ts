import { SECRET_KEY, type Recorded } from "../../../plan/recorded.ts";
import { kubernetesObject, type KubernetesObject } from "./dry-run.ts";

/** Type tokens that are no objects of the API: the provider and groups of the SDK. */
const NO_OBJECT = /^kubernetes:(yaml|helm|kustomize)|^pulumi:providers:/;

/** Workloads whose pods are judged by themselves, since pod security refuses pods and only warns about templates. */
const POD_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/**
 * The Kubernetes objects of a recorded stack as the provider would send them, and for each workload a pod of its
 * template. Patches of objects that the cluster itself has made are left out: there is nothing here to be patched.
 */
export function recordedObjects(resources: readonly Recorded[]): readonly KubernetesObject[] {
  return resources
    .filter(({ custom, type }) => custom && type.startsWith("kubernetes:") && !NO_OBJECT.test(type))
    .filter(({ type }) => !type.endsWith("Patch"))
    .flatMap((resource) => {
      const object = toObject(resource);
      return [object, ...podOf(object)];
    });
}

function toObject({ type, name, inputs }: Recorded): KubernetesObject {
  // kubernetes:apps/v1:Deployment; the core group is kubernetes:core/v1:Secret, whose apiVersion is v1.
  const [, groupVersion = "", kind = ""] = type.split(":");
  const plain = revealed(inputs);
  const { metadata = {}, ...rest } = isObject(plain) ? plain : {};
  return kubernetesObject({
    ...rest,
    apiVersion: groupVersion.replace(/^core\//, ""),
    kind,
    metadata: { name, ...(isObject(metadata) ? metadata : {}) },
  });
}

function podOf(object: KubernetesObject): readonly KubernetesObject[] {
  const path = POD_TEMPLATES[object.kind];
  if (path === undefined) {
    return [];
  }
  const template = path.reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    object,
  );
  if (!isObject(template)) {
    return [];
  }
  const metadata = isObject(template["metadata"]) ? template["metadata"] : {};
  const { name, namespace } = object.metadata;
  const spec = template["spec"];
  return [
    kubernetesObject({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...metadata,
        name: `${name}-pod`,
        ...(namespace === undefined ? {} : { namespace }),
      },
      spec,
    }),
  ];
}

/** The recorder marks secrets; the API server gets what is in them. */
function revealed(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(revealed);
  }
  if (!isObject(value)) {
    return value;
  }
  if (SECRET_KEY in value) {
    return revealed(value[SECRET_KEY]);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
