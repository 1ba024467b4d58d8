import { createHash } from "node:crypto";

/** Ports of the Services that the load balancers reach on every system node. Kubernetes allows 30000-32767. */
export const NODE_PORTS = {
  rooms: 30080,
  frontend: 30081,
  backend: 30082,
  downloads: 30083,
} as const;

/** LiveKit's ports (livekit/livekit config-sample.yaml, v1.13.5). */
export const LIVEKIT_PORTS = { signal: 7880, iceTcp: 7881, turnUdp: 3478, turnTls: 5349 } as const;

/** The two namespaces of every cluster: `media` admits host-network pods, `meet` only restricted ones. */
export const NAMESPACES = { meet: "meet", media: "media" } as const;

/** A name of at most `maxLength` characters: cut, and then told apart by six digits of its hash. */
export function fit(name: string, maxLength: number): string {
  if (name.length <= maxLength) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 6);
  return `${name.slice(0, maxLength - hash.length - 1).replace(/-+$/, "")}-${hash}`;
}

/** `meet.<domain>`: Meet's web and API. */
export function meetHost(domain: string): string {
  return `meet.${domain}`;
}

/** `meet.<region>.<domain>`: one home's Meet balancer; what the failover checks ask. */
export function regionalMeetHost(stack: string, domain: string): string {
  return `meet.${stack}.${domain}`;
}

/** `livekit.<domain>`: the only LiveKit address Meet and browsers know. */
export function livekitHost(domain: string): string {
  return `livekit.${domain}`;
}

/** `livekit.<region>.<domain>`: a region's room gateway; what health checks and peers ask. */
export function regionalLivekitHost(stack: string, domain: string): string {
  return `livekit.${stack}.${domain}`;
}

/** `turn.<region>.<domain>`: TURN over TLS. */
export function turnHost(stack: string, domain: string): string {
  return `turn.${stack}.${domain}`;
}

/** EKS cluster name. Letters, digits and hyphens, at most 100 characters (EKS API, CreateCluster). */
export function clusterName(project: string, stack: string): string {
  return fit(`${project}-${stack}`, 100);
}

/**
 * An IAM role name. IAM is global, so it carries the stack; at most 64 characters (IAM quotas), of which Pulumi's
 * autonaming is not used because other accounts' policies and runbooks name these roles.
 */
export function roleName(project: string, stack: string, role: string): string {
  return fit(`${project}-${stack}-${role}`, 64);
}

/**
 * A recordings bucket in the account-regional namespace, `<prefix>-<account>-<region>-an`: only this account can make
 * it, so a peer's name and ARN are computed, never looked up (Amazon S3 user guide, gpbucketnamespaces). 63 characters.
 */
export function recordingsBucketName(
  project: string,
  accountId: string,
  awsRegion: string,
): string {
  const suffix = `-${accountId}-${awsRegion}-an`;
  return `${fit(`${project}-recordings`, 63 - suffix.length)}${suffix}`;
}

/** The name pattern that all recordings buckets of a fleet match, for policies that must not list regions. */
export function recordingsBucketPattern(project: string, accountId: string): string {
  return `${project}-recordings-${accountId}-*-an`;
}

/** ARN of a bucket. */
export function bucketArn(partition: string, bucketName: string): string {
  return `arn:${partition}:s3:::${bucketName}`;
}

/**
 * RDS instance identifier: a contract, because the standby computes its source's ARN from it. `generation` is raised
 * when a home gets a new replica in place of an instance that must be kept. At most 63 characters (CreateDBInstance).
 */
export function databaseIdentifier(project: string, stack: string, generation: number): string {
  return fit(`${project}-${stack}-${generation}`, 63);
}

/** ARN of an RDS instance. */
export function databaseArn(
  partition: string,
  awsRegion: string,
  accountId: string,
  identifier: string,
): string {
  return `arn:${partition}:rds:${awsRegion}:${accountId}:db:${identifier}`;
}
