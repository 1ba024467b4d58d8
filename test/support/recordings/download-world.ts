import { randomUUID } from "node:crypto";
import { freePort, listening, ServiceFolder, type ServiceProcess } from "../service-process.ts";
import { FakeAgent } from "./fake-agent.ts";
import { cookieOf, FakeMeet } from "./fake-meet.ts";
import { Moto } from "./moto.ts";
import { S3Door } from "./s3-door.ts";

/** Names of a fleet's buckets. */
export function bucketIn(region: string): string {
  return `meet-recordings-123456789012-${region}-an`;
}

export const HOME = bucketIn("eu-west-3");
export const US = bucketIn("us-east-1");
export const AP = bucketIn("ap-southeast-1");

/** What a fake agent may give out before the test is over. */
const SESSIONS = 50;

/**
 * The route's bundle in a process, as its pod runs it, before a fake Meet, an S3 of several regions that takes right
 * signatures alone, and the agent that gives it its role.
 */
export class DownloadWorld {
  readonly meet: FakeMeet;
  readonly moto: Moto;
  readonly s3: S3Door;
  readonly agent: FakeAgent;
  private readonly folder = new ServiceFolder("recordings");
  private readonly services = new Map<ServiceProcess, string>();

  private constructor(meet: FakeMeet, moto: Moto, s3: S3Door, agent: FakeAgent) {
    this.meet = meet;
    this.moto = moto;
    this.s3 = s3;
    this.agent = agent;
  }

  /** A home in Paris and a bucket in Virginia. */
  static async start(): Promise<DownloadWorld> {
    const [meet, moto, agent] = await Promise.all([
      FakeMeet.start(),
      Moto.start(),
      FakeAgent.start(),
    ]);
    const s3 = await S3Door.start(moto.url);
    for (let session = 1; session <= SESSIONS; session += 1) {
      const token = `session/${session}+=`;
      s3.keys.set(`ASIA${session}`, { secret: `secret-${session}`, token });
    }
    s3.regionOf = (bucket) => /^meet-recordings-\d+-(.*)-an$/.exec(bucket)?.[1];
    await moto.bucket(HOME, "eu-west-3");
    await moto.bucket(US, "us-east-1");
    return new DownloadWorld(meet, moto, s3, agent);
  }

  /** Starts the route on AWS, or on what `change` says. */
  async route(change: Readonly<Record<string, string | undefined>> = {}): Promise<ServiceProcess> {
    const [port, metricsPort] = [await freePort(), await freePort()];
    const environment: Record<string, string | undefined> = {
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      SHUTDOWN_SECONDS: "5",
      REGION: "eu",
      DOMAIN: "example.org",
      MEET_URL: this.meet.url,
      AWS_REGION: "eu-west-3",
      BUCKET: HOME,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: this.agent.url,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: this.file("token", this.agent.token),
      AWS_ENDPOINT_URL_S3: this.s3.url,
      ...change,
    };
    const service = this.folder.start(
      Object.fromEntries(
        Object.entries(environment).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, value]],
        ),
      ),
    );
    this.services.set(service, `http://127.0.0.1:${metricsPort}/metrics`);
    await listening(service);
    return service;
  }

  /** What Prometheus gets of a route. */
  async metrics(service: ServiceProcess): Promise<string> {
    return (await fetch(this.services.get(service) ?? "")).text();
  }

  file(name: string, content: string): string {
    return this.folder.file(name, content);
  }

  /** A saved recording of alice's in some buckets; gives its id. */
  async recording(body: string | Uint8Array, ...buckets: readonly string[]): Promise<string> {
    const id = randomUUID();
    this.meet.recording(id, "alice");
    for (const bucket of buckets) {
      await this.moto.put(bucket, `recordings/${id}.mp4`, body, "video/mp4");
    }
    return id;
  }

  async stop(): Promise<void> {
    for (const service of this.services.keys()) {
      service.child.kill("SIGKILL");
    }
    await Promise.all([...this.services.keys()].map(({ ended }) => ended));
    await Promise.all([this.meet.stop(), this.s3.stop(), this.agent.stop(), this.moto.kill()]);
    this.folder.remove();
  }
}

/** Asks the route as alice's browser does; redirects are followed where `follow` says so. */
export function download(
  route: ServiceProcess,
  path: string,
  init: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly follow?: boolean;
    readonly user?: string;
  } = {},
): Promise<Response> {
  return fetch(route.url + path, {
    method: init.method ?? "GET",
    redirect: init.follow === true ? "follow" : "manual",
    headers: { cookie: cookieOf(init.user ?? "alice"), ...init.headers },
  });
}
