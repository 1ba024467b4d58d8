import { TWIRP_STATUS, parseTwirpError, type TwirpCode } from "../livekit/twirp-error.ts";
import type { Codec } from "./twirp-body.ts";

/** An answer to a call, as it goes to the client. */
export interface TwirpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const CONTENT_TYPES = { protobuf: "application/protobuf", json: "application/json" } as const;

/** An error of the gateway's own. Errors are JSON whatever the call was. */
export function errorAnswer(code: TwirpCode, message: string): TwirpAnswer {
  return {
    status: TWIRP_STATUS[code],
    contentType: CONTENT_TYPES.json,
    body: Buffer.from(JSON.stringify({ code, msg: message })),
  };
}

/** A list with nothing in it, as LiveKit writes one. */
export function emptyList(codec: Codec, list: string): TwirpAnswer {
  const body = codec === "json" ? Buffer.from(JSON.stringify({ [list]: [] })) : Buffer.alloc(0);
  return { status: 200, contentType: CONTENT_TYPES[codec], body };
}

/** The Twirp code of an answer, "ok" for 200. */
export function codeOf(answer: TwirpAnswer): string {
  return answer.status === 200 ? "ok" : (parseTwirpError(answer.body)?.code ?? "unknown");
}

/**
 * True if the call may have an effect after this answer: LiveKit gave up waiting for another process of its own, or
 * fell over.
 */
export function isUncertain(answer: TwirpAnswer): boolean {
  return answer.status >= 500 || answer.status === TWIRP_STATUS.deadline_exceeded;
}

/**
 * Several lists as one. In protobuf, messages one behind the other are one message whose lists are joined
 * (protobuf.dev, Encoding, "Last One Wins").
 */
export function mergedLists(
  codec: Codec,
  list: string,
  answers: readonly TwirpAnswer[],
): TwirpAnswer {
  const [first] = answers;
  if (first === undefined || answers.length === 1) {
    return first ?? emptyList(codec, list);
  }
  if (codec === "protobuf") {
    return { ...first, body: Buffer.concat(answers.map(({ body }) => body)) };
  }
  const items = answers.flatMap(({ body }) => jsonItems(body, list));
  return { ...first, body: Buffer.from(JSON.stringify({ [list]: items })) };
}

function jsonItems(body: Uint8Array, list: string): readonly unknown[] {
  const parsed: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  const items: unknown =
    typeof parsed === "object" && parsed !== null
      ? new Map<string, unknown>(Object.entries(parsed)).get(list)
      : undefined;
  return Array.isArray(items) ? items : [];
}
