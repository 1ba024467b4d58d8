import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { hashedName } from "../shared/content-hash.ts";
import { Faults } from "../shared/faults.ts";
import { podIdentityTrust, policy } from "../shared/iam.ts";
import { labels, selector } from "../shared/kubernetes.ts";
import type { AwsBucket, StorageBucket } from "../shared/storage.ts";
import { named, type Tags } from "../shared/tags.ts";
import { EGRESS_PORTS, egressConfig, RECORDINGS_PREFIX } from "./egress-config.ts";
import { EGRESS_APP, EGRESS_CONFIG_FILE, EGRESS_MEMORY, egressPod } from "./egress-pod.ts";

/** Part of every URN beneath it: never change without an alias. */
export const EGRESS_TYPE = "meet:media:Egress";

export interface EgressArgs {
  readonly namespace: pulumi.Input<string>;
  /** Tag of livekit/egress, such as `v1.14.1`, with a digest where one is pinned. */
  readonly version: string;
  readonly clusterName: pulumi.Input<string>;
  /** IAM is global: the name carries the stack. */
  readonly roleName: string;
  /** Where recordings are written: for every request, the gateway takes out Meet's own. */
  readonly bucket: StorageBucket;
  readonly valkey: {
    readonly host: pulumi.Input<string>;
    readonly port: pulumi.Input<number>;
    readonly authToken: pulumi.Input<string>;
  };
  readonly keys: {
    readonly apiKey: pulumi.Input<string>;
    readonly apiSecret: pulumi.Input<string>;
  };
  /** `host:port` of the region's LiveKit, inside the cluster. */
  readonly livekitHost: pulumi.Input<string>;
  /** The longest recording: running ones are let end before a pod goes. */
  readonly maxDurationMinutes: number;
  /** Range of the region's network: all that may read the metrics. */
  readonly vpcCidr: string;
  /** Pods to begin with; from then on the proportional autoscaler keeps one per egress node. */
  readonly minReplicas: number;
  readonly tags: Tags;
}

/**
 * The region's recorder: one pod, and with it one recording with video, per egress node. Writes to its bucket
 * with a role that can do nothing else and no static keys; on S3-compatible storage with keys, and then it has no role.
 * Makes the role and its Pod Identity association, a Secret with the configuration, named by its content, a Deployment, a disruption budget, a network policy and a
 * ServiceAccount. The number of pods is not decided here: ProportionalAutoscaler targets `deployment/egress`.
 * Invariant: a recording is never cut by a roll-out or a scale-in; if its node dies it is lost.
 */
export class Egress extends pulumi.ComponentResource {
  /** Name of the Deployment, for the autoscaler that keeps its pods and the nodes equal in number. */
  readonly deploymentName: pulumi.Output<string>;
  /** Absent on S3-compatible storage. */
  readonly roleArn: pulumi.Output<string> | undefined;

  constructor(name: string, args: EgressArgs, opts?: pulumi.ComponentResourceOptions) {
    super(EGRESS_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const metadata = { namespace: args.namespace, name: EGRESS_APP, labels: labels(EGRESS_APP) };
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const identity =
      args.bucket.kind === "aws" ? this.identity(name, args, args.bucket) : undefined;
    const config = this.config(name, args);
    const graceSeconds = args.maxDurationMinutes * 60 + 600;
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata: {
          ...metadata,
          // A roll-out waits for recordings to end, for hours and node by node: `up` does not wait for it.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          replicas: args.minReplicas,
          revisionHistoryLimit: 2,
          progressDeadlineSeconds: graceSeconds + 1800,
          selector: { matchLabels: selector(EGRESS_APP) },
          // A node holds one pod: no surge, and the next node only when this one is back.
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
          template: egressPod({
            image: egressImage(args.version),
            secretName: config.metadata.name,
            graceSeconds,
            scratchGib: scratchGib(args.maxDurationMinutes),
          }),
        },
      },
      {
        ...child,
        // Credentials are put into a pod when it is admitted: a pod older than the association has none, ever.
        dependsOn: [account, ...(identity === undefined ? [] : [identity.association])],
        // Owned by the proportional autoscaler: one pod per egress node.
        ignoreChanges: ["spec.replicas"],
      },
    );
    this.policies(name, args, metadata);

