import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Log } from "../shared/log.ts";
import { sendPage, sendText } from "./answers.ts";
import { MEDIA_PATH } from "./media-key.ts";
import { RECORDINGS_PATH } from "./meet/recordings-api.ts";
import { PAGES } from "./pages.ts";

export interface HttpServerParts {
  /** Serves what is below `/media/`. */
  readonly media: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Serves what is below Meet's recordings: the balancer sends nothing but their deletion here. */
  readonly recordings: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly shutdownSeconds: number;
  readonly log: Log;
  /** Milliseconds of being not ready before connections are ended. @default 2000 */
  readonly leaveMs?: number;
}

/** Bytes of a request's head: cookies of other services on the domain are in there too. */
const MAX_HEADER_BYTES = 32 * 1024;

/** Milliseconds for a request's head and for all of it. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;

/** Milliseconds in which a caller takes nothing of an answer, after which the connection is cut. */
const IDLE_MS = 60_000;

const DELETION_IDLE_MS = 120_000;

/** Longer than the balancer keeps an idle connection, or it would send a request into one that is being closed. */
const KEEP_ALIVE_MS = 360_000;

/** The HTTP server of a pod: probes, and the way to the route. */
export class HttpServer {
  private readonly parts: HttpServerParts;
  private readonly server: Server;
  private stopping: Promise<void> | undefined;

  constructor(parts: HttpServerParts) {
    this.parts = parts;
    this.server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        noDelay: true,
      },
      (request, response) => {
        void this.serve(request, response);
      },
    );
  }

  /** Resolves with the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, () => {
        const address = this.server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** Not ready first, then no new connection; downloads under way are finished, and cut near the end of the time. */
  stop(): Promise<void> {
    this.stopping ??= this.leave();
    return this.stopping;
  }

  private async leave(): Promise<void> {
    const { shutdownSeconds, leaveMs = 2000, log } = this.parts;
    log.info("shutting down", { seconds: shutdownSeconds });
    await new Promise((resolve) => setTimeout(resolve, Math.min(leaveMs, shutdownSeconds * 100)));
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
    }, shutdownSeconds * 900);
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
      this.server.closeIdleConnections();
    });
    clearTimeout(cut);
    log.info("stopped");
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "";
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (this.stopping !== undefined) {
      response.setHeader("connection", "close");
    }
    response.setTimeout(IDLE_MS, () => {
      response.destroy();
    });
    try {
      if (path === "/healthz") {
        sendText(response, method, 200, "ok\n");
      } else if (path === "/readyz") {
        const isStaying = this.stopping === undefined;
        sendText(response, method, isStaying ? 200 : 503, isStaying ? "ok\n" : "not now\n");
      } else if (path.startsWith(MEDIA_PATH)) {
        await this.parts.media(request, response);
      } else if (path.startsWith(RECORDINGS_PATH)) {
        // Meet may take its 90 s.
        response.setTimeout(DELETION_IDLE_MS);
        await this.parts.recordings(request, response);
      } else {
        request.resume();
        sendPage(response, method, PAGES.notFound);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.parts.log.error("a request failed", { reason });
      if (response.headersSent) {
        response.destroy();
      } else {
        sendPage(response, method, PAGES.broken);
      }
    }
  }
}
