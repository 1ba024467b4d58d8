import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { restrictedPod, RESTRICTED_CONTAINER, selector } from "../shared/kubernetes.ts";
import { HEARTBEAT_INTERVAL_SECONDS, waitSeconds } from "./drain.ts";

/** Name of all its objects. */
export const HANDLER_NAME = "aws-node-termination-handler";

/** What it may do in the cluster (config/helm/aws-node-termination-handler/templates/clusterrole.yaml, v1.25.6). */
export const HANDLER_RULES: k8s.types.input.rbac.v1.PolicyRule[] = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "patch", "update"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
  { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["get"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

/** The user its image runs as (values.yaml of its chart). */
const USER_ID = 1000;

const PROBE_PORT = 8080;

/** What the pod is made from. */
export interface HandlerPod {
  /** Exact tag, such as `v1.25.3`. */
  readonly version: string;
  readonly awsRegion: string;
  readonly queueUrl: pulumi.Input<string>;
  /** The longest grace period of a pod on the nodes it drains. */
  readonly drainSeconds: number;
  /** Drains at the same time; a node beyond that gets no heartbeat. */
  readonly workers: number;
}

/** Settings, by environment variable (pkg/config/config.go, v1.25.6). */
export function handlerSettings(pod: HandlerPod): Record<string, pulumi.Input<string>> {
  const wait = String(waitSeconds(pod.drainSeconds));
  return {
    ENABLE_SQS_TERMINATION_DRAINING: "true",
    AWS_REGION: pod.awsRegion,
    QUEUE_URL: pod.queueUrl,
    CHECK_TAG_BEFORE_DRAINING: "true",
    // An instance that ended before it was drained is no node any more; kept, its message would come back for ever.
    DELETE_SQS_MSG_IF_NODE_NOT_FOUND: "true",
    WORKERS: String(pod.workers),
    HEARTBEAT_INTERVAL: String(HEARTBEAT_INTERVAL_SECONDS),
    HEARTBEAT_UNTIL: wait,
    // Also how long it waits for a drain; 120 s by default, after which it gives up and the node ends.
    NODE_TERMINATION_GRACE_PERIOD: wait,
    // Each pod's own: a room may take hours, everything else on the node does not.
    POD_TERMINATION_GRACE_PERIOD: "-1",
    IGNORE_DAEMON_SETS: "true",
    DELETE_LOCAL_DATA: "true",
    EMIT_KUBERNETES_EVENTS: "true",
    ENABLE_PROBES_SERVER: "true",
    PROBES_SERVER_PORT: String(PROBE_PORT),
    JSON_LOGGING: "true",
  };
}

/** Pod of the handler: on the system nodes, so that it does not drain itself. */
export function handlerPodSpec(pod: HandlerPod): k8s.types.input.core.v1.PodSpec {
  const settings = Object.entries(handlerSettings(pod)).map(([name, value]) => ({ name, value }));
  return {
    serviceAccountName: HANDLER_NAME,
    securityContext: restrictedPod(USER_ID),
    nodeSelector: { "kubernetes.io/os": "linux", "meet/role": "system" },
    priorityClassName: "system-cluster-critical",
    containers: [
      {
        name: HANDLER_NAME,
        image: `public.ecr.aws/aws-ec2/aws-node-termination-handler:${pod.version}`,
        env: [
          fromField("NODE_NAME", "spec.nodeName"),
          fromField("POD_NAME", "metadata.name"),
        ].concat([fromField("NAMESPACE", "metadata.namespace")], settings),
        ports: [{ name: "probes", containerPort: PROBE_PORT }],
        livenessProbe: {
          httpGet: { path: "/healthz", port: "probes" },
          initialDelaySeconds: 5,
          periodSeconds: 10,
        },
        resources: {
          requests: { cpu: "50m", memory: "64Mi" },
          limits: { memory: "128Mi" },
        },
        securityContext: RESTRICTED_CONTAINER,
      },
    ],
  };
}

/** Labels its pods are found by. */
export const HANDLER_SELECTOR = selector(HANDLER_NAME);

function fromField(name: string, fieldPath: string): k8s.types.input.core.v1.EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
