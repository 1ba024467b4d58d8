import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { hashedName } from "../shared/content-hash.ts";
import { Faults } from "../shared/faults.ts";
import { labels, selector } from "../shared/kubernetes.ts";
import { LIVEKIT_PORTS } from "../shared/names.ts";
import { livekitConfig, type LiveKitConfigInputs } from "./livekit-config.ts";
import { LIVEKIT_APP, LIVEKIT_CONFIG_FILE, livekitPod } from "./livekit-pod.ts";

/** Part of every URN beneath it: never change without an alias. */
export const LIVEKIT_TYPE = "meet:media:LiveKit";

export interface LiveKitArgs {
  /** A namespace that admits pods on the host network. */
  readonly namespace: pulumi.Input<string>;
  /** Tag of livekit/livekit-server, such as `v1.13.5`, with a digest where one is pinned. */
  readonly version: string;
  /** Name of the stack: LiveKit's label for the region. */
  readonly region: string;
  readonly valkey: {
    readonly host: pulumi.Input<string>;
    readonly port: pulumi.Input<number>;
    readonly authToken: pulumi.Input<string>;
  };
  readonly keys: {
    readonly apiKey: pulumi.Input<string>;
    readonly apiSecret: pulumi.Input<string>;
  };
  readonly turnHost: string;
  readonly udpPorts: { readonly from: number; readonly to: number };
  /** Where LiveKit reports what happens: the room gateway of its region, which relays it to Meet. */
  readonly webhookUrl: pulumi.Input<string>;
  /** How long a node may wait for its meetings to end before it is killed. */
  readonly drainDeadlineMinutes: number;
  /** Pods to begin with; from then on the proportional autoscaler keeps one per media node. */
  readonly minReplicas: number;
  /** What a pod requests of its node, which is its alone. @default 1 CPU and 1 GiB, to fit the smallest node */
  readonly resources?: { readonly cpuMillicores: number; readonly memoryMib: number };
}

/**
 * The region's LiveKit cluster: one pod per media node on the node's own network, joined through the region's Valkey.
 * Makes a Secret with the configuration, named by its content, a Deployment, a Service for signalling, a disruption
 * budget and a ServiceAccount without rights.
 *
 * The number of pods is not decided here: ProportionalAutoscaler targets `deployment/livekit`. Pods on the host network
 * are bound by no network policy; the media nodes' security group is what limits who reaches them.
 * Invariants: two pods never share a node, one pod at a time is replaced, a draining pod is not cut short by an update.
 */
export class LiveKit extends pulumi.ComponentResource {
  /** `livekit.<namespace>.svc.cluster.local:7880`: signalling and server API, plain HTTP inside the cluster. */
  readonly serviceHost: pulumi.Output<string>;
  /** Name of the Deployment, for the autoscaler that keeps its pods and the nodes equal in number. */
  readonly deploymentName: pulumi.Output<string>;

  constructor(name: string, args: LiveKitArgs, opts?: pulumi.ComponentResourceOptions) {
    super(LIVEKIT_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const metadata = { namespace: args.namespace, name: LIVEKIT_APP, labels: labels(LIVEKIT_APP) };
    const config = this.config(name, args);
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const drainDeadlineSeconds = args.drainDeadlineMinutes * 60;
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata: {
          ...metadata,
          // A roll-out waits for meetings to end, for hours and node by node: `up` does not wait for it.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          replicas: args.minReplicas,
          revisionHistoryLimit: 2,
          progressDeadlineSeconds: drainDeadlineSeconds + 1800,
          selector: { matchLabels: selector(LIVEKIT_APP) },
          // The new pod needs the old one's ports: no surge, and the next node only when this one is back.
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
          template: livekitPod({
            image: livekitImage(args.version),
            secretName: config.metadata.name,
            drainDeadlineSeconds,
            resources: args.resources ?? { cpuMillicores: 1000, memoryMib: 1024 },
          }),
        },
      },
      {
        ...child,
        // The pod names its account by a plain string; without it no pod is admitted.
        dependsOn: [account],
        // Owned by the proportional autoscaler: one pod per media node.
        ignoreChanges: ["spec.replicas"],
      },
    );
    this.reachability(name, metadata);

