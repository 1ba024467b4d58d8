import type { IncomingMessage } from "node:http";
import type { Caller } from "./meet/media-auth.ts";

/** What of a request Meet decides by. */
export function callerOf(request: Pick<IncomingMessage, "headers">, method: string): Caller {
  const { cookie } = request.headers;
  const forwarded = request.headers["x-forwarded-for"];
  const forwardedFor = Array.isArray(forwarded) ? forwarded.join(", ") : forwarded;
  return {
    method,
    ...(cookie === undefined ? {} : { cookie }),
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
  };
}
