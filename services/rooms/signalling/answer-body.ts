import type { Socket } from "node:net";
import { headerOf, NotHttp, type AnswerHead } from "./http-head.ts";

const LINE_END = Buffer.from("\r\n");

/** Bytes of the longest line of a chunked body. */
const MAX_LINE_BYTES = 1024;

/** The body of an answer, by its length, in chunks, or until the connection ends (RFC 9112, section 6). */
export async function* bodyOf(
  head: Pick<AnswerHead, "status" | "headers">,
  received: Buffer,
  socket: Socket,
): AsyncGenerator<Buffer> {
  const length = headerOf(head.headers, "content-length");
  if (head.status === 204 || head.status === 304 || length === "0") {
    return;
  }
  const bytes = arriving(received, socket);
  if (headerOf(head.headers, "transfer-encoding")?.toLowerCase() === "chunked") {
    yield* unchunked(bytes);
  } else if (length === undefined) {
    yield* bytes;
  } else {
    yield* firstOf(bytes, Number(length));
  }
}

/** The beginning of a body, and the rest of it where it is longer than that. */
export interface BegunBody {
  readonly begin: Buffer;
  readonly rest?: AsyncIterable<Buffer>;
}

/** Reads a body whole if it has at most `maxBytes`, and only so far if it has more. */
export async function beginBody(
  body: AsyncGenerator<Buffer>,
  maxBytes: number,
): Promise<BegunBody> {
  const parts: Buffer[] = [];
  let size = 0;
  for (;;) {
    const next = await body.next();
    if (next.done === true) {
      return { begin: Buffer.concat(parts) };
    }
    parts.push(next.value);
    size += next.value.length;
    if (size > maxBytes) {
      return { begin: Buffer.concat(parts), rest: body };
    }
  }
}

async function* arriving(received: Buffer, socket: Socket): AsyncGenerator<Buffer> {
  if (received.length > 0) {
    yield received;
  }
  for await (const chunk of socket) {
    if (Buffer.isBuffer(chunk)) {
      yield chunk;
    }
  }
}

async function* firstOf(bytes: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let left = length;
  for await (const chunk of bytes) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    yield part;
    if (left <= 0) {
      return;
    }
  }
  throw new NotHttp("a body that was cut off");
}

async function* unchunked(bytes: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let buffered: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const next = await bytes.next();
    if (next.done === true) {
      throw new NotHttp("a body that was cut off");
    }
    buffered = Buffer.concat([buffered, next.value]);
  };
  for (;;) {
    let end = buffered.indexOf(LINE_END);
    while (end < 0) {
      if (buffered.length > MAX_LINE_BYTES) {
        throw new NotHttp("a chunk without a size");
      }
      await more();
      end = buffered.indexOf(LINE_END);
    }
    const found = /^([0-9a-f]{1,8})(?:[ \t;].*)?$/i.exec(buffered.toString("latin1", 0, end));
    if (found === null) {
      throw new NotHttp("a chunk without a size");
    }
    buffered = buffered.subarray(end + 2);
    let left = Number.parseInt(found[1] ?? "0", 16);
    if (left === 0) {
      // Trailers are not for the next hop.
      return;
    }
    while (left > 0) {
      if (buffered.length === 0) {
        await more();
      }
      const part = buffered.subarray(0, left);
      buffered = buffered.subarray(part.length);
      left -= part.length;
      yield part;
    }
    while (buffered.length < 2) {
      await more();
    }
    buffered = buffered.subarray(2);
  }
}
