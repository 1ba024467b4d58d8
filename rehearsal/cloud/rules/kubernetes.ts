import type { Rule, RuleCall } from "../model.ts";
import { kubernetesTypes, namespaceOf } from "../kubernetes/types.ts";
import { at, canonical, flag, flatten, list, map, number, text, type Value } from "../values.ts";
import { hasNodes } from "./eks.ts";
import { others, types } from "./support.ts";

const kind = (groupVersion: string, name: string) => `kubernetes:${groupVersion}:${name}`;
const namespaceType = kind("core/v1", "Namespace");
const serviceType = kind("core/v1", "Service");
const workloads = [
  kind("apps/v1", "Deployment"),
  kind("apps/v1", "DaemonSet"),
  kind("apps/v1", "StatefulSet"),
  kind("batch/v1", "Job"),
];
const clusterWide = new Set([
  "Namespace",
  "ClusterRole",
  "ClusterRoleBinding",
  "PriorityClass",
  "StorageClass",
  "APIService",
]);
const namespaced = kubernetesTypes
  .filter(({ title }) => !clusterWide.has(title))
  .map(({ token }) => token);
/** Namespaces that every cluster has. */
const givenNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
const MAX_OBJECT_BYTES = 1_048_576;

const podOf = (inputs: Value) => at(inputs, "spec.template.spec") ?? {};

/** What a pod cannot start without, as `<kind> <name>`; optional references do not count. */
function referencesOf(pod: Value): { token: string; name: string }[] {
  const wanted = (token: string, value: Value | undefined, key: string) => {
    const name = text(value, key);
    return name === undefined || flag(value, "optional") ? [] : [{ token, name }];
  };
  const configMap = kind("core/v1", "ConfigMap");
  const secret = kind("core/v1", "Secret");
  const containers = [...list(pod, "containers"), ...list(pod, "initContainers")];
  const variables = containers.flatMap((container) => list(container, "env"));
  const sources = containers.flatMap((container) => list(container, "envFrom"));
  const volumes = list(pod, "volumes").flatMap((volume) => [
    volume,
    ...list(volume, "projected.sources"),
  ]);
  return [
    ...wanted(kind("core/v1", "ServiceAccount"), pod, "serviceAccountName"),
    ...variables.flatMap((variable) => [
      ...wanted(configMap, at(variable, "valueFrom.configMapKeyRef"), "name"),
      ...wanted(secret, at(variable, "valueFrom.secretKeyRef"), "name"),
    ]),
    ...sources.flatMap((source) => [
      ...wanted(configMap, at(source, "configMapRef"), "name"),
      ...wanted(secret, at(source, "secretRef"), "name"),
    ]),
    ...volumes.flatMap((volume) => [
      ...wanted(configMap, at(volume, "configMap"), "name"),
      ...wanted(secret, at(volume, "secret"), "secretName"),
      ...wanted(secret, at(volume, "secret"), "name"),
    ]),
  ];
}

const nodePorts = (value: Value) =>
  list(value, "spec.ports").flatMap((port) => number(port, "nodePort") ?? []);

const isAwaited = ({ inputs }: RuleCall) =>
  map(inputs, "metadata.annotations")["pulumi.com/skipAwait"] !== "true";

