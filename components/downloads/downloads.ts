import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { APPS, HTTP_PORTS } from "../backend/backend-pods.ts";
import {
  DNS_RULE,
  HTTPS_RULE,
  neighbourRule,
  POD_IDENTITY_RULE,
} from "../service-bundle/node-service-policy.ts";
import { SECRETS_PATH } from "../service-bundle/node-service-pod.ts";
import { NodeService } from "../service-bundle/node-service.ts";
import { Faults } from "../shared/faults.ts";
import { podIdentityTrust, policy } from "../shared/iam.ts";
import { NODE_PORTS } from "../shared/names.ts";
import type { CompatibleBucket } from "../shared/storage.ts";
import { named, type Tags } from "../shared/tags.ts";

/** Part of every URN beneath it: never change without an alias. */
export const DOWNLOADS_TYPE = "meet:app:Downloads";

/** Name of the route's objects in their namespace. */
export const DOWNLOADS_APP = "downloads";

/** The buckets that recordings are looked for in, the home's first. */
export type DownloadsStorage =
  | {
      readonly kind: "aws";
      readonly awsRegion: string;
      /** The region's own bucket. */
      readonly bucketName: pulumi.Input<string>;
      /**
       * ARN that matches every recordings bucket of the fleet and no other, with a `*` for the region, so that a region
       * added later changes nothing here.
       */
      readonly bucketArnPattern: string;
    }
  | {
      readonly kind: "s3-compatible";
      readonly stores: readonly CompatibleBucket[];
      /** Days after which Meet calls a recording expired: the stores' own rules are compared with it. */
      readonly expirationDays: number;
    };

export interface DownloadsArgs {
  readonly namespace: pulumi.Input<string>;
  /** Tag of the stock Node image, of an exact version: `24.19.0-bookworm-slim`. */
  readonly nodeVersion: string;
  /** Name of the stack. */
  readonly region: string;
  readonly domain: string;
  readonly clusterName: pulumi.Input<string>;
  /** IAM is global: the name carries the stack. */
  readonly roleName: string;
  readonly storage: DownloadsStorage;
  /** Meet's backend, which decides on each download: `http://backend.meet.svc.cluster.local:8000`. */
  readonly meetUrl: pulumi.Input<string>;
  readonly replicas: number;
  readonly vpcCidr: string;
  readonly tags: Tags;
}

/**
 * The recordings route: asks Meet whether a viewer may have a recording, finds the bucket that holds it and answers with
 * a short-lived address at S3. Makes a role that reads the fleet's media and deletes recordings for good where that was
 * asked for, its Pod Identity association (neither on S3-compatible storage, which wants keys), and the service, two pods or more over the zones. If it is lost recordings cannot be fetched for the
 * time; none is lost. Cost: the pods' share of the system nodes.
 */
export class Downloads extends pulumi.ComponentResource {
  /** `http://downloads.<namespace>.svc.cluster.local:8080`, inside the cluster. */
  readonly serviceUrl: pulumi.Output<string>;
  /** Absent on S3-compatible storage. */
  readonly roleArn: pulumi.Output<string> | undefined;

  constructor(name: string, args: DownloadsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(DOWNLOADS_TYPE, name, {}, opts);
    validate(this, name, args);
    const { storage } = args;
    const identity =
      storage.kind === "aws" ? this.identity(name, args, storage.bucketArnPattern) : undefined;
    const service = new NodeService(
      name,
      {
        namespace: args.namespace,
        app: DOWNLOADS_APP,
        service: "recordings",
        nodeVersion: args.nodeVersion,
        nodePort: NODE_PORTS.downloads,
        replicas: { fixed: args.replicas },
        environment: downloadsEnvironment(args),
        ...(storage.kind === "aws" ? {} : { secretFiles: storeKeyFiles(storage.stores) }),
        resources: { cpuMillicores: 100, memoryMib: 256 },
        metrics: true,
        shutdownSeconds: 30,
        vpcCidr: args.vpcCidr,
        egress: [
          DNS_RULE,
          POD_IDENTITY_RULE,
          neighbourRule(APPS.backend, HTTP_PORTS.backend),
          HTTPS_RULE,
        ],
        // Credentials are put into a pod when it is admitted: a pod older than the association has none, ever.
        podsDependOn: identity === undefined ? [] : [identity.association],
      },
      { parent: this },
    );

    this.serviceUrl = pulumi.interpolate`http://${service.serviceHost}`;
    this.roleArn = identity?.role.arn;
    this.registerOutputs({ serviceUrl: this.serviceUrl, roleArn: this.roleArn });
  }

