/** The bytes are not a protobuf message, or the text is not the JSON of one. */
export class Malformed extends Error {}

/** A field as it lies in the bytes of a message (protobuf.dev, Encoding). */
interface Field {
  readonly number: number;
  readonly type: number;
  /** Where its tag begins, its value begins (behind the length, if it has one) and it ends. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** Numbers of fields from the outermost message inwards. */
export type FieldNumbers = readonly number[];

/** Fields that are still looked at. */
interface Budget {
  fields: number;
}

/**
 * Fields of one message that are looked at, those within others counted: far above what any call has, and far below
 * the five million of ten megabytes, which would hold up everybody else for seconds.
 */
const MAX_FIELDS = 20_000;

const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;

/**
 * What is at a path, in order: strings, bytes or messages. A message that occurs several times counts as one with all
 * their fields, as the format has it. @throws Malformed
 */
export function valuesAt(
  bytes: Uint8Array,
  path: FieldNumbers,
  budget: Budget = { fields: MAX_FIELDS },
): readonly Uint8Array[] {
  const [number, ...rest] = path;
  const values: Uint8Array[] = [];
  for (const field of fieldsOf(bytes, budget)) {
    if (field.number === number && field.type === LENGTH_DELIMITED) {
      values.push(bytes.subarray(field.valueStart, field.end));
    }
  }
  return rest.length === 0 ? values : values.flatMap((value) => valuesAt(value, rest, budget));
}

/** The text of a string. @throws Malformed */
export function textOf(value: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    throw new Malformed("a string of the message is not UTF-8");
  }
}

/** The same message without what is at these paths; every other byte stays, fields that nobody knows too. */
export function withoutFields(
  bytes: Uint8Array,
  paths: readonly FieldNumbers[],
  budget: Budget = { fields: MAX_FIELDS },
): Uint8Array {
  const kept: Uint8Array[] = [];
  for (const field of fieldsOf(bytes, budget)) {
    const inside = paths.filter(([number]) => number === field.number).map((path) => path.slice(1));
    if (inside.length === 0 || field.type !== LENGTH_DELIMITED) {
      kept.push(bytes.subarray(field.start, field.end));
    } else if (inside.every((path) => path.length > 0)) {
      const value = withoutFields(bytes.subarray(field.valueStart, field.end), inside, budget);
      kept.push(delimited(field.number, value));
    }
  }
  return Buffer.concat(kept);
}

/**
 * The same message with a number at the end of each message that the path leads to: of a field that occurs twice the
 * last one counts (protobuf.dev, Encoding). A message that is not there is not made. @throws Malformed
 */
export function withNumber(
  bytes: Uint8Array,
  path: FieldNumbers,
  value: number,
  budget: Budget = { fields: MAX_FIELDS },
): Uint8Array {
  const [number = 0, ...rest] = path;
  if (rest.length === 0) {
    return Buffer.concat([bytes, Buffer.from([...varint(number * 8), ...varint(value)])]);
  }
  const kept: Uint8Array[] = [];
  for (const field of fieldsOf(bytes, budget)) {
    if (field.number === number && field.type === LENGTH_DELIMITED) {
      const inside = bytes.subarray(field.valueStart, field.end);
      kept.push(delimited(number, withNumber(inside, rest, value, budget)));
    } else {
      kept.push(bytes.subarray(field.start, field.end));
    }
  }
  return Buffer.concat(kept);
}

/** A field that holds bytes: a string or a message. */
export function delimited(number: number, value: Uint8Array): Uint8Array {
  const head = [...varint(number * 8 + LENGTH_DELIMITED), ...varint(value.length)];
  return Buffer.concat([Buffer.from(head), value]);
}

/** The fields one after another: a list of them all would be many times as large as the message. */
function* fieldsOf(bytes: Uint8Array, budget: Budget): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const field = readField(bytes, at, budget);
    yield field;
    at = field.end;
  }
}

function spend(budget: Budget): void {
  budget.fields -= 1;
  if (budget.fields < 0) {
    throw new Malformed(`the message has more than ${MAX_FIELDS} fields`);
  }
}

function readField(bytes: Uint8Array, start: number, budget: Budget): Field {
  spend(budget);
  const { number, type, end } = readTag(bytes, start);
  if (type === END_GROUP) {
    throw new Malformed("a group ends that did not begin");
  }
  if (type === START_GROUP) {
    return { number, type, start, valueStart: end, end: endOfGroup(bytes, end, budget) };
  }
  return { number, type, start, ...readValue(bytes, type, end) };
}

/** Groups may hold groups: counted, not recursed into, so that no depth of them can overflow the stack. */
function endOfGroup(bytes: Uint8Array, start: number, budget: Budget): number {
  let depth = 1;
  let at = start;
  while (depth > 0) {
    spend(budget);
    const { type, end } = readTag(bytes, at);
    if (type === START_GROUP) {
      depth += 1;
      at = end;
    } else if (type === END_GROUP) {
      depth -= 1;
      at = end;
    } else {
      at = readValue(bytes, type, end).end;
    }
  }
  return at;
}

function readValue(
  bytes: Uint8Array,
  type: number,
  at: number,
): { readonly valueStart: number; readonly end: number } {
  const ends = (valueStart: number, length: number): { valueStart: number; end: number } => {
    if (valueStart + length > bytes.length) {
      throw new Malformed("the message ends within a field");
    }
    return { valueStart, end: valueStart + length };
  };
  switch (type) {
    case 0:
      return { valueStart: at, end: readVarint(bytes, at).end };
    case 1:
      return ends(at, 8);
    case LENGTH_DELIMITED: {
      const { value, end } = readVarint(bytes, at);
      return ends(end, value);
    }
    case 5:
      return ends(at, 4);
    default:
      throw new Malformed(`a field has the unknown type ${type}`);
  }
}

function readTag(
  bytes: Uint8Array,
  at: number,
): { readonly number: number; readonly type: number; readonly end: number } {
  const { value, end } = readVarint(bytes, at);
  const number = Math.floor(value / 8);
  if (number === 0 || value >= 2 ** 32) {
    throw new Malformed("a field has no valid number");
  }
  return { number, type: value % 8, end };
}

/** Exact up to 2^53; larger ones only need to be larger than any length. */
function readVarint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) {
      throw new Malformed("the message ends within a number");
    }
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      return { value, end: start + index + 1 };
    }
  }
  throw new Malformed("a number has more than ten bytes");
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  return [...bytes, left];
}
