import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { NoAnswer, type Outbound } from "../outbound.ts";
import { awsEndpoint, objectUrl, type Bucket } from "./bucket.ts";
import { NoCredentials, type CredentialSource } from "./credentials.ts";
import type { Signer } from "./signer.ts";
import { texts } from "./xml.ts";

/** What a bucket says of a key. */
export type Look =
  | { readonly kind: "there"; readonly headers: IncomingHttpHeaders }
  | { readonly kind: "missing" }
  /** The newest version is a delete marker. */
  | { readonly kind: "deleted" }
  /** The bucket did not say. */
  | { readonly kind: "failed"; readonly reason: string };

/** What of a caller's request S3 answers by. */
export const PASSED_ON = ["range", "if-range", "if-none-match", "if-modified-since"] as const;

/** S3 did not do what it was asked; the message holds no address and no signature. */
export class S3Failed extends Error {}

const LOOK_TIMEOUT_MS = 4000;
const STREAM_TIMEOUT_MS = 30_000;
const LIST_TIMEOUT_MS = 10_000;
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** One more try: most faults of S3 are over at once. */
const LOOK_TRIES = 2;

/** Told of each request, for the metrics. */
export type Observe = (
  operation: "head" | "get" | "list",
  outcome: string,
  seconds: number,
) => void;

/** The few requests that this service makes of S3. */
export class S3Client {
  private readonly outbound: Outbound;
  private readonly signer: Signer;
  private readonly observe: Observe;

  constructor(outbound: Outbound, signer: Signer, observe: Observe = () => undefined) {
    this.outbound = outbound;
    this.signer = signer;
    this.observe = observe;
  }

  /** Whether the bucket has the key. */
  async look(bucket: Bucket, key: string): Promise<Look> {
    let look = await this.lookOnce(bucket, key);
    for (
      let tries = 1;
      look.kind === "failed" && look.isPassing && tries < LOOK_TRIES;
      tries += 1
    ) {
      look = await this.lookOnce(bucket, key);
    }
    return look;
  }

  /** The object itself, for as much of it as `asked` says. @throws S3Failed */
  async open(
    bucket: Bucket,
    key: string,
    asked: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    return this.timed("get", async () => {
      const answer = await this.send("GET", bucket, key, STREAM_TIMEOUT_MS, asked);
      const status = answer.statusCode ?? 0;
      if (![200, 206, 304, 416].includes(status)) {
        answer.destroy();
        throw new S3Failed(`status ${status}`);
      }
      return [String(status), answer];
    });
  }

  /**
   * Names of the account's buckets that begin so, in whatever region.
   * @throws S3Failed
   */
  async bucketNames(
    region: string,
    prefix: string,
    credentials: CredentialSource,
    endpoint = awsEndpoint(region),
  ): Promise<string[]> {
    return this.timed("list", async () => {
      const names: string[] = [];
      let token = "";
      do {
        const query = new URLSearchParams({
          ...(token === "" ? {} : { "continuation-token": token }),
          "max-buckets": "1000",
          prefix,
        });
        const url = `${endpoint}/?${query.toString()}`;
        const answer = await this.list(url, region, credentials);
        names.push(...texts(answer, "Name").filter((name) => name.startsWith(prefix)));
        token = texts(answer, "ContinuationToken")[0] ?? "";
      } while (token !== "");
      return ["200", names];
    });
  }

  private async list(url: string, region: string, source: CredentialSource): Promise<string> {
    try {
      const headers = this.signer.headers("GET", url, region, await source.current());
      const { status, body } = await this.outbound.read(
        { method: "GET", url, headers, timeoutMs: LIST_TIMEOUT_MS },
        MAX_LIST_BYTES,
      );
      if (status !== 200) {
        throw new S3Failed(`status ${status}`);
      }
      return body;
    } catch (error) {
      throw asFailed(error);
    }
  }

  private async lookOnce(bucket: Bucket, key: string): Promise<Look & { isPassing?: boolean }> {
    try {
      return await this.timed("head", async () => {
        const answer = await this.send("HEAD", bucket, key, LOOK_TIMEOUT_MS);
        answer.resume();
        const status = answer.statusCode ?? 0;
        return [String(status), lookOf(status, answer.headers)];
      });
    } catch (error) {
      if (error instanceof S3Failed) {
        return { kind: "failed", reason: error.message, isPassing: true };
      }
      throw error;
    }
  }

  private async send(
    method: "GET" | "HEAD",
    bucket: Bucket,
    key: string,
    timeoutMs: number,
    asked: Readonly<Record<string, string>> = {},
  ): Promise<IncomingMessage> {
    try {
      const url = objectUrl(bucket, key);
      const credentials = await bucket.credentials.current();
      const signed = this.signer.headers(method, url, bucket.region, credentials);
      return await this.outbound.open({ method, url, headers: { ...asked, ...signed }, timeoutMs });
    } catch (error) {
      throw asFailed(error);
    }
  }

  private async timed<T>(
    operation: Parameters<Observe>[0],
    work: () => Promise<readonly [string, T]>,
  ): Promise<T> {
    const began = performance.now();
    let outcome = "failed";
    try {
      const [status, result] = await work();
      outcome = status;
      return result;
    } finally {
      this.observe(operation, outcome, (performance.now() - began) / 1000);
    }
  }
}

function lookOf(status: number, headers: IncomingHttpHeaders): Look & { isPassing?: boolean } {
  if (status === 200) {
    return { kind: "there", headers };
  }
  if (status === 404) {
    // Amazon S3 API, HeadObject: a delete marker is a 404 with this header.
    return { kind: headers["x-amz-delete-marker"] === "true" ? "deleted" : "missing" };
  }
  return { kind: "failed", reason: `status ${status}`, isPassing: status >= 500 };
}

function asFailed(error: unknown): unknown {
  return error instanceof NoAnswer || error instanceof NoCredentials
    ? new S3Failed(error.message)
    : error;
}
