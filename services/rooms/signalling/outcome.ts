import { hopByHop } from "./http-head.ts";
import type { Claim } from "../placement/claim.ts";
import type { Refusal } from "../placement/placement.ts";
import { beginBody, bodyOf } from "./answer-body.ts";
import type { Answer } from "./answer.ts";
import type { OpenAnswer } from "./upstream.ts";

/** What became of one try to let somebody into a room. */
export type Outcome =
  /** LiveKit took the upgrade. */
  | { readonly kind: "open"; readonly upstream: OpenAnswer }
  /** LiveKit said something else, which is for the client. */
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The host did not get as far as LiveKit. */
  | { readonly kind: "refused"; readonly why: Refusal; readonly found?: Claim };

/** Marks an answer to another gateway as LiveKit's own: one that has none is from a balancer, or a refusal. */
export const ANSWER_HEADER = "x-meet-answer";

/** Bytes of a body that are read before it is passed on; LiveKit's refusals are a line. */
const MAX_BEGIN_BYTES = 64 * 1024;

/** Milliseconds without a byte after which the body of an answer is given up. */
const BODY_IDLE_MS = 5000;

/** An answer without an upgrade, ready to be passed on: status, headers and body as they are. */
export async function readAnswer(open: OpenAnswer): Promise<Answer> {
  const { head, rest, socket } = open;
  socket.setTimeout(BODY_IDLE_MS, () => socket.destroy());
  const body = await beginBody(bodyOf(head, rest, socket), MAX_BEGIN_BYTES);
  if (body.rest === undefined) {
    socket.destroy();
  }
  const dropped = hopByHop(head.headers);
  const headers = head.headers.filter(([name]) => {
    const small = name.toLowerCase();
    return !dropped.has(small) && !small.startsWith("x-meet-") && small !== "content-length";
  });
  return {
    status: head.status,
    reason: head.reason,
    headers:
      body.rest === undefined
        ? [...headers, ["content-length", String(body.begin.length)]]
        : headers,
    body: body.begin,
    ...(body.rest === undefined ? {} : { rest: body.rest }),
  };
}
