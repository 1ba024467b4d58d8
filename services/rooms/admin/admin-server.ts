import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../../shared/log.ts";
import { parseJson, readBody, sendJson } from "../http-body.ts";
import { LiveKitDown, PeerUnreachable, StoreAway } from "../placement/ports.ts";
import type { RequestVerifier } from "../peers/peer-token.ts";
import { ADMIN_PATH } from "./admin-request.ts";
import { WrongBody, type AdminAnswer, type AdminRoute } from "./admin-routes.ts";

/** Bytes of the longest body of an operator. */
const MAX_BODY_BYTES = 64 * 1024;

interface Found {
  readonly route: AdminRoute;
  readonly name: string;
}

/** Serves `/admin/v1/*` to operators, who have a secret of their own. What they do is logged with their name. */
export class AdminServer {
  private readonly verifier: RequestVerifier;
  private readonly routes: readonly AdminRoute[];
  private readonly log: Log;

  constructor(verifier: RequestVerifier, routes: readonly AdminRoute[], log: Log) {
    this.verifier = verifier;
    this.routes = routes;
    this.log = log;
  }

  /** Answers one request under `/admin/v1/`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const body = await readBody(request, MAX_BODY_BYTES);
    if (body === undefined) {
      sendJson(response, 413, { error: `Request: a body is at most ${MAX_BODY_BYTES} bytes.` });
      return;
    }
    const authorization = request.headers.authorization ?? "";
    const token = /^Bearer (\S+)$/.exec(authorization)?.[1] ?? "";
    const signer = await this.verifier.verify(token, { method, url, body });
    if (!signer.ok) {
      this.log.warn("an operator's call was refused", { reason: signer.fault });
      sendJson(response, 401, { error: `Request: ${signer.fault}. Sign it anew.` });
      return;
    }
    const path = url.startsWith(ADMIN_PATH) ? url.slice(ADMIN_PATH.length) : "";
    const found = this.find(method, path);
    if (found === undefined) {
      sendJson(response, 404, { error: `Request: there is no ${method} ${path || "/"} here.` });
      return;
    }
    const { status, body: answer } = await this.answer(found, body, signer.issuer);
    if (method !== "GET") {
      this.log.info("an operator's call", {
        operator: signer.issuer,
        call: `${method} ${found.route.path}`,
        name: found.name,
        status,
      });
    }
    sendJson(response, status, answer);
  }

  private async answer(
    { route, name }: Found,
    body: Buffer,
    operator: string,
  ): Promise<AdminAnswer> {
    try {
      return await route.answer(name, body.length === 0 ? {} : parseJson(body), operator);
    } catch (error) {
      if (error instanceof WrongBody) {
        return { status: 400, body: { error: `Request: ${error.message}.` } };
      }
      if (error instanceof StoreAway) {
        const sentence =
          "Store: the region's Valkey does not answer. Try again, or ask another region.";
        return { status: 503, body: { error: sentence } };
      }
      if (error instanceof PeerUnreachable) {
        return { status: 502, body: { error: `${error.message} Try again.` } };
      }
      if (error instanceof LiveKitDown) {
        return { status: 503, body: { error: "LiveKit: it does not answer here. Try again." } };
      }
      const reason = error instanceof Error ? error.message : "unknown";
      this.log.error("an operator's call failed", { call: route.path, reason });
      return { status: 500, body: { error: "Request: it failed here. The log says why." } };
    }
  }

  private find(method: string, path: string): Found | undefined {
    const parts = path.split("/");
    for (const route of this.routes) {
      const shape = route.path.split("/");
      const at = shape.indexOf("*");
      const name = at < 0 ? "" : decoded(parts[at]);
      if (
        route.method === method &&
        shape.length === parts.length &&
        shape.every((part, index) => part === "*" || part === parts[index]) &&
        name !== undefined &&
        (at < 0 || name !== "")
      ) {
        return { route, name };
      }
    }
    return undefined;
  }
}

function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
