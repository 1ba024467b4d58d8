import { expect } from "vitest";
import type { Aws } from "../../../fleet/aws.ts";
import { mediaRegionFile, repositoryFiles } from "../../support/fleets.ts";

/** The files of a fleet of eu, us and ap. */
export const withAp = () =>
  repositoryFiles().set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));

/** A recordings bucket in the state of ap. */
export const BUCKET = {
  urn: "urn:pulumi:ap::meet::meet:data:Recordings$aws:s3/bucket:Bucket::recordings",
  type: "aws:s3/bucket:Bucket",
  protect: false,
  inputs: {},
  outputs: {},
};

/** fleet region remove without options. */
export const REMOVE = {
  lost: false,
  forget: false,
  waitSeconds: 600,
  deleteRecordings: false,
  loseRecordings: false,
  dryRun: false,
};

/** Where ap is. */
export const AP = "ap-northeast-1";
/** Where eu is. */
export const EU = "eu-west-3";
/** Where us is. */
export const US = "us-east-1";

/** S3 with these objects in the recordings buckets, by AWS region, and what became of the replication of ap's. */
export class FakeRecordings implements Aws {
  readonly deleted: string[] = [];
  /** By key; NONE unless given. */
  readonly statuses: Record<string, string> = {};
  readonly heads: string[] = [];
  /** Why objects cannot be asked about. */
  refusal: string | undefined;
  /** Why nothing is listed. */
  away: string | undefined;
  readonly objects: Record<string, string[]>;

  constructor(objects: Record<string, string[]>) {
    this.objects = objects;
  }

  /** The copies of an object arrive at these homes, and S3 has done with it. */
  copy(key: string, ...homes: readonly string[]): void {
    for (const home of homes) {
      this.objects[home] = [...(this.objects[home] ?? []), key];
    }
    this.statuses[key] = "COMPLETED";
  }

  call(region: string | undefined, args: readonly string[]): Promise<unknown> {
    const [, what] = args;
    const keys = (this.objects[region ?? ""] ?? []).filter((key) => !this.deleted.includes(key));
    switch (what) {
      case "get-caller-identity":
        return Promise.resolve({ Account: "123456789012" });
      case "list-objects-v2":
        if (this.away !== undefined) {
          return Promise.reject(new Error(this.away));
        }
        return Promise.resolve(
          keys.length === 0 ? undefined : { Contents: keys.map((Key) => ({ Key, Size: 1 })) },
        );
      case "head-object":
        return this.head(region, args.at(-1) ?? "");
      case "list-object-versions":
        return Promise.resolve({ Versions: keys.map((Key) => ({ Key, VersionId: "v" })) });
      case "delete-objects": {
        const body = JSON.parse(args.at(-1) ?? "") as { Objects: { Key: string }[] };
        this.deleted.push(...body.Objects.map(({ Key }) => Key));
        return Promise.resolve(undefined);
      }
      default:
        return Promise.reject(new Error(`unexpected ${args.join(" ")}`));
    }
  }

  private head(region: string | undefined, key: string): Promise<unknown> {
    expect(region).toBe(AP);
    this.heads.push(key);
    if (this.refusal !== undefined) {
      return Promise.reject(new Error(this.refusal));
    }
    const ReplicationStatus = this.statuses[key];
    return Promise.resolve(ReplicationStatus === undefined ? {} : { ReplicationStatus });
  }
}

/** The same in one residency group: eu and us get copies of what is recorded in ap. */
export const residency = withAp();
residency.set("Pulumi.ap.yaml", `${residency.get("Pulumi.ap.yaml")}  meet:residency: eu-us\n`);
