import type { CredentialSource } from "./credentials.ts";

/** How a medium gets to the caller: by a link to S3, or through this service. */
export type Delivery = "redirect" | "stream";

/** A bucket and the way to it. */
export interface Bucket {
  readonly name: string;
  readonly region: string;
  /** Origin of the S3 API: `https://s3.eu-west-3.amazonaws.com`. */
  readonly endpoint: string;
  /** The same for browsers, where it differs. */
  readonly publicEndpoint?: string;
  /** Whether the bucket is named in the path or in the host. */
  readonly pathStyle: boolean;
  readonly delivery: Delivery;
  readonly credentials: CredentialSource;
}

/** The address of an object, or of the bucket itself for the empty key. The key holds nothing that needs encoding. */
export function objectUrl(bucket: Bucket, key: string, endpoint = bucket.endpoint): string {
  if (bucket.pathStyle) {
    return `${endpoint}/${bucket.name}/${key}`;
  }
  const { protocol, host } = new URL(endpoint);
  return `${protocol}//${bucket.name}.${host}/${key}`;
}

/** S3 of a region (AWS General Reference, Amazon S3 endpoints); China has a domain of its own. */
export function awsEndpoint(awsRegion: string): string {
  return `https://s3.${awsRegion}.amazonaws.com${awsRegion.startsWith("cn-") ? ".cn" : ""}`;
}
