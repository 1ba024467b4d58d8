import { createHash, createHmac } from "node:crypto";
import { objectUrl, type Bucket } from "./bucket.ts";
import type { Credentials } from "./credentials.ts";

/** Longest time that S3 takes a link for (Amazon S3 API, "Authenticating Requests: Using Query Parameters"). */
export const MAX_LINK_SECONDS = 7 * 24 * 3600;

/** Keys derived for a day, a region and a secret; few of each are in use. */
const MAX_DERIVED_KEYS = 64;

const ALGORITHM = "AWS4-HMAC-SHA256";

/** SHA-256 of nothing. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What a signature covers. */
interface Signed {
  readonly method: string;
  readonly url: URL;
  /** Query as it is signed: encoded and sorted. */
  readonly query: string;
  /** By names in small letters, sorted. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
}

/** When, where and by whom something is signed. */
interface Scope {
  readonly region: string;
  readonly credentials: Credentials;
  /** `20130524T000000Z` */
  readonly stamp: string;
}

/**
 * Signs requests to S3 with Signature Version 4 (Amazon S3 API Reference, "Authenticating Requests"). By hand, in one
 * go: libraries that run in browsers too ask Web Crypto, whose every hash waits for a thread, twice a download.
 */
export class Signer {
  private readonly derived = new Map<string, Buffer>();

  /** Headers that sign a request without a body to exactly this address. */
  headers(
    method: "GET" | "HEAD" | "DELETE" | "PUT",
    url: string,
    region: string,
    credentials: Credentials,
    datetime = now(),
  ): Record<string, string> {
    const { sessionToken } = credentials;
    const parsed = new URL(url);
    const headers = {
      "x-amz-content-sha256": EMPTY_SHA256,
      "x-amz-date": datetime,
      ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
    };
    const scope = { region, credentials, stamp: datetime };
    const all = { host: parsed.host, ...headers };
    const query = canonicalQuery(parsed.searchParams);
    const signature = this.signature(scope, {
      ...{ method, url: parsed, query, headers: all, payload: EMPTY_SHA256 },
    });
    const names = Object.keys(all).join(";");
    return {
      ...headers,
      authorization: `${ALGORITHM} Credential=${credentialOf(scope)}, SignedHeaders=${names}, Signature=${signature}`,
    };
  }

  /** A link by which anybody may GET the object for `seconds`, with what S3 is to put into its answer's head. */
  link(
    bucket: Bucket,
    key: string,
    credentials: Credentials,
    seconds: number,
    answer: Readonly<Record<string, string>> = {},
    datetime = now(),
  ): string {
    const url = new URL(objectUrl(bucket, key, bucket.publicEndpoint ?? bucket.endpoint));
    const scope = { region: bucket.region, credentials, stamp: datetime };
    const { sessionToken } = credentials;
    const query = canonicalQuery([
      ["X-Amz-Algorithm", ALGORITHM],
      ["X-Amz-Credential", credentialOf(scope)],
      ["X-Amz-Date", datetime],
      ["X-Amz-Expires", String(seconds)],
      ["X-Amz-SignedHeaders", "host"],
      ...(sessionToken === undefined ? [] : [["X-Amz-Security-Token", sessionToken] as const]),
      ...Object.entries(answer).map(([name, value]) => [`response-${name}`, value] as const),
    ]);
    const signature = this.signature(scope, {
      ...{ method: "GET", url, query, headers: { host: url.host }, payload: "UNSIGNED-PAYLOAD" },
    });
    return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`;
  }

  private signature(scope: Scope, { method, url, query, headers, payload }: Signed): string {
    const canonical = [
      method,
      url.pathname.split("/").map(decodeURIComponent).map(encoded).join("/"),
      query,
      ...Object.entries(headers).map(([name, value]) => `${name}:${value.trim()}`),
      "",
      Object.keys(headers).join(";"),
      payload,
    ].join("\n");
    const digest = createHash("sha256").update(canonical).digest("hex");
    const text = [ALGORITHM, scope.stamp, placeOf(scope), digest].join("\n");
    return createHmac("sha256", this.key(scope)).update(text).digest("hex");
  }

  private key(scope: Scope): Buffer {
    const name = `${placeOf(scope)} ${scope.credentials.secretAccessKey}`;
    const known = this.derived.get(name);
    if (known !== undefined) {
      return known;
    }
    if (this.derived.size >= MAX_DERIVED_KEYS) {
      this.derived.clear();
    }
    let key = Buffer.from(`AWS4${scope.credentials.secretAccessKey}`);
    for (const part of placeOf(scope).split("/")) {
      key = createHmac("sha256", key).update(part).digest();
    }
    this.derived.set(name, key);
    return key;
  }
}

/** What a signing key is good for. */
function placeOf({ stamp, region }: Scope): string {
  return `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
}

function credentialOf(scope: Scope): string {
  return `${scope.credentials.accessKeyId}/${placeOf(scope)}`;
}

function canonicalQuery(pairs: Iterable<readonly [string, string]>): string {
  return [...pairs]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
}

/** RFC 3986: everything but letters, digits and - . _ ~ */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function now(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, "");
}
