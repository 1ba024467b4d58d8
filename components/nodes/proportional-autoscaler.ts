import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { contentHash } from "../shared/content-hash.ts";
import { Faults } from "../shared/faults.ts";
import { labels, restrictedPod, RESTRICTED_CONTAINER, selector } from "../shared/kubernetes.ts";

/** Part of every URN beneath it: never change without an alias. */
export const PROPORTIONAL_AUTOSCALER_TYPE = "meet:compute:ProportionalAutoscaler";

/** Arguments of ProportionalAutoscaler. */
export interface ProportionalAutoscalerArgs {
  readonly namespace: pulumi.Input<string>;
  /** Name of the Deployment, which leaves `spec.replicas` to this (ignoreChanges). */
  readonly deployment: string;
  /** Nodes of which role are counted: one pod for each. */
  readonly role: "media" | "egress";
  /** Exact image tag, such as `v1.10.3`; with the `v` since v1.8.8. */
  readonly version: string;
}

/**
 * Keeps a Deployment at one pod per node of a role, so that pods and nodes grow together: the autoscaling group adds a
 * node, this adds the pod for it (kubernetes-sigs/cluster-proportional-autoscaler). A DaemonSet would place them too, but
 * a drain leaves DaemonSets alone, so a node would end with its rooms. Counts nodes that take no new pods as well: with
 * one fewer wanted while a node is drained, Kubernetes would be free to end a healthy pod instead. Makes the objects of
 * one small pod on the system nodes. While it is away, nothing changes.
 */
export class ProportionalAutoscaler extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: ProportionalAutoscalerArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(PROPORTIONAL_AUTOSCALER_TYPE, name, {}, opts);
    validate(this, name, args);
    const app = `${args.deployment}-autoscaler`;
    const child = { parent: this };
    const data = { linear: linearParameters() };
    const settings = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: {
          // By content: the pod reads it once it has another name.
          name: `${app}-${contentHash(data)}`,
          namespace: args.namespace,
          labels: labels(app),
        },
        immutable: true,
        data,
      },
      child,
    );
    const rights = this.rights(name, args, app, settings);
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata: { name: app, namespace: args.namespace, labels: labels(app) },
        spec: {
          replicas: 1,
          // Two would work against each other during a roll-out with changed settings.
          strategy: { type: "Recreate" },
          selector: { matchLabels: selector(app) },
          template: {
            metadata: { labels: labels(app) },
            spec: autoscalerPodSpec(app, args, settings.metadata.name),
          },
        },
      },
      { ...child, dependsOn: rights },
    );
    this.registerOutputs({});
  }

  private rights(
    name: string,
    args: ProportionalAutoscalerArgs,
    app: string,
    settings: k8s.core.v1.ConfigMap,
  ): pulumi.Resource[] {
    const child = { parent: this };
    const inNamespace = { name: app, namespace: args.namespace, labels: labels(app) };
    // Cluster-wide names: told apart by the Deployment's.
    const clusterWide = { name: `meet-${app}`, labels: labels(app) };
    const account = new k8s.core.v1.ServiceAccount(name, { metadata: inNamespace }, child);
    const subjects = [
      { kind: "ServiceAccount", name: account.metadata.name, namespace: args.namespace },
    ];
    const nodes = new k8s.rbac.v1.ClusterRole(
      name,
      { metadata: clusterWide, rules: NODE_RULES },
      child,
    );
    const scale = new k8s.rbac.v1.Role(
      name,
      {
        metadata: inNamespace,
        rules: settings.metadata.name.apply((known) => scaleRules(args.deployment, known)),
      },
      child,
    );
    const apiGroup = "rbac.authorization.k8s.io";
    return [
      new k8s.rbac.v1.ClusterRoleBinding(
        name,
        {
          metadata: clusterWide,
          roleRef: { apiGroup, kind: "ClusterRole", name: nodes.metadata.name },
          subjects,
        },
        child,
      ),
      new k8s.rbac.v1.RoleBinding(
        name,
        {
          metadata: inNamespace,
          roleRef: { apiGroup, kind: "Role", name: scale.metadata.name },
          subjects,
        },
        child,
      ),
    ];
  }
}

/**
 * One pod per node, at least one, and nodes that take no new pods count (README of the project, "Linear Mode";
 * pkg/autoscaler/controller/linearcontroller, v1.9.1).
 */
export function linearParameters(): string {
  return JSON.stringify({
    nodesPerReplica: 1,
    min: 1,
    preventSinglePointFailure: false,
    includeUnschedulableNodes: true,
  });
}

/** Counting nodes; it follows them by watching (charts/…/templates/clusterrole.yaml). */
const NODE_RULES: k8s.types.input.rbac.v1.PolicyRule[] = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] },
];

/** Its settings and the size of one Deployment, nothing else (narrower than the chart's role.yaml). */
function scaleRules(deployment: string, settings: string): k8s.types.input.rbac.v1.PolicyRule[] {
  return [
    {
      apiGroups: ["apps"],
      resources: ["deployments/scale"],
      resourceNames: [deployment],
      verbs: ["get", "update"],
    },
    { apiGroups: [""], resources: ["configmaps"], resourceNames: [settings], verbs: ["get"] },
  ];
}

/** Nobody: its image is distroless (Dockerfile.in of the project). */
const USER_ID = 65_535;

/** Its pod. Flags: cmd/cluster-proportional-autoscaler/options/options.go, v1.9.1. */
function autoscalerPodSpec(
  app: string,
  args: ProportionalAutoscalerArgs,
  settings: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec {
  const probe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 10 };
  return {
    serviceAccountName: app,
    securityContext: restrictedPod(USER_ID),
    nodeSelector: { "kubernetes.io/os": "linux", "meet/role": "system" },
    containers: [
      {
        name: "autoscaler",
        image: `registry.k8s.io/cpa/cluster-proportional-autoscaler:${args.version}`,
        args: [
          pulumi.interpolate`--namespace=${args.namespace}`,
          pulumi.interpolate`--configmap=${settings}`,
          `--target=deployment/${args.deployment}`,
          `--nodelabels=meet/role=${args.role}`,
          "--poll-period-seconds=10",
          "--logtostderr=true",
          "--v=2",
        ],
        livenessProbe: probe,
        readinessProbe: probe,
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "96Mi" } },
        securityContext: RESTRICTED_CONTAINER,
      },
    ],
  };
}

function validate(resource: pulumi.Resource, name: string, args: ProportionalAutoscalerArgs): void {
  const faults = new Faults(PROPORTIONAL_AUTOSCALER_TYPE, name);
  faults.when(
    !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(args.deployment) || args.deployment.length > 40,
    `deployment "${args.deployment}" is no name of at most 40 lower-case letters, digits and hyphens. Correct it.`,
  );
  faults.when(
    !/^v1\.\d+\.\d+(@sha256:[0-9a-f]{64})?$/.test(args.version),
    `version "${args.version}" is no exact image tag. Write one such as v1.10.3.`,
  );
  faults.throwIfAny(resource);
}
