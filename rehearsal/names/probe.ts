import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { EndpointCheck } from "./health.ts";

/** Where an endpoint is on this machine. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Whether it speaks TLS here; a rehearsal's balancers may not. */
  readonly isTls: boolean;
}

/** How long a health checker waits (…/dns-failover-determining-health-of-endpoints.html). */
export const PROBE_LIMITS = { connectMs: 4000, tcpOnlyMs: 10_000, statusMs: 2000, bodyMs: 2000 };

/** So much of an answer is searched (same page). */
const SEARCHED_BYTES = 5120;

/**
 * Asks an endpoint once, as a health checker does: connected within 4 s, a status of 2xx or 3xx within 2 s after that,
 * the text it looks for within 2 s more. Certificates are not looked at. Redirects are not followed.
 */
export async function probe(
  check: EndpointCheck,
  endpoint: Endpoint,
  limits: typeof PROBE_LIMITS = PROBE_LIMITS,
): Promise<boolean> {
  let socket: Socket | undefined;
  try {
    socket = await open(endpoint, check.protocol === "TCP" ? limits.tcpOnlyMs : limits.connectMs);
    if (check.protocol === "TCP") {
      return true;
    }
    const deadline = Date.now() + limits.statusMs;
    const secured = endpoint.isTls ? secure(socket, check.host) : socket;
    return await ask(secured, check, deadline, limits.bodyMs);
  } catch {
    return false;
  } finally {
    socket?.destroy();
  }
}

function open({ host, port }: Endpoint, limitMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error("not connected in time")), limitMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function secure(socket: Socket, servername: string): Socket {
  return connectTls({ socket, servername, rejectUnauthorized: false });
}

function ask(
  socket: Socket,
  check: EndpointCheck,
  statusDeadline: number,
  bodyMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    let received = "";
    let timer = setTimeout(end, statusDeadline - Date.now(), false);
    let hasStatus = false;
    function end(passed: boolean): void {
      clearTimeout(timer);
      resolve(passed);
    }
    socket.once("error", () => {
      end(false);
    });
    socket.once("close", () => {
      end(false);
    });
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1];
      if (status === undefined) {
        return;
      }
      const isFine = status.startsWith("2") || status.startsWith("3");
      if (!isFine || check.searchString === undefined) {
        end(isFine);
        return;
      }
      if (!hasStatus) {
        hasStatus = true;
        clearTimeout(timer);
        timer = setTimeout(end, bodyMs, false);
      }
      const body = received.slice(received.indexOf("\r\n\r\n") + 4);
      if (
        received.includes("\r\n\r\n") &&
        body.slice(0, SEARCHED_BYTES).includes(check.searchString)
      ) {
        end(true);
      }
    });
    socket.write(
      `GET ${check.path} HTTP/1.1\r\nHost: ${check.host}\r\nConnection: close\r\n` +
        "User-Agent: Amazon-Route53-Health-Check-Service (rehearsed)\r\n\r\n",
    );
  });
}
