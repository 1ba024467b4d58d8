import { AwsV4Signer } from "aws4fetch";
import { objectUrl, type Bucket } from "./bucket.ts";
import type { Credentials } from "./credentials.ts";

/** Longest time that S3 takes a link for (Amazon S3 API, "Authenticating Requests: Using Query Parameters"). */
export const MAX_LINK_SECONDS = 7 * 24 * 3600;

/** Keys derived for a day, a region and a secret; few of each are in use. */
const MAX_DERIVED_KEYS = 64;

/** Signs requests to S3 with Signature Version 4, by aws4fetch. */
export class Signer {
  private readonly derived = new Map<string, ArrayBuffer>();

  /** Headers that sign a request without a body to exactly this address. */
  async headers(
    method: "GET" | "HEAD" | "DELETE" | "PUT",
    url: string,
    region: string,
    credentials: Credentials,
    datetime?: string,
  ): Promise<Record<string, string>> {
    const signer = new AwsV4Signer({
      ...this.common(region, credentials, datetime),
      method,
      url,
      headers: { "x-amz-content-sha256": EMPTY_SHA256 },
    });
    const authorization = await signer.authHeader();
    return { ...Object.fromEntries(signer.headers.entries()), authorization };
  }

  /** A link by which anybody may GET the object for `seconds`, with what S3 is to put into its answer's head. */
  async link(
    bucket: Bucket,
    key: string,
    credentials: Credentials,
    seconds: number,
    answer: Readonly<Record<string, string>> = {},
    datetime?: string,
  ): Promise<string> {
    const url = new URL(objectUrl(bucket, key, bucket.publicEndpoint ?? bucket.endpoint));
    url.searchParams.set("X-Amz-Expires", String(seconds));
    for (const [name, value] of Object.entries(answer)) {
      url.searchParams.set(`response-${name}`, value);
    }
    const signer = new AwsV4Signer({
      ...this.common(bucket.region, credentials, datetime),
      method: "GET",
      url: url.href,
      signQuery: true,
    });
    // Not the library's own address: it writes a blank as +, and S3 signs %20.
    const { origin, pathname } = signer.url;
    const query = `${signer.encodedSearch}&X-Amz-Signature=${await signer.signature()}`;
    return `${origin}${pathname}?${query}`;
  }

  private common(
    region: string,
    credentials: Credentials,
    datetime: string | undefined,
  ): Omit<ConstructorParameters<typeof AwsV4Signer>[0], "url"> {
    if (this.derived.size > MAX_DERIVED_KEYS) {
      this.derived.clear();
    }
    return {
      ...credentials,
      region,
      service: "s3",
      cache: this.derived,
      ...(datetime === undefined ? {} : { datetime }),
    };
  }
}

/** SHA-256 of nothing. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
