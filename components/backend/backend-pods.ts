import { dirname } from "node:path/posix";
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { RDS_CA_PATH } from "../postgres/connection-url.ts";
import {
  labels,
  RESTRICTED_CONTAINER,
  restrictedPod,
  selector,
  spreadOverZones,
} from "../shared/kubernetes.ts";
import { SECRET_FILES_PATH, VARIABLE_SECRETS } from "./meet-environment.ts";
import { isPrimaryArguments, readinessProbe, type Readiness } from "./readiness.ts";

/** Names of the workloads: Kubernetes names and the label their pods are found by. */
export const APPS = {
  frontend: "frontend",
  backend: "backend",
  celery: "celery",
  migrate: "migrate",
  superuser: "superuser",
  cleanPendingFiles: "clean-pending-files",
  purgeDeletedFiles: "purge-deleted-files",
} as const;

/** What runs the backend image. */
export type BackendApp = Exclude<(typeof APPS)[keyof typeof APPS], "frontend">;

/** Ports of the two servers (suitenumerique/meet docker/files, src/frontend/default.conf). */
export const HTTP_PORTS = { backend: 8000, frontend: 8080 } as const;

/** Meet's images name their user "1001:127:-1000", which Kubernetes cannot prove to be unprivileged. */
const MEET_USER = 1001;

/** Where the certificates of RDS_CA_PATH (components/postgres/connection-url.ts) are mounted. */
const RDS_CA_DIRECTORY = dirname(RDS_CA_PATH);

/** gunicorn's graceful_timeout (suitenumerique/meet docker/files/usr/local/etc/gunicorn/meet.py). */
const GRACEFUL_SECONDS = 90;

/** Between a pod's leaving its Service and SIGTERM: kube-proxy on every node must have heard of it. */
const PRE_STOP_SECONDS = 10;

type Container = k8s.types.input.core.v1.Container;
type PodTemplate = k8s.types.input.core.v1.PodTemplateSpec;

/** What every pod of the backend image gets. */
export interface BackendPodParts {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Name of the Secret with files and variables. */
  readonly secretName: pulumi.Input<string>;
  /** File names in it that are mounted. */
  readonly secretFiles: readonly string[];
  /** Name of the ConfigMap with `ca.pem`. */
  readonly caBundleName: pulumi.Input<string>;
}

/** Requests are what is used at rest; memory is limited so that a leak ends one pod, CPU is not. */
function resources(
  cpuMillicores: number,
  memoryMib: number,
): k8s.types.input.core.v1.ResourceRequirements {
  const memory = `${memoryMib}Mi`;
  return { requests: { cpu: `${cpuMillicores}m`, memory }, limits: { memory } };
}

/** What a workload adds to the container and the pod that all share. */
interface Own {
  readonly container: Partial<Omit<Container, "name" | "image" | "env">>;
  readonly variables?: readonly k8s.types.input.core.v1.EnvVar[];
  readonly pod?: Partial<k8s.types.input.core.v1.PodSpec>;
}

