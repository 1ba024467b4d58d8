import { describe, expect, it } from "vitest";
import {
  replicationPolicy,
  tlsOnlyPolicy,
} from "../../../components/recordings/replication-policy.ts";
import { lifecycleRules } from "../../../components/recordings/recordings.ts";
import { DELETIONS_PREFIX } from "../../../services/recordings/deletions/deletions.ts";
import { INTENTS_PREFIX } from "../../../services/recordings/deletions/intents.ts";
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
  const rules = lifecycleRules(90, 7);

  it("expires recordings and intents, and of everything old versions, lone markers, unfinished uploads", () => {
    expect(rules).toEqual([
      {
        id: "expire-recordings",
        status: "Enabled",
        filter: { prefix: "recordings/" },
        expiration: { days: 90 },
      },
      {
        id: "expire-deletion-intents",
        status: "Enabled",
        filter: { prefix: "deletion-intents/" },
        expiration: { days: 90 },
      },
      {
        id: "tidy-up",
        status: "Enabled",
        filter: { prefix: "" },
        expiration: { expiredObjectDeleteMarker: true },
        noncurrentVersionExpiration: { noncurrentDays: 7 },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
      },
    ]);
  });

  it.each<[string, number | undefined, number]>([
    ["recordings/0c1e.mp4", 90, 7],
    [`${INTENTS_PREFIX}0c1e/7f`, 90, 7],
    [`${DELETIONS_PREFIX}0c1e`, undefined, 7],
    ["files/0c1e.png", undefined, 7],
  ])("lets %s expire after %s days, and what it was before after %s", (key, days, before) => {
    // As S3 itself reads them: inputs may be outputs elsewhere, and are plain here.
    const plain = JSON.parse(JSON.stringify(rules)) as {
      filter: { prefix: string };
      expiration: { days?: number };
      noncurrentVersionExpiration?: { noncurrentDays: number };
    }[];
    const ofKey = plain.filter(({ filter }) => key.startsWith(filter.prefix));
    const found = ofKey.flatMap(({ expiration }) => expiration.days ?? []);
    expect(found).toEqual(days === undefined ? [] : [days]);
    expect(
      ofKey.flatMap(({ noncurrentVersionExpiration: it }) => it?.noncurrentDays ?? []),
    ).toEqual([before]);
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
