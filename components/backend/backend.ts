import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { podIdentityTrust } from "../shared/iam.ts";
import { labels, selector } from "../shared/kubernetes.ts";
import { meetHost, NODE_PORTS } from "../shared/names.ts";
import type { CompatibleBucket } from "../shared/storage.ts";
import { named, type Tags } from "../shared/tags.ts";
import { backendFaults } from "./backend-faults.ts";
import {
  apiPod,
  APPS,
  celeryPod,
  deploymentSpec,
  frontendPod,
  HTTP_PORTS,
  type BackendPodParts,
} from "./backend-pods.ts";
import { backendPolicy, bucketPolicy, serverPolicy, silentPolicy } from "./backend-policies.ts";
import { BackendJobs } from "./backend-jobs.ts";
import { BackendSettings } from "./backend-settings.ts";
import type { MeetSettings } from "./meet-environment.ts";

/** Part of every URN beneath it: never change without an alias. */
export const BACKEND_TYPE = "meet:app:Backend";

/** A home's bucket on AWS; plain, because it is in settings that are no secret. */
export interface MeetBucket {
  readonly kind: "aws";
  readonly name: string;
  readonly arn: string;
  readonly awsRegion: string;
}

/** Arguments of Backend. */
export interface BackendArgs extends Omit<MeetSettings, "workers" | "bucket"> {
  /** Namespace that admits "restricted" pods. */
  readonly namespace: pulumi.Input<string>;
  readonly clusterName: pulumi.Input<string>;
  /** Tag of the images lasuite/meet-backend and lasuite/meet-frontend: an exact one. */
  readonly version: string;
  /** Range of the network the cluster is in. */
  readonly vpcCidr: string;
  /** `DATABASE_URL`, with `sslmode=verify-full`. */
  readonly databaseUrl: pulumi.Input<string>;
  /** What the database's certificate is verified with, as PEM. */
  readonly caBundle: string;
  /** `rediss://` address of Meet's own Valkey, with its password. */
  readonly valkeyUrl: pulumi.Input<string>;
  readonly livekitKeys: {
    readonly apiKey: pulumi.Input<string>;
    readonly apiSecret: pulumi.Input<string>;
  };
  /** Address of the region's room gateway, inside the cluster: its word fences a Meet that another one replaced. */
  readonly gatewayUrl: pulumi.Input<string>;
  /**
   * Ports outside of the network on which database and Valkey are. @default none: both are inside, on their usual ports
   */
  readonly storePorts?: readonly number[];
  /**
   * What this Meet does: `all`, or `serve` beside another region that migrates the tables, cleans up at night and makes
   * the first administrator, and whose region is no later primary than this one. @default all
   */
  readonly part?: "all" | "serve";
  readonly oidcClientSecret: pulumi.Input<string>;
  /** Needed where `mail.user` is set. @default none */
  readonly mailPassword?: pulumi.Input<string>;
  /** The first administrator, who signs in at /admin. @default none is made */
  readonly administrator?: {
    readonly email: string;
    readonly password: pulumi.Input<string>;
  };
  readonly djangoSecretKey: pulumi.Input<string>;
  /** The home's own bucket: files and recordings. */
  readonly bucket: MeetBucket | CompatibleBucket;
  /** Name of the role that pods of the backend image have. */
  readonly roleName: string;
  readonly frontend: { readonly replicas: number };
  readonly backend: {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly workers: number;
  };
  /** @default 1: what it does can wait for a new pod */
  readonly celeryReplicas?: number;
  readonly tags: Tags;
}

/**
 * Meet itself in a home: frontend, API, background worker and periodic jobs, on NodePorts that the balancer reaches.
 * Makes a Secret and a ConfigMap named by their content, two ServiceAccounts, a role for the bucket, the migration
 * before the roll-out, three Deployments, Services, disruption budgets, an autoscaler, network policies and jobs.
 * Stateless: what is lost with it is only capacity. The migration runs while the version before still serves, so a
 * version must be able to bear the next one's tables; Meet's releases are written that way. Cost: the pods' requests.
 */
export class Backend extends pulumi.ComponentResource {
  /** `backend.<namespace>.svc.cluster.local:8000`; wants Meet's Host and `X-Forwarded-Proto: https`. */
  readonly serviceHost: pulumi.Output<string>;
  /** Absent on S3-compatible storage: there is nothing of AWS that Meet needs. */
  readonly roleArn: pulumi.Output<string> | undefined;

  constructor(name: string, args: BackendArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BACKEND_TYPE, name, {}, opts);
    backendFaults(BACKEND_TYPE, name, args).throwIfAny(this);
    const child = { parent: this };
    const settings = new BackendSettings(`${name}-settings`, args, child);
    const identity =
      args.bucket.kind === "aws" ? this.identity(name, args, args.bucket) : undefined;
    const accounts = [APPS.backend, APPS.frontend].map((app) => this.account(name, args, app));
    // Credentials are put into a pod when it is admitted: a pod older than the association has none, ever. Pods name the
    // ServiceAccount and the policies find them by plain strings, which order nothing.
    const before = [
      ...(identity === undefined ? [] : [identity.association, identity.grant]),
      ...accounts,
      ...this.policies(name, args),
    ];
    const parts: BackendPodParts = {
      image: `docker.io/lasuite/meet-backend:${args.version}`,
      environment: settings.environment,
      secretName: settings.secretName,
      secretFiles: settings.secretFiles,
      caBundleName: settings.caBundleName,
    };
    const jobs = new BackendJobs(
      `${name}-jobs`,
      {
        namespace: args.namespace,
        version: args.version,
        parts,
        part: args.part ?? "all",
        ...(args.administrator === undefined ? {} : { administrator: args.administrator }),
        gatewayUrl: args.gatewayUrl,
        podsDependOn: before,
      },
      child,
    );
    this.deployments(name, args, parts, [jobs.migration, ...before]);

