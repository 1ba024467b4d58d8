import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { HttpServer } from "../../../services/recordings/http-server.ts";
import { MediaAuth } from "../../../services/recordings/meet/media-auth.ts";
import { Metrics } from "../../../services/recordings/metrics.ts";
import { Outbound } from "../../../services/recordings/outbound.ts";
import { Route } from "../../../services/recordings/route.ts";
import type { Bucket, Delivery } from "../../../services/recordings/storage/bucket.ts";
import { NoCredentials } from "../../../services/recordings/storage/credentials.ts";
import type { Found } from "../../../services/recordings/storage/finder.ts";
import { S3Client } from "../../../services/recordings/storage/s3-client.ts";
import { Signer } from "../../../services/recordings/storage/signer.ts";
import { createLog } from "../../../services/shared/log.ts";
import { FakeMeet, MEET_HOST } from "./fake-meet.ts";

/** A route before a fake Meet and a storage that has whatever it is asked for. */
export class RouteWorld {
  readonly meet: FakeMeet;
  readonly lines: string[] = [];
  /** Keys that were looked for. */
  readonly searched: string[] = [];
  /** What a search finds in place of the object. */
  found: Exclude<Found, { kind: "found" }> | undefined;
  delivery: Delivery = "redirect";
  hasCredentials = true;
  /** Status and headers with which the storage answers a GET. */
  object: { status: number; headers: Record<string, string>; body: string } = {
    status: 200,
    headers: { "content-type": "image/png", "content-length": "3", etag: '"e"' },
    body: "png",
  };
  /** Headers with which the storage was asked. */
  readonly asked: Record<string, unknown>[] = [];
  port = 0;
  readonly metrics = new Metrics("eu", {
    buckets: () => 3,
    credentialsEnd: () => undefined,
    deletions: () => ({ count: 2, oldestSeconds: 60 }),
    unsettled: () => ({ count: 1, oldestSeconds: 700 }),
    expiry: () => [],
  });
  private readonly outbound = new Outbound();
  private storage: Server | undefined;
  private server: HttpServer | undefined;

  private constructor(meet: FakeMeet) {
    this.meet = meet;
  }

  static async start(maxRequests = 100): Promise<RouteWorld> {
    const world = new RouteWorld(await FakeMeet.start());
    world.storage = createServer((request, response) => {
      world.asked.push(request.headers);
      const { status, headers, body } = world.object;
      response.writeHead(status, headers);
      Readable.from([body]).pipe(response);
    });
    await new Promise<void>((resolve) => world.storage?.listen(0, "127.0.0.1", resolve));
    const log = createLog("recordings", "eu", (line) => world.lines.push(line));
    const signer = new Signer();
    const route = new Route({
      auth: new MediaAuth({
        meetUrl: world.meet.url,
        host: MEET_HOST,
        outbound: world.outbound,
      }),
      finder: {
        find: (key) => {
          world.searched.push(key.text);
          return Promise.resolve(world.found ?? world.here());
        },
      },
      s3: new S3Client(world.outbound, signer),
      signer,
      linkSeconds: 900,
      maxRequests,
      metrics: world.metrics,
      log,
    });
    world.server = new HttpServer({
      media: (request, response) => route.handle(request, response),
      recordings: (_, response) => {
        response.writeHead(501).end();
        return Promise.resolve();
      },
      shutdownSeconds: 5,
      log,
      leaveMs: 0,
    });
    world.port = await world.server.listen(0);
    return world;
  }

  /** A request as a browser makes it; redirects are not followed. */
  fetch(path: string, init: { method?: string; headers?: Record<string, string> } = {}) {
    return fetch(`http://127.0.0.1:${this.port}${path}`, { redirect: "manual", ...init });
  }

  /** A request of exactly these bytes as its target, and the head of its answer. */
  raw(target: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(this.port, "127.0.0.1");
    socket.write(
      Buffer.from(
        `GET ${target} HTTP/1.1\r\nhost: ${MEET_HOST}\r\nconnection: close\r\n${lines.join("")}\r\n`,
      ),
    );
    return new Promise((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString("latin1")));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        resolve(text.split("\r\n\r\n", 1)[0] ?? "");
      });
    });
  }

  leave(): Promise<void> {
    return this.server?.stop() ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.leave();
    this.outbound.close();
    this.storage?.closeAllConnections();
    this.storage?.close();
    await this.meet.stop();
  }

  private here(): Found {
    const address = this.storage?.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const bucket: Bucket = {
      name: "meet-recordings",
      region: "eu-west-3",
      endpoint: `http://127.0.0.1:${port}`,
      pathStyle: true,
      delivery: this.delivery,
      credentials: {
        current: () =>
          this.hasCredentials
            ? Promise.resolve({ accessKeyId: "A", secretAccessKey: "B", sessionToken: "C" })
            : Promise.reject(new NoCredentials("the agent answered 500")),
      },
    };
    return {
      kind: "found",
      bucket,
      where: "home",
      headers: {
        "content-type": "video/mp4",
        "content-length": "1000",
        etag: '"e"',
        "last-modified": "Mon, 23 Nov 2026 10:00:00 GMT",
        "x-amz-request-id": "nobody's business",
      },
    };
  }
}
