import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "../shared/log.ts";

/** Serves the requests under a path. Where it throws, the request is answered with 500. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Serves a request for an upgrade, whatever its path. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What balancers, DNS and the kubelet ask. `/healthz` needs no part: that it answers is the answer. */
export interface Probes {
  /** `/readyz`: this pod may take connections. */
  ready(): boolean;
  /** `/region-health`: this region may take new participants: it is ready, does not drain, and LiveKit is up. */
  regionHealthy(): boolean;
  /** `/primary`: no region has told of a later primary than this region. Meet's pods here are ready only then. */
  primary(): boolean;
}

export interface GatewayServerParts {
  /** By path: `/twirp/` serves all below it, `/webhooks/livekit` itself alone. The longest that fits serves. */
  readonly routes: Readonly<Record<string, Handle>>;
  readonly upgrade: Upgrade;
  readonly probes: Probes;
  readonly tunnels: { endAll(spreadMs: number): Promise<void> };
  /** Seconds from the signal to the end of the process. */
  readonly shutdownSeconds: number;
  readonly log: Log;
  /** Milliseconds of being not ready before anything is ended, 2000 by default; the kubelet waits before its signal. */
  readonly leaveMs?: number;
}

/**
 * Bytes of a request's head. The token is in there twice over; a browser's is 3 kB, other clients' grow with attributes.
 * A head of 64 KiB is taken, and Node counts a little differently.
 */
const MAX_HEADER_BYTES = 65 * 1024;

/** Milliseconds for a request's head, and for all of it: slower is a client that means to hold the connection. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const CHECK_MS = 5000;

/**
 * Milliseconds that an idle connection is kept: longer than the balancer's idle timeout of 350 s, or the balancer would
 * send a request into a connection that is just being closed and answer 502 (AWS, "Troubleshoot your Application Load
 * Balancers").
 */
const KEEP_ALIVE_MS = 360_000;

/** Parts of the time for shutting down in which tunnels are ended, and after which whatever is left is cut. */
const SPREAD_PART = 0.6;
const CUT_PART = 0.9;

/** Any page may ask: tokens decide, not origins. An asterisk does not stand for `authorization` (Fetch, CORS protocol). */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
  "access-control-allow-headers": "authorization, *",
  "access-control-max-age": "86400",
} as const;

/** The HTTP server of a pod: probes, preflights, and the way of each request to whoever serves its path. */
export class GatewayServer {
  private readonly parts: GatewayServerParts;
  private readonly server: Server;
  private stopping: Promise<void> | undefined;

  constructor(parts: GatewayServerParts) {
    this.parts = parts;
    this.server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        noDelay: true,
      },
      (request, response) => {
        void this.serve(request, response);
      },
    );
    this.server.on("upgrade", (request, socket, head) => {
      this.upgrade(request, socket, head);
    });
  }

  /** Begins to serve; gives the port. 0 lets the system choose one. */
  listen(port: number, host?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, host, () => {
        const address = this.server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /**
   * Goes without anybody being thrown out of a meeting: not ready first, so that the balancer sends nobody any more;
   * then tunnels are ended one after another, and their clients come back through other pods; requests under way are
   * finished. What is left near the end of the time is cut. A second call waits for the first.
   */
  stop(): Promise<void> {
    this.stopping ??= this.leave();
    return this.stopping;
  }

  /** Milliseconds after which connections are ended, as they are set. */
  timeouts(): Pick<Server, "keepAliveTimeout" | "headersTimeout" | "requestTimeout"> {
    return this.server;
  }

  private async leave(): Promise<void> {
    const { shutdownSeconds, leaveMs = 2000, tunnels, log } = this.parts;
    const totalMs = shutdownSeconds * 1000;
    log.info("shutting down", { seconds: shutdownSeconds });
    await new Promise((resolve) => setTimeout(resolve, Math.min(leaveMs, totalMs / 10)));
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
    }, totalMs * CUT_PART);
    await tunnels.endAll(totalMs * SPREAD_PART);
    this.server.closeIdleConnections();
    await closed;
    clearTimeout(cut);
    // Whoever came in at the last moment.
    await tunnels.endAll(0);
    log.info("stopped");
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (this.stopping !== undefined) {
      response.setHeader("connection", "close");
    }
    try {
      const handle = this.routeOf(path);
      if (request.method === "OPTIONS" || handle === undefined) {
        request.resume();
        this.answer(request, response, path);
      } else {
        await handle(request, response);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.parts.log.error("a request failed", { method: request.method ?? "", path, reason });
      if (response.headersSent) {
        response.destroy();
      } else {
        plain(request, response, 500, "The request failed.\n", CORS);
      }
    }
  }

  private routeOf(path: string): Handle | undefined {
    const fitting = Object.keys(this.parts.routes)
      .filter((route) => path === route || (route.endsWith("/") && path.startsWith(route)))
      .sort((left, right) => right.length - left.length)[0];
    return fitting === undefined ? undefined : this.parts.routes[fitting];
  }

  private answer(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { probes } = this.parts;
    const isLook = request.method === "GET" || request.method === "HEAD";
    const isStaying = this.stopping === undefined;
    if (request.method === "OPTIONS") {
      response.writeHead(204, CORS).end();
    } else if (isLook && path === "/healthz") {
      plain(request, response, 200, "ok\n");
    } else if (isLook && path === "/readyz") {
      said(request, response, isStaying && probes.ready());
    } else if (isLook && path === "/region-health") {
      said(request, response, isStaying && probes.ready() && probes.regionHealthy());
    } else if (isLook && path === "/primary") {
      // Also while this pod goes: a pod's end is no promotion.
      said(request, response, probes.primary());
    } else if (isLook && path === "/") {
      // What the browser's client asks first, to have a connection ready (client-sdk-js, Room.prepareConnection).
      plain(request, response, 200, "ok\n", CORS);
    } else {
      plain(request, response, 501, "This is not served here.\n", CORS);
    }
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      this.parts.upgrade(request, socket, head);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.parts.log.error("an upgrade failed", { reason });
      socket.destroy();
    }
  }
}

function said(request: IncomingMessage, response: ServerResponse, isSo: boolean): void {
  plain(request, response, isSo ? 200 : 503, isSo ? "ok\n" : "not now\n");
}

function plain(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
