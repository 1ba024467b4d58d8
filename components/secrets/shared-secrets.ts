import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Faults } from "../shared/faults.ts";
import { handedOverMakes, type HandedOver, type HandedOverMakes } from "./handed-over.ts";
import type {
  SecretMakes,
  SharedSecretOutputs,
  SharedSecretValues,
} from "./shared-secret-values.ts";

/** Part of every URN beneath it: never change without an alias. */
export const SHARED_SECRETS_TYPE = "meet:app:SharedSecrets";

/** What can be made anew on its own; LiveKit's key and secret are one pair. */
export const ROTATABLE_SECRETS = [
  "livekit",
  "peer",
  "operator",
  "django",
  "database",
  "administrator",
] as const;

/** One of ROTATABLE_SECRETS. */
export type RotatableSecret = (typeof ROTATABLE_SECRETS)[number];

/** Which make of a secret is in use. */
export interface SecretGeneration {
  /** Raise it by one to make the secret anew. @default 1 */
  readonly generation: number;
  /** Keeps the make before, so that both are accepted while regions change over. @default false */
  readonly keepPrevious?: boolean;
  /** Signs with the make before until every region accepts this one; the two change places. @default "current" */
  readonly signWith?: "current" | "previous";
}

/** Arguments of SharedSecrets. */
export interface SharedSecretsArgs {
  /** Whether a first administrator is made, and so needs a password. */
  readonly administrator: boolean;
  /** Secrets that are no longer of the first make. @default all of generation 1 */
  readonly generations?: Readonly<Partial<Record<RotatableSecret, SecretGeneration>>>;
  /** What another primary had made before this one was promoted: those makes are used, later ones are made here. */
  readonly handedOver?: HandedOver;
}

/** A LiveKit key and its secret. */
export interface LiveKitKey {
  readonly apiKey: pulumi.Output<string>;
  readonly apiSecret: pulumi.Output<string>;
}

/** The other make that is accepted, where one is kept. */
export interface PreviousSecrets {
  readonly livekit?: LiveKitKey;
  readonly peer?: pulumi.Output<string>;
  readonly operator?: pulumi.Output<string>;
  readonly django?: pulumi.Output<string>;
}

/** LiveKit logs an error for less than 32 (livekit/livekit pkg/config); all are letters and digits, safe in any URL. */
const LENGTHS = {
  livekit: 48,
  peer: 48,
  operator: 48,
  django: 64,
  database: 40,
  administrator: 24,
} satisfies Record<RotatableSecret, number>;

/**
 * The secrets that all regions share, made once, by the primary; the others read `toOutputs()` by a StackReference.
 * Each make is a resource of its own, named by its generation: rotation adds the next and leaves the one before as it
 * is until nobody needs it. Not protected, because dropping an old make is part of rotation; what is lost is made anew
 * by raising the generation, and every region must be updated then.
 */
export class SharedSecrets extends pulumi.ComponentResource {
  readonly livekitApiKey: pulumi.Output<string>;
  readonly livekitApiSecret: pulumi.Output<string>;
  /** Signs what gateways tell each other. */
  readonly peerSecret: pulumi.Output<string>;
  /** Signs what operators tell a gateway. */
  readonly operatorSecret: pulumi.Output<string>;
  readonly djangoSecretKey: pulumi.Output<string>;
  readonly databasePassword: pulumi.Output<string>;
  /** Only with `administrator`. */
  readonly administratorPassword?: pulumi.Output<string>;
  readonly previous: PreviousSecrets;
  private readonly handedOver: HandedOverMakes;
  private readonly prefix: string;
  private readonly makes: SecretMakes;

  constructor(name: string, args: SharedSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(SHARED_SECRETS_TYPE, name, {}, opts);
    validate(this, name, args);
    this.prefix = `${name}-`;
    this.handedOver = handedOverMakes(args.handedOver);
    const current = (secret: Exclude<RotatableSecret, "livekit">): pulumi.Output<string> =>
      this.password(`${name}-${secret}`, used(args, secret), LENGTHS[secret]);

    const livekit = this.livekitKey(name, used(args, "livekit"));
    this.livekitApiKey = livekit.apiKey;
    this.livekitApiSecret = livekit.apiSecret;
    this.peerSecret = current("peer");
    this.operatorSecret = current("operator");
    this.djangoSecretKey = current("django");
    this.databasePassword = current("database");
    if (args.administrator) {
      this.administratorPassword = current("administrator");
    }
    this.previous = this.previousSecrets(name, args);
    this.makes = makesOf(args);
    this.registerOutputs({ sharedSecrets: this.toOutputs() });
  }

