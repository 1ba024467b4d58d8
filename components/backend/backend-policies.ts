import type * as k8s from "@pulumi/kubernetes";
import {
  DNS_RULE,
  HTTPS_RULE,
  neighbourRule,
  POD_IDENTITY_RULE,
  vpcRule,
} from "../service-bundle/node-service-policy.ts";
import { ROOMS_APP } from "../rooms/rooms.ts";
import { SERVICE_PORT } from "../service-bundle/node-service-pod.ts";
import { policy } from "../shared/iam.ts";
import { selector } from "../shared/kubernetes.ts";
import { APPS, HTTP_PORTS } from "./backend-pods.ts";
import type { MailSettings, OidcSettings } from "./meet-environment.ts";

type PolicySpec = k8s.types.input.networking.v1.NetworkPolicySpec;

/** Ports of the home's database and Valkey. */
const POSTGRES_PORT = 5432;
const VALKEY_PORT = 6379;

/** Reading, writing and deleting in the home's own bucket, and telling a missing object from a forbidden one. */
export function bucketPolicy(bucketArn: string): string {
  return policy(
    {
      Sid: "Objects",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      Resource: `${bucketArn}/*`,
    },
    { Sid: "Bucket", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
  );
}

/**
 * Who may ask a server: the VPC, which is where the balancers' requests come from by way of the NodePort. The kubelet's
 * probes are admitted by the VPC CNI whatever a policy says.
 */
export function serverPolicy(app: "backend" | "frontend", vpcCidr: string): PolicySpec {
  return {
    podSelector: { matchLabels: selector(app) },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [{ ipBlock: { cidr: vpcCidr } }],
        ports: [{ protocol: "TCP", port: HTTP_PORTS[app] }],
      },
    ],
  };
}

/** nginx serves files: it asks nobody anything. */
export function silentPolicy(): PolicySpec {
  return { podSelector: { matchLabels: selector(APPS.frontend) }, policyTypes: ["Egress"] };
}

/** What pods of the backend image may reach; and nobody them, but for what `serverPolicy` adds. */
export function backendPolicy(
  vpcCidr: string,
  oidc: OidcSettings,
  mail: MailSettings,
  storePorts?: readonly number[],
): PolicySpec {
  const apps = Object.values(APPS).filter((app) => app !== APPS.frontend);
  const own = storePorts === undefined ? [POSTGRES_PORT, VALKEY_PORT] : [];
  const outside = [...(storePorts ?? []), ...outsidePorts(oidc, mail)];
  const ports = [...new Set(outside)].filter((port) => port !== 443);
  return {
    podSelector: {
      matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: apps }],
    },
    policyTypes: ["Ingress", "Egress"],
    egress: [
      DNS_RULE,
      POD_IDENTITY_RULE,
      HTTPS_RULE,
      ...own.map((port) => vpcRule(vpcCidr, port)),
      neighbourRule(ROOMS_APP, SERVICE_PORT),
      ...ports.map((port) => ({ ...HTTPS_RULE, ports: [{ protocol: "TCP", port }] })),
    ],
  };
}

/** Ports beside 443 that the mail server and the identity provider are on. */
export function outsidePorts(oidc: OidcSettings, mail: MailSettings): number[] {
  const endpoints = [oidc.tokenEndpoint, oidc.userEndpoint, oidc.jwksEndpoint];
  const ports = [
    mail.port,
    ...endpoints.map((endpoint) => Number(new URL(endpoint).port || 443)),
  ].filter((port) => port !== 443);
  return [...new Set(ports)].sort((one, other) => one - other);
}
