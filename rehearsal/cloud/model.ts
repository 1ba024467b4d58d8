import type { Cloud } from "./cloud.ts";
import type { Value, ValueMap } from "./values.ts";

/** The packages whose provider is stood in for. */
export const providerNames = ["aws", "kubernetes", "cloudflare", "random"] as const;
export type ProviderName = (typeof providerNames)[number];

/** What can be done to a thing; faults, rules and the call log use these words. */
export type Operation = "create" | "read" | "update" | "delete" | "invoke";

/** One thing that exists in the cloud. */
export interface Thing {
  readonly provider: ProviderName;
  readonly type: string;
  readonly id: string;
  /** AWS region, Kubernetes cluster ARN, or empty for what is global. */
  readonly scope: string;
  /** URN of the resource that made it: says which stack owns it. */
  readonly urn: string;
  /** As the engine sent them, with secret marks. */
  inputs: ValueMap;
  /** Inputs and computed values, without secret marks. */
  state: ValueMap;
  readonly secretOutputs: readonly string[];
}

/** How one provider instance was configured: each has a connection, and so a session, of its own. */
export interface Session {
  readonly provider: ProviderName;
  readonly region: string;
  readonly defaultTags: ValueMap;
  /** Address of the API server that a Kubernetes provider talks to. */
  readonly server: string;
  readonly namespace: string;
}

/** What computed outputs are made from. In a preview every made-up part is unknown. */
export interface Making {
  readonly cloud: Cloud;
  readonly session: Session;
  readonly type: ResourceType;
  readonly urn: string;
  /** Logical name. */
  readonly name: string;
  readonly inputs: ValueMap;
  readonly id: string;
  readonly scope: string;
  readonly region: string;
  readonly accountId: string;
  readonly preview: boolean;
  /** The state before an update. */
  readonly old: ValueMap | undefined;
  /** So many random hexadecimal digits; unknown in a preview. */
  hex(length: number): string;
  /** So many random decimal digits; unknown in a preview. */
  digits(length: number): string;
  /** `arn:aws:<service>:<region>:<account>:<rest>`. */
  arn(service: string, rest: string): string;
}

/** One resource type of a provider: what it computes and what makes AWS replace it. */
export interface ResourceType {
  readonly provider: ProviderName;
  readonly token: string;
  /** As the real provider names it in errors: `S3 Bucket`. */
  readonly title: string;
  /** Service and noun of the API calls: `["S3", "Bucket"]` gives `S3: CreateBucket`. */
  readonly api: readonly [service: string, noun: string];
  /** Not regional (IAM, Route 53): one namespace for the account. */
  readonly isGlobal?: boolean;
  /** Exists in no cloud, only in the stack's state: what `random` makes. @default false */
  readonly isOnlyInState?: boolean;
  /** Inputs (dotted paths) whose change replaces the resource. `region` is added to every regional aws type. */
  readonly replaceOn: readonly string[];
  /** The id; made up by default where this gives undefined. */
  readonly id: (making: Making) => string;
  /** Used where the program sets nothing. */
  readonly computed: Readonly<Record<string, (making: Making) => Value>>;
  /** Always computed, also over an input: for objects that mix inputs and computed parts. */
  readonly derived?: Readonly<Record<string, (making: Making) => Value>>;
  /** Computed again at every update; everything else computed stays as it was. */
  readonly recomputed?: readonly string[];
  readonly secretOutputs?: readonly string[];
  /** Input that is filled in from the logical name, with random digits, when it is not set. */
  readonly autoname?: { readonly key: string; readonly maxLength?: number };
  readonly hasTags?: boolean;
  /** Takes over a thing that exists already: a record set with `allowOverwrite`. */
  readonly mayOverwrite?: (inputs: ValueMap) => boolean;
  /** What else changes in the cloud once a thing was made, changed or removed. */
  readonly onDone?: (cloud: Cloud, op: "create" | "update" | "delete", thing: Thing) => void;
  /** What identifies a thing besides its id; a second one with the same key is refused. */
  readonly unique?: {
    readonly key: (making: Making) => string | undefined;
    readonly errorCode: string;
    readonly status: number;
    readonly message: (key: string) => string;
    /** Unique over all regions and stacks, such as a bucket name. @default false */
    readonly everywhere?: boolean;
  };
}

/** What a rule sees of a call. */
export interface RuleCall {
  readonly cloud: Cloud;
  readonly op: "create" | "update" | "delete";
  readonly type: ResourceType;
  /** New inputs; at a delete those that the thing was made with. */
  readonly inputs: ValueMap;
  /** The thing as it is, at an update or a delete. */
  readonly thing: Thing | undefined;
  readonly session: Session;
  readonly scope: string;
  readonly urn: string;
}

/** A documented refusal that crosses resources, or an input that the API does not take. */
export interface Rule {
  readonly id: string;
  /** One sentence: what is refused. */
  readonly what: string;
  /** Where the service documents it: an address or a repository path. */
  readonly source: string;
  /** The service's own error code. */
  readonly errorCode: string;
  /** HTTP status of the refusal. @default 400 */
  readonly status?: number;
  readonly types: readonly string[];
  readonly on: readonly RuleCall["op"][];
  /** The API call that is refused, where it is not create, modify or delete of the type's noun. */
  readonly call?: string;
  /** The service waits for the condition, so the refusal comes only after the cloud's patience. @default false */
  readonly waits?: boolean;
  /** The service's words when the call is refused, undefined when it is fine. */
  readonly check: (call: RuleCall) => string | undefined;
}

/** A refusal; its message is what the real provider would print. */
export class Refusal extends Error {
  readonly errorCode: string;

  constructor(errorCode: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.errorCode = errorCode;
  }
}
