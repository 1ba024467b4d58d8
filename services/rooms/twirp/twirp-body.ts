import { Malformed, stringsAt } from "./wire.ts";

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
    // Of a field that occurs several times the last one counts.
    return this.strings(path).at(-1) ?? "";
  }

  /** The strings at a path: of a list, or of one field. @throws Malformed */
  strings(path: FieldPath): readonly string[] {
    if (this.codec === "protobuf") {
      return stringsAt(
        this.bytes,
        path.map(({ number }) => number),
      );
    }
    return jsonStrings(this.json, path);
  }

  /** The object of a JSON body. */
  object(): unknown {
    return this.json;
  }
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
  const values = Object.entries(json)
    .filter(([key]) => jsonNames(name).includes(key))
    .map(([, value]): unknown => value);
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
