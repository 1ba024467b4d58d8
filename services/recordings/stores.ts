import type { Log } from "../shared/log.ts";
import type { RecordingsEnvironment, Store } from "./config.ts";
import type { Outbound } from "./outbound.ts";
import { AwsBuckets, fleetPrefix } from "./storage/aws-buckets.ts";
import { awsEndpoint, type Bucket } from "./storage/bucket.ts";
import { NamedBuckets, type Buckets } from "./storage/buckets.ts";
import { PodCredentials } from "./storage/pod-credentials.ts";
import type { S3Client } from "./storage/s3-client.ts";
import { StaticCredentials } from "./storage/static-credentials.ts";

/** The buckets that the environment names, and what has to be started and stopped with them. */
export interface Stores {
  readonly buckets: Buckets;
  /** Those on S3-compatible storage. */
  readonly compatible: readonly Bucket[];
  /** See PodCredentials.expiry. */
  credentialsEnd(): number | undefined;
  start(): void;
  stop(): void;
}

/** Buckets on AWS, on S3-compatible storage, or on both. @throws where the environment names none */
export function storesOf(
  environment: RecordingsEnvironment,
  outbound: Outbound,
  s3: S3Client,
  log: Log,
): Stores {
  const stores = environment.STORES ?? [];
  const named = stores.map(bucketOfStore);
  const aws = awsBuckets(environment, outbound, s3, named, log);
  const [first, ...rest] = named;
  const buckets = aws?.buckets ?? (first === undefined ? undefined : new NamedBuckets(first, rest));
  if (buckets === undefined) {
    throw new Error("The environment names no bucket. readConfig should have said so.");
  }
  const secrets = stores.flatMap((store) => [store.accessKeyFile, store.secretKeyFile]);
  return {
    buckets,
    compatible: named,
    credentialsEnd: () => aws?.credentials.expiry(),
    start: () => {
      aws?.buckets.start();
      for (const secret of secrets) {
        secret.watch();
      }
    },
    stop: () => {
      aws?.buckets.stop();
      for (const secret of secrets) {
        secret.stop();
      }
    },
  };
}

function bucketOfStore(store: Store): Bucket {
  const { bucket: name, region, endpoint, publicEndpoint, pathStyle, delivery } = store;
  return {
    name,
    region,
    endpoint,
    ...(publicEndpoint === undefined ? {} : { publicEndpoint }),
    pathStyle,
    delivery,
    credentials: new StaticCredentials(store.accessKeyFile, store.secretKeyFile),
  };
}

function awsBuckets(
  environment: RecordingsEnvironment,
  outbound: Outbound,
  s3: S3Client,
  named: readonly Bucket[],
  log: Log,
): { readonly buckets: AwsBuckets; readonly credentials: PodCredentials } | undefined {
  const { BUCKET: name, AWS_REGION: region } = environment;
  const url = environment.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  const tokenFile = environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const prefix = name === undefined || region === undefined ? undefined : fleetPrefix(name, region);
  if (
    name === undefined ||
    region === undefined ||
    prefix === undefined ||
    url === undefined ||
    tokenFile === undefined
  ) {
    return undefined;
  }
  const linkSeconds = environment.LINK_SECONDS;
  const credentials = new PodCredentials({ url, tokenFile, linkSeconds, outbound });
  const other = environment.AWS_ENDPOINT_URL_S3;
  const bucketIn = (bucket: string, awsRegion: string): Bucket => ({
    name: bucket,
    region: awsRegion,
    endpoint: other ?? awsEndpoint(awsRegion),
    pathStyle: other !== undefined,
    delivery: "redirect",
    credentials,
  });
  const buckets = new AwsBuckets({
    home: bucketIn(name, region),
    prefix,
    bucketIn,
    list: (beginning) =>
      s3.bucketNames(region, beginning, credentials, other ?? awsEndpoint(region)),
    named,
    log,
  });
  return { buckets, credentials };
}
