import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "../http-body.ts";
import type { ApiToken } from "../tokens/api-token.ts";
import { Deadline } from "./deadline.ts";
import { findMethod, isKnownMethod, type Method } from "./methods.ts";
import { codeOf, errorAnswer, type TwirpAnswer } from "./twirp-answer.ts";
import { TwirpBody, type Codec } from "./twirp-body.ts";
import type { RoutedCall } from "./twirp-router.ts";
import { TIMEOUT_HEADER } from "./upstream.ts";
import { Malformed } from "./wire.ts";

/** LiveKit's own limit of a body (livekit/livekit, pkg/config/config.go). */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

const PATH = /^\/twirp\/livekit\.([A-Za-z]{1,60})\/([A-Za-z]{1,60})$/;

/** Milliseconds by which a call, and one that starts a recording, is answered. Meet's library gives up after 10 s. */
export interface TwirpTimes {
  readonly callMs: number;
  readonly startMs: number;
}

const TIMES: TwirpTimes = { callMs: 4500, startMs: 8500 };

/** Milliseconds after its deadline when a call is answered, whatever it is waiting for. */
const OVERTIME_MS = 250;

/** Where calls are answered. */
export interface TwirpRoutes {
  route(routed: RoutedCall): Promise<TwirpAnswer>;
  here(routed: RoutedCall): Promise<TwirpAnswer>;
}

/** Judges whether a request is one that another region's gateway made. */
export interface PeerGate {
  verify(
    token: string,
    request: { readonly method: string; readonly url: string; readonly body: Uint8Array },
  ): Promise<{ readonly ok: boolean }>;
}

export interface TwirpLog {
  info(message: string, fields: Readonly<Record<string, string | number>>): void;
  error(message: string, fields: Readonly<Record<string, string | number>>): void;
}

export interface TwirpMetrics {
  /** @param method `Service/Method`, "other" for one that is not in the table */
  twirpAnswered(method: string, code: string, seconds: number): void;
}

interface Asked {
  readonly service: string;
  readonly name: string;
  readonly method: Method;
  readonly codec: Codec;
  readonly contentType: string;
}

/** `POST /twirp/livekit.*`: LiveKit's server API. Every call is answered in time, errors as Twirp has them. */
export class TwirpHandler {
  private readonly routes: TwirpRoutes;
  private readonly verifyToken: (token: string) => ApiToken;
  private readonly peers: PeerGate;
  private readonly log: TwirpLog;
  private readonly metrics: TwirpMetrics;
  private readonly times: TwirpTimes;

  constructor(parts: {
    readonly routes: TwirpRoutes;
    readonly verifyToken: (token: string) => ApiToken;
    readonly peers: PeerGate;
    readonly log: TwirpLog;
    readonly metrics: TwirpMetrics;
    readonly times?: TwirpTimes;
  }) {
    this.routes = parts.routes;
    this.verifyToken = parts.verifyToken;
    this.peers = parts.peers;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.times = parts.times ?? TIMES;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const begin = performance.now();
    let isGone = false;
    response.once("close", () => {
      isGone = true;
    });
    const asked = askedOf(request);
    const answer =
      "status" in asked ? asked : await this.answerInTime(request, asked, () => isGone);
    // From here on the client is told something else than what a start may still come to.
    isGone = true;
    const label =
      "status" in asked || !isKnownMethod(asked.service, asked.name)
        ? "other"
        : `${asked.service}/${asked.name}`;
    const code = codeOf(answer);
    const seconds = (performance.now() - begin) / 1000;
    this.metrics.twirpAnswered(label, code, seconds);
    this.log.info("server API", { method: label, code, ms: Math.round(seconds * 1000) });
    send(request, response, answer);
  }

