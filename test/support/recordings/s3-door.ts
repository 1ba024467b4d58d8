import http, {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { verifySignature, type KnownKey } from "./sigv4.ts";

/** The door in front of an S3 that checks nothing: it lets through what S3 would let through. */
export class S3Door {
  readonly url: string;
  /** What came, by method and path, in order. */
  readonly requests: string[] = [];
  /** Buckets that do not answer. */
  readonly away = new Set<string>();
  readonly keys = new Map<string, KnownKey>();
  /** Region of a bucket, where it is checked. */
  regionOf: (bucket: string) => string | undefined = () => undefined;
  delayMs = 0;
  private readonly server: Server;
  private readonly upstream: string;

  private constructor(server: Server, port: number, upstream: string) {
    this.server = server;
    this.url = `http://127.0.0.1:${port}`;
    this.upstream = upstream;
  }

  static async start(upstream: string): Promise<S3Door> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const door = new S3Door(server, port, upstream);
    server.on("request", (request, response) => {
      setTimeout(() => {
        door.serve(request, response);
      }, door.delayMs);
    });
    return door;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url: target = "", headers } = request;
    const path = target.split("?", 1)[0] ?? "";
    const bucket = path.split("/")[1] ?? "";
    this.requests.push(`${method} ${path}`);
    if (this.away.has(bucket)) {
      request.socket.destroy();
      return;
    }
    const verdict = verifySignature(
      { method, target, headers },
      (id) => this.keys.get(id),
      Date.now(),
    );
    const region = this.regionOf(bucket);
    if (!verdict.ok) {
      response.writeHead(403).end(method === "HEAD" ? undefined : verdict.error);
      return;
    }
    if (region !== undefined && region !== verdict.region) {
      response.writeHead(400).end("AuthorizationHeaderMalformed");
      return;
    }
    const onward = http.request(
      this.upstream + target,
      { method, headers: onwardHeaders(headers, verdict.region) },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("error", () => {
      request.socket.destroy();
    });
    request.pipe(onward);
  }
}

/** What is left of a checked request: moto wants to see a region, and takes no foreign host. */
function onwardHeaders(
  headers: http.IncomingHttpHeaders,
  region: string,
): http.OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(
    ([name]) => !["host", "authorization", "connection"].includes(name),
  );
  return {
    ...Object.fromEntries(kept),
    authorization: `AWS4-HMAC-SHA256 Credential=DOOR/20261123/${region}/s3/aws4_request, SignedHeaders=host, Signature=0`,
  };
}
