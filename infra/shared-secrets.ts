import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output.js";
import {
  parseSharedSecrets,
  sharedSecretsFrom,
  type SharedSecretOutputs,
} from "../components/secrets/shared-secret-values.ts";

/** Name of the stack output that holds them, in the primary. */
export const SHARED_SECRETS_OUTPUT = "sharedSecrets";

/**
 * The secrets that all regions share, as a stack that is not the primary gets them: by the one StackReference there is.
 * Awaited before anything is made, so that a primary that was never deployed, or whose secrets this stack cannot
 * decrypt, stops an `up` with nothing created. In a preview before the primary's first `up` they are unknown, with a
 * warning.
 * @throws pulumi.RunError with one sentence
 */
export async function readSharedSecrets(primaryStack: string): Promise<SharedSecretOutputs> {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${primaryStack}`;
  const reference = new pulumi.StackReference("primary", { name });
  const details = await reference.getOutputDetails(SHARED_SECRETS_OUTPUT);
  const found: unknown = details.secretValue ?? details.value;
  if (found === undefined && pulumi.runtime.isDryRun()) {
    await pulumi.log.warn(
      `Stack "${primaryStack}": it has not been deployed, so its shared secrets are unknown in this preview. ` +
        `Run pulumi up -s ${primaryStack} before pulumi up of this stack.`,
      reference,
    );
    return sharedSecretsFrom(pulumi.output(unknown), primaryStack);
  }
  try {
    return sharedSecretsFrom(pulumi.secret(parseSharedSecrets(found, primaryStack)), primaryStack);
  } catch (error) {
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}