  private async answerInTime(
    request: IncomingMessage,
    asked: Asked,
    isGone: () => boolean,
  ): Promise<TwirpAnswer> {
    const { to } = asked.method.route;
    const wanted = Number(request.headers[TIMEOUT_HEADER] ?? Number.NaN);
    const most = to === "egress-start" ? this.times.startMs : this.times.callMs;
    // Who says how long it waits gets its answer before that.
    const ms = wanted > 0 ? Math.max(1, Math.min(most, wanted - 2 * OVERTIME_MS)) : most;
    let timer: NodeJS.Timeout | undefined;
    let isLate = false;
    const late = new Promise<TwirpAnswer>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        const message = `${asked.name}: no answer in ${ms} ms. The call may have had an effect.`;
        resolve(errorAnswer("deadline_exceeded", message));
      }, ms + OVERTIME_MS);
    });
    const work = this.answer(request, asked, new Deadline(ms), () => isLate || isGone());
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      return this.fault(asked, error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async answer(
    request: IncomingMessage,
    asked: Asked,
    deadline: Deadline,
    isGone: () => boolean,
  ): Promise<TwirpAnswer> {
    const authorization = request.headers.authorization ?? "";
    const token = authorization.startsWith("Bearer ")
      ? this.verifyToken(authorization.slice("Bearer ".length))
      : ({ ok: false, fault: "there is no token" } as const);
    if (!token.ok) {
      return errorAnswer("unauthenticated", `Authorization: ${token.fault}.`);
    }
    if (asked.method.route.to === "new-room" && !token.mayCreateRooms) {
      return errorAnswer("unauthenticated", "permissions denied");
    }
    const bytes = await readBody(request, MAX_BODY_BYTES);
    if (bytes === undefined) {
      const message = `The body has more than ${MAX_BODY_BYTES} bytes.`;
      return errorAnswer("invalid_argument", message);
    }
    const body = new TwirpBody(asked.codec, bytes);
    const { service, name, method, contentType } = asked;
    const call = { service, method: name, contentType, body, authorization };
    const routed = { call, method, deadline, isGone };
    const peerToken = request.headers["x-meet-peer"];
    if (peerToken === undefined) {
      return this.routes.route(routed);
    }
    const verdict = await this.peers.verify(String(peerToken), {
      method: "POST",
      url: request.url ?? "",
      body: bytes,
    });
    return verdict.ok
      ? this.routes.here(routed)
      : errorAnswer("unauthenticated", "x-meet-peer: the token does not verify.");
  }

  /** Nothing of the error's text: it could quote the call. */
  private fault(asked: Asked, error: unknown): TwirpAnswer {
    if (error instanceof Malformed) {
      return errorAnswer("malformed", `The request could not be decoded: ${error.message}.`);
    }
    const where = error instanceof Error ? (error.stack?.split("\n    at ")[1] ?? "") : "";
    const kind = error instanceof Error ? error.name : typeof error;
    this.log.error("a call failed", { method: `${asked.service}/${asked.name}`, kind, where });
    return errorAnswer("internal", "The gateway failed. The call may have had an effect.");
  }
}

/** What is asked for, by path and headers; or the answer to what can not be asked. */
function askedOf(request: IncomingMessage): Asked | TwirpAnswer {
  const [path = ""] = (request.url ?? "").split("?", 1);
  const [, service = "", name = ""] = PATH.exec(path) ?? [];
  const method = findMethod(service, name);
  if (method === undefined) {
    return errorAnswer("bad_route", "There is no such service here, or no method in the path.");
  }
  if (request.method !== "POST") {
    return errorAnswer("bad_route", `${service}/${name}: only POST is allowed.`);
  }
  const contentType = request.headers["content-type"] ?? "";
  const [kind = ""] = contentType.split(";", 1);
  switch (kind.trim().toLowerCase()) {
    case "application/protobuf":
      return { service, name, method, codec: "protobuf", contentType };
    case "application/json":
      return { service, name, method, codec: "json", contentType };
    default:
      return errorAnswer(
        "bad_route",
        `${service}/${name}: the Content-Type must be application/protobuf or application/json.`,
      );
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: TwirpAnswer): void {
  if (response.destroyed) {
    return;
  }
  response.writeHead(answer.status, {
    "content-type": answer.contentType,
    "content-length": answer.body.length,
    "cache-control": "no-store",
    // A body that was not read to its end is not waited for.
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(answer.body);
}
