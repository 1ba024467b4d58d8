import { describe, expect, it } from "vitest";
import {
  replicationPolicy,
  tlsOnlyPolicy,
} from "../../../components/recordings/replication-policy.ts";
import { lifecycleRules } from "../../../components/recordings/recordings.ts";
import { replicationRules } from "../../../components/recordings/replication.ts";

describe("the replication role's policy", () => {
  it("reads one bucket, writes replicas to the named ones, and can do nothing else", () => {
    const document: unknown = JSON.parse(
      replicationPolicy("arn:aws:s3:::from", ["arn:aws:s3:::to-1", "arn:aws:s3:::to-2"]),
    );
    expect(document).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "ReadSourceBucket",
          Effect: "Allow",
          Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
          Resource: "arn:aws:s3:::from",
        },
        {
          Sid: "ReadSourceObjects",
          Effect: "Allow",
          Action: [
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionTagging",
          ],
          Resource: "arn:aws:s3:::from/*",
        },
        {
          Sid: "WriteReplicas",
          Effect: "Allow",
          Action: ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
          Resource: ["arn:aws:s3:::to-1/*", "arn:aws:s3:::to-2/*"],
        },
      ],
    });
  });
});

describe("the bucket's policy", () => {
  it("denies everything over plain HTTP and over TLS before 1.2, and allows nothing", () => {
    const resources = ["arn:aws:s3:::b", "arn:aws:s3:::b/*"];
    expect(JSON.parse(tlsOnlyPolicy("arn:aws:s3:::b"))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "DenyPlainHttp",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: resources,
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
        {
          Sid: "DenyOldTls",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: resources,
          Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
        },
      ],
    });
  });
});

describe("lifecycleRules", () => {
  it("expires recordings, old versions, lone delete markers and unfinished uploads", () => {
    expect(lifecycleRules(90, 7)).toEqual([
      {
        id: "expire-recordings",
        status: "Enabled",
        filter: { prefix: "" },
        expiration: { days: 90 },
        noncurrentVersionExpiration: { noncurrentDays: 7 },
      },
      {
        id: "tidy-up",
        status: "Enabled",
        filter: { prefix: "" },
        expiration: { expiredObjectDeleteMarker: true },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
      },
    ]);
  });
});

describe("replicationRules", () => {
  const home = (id: string): { id: string; bucketName: string; bucketArn: string } => ({
    id,
    bucketName: `b-${id}`,
    bucketArn: `arn:aws:s3:::b-${id}`,
  });

  it("copies everything with delete markers and tags, and measures it", () => {
    expect(replicationRules([home("eu")])).toEqual([
      {
        id: "to-eu",
        priority: 1,
        status: "Enabled",
        filter: { prefix: "" },
        deleteMarkerReplication: { status: "Enabled" },
        sourceSelectionCriteria: { replicaModifications: { status: "Enabled" } },
        destination: { bucket: "arn:aws:s3:::b-eu", metrics: { status: "Enabled" } },
      },
    ]);
  });

  it("gives each home a rule and a priority of its own, whatever the order of the arguments", () => {
    const rules = replicationRules([home("us"), home("eu")]);
    expect(rules.map(({ id, priority }) => [id, priority])).toEqual([
      ["to-eu", 1],
      ["to-us", 2],
    ]);
    expect(replicationRules([home("eu"), home("us")])).toEqual(rules);
  });
});