    this.deploymentName = deployment.metadata.name;
    this.roleArn = identity?.role.arn;
    this.registerOutputs({ deploymentName: this.deploymentName, roleArn: this.roleArn });
  }

  private identity(name: string, args: EgressArgs, bucket: AwsBucket) {
    const role = new aws.iam.Role(
      `${name}-role`,
      {
        name: args.roleName,
        description: "LiveKit Egress: writes recordings to its region's bucket",
        assumeRolePolicy: podIdentityTrust(),
        tags: named(args.tags, `${name}-role`),
      },
      { parent: this },
    );
    new aws.iam.RolePolicy(
      `${name}-upload`,
      {
        role: role.name,
        policy: pulumi.output(bucket.arn).apply(uploadPolicy),
      },
      { parent: this },
    );
    const association = new aws.eks.PodIdentityAssociation(
      name,
      {
        clusterName: args.clusterName,
        namespace: args.namespace,
        serviceAccount: EGRESS_APP,
        roleArn: role.arn,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    return { role, association };
  }

  private config(name: string, args: EgressArgs): k8s.core.v1.Secret {
    const parts = pulumi.output({
      // Field by field: an Output does not look into a component that is passed as a whole.
      valkey: {
        host: args.valkey.host,
        port: args.valkey.port,
        authToken: args.valkey.authToken,
      },
      keys: { apiKey: args.keys.apiKey, apiSecret: args.keys.apiSecret },
      livekitHost: args.livekitHost,
      bucket: args.bucket,
    });
    const files = pulumi.secret(parts).apply((known) => ({
      [EGRESS_CONFIG_FILE]: egressConfig({
        ...known,
        maxDurationMinutes: args.maxDurationMinutes,
        maxMemoryGb: EGRESS_MEMORY.stopAtGb,
      }),
    }));
    return new k8s.core.v1.Secret(
      `${name}-config`,
      {
        metadata: {
          namespace: args.namespace,
          name: hashedName(`${EGRESS_APP}-config`, files),
          labels: labels(EGRESS_APP),
        },
        immutable: true,
        stringData: files,
      },
      { parent: this },
    );
  }

  private policies(
    name: string,
    args: EgressArgs,
    metadata: k8s.types.input.meta.v1.ObjectMeta,
  ): void {
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: selector(EGRESS_APP) } } },
      { parent: this },
    );
    new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata,
        spec: {
          podSelector: { matchLabels: selector(EGRESS_APP) },
          policyTypes: ["Ingress", "Egress"],
          ingress: [
            {
              from: [{ ipBlock: { cidr: args.vpcCidr } }],
              ports: [{ protocol: "TCP", port: EGRESS_PORTS.metrics }],
            },
          ],
          // It joins meetings as a browser does, by any media path; only the node's own credentials are out of reach.
          egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }] }],
        },
      },
      { parent: this },
    );
  }
}

/** What the role may do: write below the recordings' prefix, and clear away what it could not finish. */
export function uploadPolicy(bucketArn: string): string {
  return policy({
    Sid: "WriteRecordings",
    Effect: "Allow",
    Action: ["s3:PutObject", "s3:AbortMultipartUpload"],
    Resource: `${bucketArn}/${RECORDINGS_PREFIX}/*`,
  });
}

/** Disk for the longest recording: 1.4 GB an hour at Meet's default quality (Meet, docs/features/recording.md), doubled. */
export function scratchGib(maxDurationMinutes: number): number {
  return 2 + Math.ceil((maxDurationMinutes / 60) * 1.4 * 2);
}

/** The image of an exact version; tags of livekit/egress begin with a `v`. */
export function egressImage(version: string): string {
  return `docker.io/livekit/egress:${version.startsWith("v") ? version : `v${version}`}`;
}

const EXACT_VERSION = /^v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$/;

function validate(resource: pulumi.Resource, name: string, args: EgressArgs): void {
  const faults = new Faults(EGRESS_TYPE, name);
  faults.when(
    !EXACT_VERSION.test(args.version),
    `version ${args.version} is no exact version. Give one like v1.14.1.`,
  );
  faults.when(
    !Number.isInteger(args.maxDurationMinutes) || args.maxDurationMinutes < 1,
    `maxDurationMinutes ${args.maxDurationMinutes} records nothing. Use a whole number from 1.`,
  );
  faults.when(
    !Number.isInteger(args.minReplicas) || args.minReplicas < 1,
    `minReplicas ${args.minReplicas} records nothing. Use a whole number from 1, or leave Egress out.`,
  );
  faults.when(
    args.roleName.length > 64,
    `roleName ${args.roleName} has ${args.roleName.length} characters, IAM allows 64. Shorten it.`,
  );
  faults.throwIfAny(resource);
}
