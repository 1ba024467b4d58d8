import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output.js";
import {
  sharedSecretsFrom,
  type SharedSecretOutputs,
} from "../components/secrets/shared-secret-values.ts";

/** Name of the stack output that holds them, in the primary. */
export const SHARED_SECRETS_OUTPUT = "sharedSecrets";

/**
 * The secrets that all regions share, as a stack that is not the primary gets them: by the one StackReference there is.
 * In a preview before the primary's first `up` they are unknown, with a warning; in an `up` that is an error.
 */
export function readSharedSecrets(primaryStack: string): SharedSecretOutputs {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${primaryStack}`;
  const reference = new pulumi.StackReference("primary", { name });
  const output = reference.getOutput(SHARED_SECRETS_OUTPUT).apply((value: unknown) => {
    if (value === undefined && pulumi.runtime.isDryRun()) {
      void pulumi.log.warn(
        `Stack "${primaryStack}": it has not been deployed, so its shared secrets are unknown in this preview. ` +
          `Run pulumi up -s ${primaryStack} before pulumi up of this stack.`,
        reference,
      );
      return unknown;
    }
    return value;
  });
  return sharedSecretsFrom(output, primaryStack);
}
