import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

const secret = z.string().min(1);

const makesSchema = z.array(z.int().min(1));

/**
 * Of which makes the values are, by generation: that which signs, then that which is accepted as well. With the values,
 * because a configuration may be ahead of what was deployed: a promotion hands both over.
 */
const secretMakesSchema = z.object({
  livekitKeys: makesSchema,
  peer: makesSchema,
  operator: makesSchema,
  django: makesSchema,
  database: makesSchema,
});

/** Generations of the shared secrets. */
export type SecretMakes = Readonly<z.infer<typeof secretMakesSchema>>;

const sharedSecretsSchema = z.object({
  livekitApiKey: secret,
  livekitApiSecret: z.string().min(32),
  peerSecret: secret,
  operatorSecret: secret,
  djangoSecretKey: secret,
  databasePassword: secret,
  administratorPassword: secret.optional(),
  storageKeys: z
    .record(z.string(), z.object({ accessKeyId: secret, secretAccessKey: secret }))
    .optional(),
  meet: z
    .object({ oidcClientSecret: secret, mailPassword: secret.optional(), valkeyUrl: secret })
    .optional(),
  previous: z
    .object({
      livekit: z.object({ apiKey: secret, apiSecret: z.string().min(32) }).optional(),
      peer: secret.optional(),
      operator: secret.optional(),
      django: secret.optional(),
    })
    .default({}),
  // Missing where a version before deployed the primary.
  makes: secretMakesSchema.optional(),
});

/** What the primary exports, as one secret, and every other stack reads. */
export type SharedSecretValues = z.infer<typeof sharedSecretsSchema>;

/** The shared secrets in use, each a secret output. */
export interface SharedSecretOutputs {
  readonly livekitApiKey: pulumi.Output<string>;
  readonly livekitApiSecret: pulumi.Output<string>;
  readonly peerSecret: pulumi.Output<string>;
  readonly operatorSecret: pulumi.Output<string>;
  readonly djangoSecretKey: pulumi.Output<string>;
  readonly databasePassword: pulumi.Output<string>;
  /** Keys of S3-compatible storage, by store, where the fleet has any. */
  readonly storageKeys?: pulumi.Output<SharedSecretValues["storageKeys"]>;
  /** What a Meet beside the primary's needs, where the fleet's stores are external. */
  readonly meet?: pulumi.Output<SharedSecretValues["meet"]>;
  /** Other makes that are accepted as well. */
  readonly previous: pulumi.Output<SharedSecretValues["previous"]>;
}

/** What the engine shows in place of a value it could not or may not decrypt. */
const BLINDED = "[secret]";

/**
 * Reads what the primary's stack exports as `sharedSecrets`. An output that the engine cannot decrypt is left out of a
 * StackReference (pulumi/pulumi#19533), so missing and undecryptable look alike and the sentence names both.
 * @throws Error with what is wrong and what to do, never with a value
 */
export function parseSharedSecrets(value: unknown, primaryStack: string): SharedSecretValues {
  const subject = `Output "sharedSecrets" of stack "${primaryStack}"`;
  // Secrets that cannot be decrypted are left out, of an object too: what is left then is an empty shell.
  const isShell = typeof value === "object" && value !== null && !("livekitApiKey" in value);
  if (value === undefined || value === null) {
    throw new Error(
      `${subject}: it is missing or cannot be decrypted. ` +
        `Run pulumi up -s ${primaryStack} first, and give all stacks the same secrets provider and passphrase.`,
    );
  }
  if (isShell || JSON.stringify(value).includes(`"${BLINDED}"`)) {
    throw new Error(
      `${subject}: it cannot be decrypted. ` +
        "Give all stacks of the fleet the same secrets provider and passphrase.",
    );
  }
  const parsed = sharedSecretsSchema.safeParse(value);
  if (!parsed.success) {
    const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join(".") || "all"))];
    throw new Error(
      `${subject}: it is not what this version expects (${fields.join(", ")}). ` +
        `Run pulumi up -s ${primaryStack} with this version first.`,
    );
  }
  return parsed.data;
}

/** The shared secrets as another stack uses them, from the output of a StackReference. Unknown stays unknown. */
export function sharedSecretsFrom(
  output: pulumi.Output<unknown>,
  primaryStack: string,
): SharedSecretOutputs {
  const values = pulumi.secret(output.apply((value) => parseSharedSecrets(value, primaryStack)));
  return {
    livekitApiKey: values.livekitApiKey,
    livekitApiSecret: values.livekitApiSecret,
    peerSecret: values.peerSecret,
    operatorSecret: values.operatorSecret,
    djangoSecretKey: values.djangoSecretKey,
    databasePassword: values.databasePassword,
    storageKeys: values.apply(({ storageKeys }) => storageKeys),
    meet: values.apply(({ meet }) => meet),
    previous: values.previous,
  };
}
