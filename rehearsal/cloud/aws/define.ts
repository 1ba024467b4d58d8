import type { Making, ResourceType } from "../model.ts";
import { text, type Value } from "../values.ts";

/** A type's description without what every aws type has. */
export type AwsSpec = Partial<
  Omit<ResourceType, "provider" | "token" | "title" | "api" | "isGlobal">
>;

/** Describes a regional aws type; `token` is without the package: `ec2/vpc:Vpc`. */
export function aws(
  token: string,
  title: string,
  api: readonly [service: string, noun: string],
  spec: AwsSpec,
): ResourceType {
  return {
    replaceOn: [],
    id: (c) => c.hex(20),
    computed: {},
    ...spec,
    provider: "aws",
    token: `aws:${token}`,
    title,
    api,
  };
}

/** Describes an aws type that belongs to the account, not to a region. */
export function globalAws(...args: Parameters<typeof aws>): ResourceType {
  return { ...aws(...args), isGlobal: true };
}

/** An id like `vpc-0123456789abcdef0`. */
export function ec2Id(prefix: string): (making: Making) => string {
  return (c) => `${prefix}-0${c.hex(16)}`;
}

/** `arn:aws:ec2:<region>:<account>:<kind>/<id>`. */
export function ec2Arn(kind: string): (making: Making) => Value {
  return (c) => c.arn("ec2", `${kind}/${c.id}`);
}

/** The text of an input, empty when it is not set. */
export function input(making: Making, path: string): string {
  return text(making.inputs, path) ?? "";
}

/** The input as the id: things that AWS knows by their name. */
export function byInput(path: string): (making: Making) => string {
  return (c) => input(c, path);
}

/** Always the same value. */
export function fixed(value: Value): () => Value {
  return () => value;
}
