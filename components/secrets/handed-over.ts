import * as pulumi from "@pulumi/pulumi";
import {
  parseSharedSecrets,
  type SecretMakes,
  type SharedSecretValues,
} from "./shared-secret-values.ts";

/** What another primary had made before this one was promoted. */
export interface HandedOver {
  /** The stack that made them. */
  readonly from: string;
  /** JSON of its output `sharedSecrets`. */
  readonly values: pulumi.Input<string>;
  /** Generations: that which signed, then that which was accepted as well, if there was one. */
  readonly makes: Readonly<Record<keyof SecretMakes, readonly number[]>>;
}

/** Secrets by `<secret>-<generation>`, such as `peer-2`. */
export type HandedOverMakes = ReadonlyMap<string, () => pulumi.Output<string>>;

/**
 * The makes that are used as they came, each a secret. Nothing is made for them in this stack, and nothing is taken
 * from the state of the other; later generations are made here.
 */
export function handedOverMakes(handedOver: HandedOver | undefined): HandedOverMakes {
  if (handedOver === undefined) {
    return new Map();
  }
  const { from, makes } = handedOver;
  const values = pulumi.secret(
    pulumi.output(handedOver.values).apply((text) => parseSharedSecrets(parsed(text), from)),
  );
  // A function, because one that nobody uses may be missing.
  const pick =
    (what: string, choose: (values: SharedSecretValues) => string | undefined) =>
    (): pulumi.Output<string> =>
      values.apply((all) => given(from, what, choose(all)));
  const entries: [string, () => pulumi.Output<string>][] = [
    [`django-${makes.django[0] ?? 1}`, pick("djangoSecretKey", (all) => all.djangoSecretKey)],
    [`database-${makes.database[0] ?? 1}`, pick("databasePassword", (all) => all.databasePassword)],
    ["administrator-1", pick("administratorPassword", (all) => all.administratorPassword)],
  ];
  const [livekit, livekitBefore] = makes.livekitKeys;
  entries.push(
    [`livekit-${livekit ?? 1}`, pick("livekitApiSecret", (all) => all.livekitApiSecret)],
    [`livekit-key-${livekit ?? 1}`, pick("livekitApiKey", (all) => all.livekitApiKey)],
    [`peer-${makes.peer[0] ?? 1}`, pick("peerSecret", (all) => all.peerSecret)],
    [`operator-${makes.operator[0] ?? 1}`, pick("operatorSecret", (all) => all.operatorSecret)],
  );
  if (livekitBefore !== undefined) {
    entries.push(
      [`livekit-${livekitBefore}`, pick("livekit", (all) => all.previous.livekit?.apiSecret)],
      [`livekit-key-${livekitBefore}`, pick("livekit", (all) => all.previous.livekit?.apiKey)],
    );
  }
  for (const secret of ["peer", "operator"] as const) {
    const [, before] = makes[secret];
    if (before !== undefined) {
      entries.push([`${secret}-${before}`, pick(secret, (all) => all.previous[secret])]);
    }
  }
  return new Map(entries);
}

function given(from: string, what: string, value: string | undefined): string {
  if (value === undefined) {
    throw new Error(
      `Config "meet:sharedSecrets": it has no ${what} of ${from}, which meet:promotion.makes names. Run fleet promote again.`,
    );
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Config "meet:sharedSecrets": it is no JSON. Run fleet promote again.`);
  }
}
