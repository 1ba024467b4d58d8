import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../infra/config.ts";
import { deploy } from "../infra/deploy.ts";
import { lookUp } from "../infra/lookups.ts";
import { storesOf } from "../infra/storage.ts";
import { type Recorded } from "./recorded.ts";
import { recordProgram, type RecordOptions } from "./recorder.ts";

/** What stands in for the secrets that people set by hand and that the primary makes: long enough to be accepted. */
const PLACEHOLDER = "placeholder-of-a-secret-that-is-never-shown";

/** What the primary's stack exports, as the other stacks read it. */
const SHARED_SECRETS = {
  livekitApiKey: "APIplaceholder",
  livekitApiSecret: PLACEHOLDER,
  peerSecret: PLACEHOLDER,
  operatorSecret: PLACEHOLDER,
  djangoSecretKey: PLACEHOLDER,
  databasePassword: PLACEHOLDER,
  previous: {},
};

/** Addresses of stores that the user runs. */
const DATABASE_URL = `postgresql://meet:${PLACEHOLDER}@database.example.org/meet?sslmode=verify-full`;
const VALKEY_URL = `rediss://meet:${PLACEHOLDER}@valkey.example.org:6379`;

/** What an active region is given of the primary's. */
const MEET = { oidcClientSecret: PLACEHOLDER, mailPassword: PLACEHOLDER, valkeyUrl: VALKEY_URL };

/** Runs the whole program of one stack under mocks: no engine, no account, no secret. */
export async function recordStack(
  config: StackConfig,
  options: Pick<RecordOptions, "preview" | "project"> = {},
): Promise<readonly Recorded[]> {
  const names = storesOf(config.fleet).map(({ name }) => name);
  const storageKeys = Object.fromEntries(
    names.map((name) => [name, { accessKeyId: PLACEHOLDER, secretAccessKey: PLACEHOLDER }]),
  );
  const isExternal = config.fleet.stores.kind === "external";
  const { resources } = await recordProgram(
    async () => {
      const secret = pulumi.secret(PLACEHOLDER);
      const databaseUrl = isExternal ? { databaseUrl: pulumi.secret(DATABASE_URL) } : {};
      const secrets =
        config.role === "primary"
          ? {
              ...databaseUrl,
              ...(isExternal ? { valkeyUrl: pulumi.secret(VALKEY_URL) } : {}),
              oidcClientSecret: secret,
              mailPassword: secret,
              ...(names.length === 0 ? {} : { storageKeys: pulumi.secret(storageKeys) }),
            }
          : databaseUrl;
      return deploy(config, secrets, await lookUp(config));
    },
    {
      ...options,
      stack: config.stack,
      config: { "aws:region": config.awsRegion },
      stackOutputs: {
        [config.fleet.primary.stack]: {
          sharedSecrets: {
            ...SHARED_SECRETS,
            storageKeys,
            ...(isExternal ? { meet: MEET } : {}),
          },
        },
      },
    },
  );
  return resources;
}
