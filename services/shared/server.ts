import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "./log.ts";

/** An answer of a service. */
export interface Answer {
  readonly status: number;
  readonly contentType: "text/plain" | "text/html" | "application/json";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request by its path, which has no query string: tokens are in there. */
export type Handler = (path: string, request: IncomingMessage) => Answer;

export interface ServeOptions {
  readonly port: number;
  readonly shutdownSeconds: number;
  readonly log: Log;
  readonly handler: Handler;
}

/** Paths that balancers and kubelets ask every few seconds, which no log needs. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/region-health"]);

/**
 * Serves until SIGTERM or SIGINT. Then `/readyz` is 503, no connection is taken any more, requests under way are
 * finished, and after `shutdownSeconds` what is left is cut. Ends the process with status 0.
 */
export function serve(options: ServeOptions): void {
  const { log } = options;
  let ending = false;
  const server = createServer((request, response) => {
    const path = pathOf(request);
    const answer =
      ending && path === "/readyz" ? plain(503, "shutting down\n") : options.handler(path, request);
    send(request, response, answer, ending);
    if (!PROBES.has(path)) {
      log.info("request", { method: request.method ?? "", path, status: answer.status });
    }
  });

  const end = (signal: string): void => {
    if (ending) {
      return;
    }
    ending = true;
    log.info("shutting down", { signal });
    server.close(() => {
      log.info("stopped");
      process.exit(0);
    });
    server.closeIdleConnections();
    setTimeout(() => {
      server.closeAllConnections();
    }, options.shutdownSeconds * 1000).unref();
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);

  server.on("error", (error) => {
    log.error("cannot serve", { reason: error.message });
    process.exit(1);
  });
  server.listen(options.port, () => {
    log.info("listening", { port: portOf(server.address()) });
  });
}

/** A short answer in plain text. */
export function plain(status: number, body: string): Answer {
  return { status, contentType: "text/plain", body };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  ending: boolean,
): void {
  // The body of a request that nobody reads would keep the connection from being used again.
  request.resume();
  response.writeHead(answer.status, {
    "content-type": `${answer.contentType}; charset=utf-8`,
    "content-length": Buffer.byteLength(answer.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(ending ? { connection: "close" } : {}),
    ...answer.headers,
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?", 1)[0] ?? "/";
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}
