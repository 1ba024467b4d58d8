/** Names of keys that mean the same field, from the outermost object inwards. */
export type KeyPath = readonly (readonly string[])[];

/** A key that is cut, and the member that is written in its place where there is one. */
interface Edit {
  readonly path: KeyPath;
  readonly member?: string;
}

/**
 * The same JSON without the keys at these paths. All that stays, stays as it is written, numbers with more digits than
 * a double has among it. A list on the way is gone through; a list in a list is not, as no field of protobuf is one.
 * @param text valid JSON: it has been parsed before
 */
export function withoutKeys(text: string, paths: readonly KeyPath[]): string {
  const start = skipSpace(text, 0);
  return rewritten(
    text,
    start,
    paths.map((path) => ({ path })),
  ).text;
}

/**
 * The same JSON with one member, `"key":value`, in each object that the paths lead to, in the place of what was there
 * under the paths' last names. An object that is not there is not made.
 * @param text valid JSON: it has been parsed before
 */
export function withMember(text: string, paths: readonly KeyPath[], member: string): string {
  const start = skipSpace(text, 0);
  return rewritten(
    text,
    start,
    paths.map((path) => ({ path, member })),
  ).text;
}

interface Rewritten {
  readonly text: string;
  readonly end: number;
}

function rewritten(
  text: string,
  start: number,
  edits: readonly Edit[],
  isInList = false,
): Rewritten {
  const isOpen = text[start] === "{" || (text[start] === "[" && !isInList);
  if (edits.length === 0 || !isOpen) {
    const end = endOfValue(text, start);
    return { text: text.slice(start, end), end };
  }
  const isObject = text[start] === "{";
  const close = isObject ? "}" : "]";
  const kept: string[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] !== close) {
    const item = isObject ? rewrittenMember(text, at, edits) : rewritten(text, at, edits, true);
    if (item.text !== "") {
      kept.push(item.text);
    }
    at = skipSpace(text, item.end);
    if (text[at] === ",") {
      at = skipSpace(text, at + 1);
    }
  }
  if (isObject) {
    kept.push(...edits.flatMap(({ path, member }) => (path.length === 1 ? (member ?? []) : [])));
  }
  return { text: `${text.charAt(start)}${kept.join(",")}${close}`, end: at + 1 };
}

/** A key with its value; empty if the path ends here. */
function rewrittenMember(text: string, start: number, edits: readonly Edit[]): Rewritten {
  const keyEnd = endOfString(text, start);
  const written = text.slice(start, keyEnd);
  const key: unknown = JSON.parse(written);
  const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
  const inside = edits
    .filter(({ path: [names] }) => typeof key === "string" && names?.includes(key) === true)
    .map((edit) => ({ ...edit, path: edit.path.slice(1) }));
  const value = rewritten(
    text,
    valueStart,
    inside.filter(({ path }) => path.length > 0),
  );
  const isCut = inside.some(({ path }) => path.length === 0);
  return { text: isCut ? "" : `${written}:${value.text}`, end: value.end };
}

/** Counts brackets rather than descending: no depth of them can overflow the stack. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
    } else if (character === "{" || character === "[") {
      depth += 1;
      at += 1;
    } else if (character === "}" || character === "]") {
      depth -= 1;
      at += 1;
    } else if (depth > 0) {
      at += 1;
    } else {
      return endOfWord(text, at);
    }
  } while (depth > 0);
  return at;
}

/** The end of a number, true, false or null. */
function endOfWord(text: string, start: number): number {
  let at = start;
  while (at < text.length && !",]} \t\r\n".includes(text.charAt(at))) {
    at += 1;
  }
  return at;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') {
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && " \t\r\n".includes(text.charAt(at))) {
    at += 1;
  }
  return at;
}
