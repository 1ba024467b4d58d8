import { NoAnswer, type Outbound } from "../outbound.ts";
import { objectUrl, type Bucket } from "./bucket.ts";
import { NoCredentials } from "./credentials.ts";
import { S3Failed } from "./s3-client.ts";
import type { Signer } from "./signer.ts";
import { elements, texts } from "./xml.ts";

/** One version of an object, or a delete marker. */
export interface Version {
  readonly key: string;
  readonly versionId: string;
}

/** An object in a list. */
export interface Listed {
  readonly key: string;
  readonly modifiedMs: number;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Storage does not know a question: of versions, or of rules of expiry. */
const NOT_KNOWN: ReadonlySet<number> = new Set([405, 501]);

/**
 * Whether an answer says that the storage does not know the question, as Garage says of versions (deuxfleurs-org/garage
 * src/api/s3/error.rs: NotImplemented is a 501). A 400 does so with that code alone: any other may be a passing fault of
 * storage that has versions, and a deletion that took it for "no versions" would leave them all.
 */
function isNotKnown({ status, body }: Answer): boolean {
  return NOT_KNOWN.has(status) || (status === 400 && texts(body, "Code")[0] === "NotImplemented");
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * What deleting takes: lists of objects and of versions, their removal, and empty objects that say what waits; and the
 * rules by which a bucket deletes by itself.
 */
export class BucketCalls {
  private readonly outbound: Outbound;
  private readonly signer: Signer;

  constructor(outbound: Outbound, signer: Signer) {
    this.outbound = outbound;
    this.signer = signer;
  }

  /** All objects whose key begins so. @throws S3Failed */
  async list(bucket: Bucket, prefix: string): Promise<Listed[]> {
    const listed: Listed[] = [];
    let token = "";
    do {
      const { status, body } = await this.call("GET", bucket, "", {
        ...(token === "" ? {} : { "continuation-token": token }),
        "list-type": "2",
        prefix,
      });
      expectStatus(status, 200);
      for (const one of elements(body, "Contents")) {
        const [key = ""] = texts(one, "Key");
        listed.push({ key, modifiedMs: Date.parse(texts(one, "LastModified")[0] ?? "") });
      }
      token = texts(body, "NextContinuationToken")[0] ?? "";
    } while (token !== "");
    return listed;
  }

  /**
   * Versions and delete markers of the keys that begin so, up to a thousand; undefined where the storage has no
   * versions.
   * @throws S3Failed
   */
  async versions(bucket: Bucket, prefix: string): Promise<Version[] | undefined> {
    const answer = await this.call("GET", bucket, "", { prefix, versions: "" });
    if (isNotKnown(answer)) {
      return undefined;
    }
    const { status, body } = answer;
    expectStatus(status, 200);
    return [...elements(body, "Version"), ...elements(body, "DeleteMarker")].flatMap((one) => {
      const [key = ""] = texts(one, "Key");
      const [versionId = ""] = texts(one, "VersionId");
      return key.startsWith(prefix) && versionId !== "" ? [{ key, versionId }] : [];
    });
  }

  /** The bucket's rules of expiry as XML, empty where it has none. @throws S3Failed */
  async lifecycle(bucket: Bucket): Promise<string> {
    const answer = await this.call("GET", bucket, "", { lifecycle: "" });
    const { status, body } = answer;
    // Amazon S3 API, GetBucketLifecycleConfiguration; Garage says 204 (deuxfleurs-org/garage src/api/s3/lifecycle.rs).
    const hasNone = status === 404 && texts(body, "Code")[0] === "NoSuchLifecycleConfiguration";
    if (hasNone || status === 204 || isNotKnown(answer)) {
      return "";
    }
    expectStatus(status, 200);
    return body;
  }

  /** Removes one version for good, or without a version puts a delete marker on top. @throws S3Failed */
  async remove(bucket: Bucket, key: string, versionId?: string): Promise<void> {
    const query = versionId === undefined ? {} : { versionId };
    const { status } = await this.call("DELETE", bucket, key, query);
    // Somebody else may have been faster.
    if (status !== 404) {
      expectStatus(status, 204);
    }
  }

  /** Makes an empty object. @throws S3Failed */
  async put(bucket: Bucket, key: string): Promise<void> {
    const { status } = await this.call("PUT", bucket, key, {});
    expectStatus(status, 200);
  }

  private async call(
    method: "GET" | "DELETE" | "PUT",
    bucket: Bucket,
    key: string,
    query: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const url = new URL(objectUrl(bucket, key));
    url.search = new URLSearchParams(query).toString();
    try {
      const credentials = await bucket.credentials.current();
      const headers = this.signer.headers(method, url.href, bucket.region, credentials);
      return await this.outbound.read(
        { method, url: url.href, headers, timeoutMs: TIMEOUT_MS },
        MAX_ANSWER_BYTES,
      );
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof NoCredentials) {
        throw new S3Failed(error.message);
      }
      throw error;
    }
  }
}

function expectStatus(status: number, expected: number): void {
  if (status !== expected) {
    throw new S3Failed(`status ${status}`);
  }
}
