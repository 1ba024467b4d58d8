import type { IncomingMessage } from "node:http";
import type { Deadline } from "../twirp/deadline.ts";
import { hopByHop, pairsOf, type Header } from "./http-head.ts";

/** A request to join a room, once its token was found to be in order. */
export interface Join {
  readonly room: string;
  readonly identity: string;
  /** Path with query, as it came: the token is in there, or in the headers. */
  readonly url: string;
  /** The token, verified. */
  readonly token: string;
  /** An upgrade, or the question of a client why its upgrade failed. */
  readonly isUpgrade: boolean;
  /** The client's headers that are for LiveKit. */
  readonly headers: readonly Header[];
  readonly address: string;
  readonly country?: string;
  readonly deadline: Deadline;
  /** Aborted when the client went away. */
  readonly gone: AbortSignal;
}

/** Paths of signalling; what is at any other path under `/rtc` is not served. */
const UPGRADES: ReadonlySet<string> = new Set(["/rtc", "/rtc/v1"]);
const QUESTIONS: ReadonlySet<string> = new Set(["/rtc/validate", "/rtc/v1/validate"]);

/** What a path is for. */
export function purposeOf(path: string): "upgrade" | "validate" | undefined {
  if (UPGRADES.has(path)) {
    return "upgrade";
  }
  return QUESTIONS.has(path) ? "validate" : undefined;
}

/** Path of a request line without its query. */
export function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}

/** The token, from where LiveKit takes it: the header, or else the query (livekit/livekit, pkg/service/auth.go). */
export function tokenOf(request: Pick<IncomingMessage, "headers" | "url">): string {
  const { authorization } = request.headers;
  if (authorization !== undefined && authorization !== "") {
    return /^Bearer (.*)$/.exec(authorization)?.[1] ?? "";
  }
  const url = request.url ?? "";
  const at = url.indexOf("?");
  return at < 0 ? "" : (new URLSearchParams(url.slice(at + 1)).get("access_token") ?? "");
}

/** The join with another token in the place of its own. */
export function withToken(join: Join, token: string): Join {
  if (token === join.token) {
    return join;
  }
  const [path = "", query = ""] = splitOnce(join.url, "?");
  const pairs = query.split("&").map((pair) => {
    const [name = ""] = splitOnce(pair, "=");
    return name === "access_token" ? `${name}=${token}` : pair;
  });
  return {
    ...join,
    token,
    url: query === "" ? path : `${path}?${pairs.join("&")}`,
    headers: join.headers.map(([name, value]) =>
      name.toLowerCase() === "authorization" ? [name, `Bearer ${token}`] : [name, value],
    ),
  };
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Headers that say who the client is, which it can say of itself as it likes, and those that are between gateways.
 * LiveKit believes them (livekit/livekit, pkg/service/utils.go, GetClientIP).
 */
const NOT_THE_CLIENTS = /^(x-forwarded-.*|forwarded|x-real-ip|true-client-ip|cf-.*|x-meet-.*)$/;

/** Headers that are made anew, belong to Meet's pages, or to a body that there is not. */
const MADE_ANEW: ReadonlySet<string> = new Set(["host", "cookie", "content-length", "expect"]);

/** The headers that are passed on, untouched: those of the WebSocket and its extensions among them. */
export function passedHeaders(rawHeaders: readonly string[]): readonly Header[] {
  const headers = pairsOf(rawHeaders);
  const connection = hopByHop(headers);
  return headers.filter(([name]) => {
    const small = name.toLowerCase();
    return !connection.has(small) && !MADE_ANEW.has(small) && !NOT_THE_CLIENTS.test(small);
  });
}
