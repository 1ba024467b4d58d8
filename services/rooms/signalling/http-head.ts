/** A header as it is on the wire. */
export type Header = readonly [name: string, value: string];

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  /** As it came, with the empty line at its end. */
  readonly bytes: Buffer;
}

/** An answer that is not HTTP, or has too long a head. */
export class NotHttp extends Error {}

/** Bytes of the longest head that is read. */
export const MAX_HEAD_BYTES = 64 * 1024;

const END = Buffer.from("\r\n\r\n");

/** Headers that concern one connection only (RFC 9110, section 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Only this can be part of a header's value; obs-text is left as it is. */
const NOT_IN_A_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/**
 * The head at the beginning of what was received, and what came after it; undefined while it is not all there. Interim
 * answers before it (RFC 9110, section 15.2) are skipped.
 * @throws NotHttp
 */
export function parseHead(
  received: Buffer,
): { readonly head: AnswerHead; readonly rest: Buffer } | undefined {
  const end = received.indexOf(END);
  if (end > MAX_HEAD_BYTES || (end < 0 && received.length > MAX_HEAD_BYTES)) {
    throw new NotHttp(`a head above ${MAX_HEAD_BYTES} bytes`);
  }
  if (end < 0) {
    return undefined;
  }
  const [statusLine = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const found = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([\t\x20-\x7e]*))?$/.exec(statusLine);
  if (found === null) {
    throw new NotHttp("no status line");
  }
  const rest = received.subarray(end + END.length);
  const status = Number(found[1]);
  if (status < 200 && status !== 101) {
    return parseHead(rest);
  }
  const headers = lines.map(parseHeader);
  const bytes = received.subarray(0, end + END.length);
  return { head: { status, reason: found[2] ?? "", headers, bytes }, rest };
}

/** The first value of a header, whose name is given in small letters. */
export function headerOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([found]) => found.toLowerCase() === name)?.[1];
}

/** Names of the headers that are not for the next hop: the known ones, and those that `Connection` names. */
export function hopByHop(headers: readonly Header[]): ReadonlySet<string> {
  const named = headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(","))
    .map((name) => name.trim());
  return named.length === 0 ? HOP_BY_HOP : new Set([...HOP_BY_HOP, ...named]);
}

/** The headers as Node gives them raw, in pairs. */
export function pairsOf(rawHeaders: readonly string[]): readonly Header[] {
  const pairs: Header[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  return pairs;
}

function parseHeader(line: string): Header {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1).trim();
  if (colon < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || NOT_IN_A_VALUE.test(value)) {
    throw new NotHttp("a header that is none");
  }
  return [name, value];
}