  private identity(name: string, args: DownloadsArgs, bucketArnPattern: string) {
    const role = new aws.iam.Role(
      `${name}-role`,
      {
        name: args.roleName,
        description:
          "Recordings route: reads the recordings of all regions, and deletes them everywhere",
        assumeRolePolicy: podIdentityTrust(),
        tags: named(args.tags, `${name}-role`),
      },
      { parent: this },
    );
    new aws.iam.RolePolicy(
      `${name}-read`,
      { role: role.name, policy: mediaPolicy(bucketArnPattern) },
      { parent: this },
    );
    const association = new aws.eks.PodIdentityAssociation(
      name,
      {
        clusterName: args.clusterName,
        namespace: args.namespace,
        serviceAccount: DOWNLOADS_APP,
        roleArn: role.arn,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    return { role, association };
  }
}

/**
 * What the role may do. Listing a bucket is allowed because S3 answers 403 instead of 404 for a missing object without
 * it, and the route must tell "not here" from "not allowed" (Amazon S3 API, HeadObject). The account's list of buckets
 * is where the route finds those of other regions; S3 allows no narrower resource for it (Service Authorization
 * Reference, Amazon S3, ListAllMyBuckets), and it shows names alone. Versions of recordings are removed for a deletion
 * that waits in the home's bucket, and nothing else is: not an upload, not a bucket.
 */
export function mediaPolicy(bucketArnPattern: string): string {
  return policy(
    {
      Sid: "ReadMedia",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: [`${bucketArnPattern}/recordings/*`, `${bucketArnPattern}/files/*`],
    },
    {
      Sid: "TellMissingFromForbidden",
      Effect: "Allow",
      Action: ["s3:ListBucket", "s3:ListBucketVersions"],
      Resource: bucketArnPattern,
    },
    {
      Sid: "DeleteEverywhere",
      Effect: "Allow",
      Action: "s3:DeleteObjectVersion",
      Resource: `${bucketArnPattern}/recordings/*`,
    },
    {
      Sid: "KeepDeletions",
      Effect: "Allow",
      Action: ["s3:PutObject", "s3:DeleteObject"],
      Resource: [`${bucketArnPattern}/deletions/*`, `${bucketArnPattern}/deletion-intents/*`],
    },
    {
      Sid: "FindOtherRegions",
      Effect: "Allow",
      Action: "s3:ListAllMyBuckets",
      Resource: "*",
    },
  );
}

/** The route's environment (services/recordings/config.ts): addresses only, no secret; EKS adds those of the role. */
export function downloadsEnvironment(
  args: Pick<DownloadsArgs, "region" | "domain" | "storage" | "meetUrl">,
): Record<string, pulumi.Input<string>> {
  return {
    REGION: args.region,
    DOMAIN: args.domain,
    ...(args.storage.kind === "aws"
      ? { AWS_REGION: args.storage.awsRegion, BUCKET: args.storage.bucketName }
      : {
          STORES: JSON.stringify(args.storage.stores.map(storeOfEnvironment)),
          EXPIRATION_DAYS: String(args.storage.expirationDays),
        }),
    MEET_URL: args.meetUrl,
  };
}

const accessKeyFile = (index: number): string => `store-${index}-access-key`;
const secretKeyFile = (index: number): string => `store-${index}-secret-key`;

/** One of STORES; its keys are in files, which the service reads again when they change. */
function storeOfEnvironment(
  { name, endpoint, region, pathStyle, delivery }: CompatibleBucket,
  index: number,
): Record<string, unknown> {
  return {
    bucket: name,
    endpoint,
    region,
    pathStyle,
    delivery,
    accessKeyFile: `${SECRETS_PATH}/${accessKeyFile(index)}`,
    secretKeyFile: `${SECRETS_PATH}/${secretKeyFile(index)}`,
  };
}

function storeKeyFiles(stores: readonly CompatibleBucket[]): Record<string, pulumi.Input<string>> {
  return Object.fromEntries(
    stores.flatMap(({ accessKeyId, secretAccessKey }, index) => [
      [accessKeyFile(index), accessKeyId],
      [secretKeyFile(index), secretAccessKey],
    ]),
  );
}

function validate(resource: pulumi.Resource, name: string, args: DownloadsArgs): void {
  const faults = new Faults(DOWNLOADS_TYPE, name);
  const { storage } = args;
  const pattern = storage.kind === "aws" ? storage.bucketArnPattern : undefined;
  faults.when(
    storage.kind === "s3-compatible" && storage.stores.length === 0,
    "there are no stores to look into. Name the home's at least.",
  );
  faults.when(
    pattern !== undefined && !/^arn:[\w-]+:s3:::[a-z0-9-]+-\*-an$/.test(pattern),
    `bucketArnPattern ${pattern ?? ""} does not name this fleet's buckets with one * for the region. Make it with recordingsBucketPattern.`,
  );
  faults.when(
    args.roleName.length > 64,
    `roleName ${args.roleName} has ${args.roleName.length} characters, IAM allows 64. Shorten it.`,
  );
  faults.throwIfAny(resource);
}