/** Kubernetes. */
export const kubernetesRules: readonly Rule[] = [
  {
    id: "namespace-exists",
    what: "An object is made in a namespace that exists.",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/",
    errorCode: "NotFound",
    status: 404,
    types: namespaced,
    on: ["create"],
    check: (call) => {
      const name = namespaceOf(call);
      return givenNamespaces.includes(name) ||
        call.cloud.find(namespaceType, name, call.scope) !== undefined
        ? undefined
        : `namespaces "${name}" not found`;
    },
  },
  {
    id: "node-port-range",
    what: "A node port lies between 30000 and 32767.",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport",
    errorCode: "Invalid",
    status: 422,
    types: [serviceType],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const bad = nodePorts(inputs).find((port) => port < 30_000 || port > 32_767);
      return bad === undefined
        ? undefined
        : `spec.ports[0].nodePort: Invalid value: ${bad}: provided port is not in the valid range. The range of valid ports is 30000-32767`;
    },
  },
  {
    id: "node-port-once",
    what: "A node port belongs to one Service of the cluster.",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#nodeport-custom-port",
    errorCode: "Invalid",
    status: 422,
    types: [serviceType],
    on: ["create", "update"],
    check: (call) => {
      const taken = others(call, serviceType).flatMap(({ state }) => nodePorts(state));
      const clash = nodePorts(call.inputs).find((port) => taken.includes(port));
      return clash === undefined
        ? undefined
        : `spec.ports[0].nodePort: Invalid value: ${clash}: provided port is already allocated`;
    },
  },
  {
    id: "object-size",
    what: "A ConfigMap or Secret holds at most 1 MiB.",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/",
    errorCode: "Invalid",
    status: 422,
    types: [kind("core/v1", "ConfigMap"), kind("core/v1", "Secret")],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const size = (key: string, encoding: BufferEncoding) =>
        flatten(inputs[key] ?? []).reduce(
          (sum, item) => sum + Buffer.byteLength(item, encoding),
          0,
        );
      const isSecret = inputs["stringData"] !== undefined;
      const bytes =
        size("data", isSecret ? "base64" : "utf8") +
        size("binaryData", "base64") +
        size("stringData", "utf8");
      return bytes <= MAX_OBJECT_BYTES
        ? undefined
        : `data: Too long: may not be more than ${MAX_OBJECT_BYTES} bytes`;
    },
  },
  {
    id: "selector-matches",
    what: "A workload's selector matches the labels of its pods.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector",
    errorCode: "Invalid",
    status: 422,
    types: workloads.slice(0, 3),
    on: ["create", "update"],
    check: ({ inputs }) => {
      const labels = map(inputs, "spec.template.metadata.labels");
      const wanted = Object.entries(map(inputs, "spec.selector.matchLabels"));
      return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)
        ? undefined
        : "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`";
    },
  },
  {
    id: "selector-immutable",
    what: "A workload's selector never changes.",
    source:
      "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#label-selector-updates",
    errorCode: "Invalid",
    status: 422,
    types: workloads.slice(0, 3),
    on: ["update"],
    check: ({ inputs, thing }) =>
      canonical(at(inputs, "spec.selector"), false) ===
      canonical(at(thing?.state, "spec.selector"), false)
        ? undefined
        : "spec.selector: Invalid value: field is immutable",
  },
  {
    id: "job-template-immutable",
    what: "A Job's pod template never changes.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/job/",
    errorCode: "Invalid",
    status: 422,
    types: [kind("batch/v1", "Job")],
    on: ["update"],
    check: ({ inputs, thing }) =>
      canonical(at(inputs, "spec.template"), false) ===
      canonical(at(thing?.state, "spec.template"), false)
        ? undefined
        : "spec.template: Invalid value: field is immutable",
  },
  {
    id: "pod-references",
    what: "A workload becomes ready only when its service account, ConfigMaps and Secrets exist.",
    source:
      "https://kubernetes.io/docs/concepts/configuration/secret/#restriction-secret-must-exist",
    errorCode: "Timeout",
    waits: true,
    types: workloads,
    on: ["create", "update"],
    check: (call) => {
      const namespace = namespaceOf(call);
      const missing = referencesOf(podOf(call.inputs)).find(
        ({ token, name }) =>
          name !== "default" &&
          call.cloud.find(token, `${namespace}/${name}`, call.scope) === undefined,
      );
      return missing === undefined || !isAwaited(call)
        ? undefined
        : `timed out waiting to be Ready: ${missing.token.split(":")[2]?.toLowerCase() ?? ""} "${missing.name}" not found`;
    },
  },
  {
    id: "pods-need-nodes",
    what: "A workload becomes ready only when its cluster has nodes.",
    source: "https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/",
    errorCode: "Timeout",
    waits: true,
    types: workloads,
    on: ["create"],
    check: (call) => {
      const cluster = call.cloud
        .all(types.cluster)
        .find(({ state }) => text(state, "arn") === call.scope);
      return cluster === undefined ||
        !isAwaited(call) ||
        number(call.inputs, "spec.replicas") === 0 ||
        hasNodes(call.cloud, cluster.id, cluster.scope)
        ? undefined
        : "timed out waiting to be Ready: 0/0 nodes are available: no nodes available to schedule pods";
    },
  },
];