  /** Everything as one secret, in the form that `sharedSecretsFrom` reads in the other stacks. */
  toOutputs(): pulumi.Output<SharedSecretValues> {
    const { livekit, peer, operator, django } = this.previous;
    return pulumi.secret({
      livekitApiKey: this.livekitApiKey,
      livekitApiSecret: this.livekitApiSecret,
      peerSecret: this.peerSecret,
      operatorSecret: this.operatorSecret,
      djangoSecretKey: this.djangoSecretKey,
      databasePassword: this.databasePassword,
      ...(this.administratorPassword === undefined
        ? {}
        : { administratorPassword: this.administratorPassword }),
      previous: {
        ...(livekit === undefined ? {} : { livekit }),
        ...(peer === undefined ? {} : { peer }),
        ...(operator === undefined ? {} : { operator }),
        ...(django === undefined ? {} : { django }),
      },
      makes: this.makes,
    });
  }

  /** The current secrets in the form that `sharedSecretsFrom` gives to other stacks. */
  current(): SharedSecretOutputs {
    return {
      livekitApiKey: this.livekitApiKey,
      livekitApiSecret: this.livekitApiSecret,
      peerSecret: this.peerSecret,
      operatorSecret: this.operatorSecret,
      djangoSecretKey: this.djangoSecretKey,
      databasePassword: this.databasePassword,
      previous: this.toOutputs().previous,
    };
  }

  /** A key id has the form of `livekit-server generate-keys`: "API" and 12 letters or digits. */
  private livekitKey(name: string, generation: number): LiveKitKey {
    const id = this.password(`${name}-livekit-key`, generation, 12);
    return {
      // One that was handed over is whole already.
      apiKey: pulumi.secret(id.apply((key) => (key.startsWith("API") ? key : `API${key}`))),
      apiSecret: this.password(`${name}-livekit`, generation, LENGTHS.livekit),
    };
  }

  private previousSecrets(name: string, args: SharedSecretsArgs): PreviousSecrets {
    const again = (
      secret: "peer" | "operator" | "django",
    ): Record<string, pulumi.Output<string>> => {
      const generation = kept(args, secret);
      return generation === undefined
        ? {}
        : { [secret]: this.password(`${name}-${secret}`, generation, LENGTHS[secret]) };
    };
    const livekit = kept(args, "livekit");
    return {
      ...(livekit === undefined ? {} : { livekit: this.livekitKey(name, livekit) }),
      ...again("peer"),
      ...again("operator"),
      ...again("django"),
    };
  }

  private password(prefix: string, generation: number, length: number): pulumi.Output<string> {
    const given = this.handedOver.get(`${prefix.slice(this.prefix.length)}-${generation}`);
    if (given !== undefined) {
      return given();
    }
    const made = new random.RandomPassword(
      `${prefix}-${generation}`,
      { length, special: false },
      { parent: this },
    );
    return pulumi.secret(made.result);
  }
}

/** The generation that signs. */
function used({ generations }: SharedSecretsArgs, secret: RotatableSecret): number {
  const { generation = 1, signWith } = generations?.[secret] ?? {};
  return signWith === "previous" ? generation - 1 : generation;
}

/** The other generation that is accepted, if there is one. */
function kept({ generations }: SharedSecretsArgs, secret: RotatableSecret): number | undefined {
  const { generation = 1, keepPrevious = false, signWith } = generations?.[secret] ?? {};
  const other = signWith === "previous" ? generation : generation - 1;
  return keepPrevious ? other : undefined;
}

function makesOf(args: SharedSecretsArgs): SecretMakes {
  const of = (secret: RotatableSecret): number[] => {
    const other = kept(args, secret);
    return [used(args, secret), ...(other === undefined ? [] : [other])];
  };
  return {
    livekitKeys: of("livekit"),
    peer: of("peer"),
    operator: of("operator"),
    django: of("django"),
    database: of("database"),
  };
}

/** A database has one password at a time, and so has an administrator. */
const WITHOUT_PREVIOUS: readonly RotatableSecret[] = ["database", "administrator"];

function validate(resource: pulumi.Resource, name: string, args: SharedSecretsArgs): void {
  const faults = new Faults(SHARED_SECRETS_TYPE, name);
  for (const secret of ROTATABLE_SECRETS) {
    const { generation = 1, keepPrevious = false, signWith } = args.generations?.[secret] ?? {};
    faults.when(
      signWith === "previous" && !keepPrevious,
      `"${secret}" signs with the previous make, which is not kept. Set keepPrevious as well.`,
    );
    faults.when(
      !Number.isInteger(generation) || generation < 1,
      `generation ${generation} of "${secret}" is no whole number from 1. Raise it by one to rotate.`,
    );
    faults.when(
      keepPrevious && generation === 1,
      `"${secret}" keeps a previous make but is of generation 1. Raise the generation or drop keepPrevious.`,
    );
    faults.when(
      keepPrevious && WITHOUT_PREVIOUS.includes(secret),
      `"${secret}" cannot keep a previous make. Drop keepPrevious: it takes one password at a time.`,
    );
  }
  faults.throwIfAny(resource);
}
