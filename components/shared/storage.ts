import type * as pulumi from "@pulumi/pulumi";

/** A bucket on AWS: pods reach it with a role of their own, and there is no key. */
export interface AwsBucket {
  readonly kind: "aws";
  readonly name: pulumi.Input<string>;
  readonly arn: pulumi.Input<string>;
  readonly awsRegion: string;
}

/** A bucket on S3-compatible storage, reached with keys. */
export interface CompatibleBucket {
  readonly kind: "s3-compatible";
  readonly name: string;
  /** `https://s3.fr-par.scw.cloud` */
  readonly endpoint: string;
  /** The region that requests are signed for. */
  readonly region: string;
  readonly pathStyle: boolean;
  /** `stream` where browsers do not reach the endpoint. */
  readonly delivery: "redirect" | "stream";
  readonly accessKeyId: pulumi.Input<string>;
  readonly secretAccessKey: pulumi.Input<string>;
}

/** Where recordings and Meet's files are kept. */
export type StorageBucket = AwsBucket | CompatibleBucket;
