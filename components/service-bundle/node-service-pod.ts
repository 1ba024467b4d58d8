import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  labels,
  RESTRICTED_CONTAINER,
  restrictedPod,
  spreadOverZones,
} from "../shared/kubernetes.ts";
import { bundleCommand, BUNDLE_FILE, BUNDLE_PATHS } from "./bundle.ts";

/** The port every bundled service listens on. */
export const SERVICE_PORT = 8080;

/** The port for a service's metrics, where it has any. */
export const METRICS_PORT = 9090;

/** Where a service's secret files are mounted. */
export const SECRETS_PATH = "/etc/meet/secrets";

/** Seconds between a pod's leaving its Service and SIGTERM: kube-proxy on every node must have heard of it. */
export const PRE_STOP_SECONDS = 5;

/** The user `node` of the stock image (nodejs/docker-node, Dockerfile: `useradd --uid 1000 node`). */
const NODE_USER = 1000;

/** What a bundled service may use. */
export interface ServiceResources {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
}

/** What the pod of a bundled service is made from. */
export interface PodParts {
  readonly app: string;
  readonly image: string;
  readonly bundleName: string;
  /** Name of the Secret with the service's secret files; none when it has none. */
  readonly secretName?: pulumi.Input<string>;
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  readonly resources: ServiceResources;
  readonly shutdownSeconds: number;
  /** Whether it serves `/metrics` on METRICS_PORT. */
  readonly metrics: boolean;
}

/** Environment in a fixed order, so that adding a variable moves no other. */
export function environmentList(
  environment: Readonly<Record<string, pulumi.Input<string>>>,
): k8s.types.input.core.v1.EnvVar[] {
  return Object.entries(environment)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

/** The pod of a bundled service: the bundle, a scratch directory and secret files on an unwritable root. */
export function podTemplate(parts: PodParts): k8s.types.input.core.v1.PodTemplateSpec {
  return {
    metadata: {
      labels: labels(parts.app),
      ...(parts.metrics ? { annotations: SCRAPED } : {}),
    },
    spec: {
      serviceAccountName: parts.app,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: restrictedPod(NODE_USER),
      terminationGracePeriodSeconds: PRE_STOP_SECONDS + parts.shutdownSeconds + 5,
      topologySpreadConstraints: spreadOverZones(parts.app),
      containers: [container(parts)],
      volumes: [
        {
          name: "bundle",
          configMap: {
            name: parts.bundleName,
            items: [{ key: BUNDLE_FILE, path: BUNDLE_FILE }],
          },
        },
        { name: "scratch", emptyDir: { sizeLimit: "64Mi" } },
        ...(parts.secretName === undefined
          ? []
          : [{ name: "secrets", secret: { secretName: parts.secretName, defaultMode: 0o440 } }]),
      ],
    },
  };
}

/** What Prometheus' usual scrape configuration of pods looks at (prometheus-community/helm-charts, values.yaml). */
const SCRAPED = {
  "prometheus.io/scrape": "true",
  "prometheus.io/port": String(METRICS_PORT),
  "prometheus.io/path": "/metrics",
} as const;

function container(parts: PodParts): k8s.types.input.core.v1.Container {
  const memory = `${parts.resources.memoryMib}Mi`;
  return {
    name: parts.app,
    image: parts.image,
    command: bundleCommand(),
    env: environmentList({
      NODE_ENV: "production",
      PORT: String(SERVICE_PORT),
      SHUTDOWN_SECONDS: String(parts.shutdownSeconds),
      ...(parts.metrics ? { METRICS_PORT: String(METRICS_PORT) } : {}),
      ...parts.environment,
    }),
    ports: [
      { name: "http", containerPort: SERVICE_PORT, protocol: "TCP" },
      ...(parts.metrics ? [{ name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" }] : []),
    ],
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    startupProbe: {
      httpGet: { path: "/healthz", port: "http" },
      periodSeconds: 1,
      failureThreshold: 60,
    },
    livenessProbe: {
      httpGet: { path: "/healthz", port: "http" },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    readinessProbe: {
      httpGet: { path: "/readyz", port: "http" },
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 2,
    },
    // No CPU limit: throttling a relay delays everybody behind it. Memory is limited, so a leak ends one pod.
    resources: {
      requests: { cpu: `${parts.resources.cpuMillicores}m`, memory },
      limits: { memory },
    },
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [
      { name: "bundle", mountPath: BUNDLE_PATHS.bundle, readOnly: true },
      { name: "scratch", mountPath: BUNDLE_PATHS.scratch },
      ...(parts.secretName === undefined
        ? []
        : [{ name: "secrets", mountPath: SECRETS_PATH, readOnly: true }]),
    ],
  };
}
