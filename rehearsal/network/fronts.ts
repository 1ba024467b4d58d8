import { readFileSync } from "node:fs";
import { createServer as createHttpServer, request, type IncomingMessage } from "node:http";
import { connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import * as z from "zod";
import { FrontPool } from "./front-pool.ts";

const targetSchema = z.strictObject({
  host: z.string(),
  port: z.number(),
  /** Counts the starts of what is there: one that was started again is taken for well. */
  start: z.number(),
});

const frontSchema = z.strictObject({
  name: z.string(),
  /** `balancer`: HTTP, says 502 or 503 itself and who the client is, as an ALB. `service`: bytes, as kube-proxy. */
  kind: z.enum(["balancer", "service"]),
  host: z.string(),
  port: z.number(),
  check: z.strictObject({
    path: z.string(),
    intervalSeconds: z.number(),
    timeoutSeconds: z.number(),
    healthyThreshold: z.number(),
    unhealthyThreshold: z.number(),
  }),
  targets: z.array(targetSchema),
});
/** One front as its program is told. */
export type Front = z.output<typeof frontSchema>;

const frontsSchema = z.array(frontSchema);

/** Starts a front. */
export async function startFront(front: Front): Promise<{ server: Server; pool: FrontPool }> {
  const pool = new FrontPool(front.check);
  pool.set(front.targets);
  const server = front.kind === "balancer" ? balancer(pool) : service(pool);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(front.port, front.host, resolve);
  });
  return { server, pool };
}

/** Requests one by one to the servers in turn; a WebSocket stays with its server. */
function balancer(pool: FrontPool): Server {
  const server = createHttpServer((incoming, response) => {
    const target = pool.next();
    const say = (status: number): void => {
      if (response.headersSent) {
        response.destroy();
      } else {
        response.writeHead(status).end();
      }
    };
    if (target === undefined) {
      say(503);
      return;
    }
    const { method, url } = incoming;
    const outgoing = request(
      {
        ...{ host: target.host, port: target.port, method, path: url },
        ...{ headers: withoutHop(headersOf(incoming)), setHost: false, agent: false },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    outgoing.on("error", (error) => {
      if (isRefusal(error)) {
        pool.refused(target);
      }
      say(502);
    });
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on("upgrade", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    client.on("error", () => undefined);
    const target = pool.next();
    if (target === undefined) {
      client.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const upstream = connect({ host: target.host, port: target.port });
    const refused = (error: Error): void => {
      if (isRefusal(error)) {
        pool.refused(target);
      }
      client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    };
    upstream.once("error", refused);
    upstream.once("connect", () => {
      upstream.off("error", refused);
      const { method = "GET", url = "/" } = incoming;
      const lines = pairs(headersOf(incoming)).map(([name, value]) => `${name}: ${value}\r\n`);
      upstream.write(`${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
      upstream.write(head);
      join(client, upstream);
    });
  });
  return server;
}

/** Connections to the servers in turn. Whoever meets one that has just ended is refused, as by kube-proxy. */
function service(pool: FrontPool): Server {
  return createTcpServer({ noDelay: true }, (client) => {
    client.on("error", () => undefined);
    const target = pool.next();
    if (target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: target.host, port: target.port });
    upstream.on("error", (error) => {
      if (isRefusal(error)) {
        pool.refused(target);
      }
      client.resetAndDestroy();
    });
    join(client, upstream);
  });
}

function join(client: Socket, upstream: Socket): void {
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("error", () => other.resetAndDestroy());
    one.on("close", () => other.destroy());
  }
  client.pipe(upstream);
  upstream.pipe(client);
}

/** The client's headers as they came, and who it is (Elastic Load Balancing user guide, x-forwarded-headers). */
function headersOf({ rawHeaders, headers, socket }: IncomingMessage): string[] {
  const added = new Set(["x-forwarded-for", "x-forwarded-proto"]);
  const kept = pairs(rawHeaders).filter(([name]) => !added.has(name.toLowerCase()));
  const before = headers["x-forwarded-for"];
  const chain = [...(before === undefined ? [] : [before].flat()), socket.remoteAddress ?? ""];
  return [...kept.flat(), ...["X-Forwarded-For", chain.join(", "), "X-Forwarded-Proto", "https"]];
}

/** What is between the client and the front only (RFC 9110, 7.6.1). */
function withoutHop(headers: readonly string[]): string[] {
  return pairs(headers)
    .filter(([name]) => !["connection", "keep-alive"].includes(name.toLowerCase()))
    .flat();
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[index * 2] ?? "",
    flat[index * 2 + 1] ?? "",
  ]);
}

function isRefusal(error: Error): boolean {
  return "code" in error && error.code === "ECONNREFUSED";
}

/**
 * Runs the fronts of a region: `node --import tsx fronts.ts FILE`, a list of fronts as JSON. On SIGHUP the file's
 * targets are read again.
 */
async function main(file: string): Promise<void> {
  const read = (): Front[] => frontsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const started = new Map<string, FrontPool>();
  process.on("SIGHUP", () => {
    for (const { name, targets } of read()) {
      started.get(name)?.set(targets);
    }
  });
  for (const front of read()) {
    started.set(front.name, (await startFront(front)).pool);
  }
  process.stdout.write("listening\n");
}

const [, program = "", file] = process.argv;
if (program.endsWith("fronts.ts") && file !== undefined) {
  await main(file);
}
