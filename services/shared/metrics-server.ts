import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

/** A server that gives Prometheus the registry at `/metrics`, on a port that no balancer leads to. */
export function metricsServer(registry: Registry): Server {
  return createServer((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    if (path !== "/metrics" || request.method !== "GET") {
      response.writeHead(path === "/metrics" ? 405 : 404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}
