import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { contentHash, hashedName } from "../shared/content-hash.ts";
import { labels } from "../shared/kubernetes.ts";
import { APPS } from "./backend-pods.ts";
import type { BackendArgs } from "./backend.ts";
import { meetEnvironment, meetValkeyUrl, VALKEY_DATABASES } from "./meet-environment.ts";

/** Part of every URN beneath it: never change without an alias. */
export const BACKEND_SETTINGS_TYPE = "meet:app:BackendSettings";

/**
 * What pods of the backend image read: plain settings, a Secret and the database's certificates. The Secret and the
 * ConfigMap are named by their content, because Meet reads all of it once, at its start: a change must roll out, and
 * must not reach pods of the revision before.
 */
export class BackendSettings extends pulumi.ComponentResource {
  /** Nothing in it is secret. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secretName: pulumi.Output<string>;
  /** The secrets that are mounted as files. */
  readonly secretFiles: readonly string[];
  readonly caBundleName: pulumi.Output<string>;

  constructor(name: string, args: BackendArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BACKEND_SETTINGS_TYPE, name, {}, opts);
    const files = secretFiles(args);
    const values = pulumi.all({ ...files, ...secretVariables(args) });
    const secret = new k8s.core.v1.Secret(
      name,
      {
        metadata: {
          namespace: args.namespace,
          name: hashedName(APPS.backend, values),
          labels: labels(APPS.backend),
        },
        immutable: true,
        stringData: values,
      },
      { parent: this },
    );
    const data = { "ca.pem": args.caBundle };
    const caBundle = new k8s.core.v1.ConfigMap(
      `${name}-rds-ca`,
      {
        metadata: {
          namespace: args.namespace,
          name: `rds-ca-${contentHash(data)}`,
          labels: labels(APPS.backend),
        },
        immutable: true,
        data,
      },
      { parent: this },
    );
    this.environment = meetEnvironment({ ...args, workers: args.backend.workers });
    this.secretName = secret.metadata.name;
    this.secretFiles = Object.keys(files);
    this.caBundleName = caBundle.metadata.name;
    this.registerOutputs({ secretName: this.secretName, caBundleName: this.caBundleName });
  }
}

function secretFiles(args: BackendArgs): Record<string, pulumi.Input<string>> {
  return {
    DJANGO_SECRET_KEY: args.djangoSecretKey,
    OIDC_RP_CLIENT_SECRET: args.oidcClientSecret,
    LIVEKIT_API_KEY: args.livekitKeys.apiKey,
    LIVEKIT_API_SECRET: args.livekitKeys.apiSecret,
    ...(args.mail.user === undefined || args.mailPassword === undefined
      ? {}
      : { DJANGO_EMAIL_HOST_PASSWORD: args.mailPassword }),
    ...(args.bucket.kind === "aws"
      ? {}
      : {
          AWS_S3_ACCESS_KEY_ID: args.bucket.accessKeyId,
          AWS_S3_SECRET_ACCESS_KEY: args.bucket.secretAccessKey,
        }),
  };
}

function secretVariables(args: BackendArgs): Record<string, pulumi.Input<string>> {
  const valkey = (database: number): pulumi.Output<string> =>
    pulumi.output(args.valkeyUrl).apply((url) => meetValkeyUrl(url, database));
  return {
    DATABASE_URL: args.databaseUrl,
    REDIS_URL: valkey(VALKEY_DATABASES.cache),
    CELERY_BROKER_URL: valkey(VALKEY_DATABASES.celery),
  };
}
