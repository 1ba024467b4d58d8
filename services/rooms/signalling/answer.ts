import { STATUS_CODES } from "node:http";
import type { Header } from "./http-head.ts";

/** An answer to a client or to another gateway that opens no tunnel. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** What comes after `body`, where that is not all. */
  readonly rest?: AsyncIterable<Buffer>;
}

/** Lets pages of any origin read the answer: the browser's client decides by its status what to do next. */
export const FOR_ALL_ORIGINS: Header = ["access-control-allow-origin", "*"];

/** An answer of the gateway's own, in plain words. */
export function ownAnswer(
  status: number,
  sentence: string,
  headers: readonly Header[] = [],
): Answer {
  const body = Buffer.from(`${sentence}\n`);
  return {
    status,
    reason: STATUS_CODES[status] ?? "",
    headers: [
      ["content-type", "text/plain; charset=utf-8"],
      ["content-length", String(body.length)],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
      FOR_ALL_ORIGINS,
      ...headers,
    ],
    body,
  };
}

/** "Later, please": the browser's client tries again by itself while it reconnects (client-sdk-js, SignalClient). */
export function tryLater(status: 429 | 503, sentence: string, seconds = 1): Answer {
  return ownAnswer(status, sentence, [["retry-after", String(Math.max(1, Math.ceil(seconds)))]]);
}