    this.serviceHost = pulumi.interpolate`${APPS.backend}.${args.namespace}.svc.cluster.local:${HTTP_PORTS.backend}`;
    this.roleArn = identity?.role.arn;
    this.registerOutputs({ serviceHost: this.serviceHost, roleArn: this.roleArn });
  }

  private identity(name: string, args: BackendArgs, bucket: MeetBucket) {
    const role = new aws.iam.Role(
      `${name}-role`,
      {
        name: args.roleName,
        description: "Meet: files and recordings in the home's own bucket",
        assumeRolePolicy: podIdentityTrust(),
        tags: named(args.tags, `${name}-role`),
      },
      { parent: this },
    );
    const grant = new aws.iam.RolePolicy(
      `${name}-bucket`,
      { role: role.name, policy: bucketPolicy(bucket.arn) },
      { parent: this },
    );
    const association = new aws.eks.PodIdentityAssociation(
      name,
      {
        clusterName: args.clusterName,
        namespace: args.namespace,
        serviceAccount: APPS.backend,
        roleArn: role.arn,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    return { role, grant, association };
  }

  private account(name: string, args: BackendArgs, app: string): k8s.core.v1.ServiceAccount {
    return new k8s.core.v1.ServiceAccount(
      `${name}-${app}`,
      {
        metadata: { namespace: args.namespace, name: app, labels: labels(app) },
        automountServiceAccountToken: false,
      },
      { parent: this },
    );
  }

  private policies(name: string, args: BackendArgs): k8s.networking.v1.NetworkPolicy[] {
    const specs = {
      outbound: backendPolicy(args.vpcCidr, args.oidc, args.mail, args.storePorts),
      backend: serverPolicy("backend", args.vpcCidr),
      frontend: serverPolicy("frontend", args.vpcCidr),
      "frontend-outbound": silentPolicy(),
    };
    return Object.entries(specs).map(
      ([key, spec]) =>
        new k8s.networking.v1.NetworkPolicy(
          `${name}-${key}`,
          {
            metadata: {
              namespace: args.namespace,
              name: key === "outbound" ? "backend-outbound" : key,
              labels: labels(key.startsWith("frontend") ? APPS.frontend : APPS.backend),
            },
            spec,
          },
          { parent: this },
        ),
    );
  }

  private deployments(
    name: string,
    args: BackendArgs,
    parts: BackendPodParts,
    before: readonly pulumi.Resource[],
  ): void {
    const { minReplicas, maxReplicas, workers } = args.backend;
    const specs = {
      frontend: deploymentSpec(
        APPS.frontend,
        args.frontend.replicas,
        frontendPod(`docker.io/lasuite/meet-frontend:${args.version}`),
      ),
      backend: deploymentSpec(
        APPS.backend,
        minReplicas,
        apiPod(
          parts,
          {
            host: meetHost(args.domain),
            // Beside the primary nobody is fenced: no region is promoted there.
            ...(args.part === "serve" ? {} : { gatewayUrl: args.gatewayUrl }),
          },
          workers,
        ),
      ),
      celery: deploymentSpec(APPS.celery, args.celeryReplicas ?? 1, celeryPod(parts)),
    };
    for (const [key, spec] of Object.entries(specs)) {
      new k8s.apps.v1.Deployment(
        `${name}-${key}`,
        { metadata: this.metadata(args, key), spec },
        {
          parent: this,
          // The tables a version needs are there before its pods are; the frontend waits too, so that nobody gets a
          // page whose API is not out yet.
          dependsOn: [...before],
          // The autoscaler below owns the number.
          ...(key === APPS.backend ? { ignoreChanges: ["spec.replicas"] } : {}),
        },
      );
    }
    for (const app of [APPS.frontend, APPS.backend]) {
      this.reachable(name, args, app);
    }
    new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      name,
      {
        metadata: this.metadata(args, APPS.backend),
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: APPS.backend },
          minReplicas,
          maxReplicas,
          metrics: [
            {
              type: "Resource",
              resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
            },
          ],
          behavior: { scaleDown: { stabilizationWindowSeconds: 600 } },
        },
      },
      { parent: this },
    );
  }

  private reachable(name: string, args: BackendArgs, app: "frontend" | "backend"): void {
    const metadata = this.metadata(args, app);
    new k8s.core.v1.Service(
      `${name}-${app}`,
      {
        metadata,
        spec: {
          type: "NodePort",
          selector: selector(app),
          ports: [
            {
              name: "http",
              protocol: "TCP",
              port: HTTP_PORTS[app],
              targetPort: "http",
              nodePort: NODE_PORTS[app],
            },
          ],
        },
      },
      { parent: this },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-${app}`,
      {
        metadata,
        spec: {
          maxUnavailable: 1,
          // A pod that is not ready must not keep a node from being drained.
          unhealthyPodEvictionPolicy: "AlwaysAllow",
          selector: { matchLabels: selector(app) },
        },
      },
      { parent: this },
    );
  }

  private metadata(args: BackendArgs, app: string): k8s.types.input.meta.v1.ObjectMeta {
    return { namespace: args.namespace, name: app, labels: labels(app) };
  }
}
