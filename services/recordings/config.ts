import * as z from "zod";
import { SecretFile } from "../shared/secret-file.ts";
import {
  commonEnvironment,
  plainUrl,
  readEnvironment,
  type Environment,
} from "../shared/environment.ts";
import { LOG_LEVELS } from "../shared/log.ts";
import { fleetPrefix } from "./storage/aws-buckets.ts";

const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name");

/** An address without a path, for S3's own paths begin at the root. */
const origin = plainUrl.superRefine((text, context) => {
  if (URL.canParse(text) && new URL(text).origin !== text) {
    context.addIssue({ code: "custom", message: "must end with the host or the port" });
  }
});

const keyFile = z.string().transform((path, context) => {
  const file = SecretFile.open(path, 1);
  if (!file.ok) {
    context.addIssue({ code: "custom", message: file.fault });
    return z.NEVER;
  }
  return file.value;
});

/** A bucket on S3-compatible storage. */
const storeSchema = z.strictObject({
  bucket: bucketName,
  endpoint: origin,
  /** The same for browsers, where it differs. */
  publicEndpoint: origin.optional(),
  region: z.string().regex(/^[a-z0-9-]{1,40}$/, "must be a region such as fr-par or garage"),
  pathStyle: z.boolean().default(true),
  /** `stream` where browsers do not reach it. */
  delivery: z.enum(["redirect", "stream"]).default("redirect"),
  accessKeyFile: keyFile,
  secretKeyFile: keyFile,
});
export type Store = z.output<typeof storeSchema>;

const stores = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "must be JSON" });
      return z.NEVER;
    }
  })
  .pipe(z.array(storeSchema).min(1));

const environmentSchema = z
  .object({
    ...commonEnvironment,
    METRICS_PORT: z.coerce.number().int().min(1).max(65535).default(9090),
    LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
    /** Meet's backend, inside the cluster. */
    MEET_URL: plainUrl,
    /** The home's bucket on AWS; its name says which others there are. Without it the first of STORES is the home. */
    BUCKET: bucketName.optional(),
    AWS_REGION: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be an AWS region")
      .optional(),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: plainUrl.optional(),
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: z.string().optional(),
    /** Another server in the place of AWS, for tests and the rehearsal. */
    AWS_ENDPOINT_URL_S3: origin.optional(),
    STORES: stores.optional(),
    /** Days after which Meet calls a recording expired: the rules of STORES are compared with it. */
    EXPIRATION_DAYS: z.coerce.number().int().min(1).optional(),
    LINK_SECONDS: z.coerce.number().int().min(60).max(3600).default(900),
    MAX_REQUESTS: z.coerce.number().int().min(1).max(100_000).default(1000),
  })
  .superRefine((environment, context) => {
    const fault = (variable: string, message: string): void => {
      context.addIssue({ code: "custom", path: [variable], message });
    };
    if (environment.METRICS_PORT === environment.PORT) {
      fault("METRICS_PORT", `${environment.PORT} is PORT already: metrics need one of their own`);
    }
    const { BUCKET: bucket, AWS_REGION: region } = environment;
    if (bucket === undefined) {
      if (environment.STORES === undefined) {
        fault("BUCKET", "there is no storage: set BUCKET for AWS, or STORES");
      }
      return;
    }
    if (region === undefined) {
      fault("AWS_REGION", `must be set, as BUCKET is`);
    } else if (fleetPrefix(bucket, region) === undefined) {
      fault("BUCKET", `${bucket} must be <prefix>-<account>-${region}-an`);
    }
    for (const name of [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ] as const) {
      if (environment[name] === undefined) {
        fault(name, "must be set, as BUCKET is: the pod has no role (EKS Pod Identity sets it)");
      }
    }
  });
export type RecordingsEnvironment = z.output<typeof environmentSchema>;

/** The service's configuration, or everything that is wrong with it. No value of a secret is in the faults. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
): Environment<RecordingsEnvironment> {
  return readEnvironment(environmentSchema, environment);
}
