import { Malformed, textOf, valuesAt } from "./wire.ts";

/** How a body is encoded. */
export type Codec = "protobuf" | "json";

/** A field by its number and its name in the .proto file. */
export interface FieldName {
  readonly number: number;
  readonly name: string;
}

/** Fields from the outermost message inwards. */
export type FieldPath = readonly FieldName[];

/** The body of a call, read as far as routing needs it. The bytes themselves are passed on as they came. */
export class TwirpBody {
  readonly codec: Codec;
  readonly bytes: Buffer;
  private readonly json: unknown;

  /** @throws Malformed where JSON was said and is not there */
  constructor(codec: Codec, bytes: Buffer) {
    this.codec = codec;
    this.bytes = bytes;
    this.json = codec === "json" ? parseObject(bytes) : undefined;
  }

  /** The string at a path, empty where there is none. @throws Malformed */
  string(path: FieldPath): string {
    if (this.codec === "json") {
      return jsonStrings(this.json, path).at(-1) ?? "";
    }
    // Of a field that occurs several times the last one counts.
    const value = valuesAt(this.bytes, numbersOf(path)).at(-1);
    return value === undefined ? "" : textOf(value);
  }

  /** The strings of a list. @throws Malformed */
  strings(path: FieldPath): readonly string[] {
    return this.codec === "json"
      ? jsonStrings(this.json, path)
      : valuesAt(this.bytes, numbersOf(path)).map(textOf);
  }

  /** The object of a JSON body. */
  object(): unknown {
    return this.json;
  }
}

function numbersOf(path: FieldPath): readonly number[] {
  return path.map(({ number }) => number);
}

/** Both names that the JSON of a protobuf field may have (protobuf.dev, ProtoJSON). */
export function jsonNames(name: string): readonly string[] {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return camel === name ? [name] : [name, camel];
}

/** What an object holds under either name of a field; undefined for neither and for null. @throws Malformed */
function valueOf(json: unknown, name: string): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Malformed("a message is not an object");
  }
  const members = new Map<string, unknown>(Object.entries(json));
  const values = jsonNames(name)
    .filter((key) => members.has(key))
    .map((key) => members.get(key));
  if (values.length > 1) {
    throw new Malformed(`the field ${name} is there twice`);
  }
  return values[0] ?? undefined;
}

function jsonStrings(json: unknown, path: FieldPath): readonly string[] {
  const [field, ...rest] = path;
  const value = field === undefined ? undefined : valueOf(json, field.name);
  if (value === undefined) {
    return [];
  }
  if (rest.length > 0) {
    return jsonStrings(value, rest);
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one !== "string") {
      throw new Malformed(`the field ${field?.name ?? ""} is not a string`);
    }
    return one;
  });
}

function parseObject(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const parsed: unknown = JSON.parse(text === "" ? "{}" : text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return parsed;
    }
  } catch {
    // Said below; the parser's own words would quote the body.
  }
  throw new Malformed("the body is not a JSON object");
}