/** A pod of the backend image. */
function backendPod(app: BackendApp, parts: BackendPodParts, own: Own): PodTemplate {
  return {
    metadata: { labels: labels(app) },
    spec: {
      serviceAccountName: APPS.backend,
      automountServiceAccountToken: false,
      // Otherwise the Services of the namespace become variables, and Meet reads two hundred names.
      enableServiceLinks: false,
      securityContext: restrictedPod(MEET_USER),
      containers: [
        {
          name: app,
          image: parts.image,
          env: [...variables(parts), ...(own.variables ?? [])],
          securityContext: RESTRICTED_CONTAINER,
          volumeMounts: [
            { name: "tmp", mountPath: "/tmp" },
            { name: "secrets", mountPath: SECRET_FILES_PATH, readOnly: true },
            { name: "rds-ca", mountPath: RDS_CA_DIRECTORY, readOnly: true },
          ],
          ...own.container,
        },
      ],
      volumes: [
        // In memory: gunicorn's workers touch a file there every second, and a slow disk would make them look dead.
        { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
        {
          name: "secrets",
          secret: {
            secretName: parts.secretName,
            defaultMode: 0o440,
            items: parts.secretFiles.map((key) => ({ key, path: key })),
          },
        },
        { name: "rds-ca", configMap: { name: parts.caBundleName } },
      ],
      ...own.pod,
    },
  };
}

/** The environment in a fixed order, then the secret variables. */
function variables(parts: BackendPodParts): k8s.types.input.core.v1.EnvVar[] {
  const plain = Object.entries(parts.environment)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
  const secret = VARIABLE_SECRETS.map((name) => ({
    name,
    valueFrom: { secretKeyRef: { name: parts.secretName, key: name } },
  }));
  return [...plain, ...secret];
}

/**
 * Meet's API. Liveness asks only whether gunicorn answers: the chart's way round, a database outage restarts every pod.
 * Readiness asks for the database too, so that a home without one is seen to be down, and whether another region was
 * promoted. All name Meet's host, because Django refuses any other.
 */
export function apiPod(parts: BackendPodParts, readiness: Readiness, workers: number): PodTemplate {
  const alive: k8s.types.input.core.v1.Probe = {
    httpGet: {
      path: "/__lbheartbeat__",
      port: "http",
      httpHeaders: [{ name: "Host", value: readiness.host }],
    },
    timeoutSeconds: 5,
  };
  return backendPod(APPS.backend, parts, {
    container: {
      ports: [{ name: "http", containerPort: HTTP_PORTS.backend, protocol: "TCP" }],
      lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
      startupProbe: { ...alive, periodSeconds: 3, failureThreshold: 40 },
      // Workers are synchronous: all may be busy for as long as a request may take, 90 s, and be well.
      livenessProbe: { ...alive, periodSeconds: 10, failureThreshold: 12 },
      readinessProbe: readinessProbe(readiness, HTTP_PORTS.backend),
      resources: resources(100 + 50 * workers, 192 + 160 * workers),
    },
    pod: {
      terminationGracePeriodSeconds: PRE_STOP_SECONDS + GRACEFUL_SECONDS + 20,
      topologySpreadConstraints: spreadOverZones(APPS.backend),
    },
  });
}

/**
 * Deletes files and test rooms in the background. No liveness probe: with the solo pool a worker that is busy answers
 * no ping, and would be killed for working.
 */
export function celeryPod(parts: BackendPodParts): PodTemplate {
  return backendPod(APPS.celery, parts, {
    container: {
      args: [
        ...["celery", "-A", "meet.celery_app", "worker"],
        ...["--pool=solo", "--loglevel=info", "-Q", "meet-backend"],
      ],
      resources: resources(50, 384),
    },
    pod: {
      terminationGracePeriodSeconds: 60,
      topologySpreadConstraints: spreadOverZones(APPS.celery),
    },
  });
}

/** A pod that runs one command to its end. Arguments, not a command: the image's entrypoint stays. */
export function commandPod(
  app: BackendApp,
  parts: BackendPodParts,
  args: readonly string[],
  own: readonly k8s.types.input.core.v1.EnvVar[] = [],
): PodTemplate {
  return backendPod(app, parts, {
    container: { args: [...args], resources: resources(100, 384) },
    variables: own,
    pod: { restartPolicy: "Never" },
  });
}

/**
 * A pod that runs a command to its end once its region is known to be the primary. A primary that comes back after
 * another was promoted has an old database: files that it takes for unfinished or deleted may be in use by now.
 */
export function fencedCommandPod(
  app: BackendApp,
  parts: BackendPodParts,
  args: readonly string[],
  gatewayUrl: pulumi.Input<string>,
): PodTemplate {
  return backendPod(app, parts, {
    container: { args: [...args], resources: resources(100, 384) },
    pod: {
      restartPolicy: "Never",
      initContainers: [
        {
          name: "is-primary",
          image: parts.image,
          args: isPrimaryArguments(gatewayUrl),
          resources: resources(50, 64),
          securityContext: RESTRICTED_CONTAINER,
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
        },
      ],
    },
  });
}

/** Static files on nginx. */
export function frontendPod(image: string): PodTemplate {
  const probe = { httpGet: { path: "/", port: "http" }, timeoutSeconds: 3 };
  return {
    metadata: { labels: labels(APPS.frontend) },
    spec: {
      serviceAccountName: APPS.frontend,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: restrictedPod(MEET_USER),
      terminationGracePeriodSeconds: PRE_STOP_SECONDS + 30,
      topologySpreadConstraints: spreadOverZones(APPS.frontend),
      containers: [
        {
          name: APPS.frontend,
          image,
          ports: [{ name: "http", containerPort: HTTP_PORTS.frontend, protocol: "TCP" }],
          lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
          livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
          readinessProbe: { ...probe, periodSeconds: 5, failureThreshold: 2 },
          resources: resources(50, 64),
          securityContext: RESTRICTED_CONTAINER,
          // The process id and what is buffered (nginxinc/docker-nginx-unprivileged).
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
        },
      ],
      volumes: [{ name: "tmp", emptyDir: { sizeLimit: "64Mi" } }],
    },
  };
}

/** A Deployment that never has fewer pods than it should while it rolls out. */
export function deploymentSpec(
  app: string,
  replicas: number,
  template: PodTemplate,
): k8s.types.input.apps.v1.DeploymentSpec {
  return {
    replicas,
    revisionHistoryLimit: 2,
    selector: { matchLabels: selector(app) },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template,
  };
}
