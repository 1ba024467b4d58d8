import { describe, expect, it } from "vitest";
import {
  Recordings,
  RECORDINGS_TYPE,
  type RecordingsArgs,
} from "../../../components/recordings/recordings.ts";
import {
  RECORDINGS_REPLICATION_TYPE,
  RecordingsReplication,
  type RecordingsReplicationArgs,
} from "../../../components/recordings/replication.ts";
import {
  replicationPolicy,
  tlsOnlyPolicy,
} from "../../../components/recordings/replication-policy.ts";
import { record, value } from "../../support/record.ts";

const NAME = "meet-recordings-123456789012-ap-south-1-an";
const EU = "meet-recordings-123456789012-eu-west-3-an";
const US = "meet-recordings-123456789012-us-east-1-an";

const ARGS: RecordingsArgs = {
  bucketName: NAME,
  awsRegion: "ap-south-1",
  accountId: "123456789012",
  partition: "aws",
  peers: [
    { id: "us", bucketName: US, bucketArn: `arn:aws:s3:::${US}` },
    { id: "eu", bucketName: EU, bucketArn: `arn:aws:s3:::${EU}` },
  ],
  ownsReplication: true,
  roleName: "meet-ap-recordings-replication",
  backfillRoleName: "meet-ap-backfill",
  expirationDays: 90,
  protection: { enabled: true },
  tags: { "meet:stack": "ap" },
};

const CONFIG = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";

