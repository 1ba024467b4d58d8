import * as pulumi from "@pulumi/pulumi";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import type { FleetConfig } from "./config.ts";

/** A LiveKit key and its secret. */
interface KeyOutputs {
  readonly apiKey: pulumi.Output<string>;
  readonly apiSecret: pulumi.Output<string>;
}

/** The other makes of the shared secrets that are accepted beside those that are signed with. */
export interface PreviousSecretOutputs {
  readonly livekitKeys?: KeyOutputs;
  readonly peerSecret?: pulumi.Output<string>;
  readonly operatorSecret?: pulumi.Output<string>;
}

/**
 * The makes that the configuration keeps. Which there are is known from it and not from the primary's output, so a
 * preview shows the pods' files even while the values are unknown.
 */
export function previousSecrets(
  { secrets, primary }: Pick<FleetConfig, "secrets" | "primary">,
  { previous }: Pick<SharedSecretOutputs, "previous">,
): PreviousSecretOutputs {
  const given = <Value>(what: string, value: Value | undefined): Value =>
    secondMake(primary.stack, what, value);
  const livekit = pulumi.secret(previous).apply((makes) => makes.livekit);
  const key = (part: "apiKey" | "apiSecret"): pulumi.Output<string> =>
    livekit.apply((pair) => given("livekitKeys", pair)[part]);
  return {
    ...(secrets.livekitKeys.keepPrevious
      ? { livekitKeys: { apiKey: key("apiKey"), apiSecret: key("apiSecret") } }
      : {}),
    ...(secrets.peer.keepPrevious
      ? { peerSecret: pulumi.secret(previous).apply(({ peer }) => given("peer", peer)) }
      : {}),
    ...(secrets.operator.keepPrevious
      ? {
          operatorSecret: pulumi
            .secret(previous)
            .apply(({ operator }) => given("operator", operator)),
        }
      : {}),
  };
}

/** @throws Error unless the primary has made it */
export function secondMake<Value>(primary: string, what: string, value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error(
      `Output "sharedSecrets" of stack "${primary}": it has no second make of ${what}, which meet:secrets keeps. Run pulumi up -s ${primary} first.`,
    );
  }
  return value;
}
