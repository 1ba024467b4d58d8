import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels, RESTRICTED_CONTAINER, selector } from "../shared/kubernetes.ts";
import { LIVEKIT_PORTS } from "../shared/names.ts";
import { LIVEKIT_METRICS_PORT } from "./livekit-config.ts";

/** Name of LiveKit's objects in the media namespace. */
export const LIVEKIT_APP = "livekit";

/** Name of the configuration file in its Secret. */
export const LIVEKIT_CONFIG_FILE = "livekit.yaml";

/** Label and taint of the nodes that carry media, and nothing else. */
export const MEDIA_ROLE = { key: "meet/role", value: "media" } as const;

/** Any user but root will do: the image names none, and all ports are above 1024. 65532 is the customary "nonroot". */
const NONROOT = 65532;

/** What LiveKit's pod is made from. */
export interface LiveKitPodParts {
  readonly image: string;
  readonly secretName: pulumi.Input<string>;
  readonly drainDeadlineSeconds: number;
  readonly resources: { readonly cpuMillicores: number; readonly memoryMib: number };
}

/**
 * LiveKit's pod: on the network of a media node, alone there because of its ports. It drains for as long as its
 * deadline lets it after SIGTERM and is killed then. That is meant: after a kill clients come back by themselves,
 * after a forced polite stop they do not (livekit/livekit, pkg/rtc/participant.go, SERVER_SHUTDOWN).
 */
export function livekitPod(parts: LiveKitPodParts): k8s.types.input.core.v1.PodTemplateSpec {
  return {
    metadata: {
      labels: labels(LIVEKIT_APP),
      annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "false" },
    },
    spec: {
      serviceAccountName: LIVEKIT_APP,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostNetwork: true,
      // Else a pod on the host network resolves by the node, and no name of the cluster.
      dnsPolicy: "ClusterFirstWithHostNet",
      nodeSelector: { [MEDIA_ROLE.key]: MEDIA_ROLE.value },
      tolerations: [
        {
          key: MEDIA_ROLE.key,
          operator: "Equal",
          value: MEDIA_ROLE.value,
          effect: "NoSchedule",
        },
      ],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              topologyKey: "kubernetes.io/hostname",
              labelSelector: { matchLabels: selector(LIVEKIT_APP) },
            },
          ],
        },
      },
      terminationGracePeriodSeconds: parts.drainDeadlineSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: NONROOT,
        runAsGroup: NONROOT,
        fsGroup: NONROOT,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [container(parts)],
      volumes: [{ name: "config", secret: { secretName: parts.secretName, defaultMode: 0o440 } }],
    },
  };
}

function container(parts: LiveKitPodParts): k8s.types.input.core.v1.Container {
  return {
    name: LIVEKIT_APP,
    image: parts.image,
    args: ["--config", `/etc/livekit/${LIVEKIT_CONFIG_FILE}`],
    // On the host network these are the node's ports, and the scheduler puts no second pod there. The UDP range is left
    // out: it would be a line per port and says nothing more.
    ports: [
      { name: "signal", containerPort: LIVEKIT_PORTS.signal, protocol: "TCP" },
      { name: "ice-tcp", containerPort: LIVEKIT_PORTS.iceTcp, protocol: "TCP" },
      { name: "turn-udp", containerPort: LIVEKIT_PORTS.turnUdp, protocol: "UDP" },
      { name: "turn-tls", containerPort: LIVEKIT_PORTS.turnTls, protocol: "TCP" },
      { name: "metrics", containerPort: LIVEKIT_METRICS_PORT, protocol: "TCP" },
    ].map((port) => ({ ...port, hostPort: port.containerPort })),
    startupProbe: { tcpSocket: { port: "signal" }, periodSeconds: 2, failureThreshold: 60 },
    // Never `/`: it answers 406 four seconds after Valkey is lost, and restarting a node then ends meetings whose media
    // went on (livekit/livekit#4663, 53 minutes). A minute of refused connections is a dead process.
    livenessProbe: {
      tcpSocket: { port: "signal" },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    readinessProbe: {
      httpGet: { path: "/", port: "signal" },
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 2,
    },
    // No limits: the node is LiveKit's alone, a throttled media server loses packets, a killed one meetings.
    resources: {
      requests: {
        cpu: `${parts.resources.cpuMillicores}m`,
        memory: `${parts.resources.memoryMib}Mi`,
      },
    },
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: "config", mountPath: "/etc/livekit", readOnly: true }],
  };
}
