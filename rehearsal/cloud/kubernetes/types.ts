import { digest } from "../naming.ts";
import type { Making, ResourceType } from "../model.ts";
import { list, map, number, text, type Value, type ValueMap } from "../values.ts";

interface KindSpec {
  readonly onDone?: ResourceType["onDone"];
  readonly replaceOn?: readonly string[];
  /** Not in a namespace. @default false */
  readonly isClusterWide?: boolean;
  readonly derived?: Readonly<Record<string, (making: Making) => Value>>;
}

/** The namespace of an object that is in one. */
export function namespaceOf(c: Pick<Making, "inputs" | "session">): string {
  return text(c.inputs, "metadata.namespace") ?? c.session.namespace;
}

/**
 * One Kubernetes kind. Name and namespace replace; the fields that the API server holds immutable come with the kind
 * (pulumi/pulumi-kubernetes provider/pkg/provider/diff.go, force-new list).
 */
function kind(groupVersion: string, name: string, spec: KindSpec = {}): ResourceType {
  const isClusterWide = spec.isClusterWide ?? false;
  const objectName = (c: Making) => text(c.inputs, "metadata.name") ?? "";
  return {
    provider: "kubernetes",
    token: `kubernetes:${groupVersion}:${name}`,
    title: name,
    api: [groupVersion, name],
    replaceOn: ["metadata.name", "metadata.namespace", ...(spec.replaceOn ?? [])],
    id: (c) => (isClusterWide ? objectName(c) : `${namespaceOf(c)}/${objectName(c)}`),
    computed: {},
    derived: {
      metadata: (c) => ({
        ...(isClusterWide ? {} : { namespace: namespaceOf(c) }),
        ...map(c.inputs, "metadata"),
        uid: text(c.old, "metadata.uid") ?? uid(c),
        creationTimestamp: text(c.old, "metadata.creationTimestamp") ?? "2026-01-01T00:00:00Z",
        resourceVersion: c.preview
          ? (text(c.old, "metadata.resourceVersion") ?? c.hex(1))
          : String((number(c.old, "metadata.resourceVersion") ?? 1000) + 1),
      }),
      ...spec.derived,
    },
    ...(spec.onDone === undefined ? {} : { onDone: spec.onDone }),
    autoname: { key: "metadata.name" },
    unique: {
      key: (c) => `${isClusterWide ? "" : namespaceOf(c)}/${objectName(c)}`,
      errorCode: "AlreadyExists",
      status: 409,
      message: (key) => `${name.toLowerCase()}s "${key.split("/")[1] ?? key}" already exists`,
    },
  };
}

const uid = (c: Making) => `${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}`;

const available = (c: Making): ValueMap => {
  const replicas = number(c.inputs, "spec.replicas") ?? 1;
  return {
    replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
    updatedReplicas: replicas,
    conditions: [{ type: "Available", status: "True", reason: "MinimumReplicasAvailable" }],
  };
};

/** What the API server adds to a Service: a cluster address, and node ports where none is asked for. */
function serviceSpec(c: Making): Value {
  const spec = map(c.inputs, "spec");
  const type = text(spec, "type") ?? "ClusterIP";
  const hasPorts = type === "NodePort" || type === "LoadBalancer";
  const address =
    text(c.old, "spec.clusterIP") ?? (c.preview ? c.hex(1) : `172.20.${clusterAddress(c)}`);
  return {
    type,
    clusterIP: address,
    sessionAffinity: "None",
    ...spec,
    ports: list(spec, "ports").map((port, index) => ({
      protocol: "TCP",
      targetPort: number(port, "port") ?? 0,
      ...(hasPorts
        ? {
            nodePort:
              number(c.old, `spec.ports.${index}.nodePort`) ?? (c.preview ? c.hex(1) : freePort(c)),
          }
        : {}),
      ...map({ port }, "port"),
    })),
  };
}

function clusterAddress(c: Making): string {
  const bits = Number.parseInt(digest(c.urn, 4), 16);
  return `${bits >> 8}.${1 + (bits % 254)}`;
}

function freePort(c: Making): number {
  const taken = new Set(
    c.cloud
      .all("kubernetes:core/v1:Service")
      .filter(({ scope }) => scope === c.scope)
      .flatMap(({ state }) => list(state, "spec.ports").map((port) => number(port, "nodePort"))),
  );
  let port = 30_000;
  while (taken.has(port)) {
    port += 1;
  }
  return port;
}

const workload = {
  replaceOn: ["spec.selector"],
  derived: { status: available },
};

const rbac = "rbac.authorization.k8s.io/v1";

/** Every Kubernetes kind that the stand-in knows. */
export const kubernetesTypes: readonly ResourceType[] = [
  kind("core/v1", "Namespace", {
    isClusterWide: true,
    derived: { status: () => ({ phase: "Active" }) },
    onDone: (cloud, op, { scope, id }) => {
      if (op === "delete") {
        cloud.removeWhere((thing) => thing.scope === scope && thing.id.startsWith(`${id}/`));
      }
    },
  }),
  // Both are immutable for the provider unless it is told otherwise: a change makes a new one.
  kind("core/v1", "ConfigMap", { replaceOn: ["data", "binaryData", "immutable"] }),
  kind("core/v1", "Secret", { replaceOn: ["data", "stringData", "type", "immutable"] }),
  kind("core/v1", "Service", { replaceOn: ["spec.clusterIP"], derived: { spec: serviceSpec } }),
  kind("core/v1", "ServiceAccount"),
  kind("core/v1", "PersistentVolumeClaim", {
    replaceOn: ["spec.storageClassName", "spec.accessModes"],
  }),
  kind("core/v1", "ResourceQuota"),
  kind("core/v1", "LimitRange"),
  kind("apps/v1", "Deployment", workload),
  kind("apps/v1", "DaemonSet", {
    ...workload,
    derived: { status: () => ({ numberReady: 1, desiredNumberScheduled: 1 }) },
  }),
  kind("apps/v1", "StatefulSet", {
    ...workload,
    replaceOn: ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"],
  }),
  kind("batch/v1", "Job", {
    replaceOn: ["spec.selector", "spec.template", "spec.completions", "spec.completionMode"],
    derived: {
      status: () => ({ succeeded: 1, conditions: [{ type: "Complete", status: "True" }] }),
    },
  }),
  kind("batch/v1", "CronJob"),
  kind("policy/v1", "PodDisruptionBudget"),
  kind("autoscaling/v2", "HorizontalPodAutoscaler"),
  kind("networking.k8s.io/v1", "NetworkPolicy"),
  kind("networking.k8s.io/v1", "Ingress"),
  kind(rbac, "Role"),
  kind(rbac, "RoleBinding", { replaceOn: ["roleRef"] }),
  kind(rbac, "ClusterRole", { isClusterWide: true }),
  kind(rbac, "ClusterRoleBinding", { isClusterWide: true, replaceOn: ["roleRef"] }),
  kind("scheduling.k8s.io/v1", "PriorityClass", {
    isClusterWide: true,
    replaceOn: ["value", "globalDefault"],
  }),
  kind("storage.k8s.io/v1", "StorageClass", {
    isClusterWide: true,
    replaceOn: ["provisioner", "parameters"],
  }),
  kind("apiregistration.k8s.io/v1", "APIService", { isClusterWide: true }),
];