    this.serviceHost = pulumi.interpolate`${LIVEKIT_APP}.${args.namespace}.svc.cluster.local:${LIVEKIT_PORTS.signal}`;
    this.deploymentName = deployment.metadata.name;
    this.registerOutputs({ serviceHost: this.serviceHost, deploymentName: this.deploymentName });
  }

  private config(name: string, args: LiveKitArgs): k8s.core.v1.Secret {
    const parts = pulumi.output({
      // Field by field: an Output does not look into a component that is passed as a whole.
      valkey: {
        host: args.valkey.host,
        port: args.valkey.port,
        authToken: args.valkey.authToken,
      },
      keys: { apiKey: args.keys.apiKey, apiSecret: args.keys.apiSecret },
      webhookUrl: args.webhookUrl,
    });
    const files = pulumi.secret(parts).apply(({ valkey, keys, webhookUrl }) => {
      const inputs: LiveKitConfigInputs = {
        region: args.region,
        valkey,
        keys,
        turnHost: args.turnHost,
        udpPorts: args.udpPorts,
        webhookUrl,
      };
      return { [LIVEKIT_CONFIG_FILE]: livekitConfig(inputs) };
    });
    return new k8s.core.v1.Secret(
      `${name}-config`,
      {
        metadata: {
          namespace: args.namespace,
          name: hashedName(`${LIVEKIT_APP}-config`, files),
          labels: labels(LIVEKIT_APP),
        },
        immutable: true,
        stringData: files,
      },
      { parent: this },
    );
  }

  private reachability(name: string, metadata: k8s.types.input.meta.v1.ObjectMeta): void {
    new k8s.core.v1.Service(
      name,
      {
        // LiveKit's pods may all be not ready, with Valkey away, when the Service is made or changed.
        metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: {
          type: "ClusterIP",
          selector: selector(LIVEKIT_APP),
          ports: [
            {
              name: "signal",
              protocol: "TCP",
              port: LIVEKIT_PORTS.signal,
              targetPort: "signal",
            },
          ],
        },
      },
      { parent: this },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      {
        metadata,
        spec: { maxUnavailable: 1, selector: { matchLabels: selector(LIVEKIT_APP) } },
      },
      { parent: this },
    );
  }
}

/** The image of an exact version; tags of livekit/livekit-server begin with a `v`. */
export function livekitImage(version: string): string {
  return `docker.io/livekit/livekit-server:${version.startsWith("v") ? version : `v${version}`}`;
}

const EXACT_VERSION = /^v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$/;

/** Ports TURN relays from where no range is set (livekit/livekit, pkg/config/config.go). */
const TURN_RELAY = { from: 30000, to: 40000 } as const;

function validate(resource: pulumi.Resource, name: string, args: LiveKitArgs): void {
  const faults = new Faults(LIVEKIT_TYPE, name);
  const { from, to } = args.udpPorts;
  faults.when(
    !EXACT_VERSION.test(args.version),
    `version ${args.version} is no exact version. Give one like v1.13.5.`,
  );
  faults.when(
    from > to || from < 1025 || to > 65535,
    `udpPorts ${from}-${to} is no range of ports above 1024. Use one like 7882-7913.`,
  );
  faults.when(
    from <= LIVEKIT_PORTS.turnUdp && LIVEKIT_PORTS.turnUdp <= to,
    `udpPorts ${from}-${to} contains ${LIVEKIT_PORTS.turnUdp}, TURN's own port. Move the range.`,
  );
  faults.when(
    from <= TURN_RELAY.to && TURN_RELAY.from <= to,
    `udpPorts ${from}-${to} overlaps ${TURN_RELAY.from}-${TURN_RELAY.to}, which TURN relays from. Move the range.`,
  );
  faults.when(
    !Number.isInteger(args.drainDeadlineMinutes) || args.drainDeadlineMinutes < 1,
    `drainDeadlineMinutes ${args.drainDeadlineMinutes} leaves no meeting time to end. Use a whole number from 1.`,
  );
  faults.when(
    !Number.isInteger(args.minReplicas) || args.minReplicas < 1,
    `minReplicas ${args.minReplicas} is no LiveKit at all. Use a whole number from 1.`,
  );
  faults.throwIfAny(resource);
}
