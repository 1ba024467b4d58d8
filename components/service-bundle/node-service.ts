import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { labels, selector } from "../shared/kubernetes.ts";
import { buildBundle, BUNDLE_FILE, MAX_BUNDLE_BYTES, type Bundle } from "./bundle.ts";
import { ingressFromVpc } from "./node-service-policy.ts";
import {
  METRICS_PORT,
  podTemplate,
  SERVICE_PORT,
  type ServiceResources,
} from "./node-service-pod.ts";

/** Part of every URN beneath it: never change without an alias. */
export const NODE_SERVICE_TYPE = "meet:app:NodeService";

/** A fixed number of pods, or as many as their CPU needs. */
export type Replicas =
  | { readonly fixed: number }
  | { readonly min: number; readonly max: number; readonly cpuPercent: number };

export interface NodeServiceArgs {
  readonly namespace: pulumi.Input<string>;
  /** Kubernetes name of all its objects, and the label its pods are found by. */
  readonly app: string;
  /** Folder under `services/` that is bundled. */
  readonly service: string;
  /** Tag of the stock Node image, of an exact version, with a digest where one is pinned. */
  readonly nodeVersion: string;
  readonly nodePort: number;
  readonly replicas: Replicas;
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /**
   * Secret files by name, mounted read-only. The kubelet replaces them in running pods within about a minute and
   * nothing is restarted: the service has to look at them again. @default none
   */
  readonly secretFiles?: Readonly<Record<string, pulumi.Input<string>>>;
  readonly resources: ServiceResources;
  /** Whether it serves `/metrics` on a port of its own, for Prometheus in the VPC. @default false */
  readonly metrics?: boolean;
  /** How long the service may take to end its connections after SIGTERM. */
  readonly shutdownSeconds: number;
  /** Range of the network the cluster is in: all that may reach the service. */
  readonly vpcCidr: string;
  /** What the service may reach; everything else is refused. */
  readonly egress: readonly k8s.types.input.networking.v1.NetworkPolicyEgressRule[];
  /** What must exist before the first pod. @default nothing */
  readonly podsDependOn?: readonly pulumi.Resource[];
}

/**
 * A service of this project on a stock Node image, with no registry of one's own: its minified bundle is in a
 * ConfigMap named by its content, so a new version rolls out and an old one can be gone back to. Its Secret keeps its
 * name, so new secrets cut nobody's connection. Makes the ConfigMap, the Secret, a ServiceAccount without rights, a
 * Deployment spread over the zones, a NodePort Service, a disruption budget, a network policy and, for a range of
 * replicas, an autoscaler. Cost: what its pods request of the system nodes.
 */
export class NodeService extends pulumi.ComponentResource {
  /** `<app>.<namespace>.svc.cluster.local:8080`. */
  readonly serviceHost: pulumi.Output<string>;

