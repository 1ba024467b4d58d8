import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels } from "../shared/kubernetes.ts";
import { EGRESS_PORTS } from "./egress-config.ts";

/** Name of Egress's objects in the media namespace. */
export const EGRESS_APP = "egress";

/** Name of the configuration file in its Secret. */
export const EGRESS_CONFIG_FILE = "egress.yaml";

/** Label and taint of the nodes that record, and do nothing else. */
export const EGRESS_ROLE = { key: "meet/role", value: "egress" } as const;

/**
 * The user `egress`: the second that the image makes after Ubuntu's own, in group root (livekit/egress,
 * build/egress/Dockerfile). The image names it in letters, which runAsNonRoot cannot check.
 */
const EGRESS_USER = 1001;

/** Memory of one recording's pod: fits beside the system pods on a node of 4 vCPUs and 8 GiB. */
export const EGRESS_MEMORY = { requestGib: 4, limitGib: 6, stopAtGb: 5.5 } as const;

/**
 * More than half of what 4 vCPUs leave to pods, so that two never share such a node: one recording of a room costs 4
 * CPUs (livekit/egress, pkg/config/service.go). No limit: Egress counts the CPUs it may use and takes work by that.
 */
export const EGRESS_CPU_MILLICORES = 3000;

/** What Egress's pod is made from. */
export interface EgressPodParts {
  readonly image: string;
  readonly secretName: pulumi.Input<string>;
  /** The longest recording, its upload included: SIGTERM lets running recordings end. */
  readonly graceSeconds: number;
  readonly scratchGib: number;
}

/**
 * Egress's pod. PulseAudio wants its runtime directory to belong to its own user, which a mounted volume does not; so
 * the pod makes the directories itself on a volume mounted above them, and goes on as the image does.
 */
export function egressPod(parts: EgressPodParts): k8s.types.input.core.v1.PodTemplateSpec {
  return {
    metadata: {
      labels: labels(EGRESS_APP),
      annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "false" },
    },
    spec: {
      serviceAccountName: EGRESS_APP,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: { [EGRESS_ROLE.key]: EGRESS_ROLE.value },
      tolerations: [
        {
          key: EGRESS_ROLE.key,
          operator: "Equal",
          value: EGRESS_ROLE.value,
          effect: "NoSchedule",
        },
      ],
      terminationGracePeriodSeconds: parts.graceSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: EGRESS_USER,
        runAsGroup: 0,
        fsGroup: EGRESS_USER,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [container(parts)],
      volumes: [
        { name: "config", secret: { secretName: parts.secretName, defaultMode: 0o440 } },
        { name: "home", emptyDir: { sizeLimit: `${parts.scratchGib}Gi` } },
        { name: "tmp", emptyDir: { sizeLimit: "2Gi" } },
      ],
    },
  };
}

function container(parts: EgressPodParts): k8s.types.input.core.v1.Container {
  return {
    name: EGRESS_APP,
    image: parts.image,
    command: [
      "/bin/bash",
      "-c",
      "mkdir -p /home/egress/tmp /home/egress/.cache && mkdir -p -m 0700 /home/egress/.cache/xdgr && exec /entrypoint.sh",
    ],
    env: [
      { name: "EGRESS_CONFIG_FILE", value: `/etc/egress/${EGRESS_CONFIG_FILE}` },
      { name: "HOME", value: "/home/egress" },
    ],
    ports: [
      { name: "health", containerPort: EGRESS_PORTS.health, protocol: "TCP" },
      { name: "metrics", containerPort: EGRESS_PORTS.metrics, protocol: "TCP" },
    ],
    startupProbe: {
      httpGet: { path: "/", port: "health" },
      periodSeconds: 2,
      failureThreshold: 60,
    },
    // A recording takes all CPUs and may answer late: two minutes of silence, not two seconds, are a dead process.
    livenessProbe: {
      httpGet: { path: "/", port: "health" },
      periodSeconds: 20,
      timeoutSeconds: 10,
      failureThreshold: 6,
    },
    readinessProbe: {
      httpGet: { path: "/", port: "health" },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    resources: {
      requests: {
        cpu: `${EGRESS_CPU_MILLICORES}m`,
        memory: `${EGRESS_MEMORY.requestGib}Gi`,
        "ephemeral-storage": `${parts.scratchGib}Gi`,
      },
      limits: { memory: `${EGRESS_MEMORY.limitGib}Gi` },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "config", mountPath: "/etc/egress", readOnly: true },
      { name: "home", mountPath: "/home/egress" },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}
