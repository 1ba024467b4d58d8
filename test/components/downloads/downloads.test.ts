import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  Downloads,
  DOWNLOADS_TYPE,
  downloadsEnvironment,
  mediaPolicy,
  type DownloadsArgs,
} from "../../../components/downloads/downloads.ts";
import { NODE_SERVICE_TYPE } from "../../../components/service-bundle/node-service.ts";
import { bucketArn, recordingsBucketPattern } from "../../../components/shared/names.ts";
import { record, value } from "../../support/record.ts";

const AWS_STORAGE = {
  kind: "aws",
  awsRegion: "eu-west-3",
  bucketName: "meet-recordings-123456789012-eu-west-3-an",
  bucketArnPattern: bucketArn("aws", recordingsBucketPattern("meet", "123456789012")),
} as const;

const ARGS: DownloadsArgs = {
  namespace: "meet",
  nodeVersion: "24.19.0-bookworm-slim",
  region: "eu",
  domain: "example.org",
  clusterName: "meet-eu",
  roleName: "meet-eu-downloads",
  storage: AWS_STORAGE,
  meetUrl: "http://backend.meet.svc.cluster.local:8000",
  replicas: 2,
  vpcCidr: "10.0.0.0/16",
  tags: { "meet:stack": "eu" },
};

const ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation";

async function recordDownloads(change: Partial<DownloadsArgs> = {}) {
  return record(() => new Downloads("downloads", { ...ARGS, ...change }));
}

describe("Downloads", () => {
  it("is a service with a role of its own, all below itself", async () => {
    const recording = await recordDownloads();
    const component = recording.one(DOWNLOADS_TYPE);
    const children = recording.all.filter(({ parent }) => parent === component.urn);
    expect(children.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      `${ASSOCIATION} downloads`,
      "aws:iam/role:Role downloads-role",
      "aws:iam/rolePolicy:RolePolicy downloads-read",
      `${NODE_SERVICE_TYPE} downloads`,
    ]);
  });

  it("reads the recordings of every region by one pattern", async () => {
    const recording = await recordDownloads();
    const { inputs } = recording.one("aws:iam/rolePolicy:RolePolicy");
    expect(inputs["policy"]).toBe(mediaPolicy(AWS_STORAGE.bucketArnPattern));
    expect(recording.one("aws:iam/role:Role").inputs).toMatchObject({
      name: "meet-eu-downloads",
      tags: { "meet:stack": "eu", Name: "downloads-role" },
    });
    expect(recording.one(ASSOCIATION).inputs).toMatchObject({
      clusterName: "meet-eu",
      namespace: "meet",
      serviceAccount: "downloads",
      roleArn: await value(pulumi.output(recording.result.roleArn)),
    });
  });

  it("starts no pod before its credentials can be put into it", async () => {
    const recording = await recordDownloads();
    expect(recording.one("kubernetes:apps/v1:Deployment").dependsOn).toContain(
      recording.one(ASSOCIATION).urn,
    );
  });

  it("answers at its NodePort with as many pods as configured, and holds no secret", async () => {
    const recording = await recordDownloads({ replicas: 3 });
    expect(recording.one("kubernetes:core/v1:Service").inputs).toMatchObject({
      metadata: { name: "downloads" },
      spec: { ports: [{ nodePort: 30083 }] },
    });
    expect(recording.one("kubernetes:apps/v1:Deployment").inputs).toMatchObject({
      spec: { replicas: 3 },
    });
    expect(recording.ofType("kubernetes:core/v1:Secret")).toEqual([]);
    expect(await value(recording.result.serviceUrl)).toBe(
      "http://downloads.meet.svc.cluster.local:8080",
    );
  });

  it("reaches names, its credentials, Meet and HTTPS, and nothing else", async () => {
    const { inputs } = (await recordDownloads()).one(
      "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    );
    const { egress } = inputs["spec"] as { egress: { ports: { port: number }[] }[] };
    expect(egress.map((rule) => rule.ports.map(({ port }) => port))).toEqual([
      [53, 53],
      [80],
      [8000],
      [443],
    ]);
  });

  it.each<[Partial<DownloadsArgs>, string]>([
    [
      { storage: { ...AWS_STORAGE, bucketArnPattern: "arn:aws:s3:::*" } },
      'meet:app:Downloads "downloads": bucketArnPattern arn:aws:s3:::* does not name this fleet\'s buckets with one * for the region. Make it with recordingsBucketPattern.',
    ],
    [
      {
        storage: {
          ...AWS_STORAGE,
          bucketArnPattern: "arn:aws:s3:::meet-recordings-123456789012-eu-west-3-an",
        },
      },
      "does not name this fleet's buckets with one * for the region.",
    ],
    [
      { roleName: "r".repeat(65) },
      `roleName ${"r".repeat(65)} has 65 characters, IAM allows 64. Shorten it.`,
    ],
    [
      { storage: { kind: "s3-compatible", stores: [], expirationDays: 90 } },
      "there are no stores to look into. Name the home's at least.",
    ],
    [{ replicas: 1 }, "1 replicas leave no pod when a zone is lost. Use 2 or more."],
  ])("refuses %o", async (change, sentence) => {
    await expect(recordDownloads(change)).rejects.toThrow(sentence);
  });
});

describe("what the route may do at S3", () => {
  it("is to read media, to tell missing from forbidden, to delete recordings for good, and to see which buckets there are", () => {
    expect(JSON.parse(mediaPolicy("arn:aws:s3:::meet-recordings-1-*-an"))).toMatchObject({
      Statement: [
        {
          Effect: "Allow",
          Action: "s3:GetObject",
          Resource: [
            "arn:aws:s3:::meet-recordings-1-*-an/recordings/*",
            "arn:aws:s3:::meet-recordings-1-*-an/files/*",
          ],
        },
        {
          Effect: "Allow",
          Action: ["s3:ListBucket", "s3:ListBucketVersions"],
          Resource: "arn:aws:s3:::meet-recordings-1-*-an",
        },
        {
          Effect: "Allow",
          Action: "s3:DeleteObjectVersion",
          Resource: "arn:aws:s3:::meet-recordings-1-*-an/recordings/*",
        },
        {
          Effect: "Allow",
          Action: ["s3:PutObject", "s3:DeleteObject"],
          Resource: [
            "arn:aws:s3:::meet-recordings-1-*-an/deletions/*",
            "arn:aws:s3:::meet-recordings-1-*-an/deletion-intents/*",
          ],
        },
        { Effect: "Allow", Action: "s3:ListAllMyBuckets", Resource: "*" },
      ],
    });
  });
});

describe("the route's environment", () => {
  it("holds addresses alone", () => {
    expect(downloadsEnvironment(ARGS)).toEqual({
      REGION: "eu",
      DOMAIN: "example.org",
      AWS_REGION: "eu-west-3",
      BUCKET: "meet-recordings-123456789012-eu-west-3-an",
      MEET_URL: "http://backend.meet.svc.cluster.local:8000",
    });
  });
});