  constructor(name: string, args: NodeServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super(NODE_SERVICE_TYPE, name, {}, opts);
    const bundle = buildBundle(args.service);
    validate(this, name, args, bundle);
    const child = { parent: this };
    const metadata = { namespace: args.namespace, name: args.app, labels: labels(args.app) };
    const configMap = new k8s.core.v1.ConfigMap(
      `${name}-bundle`,
      {
        metadata: { ...metadata, name: `${args.app}-bundle-${bundle.hash}` },
        immutable: true,
        binaryData: { [BUNDLE_FILE]: bundle.gzipBase64 },
      },
      child,
    );
    const secretName = this.secret(name, args);
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const replicas = "fixed" in args.replicas ? args.replicas.fixed : args.replicas.min;
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas,
          revisionHistoryLimit: 2,
          selector: { matchLabels: selector(args.app) },
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: podTemplate({
            app: args.app,
            image: `docker.io/library/node:${args.nodeVersion}`,
            bundleName: `${args.app}-bundle-${bundle.hash}`,
            ...(secretName === undefined ? {} : { secretName }),
            environment: args.environment,
            resources: args.resources,
            shutdownSeconds: args.shutdownSeconds,
            metrics: args.metrics ?? false,
          }),
        },
      },
      {
        ...child,
        // The pod names the ConfigMap and the account by plain strings; without them it could not start.
        dependsOn: [configMap, account, ...(args.podsDependOn ?? [])],
        // The autoscaler owns the number of replicas where there is one.
        ...("fixed" in args.replicas ? {} : { ignoreChanges: ["spec.replicas"] }),
      },
    );
    this.reachability(name, args, metadata);
    this.availability(name, args, metadata);

    this.serviceHost = pulumi.interpolate`${args.app}.${args.namespace}.svc.cluster.local:${SERVICE_PORT}`;
    this.registerOutputs({ serviceHost: this.serviceHost });
  }

  private secret(name: string, args: NodeServiceArgs): pulumi.Output<string> | undefined {
    if (args.secretFiles === undefined) {
      return undefined;
    }
    const secret = new k8s.core.v1.Secret(
      `${name}-secrets`,
      {
        metadata: {
          namespace: args.namespace,
          name: `${args.app}-secrets`,
          labels: labels(args.app),
        },
        stringData: pulumi.all({ ...args.secretFiles }),
      },
      { parent: this },
    );
    return secret.metadata.name;
  }

  private reachability(
    name: string,
    args: NodeServiceArgs,
    metadata: k8s.types.input.meta.v1.ObjectMeta,
  ): void {
    new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          type: "NodePort",
          selector: selector(args.app),
          ports: [
            {
              name: "http",
              protocol: "TCP",
              port: SERVICE_PORT,
              targetPort: "http",
              nodePort: args.nodePort,
            },
          ],
        },
      },
      { parent: this },
    );
    new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata,
        spec: {
          podSelector: { matchLabels: selector(args.app) },
          policyTypes: ["Ingress", "Egress"],
          ingress: [ingressFromVpc(args.vpcCidr, args.metrics === true ? METRICS_PORT : undefined)],
          egress: [...args.egress],
        },
      },
      { parent: this },
    );
  }

  private availability(
    name: string,
    args: NodeServiceArgs,
    metadata: k8s.types.input.meta.v1.ObjectMeta,
  ): void {
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: selector(args.app) } } },
      { parent: this },
    );
    if ("fixed" in args.replicas) {
      return;
    }
    const { min, max, cpuPercent } = args.replicas;
    new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      name,
      {
        metadata,
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: args.app },
          minReplicas: min,
          maxReplicas: max,
          metrics: [
            {
              type: "Resource",
              resource: {
                name: "cpu",
                target: { type: "Utilization", averageUtilization: cpuPercent },
              },
            },
          ],
          // Each pod that goes cuts the connections it carries: rather a pod too many for ten minutes.
          behavior: {
            scaleDown: {
              stabilizationWindowSeconds: 600,
              policies: [{ type: "Pods", value: 1, periodSeconds: 120 }],
            },
          },
        },
      },
      { parent: this },
    );
  }
}

const EXACT_VERSION = /^\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$/;

function validate(
  resource: pulumi.Resource,
  name: string,
  args: NodeServiceArgs,
  bundle: Bundle,
): void {
  const faults = new Faults(NODE_SERVICE_TYPE, name);
  faults.when(
    bundle.bytes > MAX_BUNDLE_BYTES,
    `The bundle of services/${args.service} has ${bundle.bytes} bytes, more than the ${MAX_BUNDLE_BYTES} that fit a ConfigMap. Remove a dependency from the service.`,
  );
  const { replicas } = args;
  const least = "fixed" in replicas ? replicas.fixed : replicas.min;
  faults.when(
    !Number.isInteger(least) || least < 2,
    `${least} replicas leave no pod when a zone is lost. Use 2 or more.`,
  );
  faults.when(
    !("fixed" in replicas) && replicas.max < replicas.min,
    `maxReplicas ${"fixed" in replicas ? 0 : replicas.max} is less than minReplicas ${least}. Raise it.`,
  );
  faults.when(
    args.nodePort < 30000 || args.nodePort > 32767,
    `nodePort ${args.nodePort} is outside 30000-32767, the range Kubernetes gives out. Take one of NODE_PORTS in components/shared/names.ts.`,
  );
  faults.when(
    !EXACT_VERSION.test(args.nodeVersion),
    `nodeVersion ${args.nodeVersion} is no tag of an exact version. Use one like 24.19.0-bookworm-slim.`,
  );
  faults.throwIfAny(resource);
}