describe("Recordings", () => {
  it("makes exactly these resources", async () => {
    const recording = await record(() => new Recordings("recordings", ARGS));
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:iam/role:Role recordings-replication",
      "aws:iam/role:Role recordings-replication-backfill",
      "aws:iam/rolePolicy:RolePolicy recordings-replication",
      "aws:iam/rolePolicy:RolePolicy recordings-replication-backfill",
      "aws:s3/bucket:Bucket recordings",
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration recordings",
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls recordings",
      "aws:s3/bucketPolicy:BucketPolicy recordings",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock recordings",
      `${CONFIG} recordings-replication`,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration recordings",
      "aws:s3/bucketVersioning:BucketVersioning recordings",
      `${RECORDINGS_TYPE} recordings`,
      `${RECORDINGS_REPLICATION_TYPE} recordings-replication`,
    ]);
  });

  it("has a bucket of this account's own namespace that is never emptied", async () => {
    const recording = await record(() => new Recordings("recordings", ARGS));
    const bucket = recording.one("aws:s3/bucket:Bucket");
    expect(bucket.inputs).toEqual({
      bucket: NAME,
      bucketNamespace: "account-regional",
      forceDestroy: false,
      tags: { "meet:stack": "ap", Name: "recordings" },
    });
    expect(bucket.protect).toBe(true);
    expect(await value(recording.result.bucketName)).toBe(NAME);
    expect(await value(recording.result.bucketArn)).toBe(`arn:aws:s3:::${NAME}`);
  });

  it("is private, versioned, encrypted, tidied and reachable over TLS only", async () => {
    const recording = await record(() => new Recordings("recordings", ARGS));
    const inputs = (type: string): unknown => recording.one(type).inputs;
    expect(inputs("aws:s3/bucketOwnershipControls:BucketOwnershipControls")).toEqual({
      bucket: NAME,
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    expect(inputs("aws:s3/bucketVersioning:BucketVersioning")).toEqual({
      bucket: NAME,
      versioningConfiguration: { status: "Enabled" },
    });
    expect(inputs("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")).toEqual({
      bucket: NAME,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(
      inputs(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      ),
    ).toEqual({
      bucket: NAME,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    });
    expect(
      inputs("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"),
    ).toMatchObject({
      bucket: NAME,
      rules: [
        { filter: { prefix: "recordings/" }, expiration: { days: 90 } },
        { filter: { prefix: "deletion-intents/" }, expiration: { days: 90 } },
        {
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays: 7 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
        },
      ],
    });
    expect(inputs("aws:s3/bucketPolicy:BucketPolicy")).toEqual({
      bucket: NAME,
      policy: tlsOnlyPolicy(`arn:aws:s3:::${NAME}`),
    });
  });

  it("sets its lifecycle after versioning, and its policy after access and ownership", async () => {
    const recording = await record(() => new Recordings("recordings", ARGS));
    const urn = (type: string): string => recording.one(type).urn;
    expect(
      recording.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").dependsOn,
    ).toContain(urn("aws:s3/bucketVersioning:BucketVersioning"));
    expect(recording.one("aws:s3/bucketPolicy:BucketPolicy").dependsOn).toEqual(
      expect.arrayContaining([
        urn("aws:s3/bucketOwnershipControls:BucketOwnershipControls"),
        urn("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"),
      ]),
    );
  });

  it("replicates to both homes once its own versioning is on", async () => {
    const recording = await record(() => new Recordings("recordings", ARGS));
    const config = recording.one(CONFIG);
    expect(config.inputs).toMatchObject({
      region: "ap-south-1",
      bucket: NAME,
      rules: [
        { id: "to-eu", priority: 1, destination: { bucket: `arn:aws:s3:::${EU}` } },
        { id: "to-us", priority: 2, destination: { bucket: `arn:aws:s3:::${US}` } },
      ],
    });
    expect(config.dependsOn).toContain(
      recording.one("aws:s3/bucketVersioning:BucketVersioning").urn,
    );
    expect(recording.one(RECORDINGS_REPLICATION_TYPE).parent).toBe(
      recording.one(RECORDINGS_TYPE).urn,
    );
  });

  it.each<[string, Partial<RecordingsArgs>]>([
    ["in a primary, whose standby's stack owns it", { ownsReplication: false }],
    ["outside the homes' residency group", { peers: [] }],
  ])("has no replication %s", async (_case, more) => {
    const recording = await record(() => new Recordings("recordings", { ...ARGS, ...more }));
    expect(recording.ofType(RECORDINGS_REPLICATION_TYPE)).toEqual([]);
    expect(recording.ofType("aws:iam/role:Role")).toEqual([]);
  });

  it("is unprotected only with its reason in the tags", async () => {
    const recording = await record(
      () =>
        new Recordings("recordings", {
          ...ARGS,
          noncurrentDays: 30,
          protection: { enabled: false, reason: "ap is removed" },
        }),
    );
    const bucket = recording.one("aws:s3/bucket:Bucket");
    expect(bucket.protect).toBe(false);
    expect(bucket.inputs).toMatchObject({
      forceDestroy: false,
      tags: { "meet:unprotected-because": "ap is removed" },
    });
    expect(recording.one("aws:s3/bucketVersioning:BucketVersioning").protect).toBe(false);
  });

  it("makes the same resources in preview and update", async () => {
    const urns = async (preview: boolean): Promise<string[]> =>
      (await record(() => new Recordings("recordings", ARGS), { preview })).all
        .map(({ urn }) => urn)
        .sort();
    expect(await urns(true)).toEqual(await urns(false));
  });

  it.each<[Partial<RecordingsArgs>, string]>([
    [
      { bucketName: "meet-recordings" },
      'bucketName "meet-recordings" is no name in the account-regional namespace. Use at most 63 characters that end with "-123456789012-ap-south-1-an".',
    ],
    [{ bucketName: EU }, `bucketName "${EU}" is no name in the account-regional namespace.`],
    [
      { bucketName: `${"m".repeat(40)}-123456789012-ap-south-1-an` },
      "is no name in the account-regional namespace.",
    ],
    [
      { expirationDays: 0 },
      "expirationDays 0 is not a whole number of days from 1 on. Say how long recordings are kept.",
    ],
    [
      { noncurrentDays: 0.5 },
      "noncurrentDays 0.5 is not a whole number of days from 1 on. Say how long a deleted recording can be brought back.",
    ],
    [
      { peers: [{ id: "ap", bucketName: NAME, bucketArn: `arn:aws:s3:::${NAME}` }] },
      `its own bucket "${NAME}" is among the peers. Pass the other homes only.`,
    ],
  ])("refuses %j", async (wrong, sentence) => {
    await expect(record(() => new Recordings("recordings", { ...ARGS, ...wrong }))).rejects.toThrow(
      sentence,
    );
  });
});

const REPLICATION: RecordingsReplicationArgs = {
  sourceBucket: EU,
  sourceBucketArn: `arn:aws:s3:::${EU}`,
  sourceRegion: "eu-west-3",
  destinations: [{ id: "us", bucketName: US, bucketArn: `arn:aws:s3:::${US}` }],
  roleName: "meet-us-recordings-from-primary",
  backfillRoleName: "meet-us-primary-backfill",
  versioning: [],
  tags: { "meet:stack": "us" },
};

describe("RecordingsReplication", () => {
  it("has a role for backfills that Batch Operations alone assumes and that copies by the rule only", async () => {
    const recording = await record(() => new RecordingsReplication("from-primary", REPLICATION));
    const role = recording.one("aws:iam/role:Role", "from-primary-backfill");
    expect(role.inputs["name"]).toBe("meet-us-primary-backfill");
    expect(JSON.parse(String(role.inputs["assumeRolePolicy"]))).toMatchObject({
      Statement: [{ Principal: { Service: "batchoperations.s3.amazonaws.com" } }],
    });
    const { inputs } = recording.one("aws:iam/rolePolicy:RolePolicy", "from-primary-backfill");
    expect(inputs["role"]).toBe("meet-us-primary-backfill");
    expect(JSON.parse(String(inputs["policy"]))).toMatchObject({
      Statement: [
        { Action: "s3:InitiateReplication", Resource: `arn:aws:s3:::${EU}/*` },
        {
          Action: ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
          Resource: `arn:aws:s3:::${EU}`,
        },
      ],
    });
  });

  it("lives in its source's region, with a role that S3 alone assumes", async () => {
    const recording = await record(() => new RecordingsReplication("from-primary", REPLICATION), {
      config: { "aws:region": "us-east-1" },
    });
    const role = recording.one("aws:iam/role:Role", "from-primary");
    expect(role.inputs).toEqual({
      name: "meet-us-recordings-from-primary",
      assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "s3.amazonaws.com" },
            Action: "sts:AssumeRole",
          },
        ],
      }),
      tags: { "meet:stack": "us", Name: "from-primary" },
    });
    expect(recording.one("aws:iam/rolePolicy:RolePolicy", "from-primary").inputs).toEqual({
      role: "meet-us-recordings-from-primary",
      policy: replicationPolicy(`arn:aws:s3:::${EU}`, [`arn:aws:s3:::${US}`]),
    });
    const config = recording.one(CONFIG);
    expect(config.inputs).toMatchObject({
      region: "eu-west-3",
      bucket: EU,
      role: "arn:aws:iam::123456789012:role/meet-us-recordings-from-primary",
    });
    expect(config.dependsOn).toContain(
      recording.one("aws:iam/rolePolicy:RolePolicy", "from-primary").urn,
    );
  });

  it("waits for the versioning of its destination, where that is in the same stack", async () => {
    const recording = await record(() => {
      const own = new Recordings("recordings", {
        ...ARGS,
        bucketName: US,
        awsRegion: "us-east-1",
        peers: [],
      });
      return new RecordingsReplication("from-primary", {
        ...REPLICATION,
        versioning: [own.versioning],
      });
    });
    expect(recording.one(CONFIG).dependsOn).toContain(
      recording.one("aws:s3/bucketVersioning:BucketVersioning").urn,
    );
  });

  it.each<[Partial<RecordingsReplicationArgs>, string]>([
    [{ destinations: [] }, "there is no destination. Leave the replication out, or name a home."],
    [
      { sourceBucketArn: "arn:aws:s3:::other" },
      `sourceBucketArn "arn:aws:s3:::other" is not the ARN of "${EU}". Pass name and ARN of the same bucket.`,
    ],
    [
      { roleName: "r".repeat(65) },
      `roleName "${"r".repeat(65)}" has 65 characters, IAM allows 64. Shorten it.`,
    ],
    [
      { destinations: [{ id: "eu", bucketName: EU, bucketArn: `arn:aws:s3:::${EU}` }] },
      'destination "eu" is the source bucket itself. Leave it out.',
    ],
    [
      { destinations: [{ id: "us", bucketName: US, bucketArn: "arn:aws:s3:::other" }] },
      `destination "us" has ARN "arn:aws:s3:::other", which is not that of "${US}". Pass name and ARN of the same bucket.`,
    ],
    [
      { destinations: [...REPLICATION.destinations, ...REPLICATION.destinations] },
      'two destinations are called "us". Name each home once.',
    ],
  ])("refuses %j", async (wrong, sentence) => {
    await expect(
      record(() => new RecordingsReplication("from-primary", { ...REPLICATION, ...wrong })),
    ).rejects.toThrow(sentence);
  });
});
