import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../infra/config.ts";
import { deploy } from "../infra/deploy.ts";
import { lookUp } from "../infra/lookups.ts";
import { storesOf } from "../infra/storage.ts";
import { recordProgram, type Recorded, type RecordOptions } from "./recorder.ts";

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

/** Runs the whole program of one stack under mocks: no engine, no account, no secret. */
export async function recordStack(
  config: StackConfig,
  options: Pick<RecordOptions, "preview" | "project"> = {},
): Promise<readonly Recorded[]> {
  const names = storesOf(config.fleet).map(({ name }) => name);
  const storageKeys = Object.fromEntries(
    names.map((name) => [name, { accessKeyId: PLACEHOLDER, secretAccessKey: PLACEHOLDER }]),
  );
  const { resources } = await recordProgram(
    async () => {
      const secret = pulumi.secret(PLACEHOLDER);
      const secrets =
        config.role === "primary"
          ? {
              oidcClientSecret: secret,
              mailPassword: secret,
              ...(names.length === 0 ? {} : { storageKeys: pulumi.secret(storageKeys) }),
            }
          : {};
      return deploy(config, secrets, await lookUp(config));
    },
    {
      ...options,
      stack: config.stack,
      config: { "aws:region": config.awsRegion },
      stackOutputs: {
        [config.fleet.primary.stack]: { sharedSecrets: { ...SHARED_SECRETS, storageKeys } },
      },
    },
  );
  return resources;
}
