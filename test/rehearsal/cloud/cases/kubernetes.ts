import type { ValueMap } from "../../../../rehearsal/cloud/values.ts";
import { deployment, makeKubernetes } from "../fixtures.ts";
import type { Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const JOB = "kubernetes:batch/v1:Job";
const configMap = (k8s: Instance, data: ValueMap, namespace = "meet") =>
  k8s.create("kubernetes:core/v1:ConfigMap", "settings", {
    metadata: { name: "settings", namespace },
    data,
  });
const service = (k8s: Instance, name: string, nodePort: number) =>
  k8s.create("kubernetes:core/v1:Service", name, {
    metadata: { name, namespace: "meet" },
    spec: { type: "NodePort", ports: [{ port: 80, nodePort }] },
  });
const job = (image: string): ValueMap => ({
  metadata: { name: "migrate", namespace: "meet" },
  spec: { template: { spec: { containers: [{ name: "migrate", image }] } } },
});
const envFrom = {
  containers: [{ name: "web", envFrom: [{ configMapRef: { name: "settings" } }] }],
};
const otherSelector: ValueMap = {
  selector: { matchLabels: { app: "api" } },
  template: { metadata: { labels: { app: "api" } }, spec: { containers: [] } },
};

export const kubernetesCases: RuleCases = {
  "namespace-exists": {
    says: 'namespaces "nowhere" not found',
    broken: async (world) => configMap(await makeKubernetes(world), {}, "nowhere"),
    fine: async (world) => configMap(await makeKubernetes(world), {}),
  },
  "node-port-range": {
    says: "The range of valid ports is 30000-32767",
    broken: async (world) => service(await makeKubernetes(world), "web", 8080),
    fine: async (world) => service(await makeKubernetes(world), "web", 30_080),
  },
  "node-port-once": {
    says: "Invalid value: 30080: provided port is already allocated",
    broken: async (world) => {
      const k8s = await makeKubernetes(world);
      await service(k8s, "web", 30_080);
      return service(k8s, "api", 30_080);
    },
    fine: async (world) => {
      const k8s = await makeKubernetes(world);
      await service(k8s, "web", 30_080);
      return service(k8s, "api", 30_081);
    },
  },
  "object-size": {
    says: "may not be more than 1048576 bytes",
    broken: async (world) => configMap(await makeKubernetes(world), { a: "x".repeat(1_048_577) }),
    fine: async (world) => configMap(await makeKubernetes(world), { a: "x".repeat(1_048_576) }),
  },
  "selector-matches": {
    says: "`selector` does not match template `labels`",
    broken: async (world) =>
      (await makeKubernetes(world)).create(DEPLOYMENT, "web", deployment({}, { app: "api" })),
    fine: async (world) => (await makeKubernetes(world)).create(DEPLOYMENT, "web", deployment()),
  },
  "selector-immutable": {
    says: "spec.selector: Invalid value: field is immutable",
    broken: async (world) => {
      const k8s = await makeKubernetes(world);
      const made = await k8s.create(DEPLOYMENT, "web", deployment());
      return k8s.update(made, { spec: otherSelector });
    },
    fine: async (world) => {
      const k8s = await makeKubernetes(world);
      const made = await k8s.create(DEPLOYMENT, "web", deployment());
      return k8s.update(made, deployment({ hostNetwork: true }));
    },
  },
  "job-template-immutable": {
    says: "spec.template: Invalid value: field is immutable",
    broken: async (world) => {
      const k8s = await makeKubernetes(world);
      return k8s.update(await k8s.create(JOB, "migrate", job("meet:1")), job("meet:2"));
    },
    fine: async (world) => {
      const k8s = await makeKubernetes(world);
      const made = await k8s.create(JOB, "migrate", job("meet:1"));
      return k8s.update(made, { metadata: { name: "migrate", namespace: "meet", labels: {} } });
    },
  },
  "pod-references": {
    says: 'configmap "settings" not found',
    broken: async (world) =>
      (await makeKubernetes(world)).create(DEPLOYMENT, "web", deployment(envFrom)),
    fine: async (world) => {
      const k8s = await makeKubernetes(world);
      await configMap(k8s, {});
      return k8s.create(DEPLOYMENT, "web", deployment(envFrom));
    },
  },
  "pods-need-nodes": {
    says: "no nodes available to schedule pods",
    broken: async (world) =>
      (await makeKubernetes(world, false)).create(DEPLOYMENT, "web", deployment()),
    fine: async (world) => (await makeKubernetes(world)).create(DEPLOYMENT, "web", deployment()),
  },
};
