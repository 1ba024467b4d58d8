/** A JSON value as it travels between the engine and a provider. */
export type Value = null | boolean | number | string | Value[] | ValueMap;

/** A JSON object: the inputs or outputs of one resource. */
export interface ValueMap {
  [key: string]: Value;
}

/** What the engine sends for a value that is not known yet (pulumi/pulumi, sdk/go/common/resource/plugin/rpc.go). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Key and values that mark an object as a secret, an asset or an output value (same file). */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** Unknown values of other kinds: bool, number, array, asset, archive and object have sentinels of their own. */
const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** True for an object that is neither null nor a list. */
export function isMap(value: unknown): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for the engine's sentinels of a value that is not known yet. */
export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

/** Marks a value as secret, in the form that the engine understands. */
export function secret(value: Value): ValueMap {
  return { [SIGNATURE]: SECRET, value };
}

/** True when the value is marked as secret. */
export function isSecret(value: Value | undefined): boolean {
  return isMap(value) && value[SIGNATURE] === SECRET;
}

/** The value without any secret marks, at any depth; output values become their value or unknown. */
export function plain(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (!isMap(value)) {
    return value;
  }
  if (value[SIGNATURE] === SECRET) {
    return plain(value["value"] ?? null);
  }
  if (value[SIGNATURE] === OUTPUT) {
    return "value" in value ? plain(value["value"] ?? null) : UNKNOWN;
  }
  return plainMap(value);
}

/** `plain` for the properties of a resource. */
export function plainMap(map: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, plain(value)]));
}

/** The value with every secret replaced by a mark, fit for a listing. */
export function masked(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(masked);
  }
  if (isSecret(value)) {
    return "[secret]";
  }
  return isMap(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner)]))
    : value;
}

/** True when an unknown is the value or is somewhere in it. */
export function containsUnknown(value: Value): boolean {
  if (Array.isArray(value)) {
    return value.some(containsUnknown);
  }
  return isMap(value) ? Object.values(value).some(containsUnknown) : isUnknown(value);
}

/** Makes every string that was built from an unknown an unknown itself. */
export function spreadUnknown(value: Value): Value {
  if (typeof value === "string") {
    return value.includes(UNKNOWN) ? UNKNOWN : value;
  }
  if (Array.isArray(value)) {
    return value.map(spreadUnknown);
  }
  return isMap(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spreadUnknown(inner)]))
    : value;
}

/** A text that is equal for equal values: keys sorted; lists of plain values sorted too when `unordered`. */
export function canonical(value: Value | undefined, unordered: boolean): string {
  if (Array.isArray(value)) {
    const parts = value.map((item) => canonical(item, unordered));
    return `[${(unordered ? parts.toSorted() : parts).join(",")}]`;
  }
  if (isMap(value)) {
    const keys = Object.keys(value)
      .filter((key) => value[key] !== null)
      .toSorted();
    return `{${keys.map((key) => `${key}:${canonical(value[key], unordered)}`).join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}

/** The value at a dotted path (`vpcConfig.subnetIds`, `spec.ports.0.nodePort`). */
export function at(value: Value | undefined, path: string): Value | undefined {
  let current = value;
  for (const part of path.split(".")) {
    if (Array.isArray(current)) {
      current = current[Number(part)];
    } else if (isMap(current)) {
      current = current[part];
    } else {
      return undefined;
    }
  }
  return current;
}

/** The text at a path, or undefined when there is none or it is not known. */
export function text(value: Value | undefined, path: string): string | undefined {
  const found = at(value, path);
  if (typeof found === "number" || typeof found === "boolean") {
    return String(found);
  }
  return typeof found === "string" && !isUnknown(found) ? found : undefined;
}

/** The number at a path; numbers written as text count. */
export function number(value: Value | undefined, path: string): number | undefined {
  const found = at(value, path);
  if (typeof found === "string" && found !== "" && Number.isFinite(Number(found))) {
    return Number(found);
  }
  return typeof found === "number" ? found : undefined;
}

/** True only for a literal true at the path. */
export function flag(value: Value | undefined, path: string): boolean {
  const found = at(value, path);
  return found === true || found === "true";
}

/** The list at a path, empty when there is none. */
export function list(value: Value | undefined, path: string): Value[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

/** The known texts of the list at a path. */
export function texts(value: Value | undefined, path: string): string[] {
  return list(value, path).filter(
    (item): item is string => typeof item === "string" && !isUnknown(item),
  );
}

/** The object at a path, empty when there is none. */
export function map(value: Value | undefined, path: string): ValueMap {
  const found = at(value, path);
  return isMap(found) ? found : {};
}

/** Every known text in a value, at any depth. */
export function flatten(value: Value): string[] {
  if (typeof value === "string") {
    return isUnknown(value) ? [] : [value];
  }
  if (Array.isArray(value)) {
    return value.flatMap(flatten);
  }
  return isMap(value) ? Object.values(value).flatMap(flatten) : [];
}
