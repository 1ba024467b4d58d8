import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { Outbound } from "../../../services/recordings/outbound.ts";
import { AwsBuckets, fleetPrefix } from "../../../services/recordings/storage/aws-buckets.ts";
import { awsEndpoint, type Bucket } from "../../../services/recordings/storage/bucket.ts";
import { S3Client, S3Failed } from "../../../services/recordings/storage/s3-client.ts";
import { Signer } from "../../../services/recordings/storage/signer.ts";
import { createLog } from "../../../services/shared/log.ts";

const PREFIX = "meet-recordings-123456789012-";
const HOME = `${PREFIX}eu-west-3-an`;
const CREDENTIALS = {
  current: () => Promise.resolve({ accessKeyId: "A", secretAccessKey: "B" }),
};

function bucketIn(name: string, region: string): Bucket {
  const endpoint = awsEndpoint(region);
  return {
    name,
    region,
    endpoint,
    pathStyle: false,
    delivery: "redirect",
    credentials: CREDENTIALS,
  };
}

class Account {
  names: string[] = [HOME];
  isAway = false;
  looks = 0;
  now = 0;
  readonly lines: string[] = [];
  readonly buckets = new AwsBuckets({
    home: bucketIn(HOME, "eu-west-3"),
    prefix: PREFIX,
    bucketIn,
    list: () => {
      this.looks += 1;
      return this.isAway ? Promise.reject(new S3Failed("status 403")) : Promise.resolve(this.names);
    },
    named: [],
    log: createLog("recordings", "eu", (line) => this.lines.push(line)),
    nowMs: () => this.now,
  });

  others(): string[] {
    return this.buckets.others().map(({ name, region }) => `${name} in ${region}`);
  }
}

describe("the name of a bucket", () => {
  it.each([
    [HOME, "eu-west-3", PREFIX],
    [
      "a-b-recordings-123456789012-us-gov-west-1-an",
      "us-gov-west-1",
      "a-b-recordings-123456789012-",
    ],
    [HOME, "us-east-1", undefined],
    ["meet-recordings-12345-eu-west-3-an", "eu-west-3", undefined],
    ["meet-recordings", "eu-west-3", undefined],
  ])("%s in %s says %s of its fleet", (name, region, prefix) => {
    expect(fleetPrefix(name, region)).toBe(prefix);
  });
});

describe("the fleet's buckets on AWS", () => {
  it("are those of the account that are named as the home is, each in the region of its name", async () => {
    const account = new Account();
    account.names = [
      HOME,
      `${PREFIX}us-east-1-an`,
      `${PREFIX}ap-southeast-1-an`,
      `${PREFIX}backup`,
      "meet-recordings-999999999999-us-east-1-an",
      "meet-recordings-123456789012-999999999999-us-east-1-an",
      `${PREFIX}us-east-1-an.evil.example.org`,
    ];
    expect(account.buckets.isComplete()).toBe(false);
    await account.buckets.refresh();
    expect(account.others()).toEqual([
      `${PREFIX}ap-southeast-1-an in ap-southeast-1`,
      `${PREFIX}us-east-1-an in us-east-1`,
    ]);
    expect(account.buckets.home().name).toBe(HOME);
    expect(account.buckets.isComplete()).toBe(true);
  });

  it("are looked for once for many who ask at once, and not again at once", async () => {
    const account = new Account();
    await Promise.all(Array.from({ length: 20 }, () => account.buckets.refresh()));
    account.now = 4999;
    await account.buckets.refresh();
    expect(account.looks).toBe(1);
    account.now = 5000;
    account.names.push(`${PREFIX}us-east-1-an`);
    await account.buckets.refresh();
    expect([account.looks, account.others()]).toEqual([2, [`${PREFIX}us-east-1-an in us-east-1`]]);
  });

  it("stay known while the list cannot be had, which is written down", async () => {
    const account = new Account();
    account.names.push(`${PREFIX}us-east-1-an`);
    await account.buckets.refresh();
    account.isAway = true;
    account.now = 60_000;
    await account.buckets.refresh();
    expect(account.others()).toHaveLength(1);
    expect(account.lines.at(-1)).toContain("the list of buckets could not be had");
    expect(account.lines.at(-1)).toContain("status 403");
  });
});

describe("the account's list", () => {
  it("is read to its end, page by page, by signed requests", async () => {
    const targets: string[] = [];
    const server = createServer((request, response) => {
      targets.push(request.url ?? "");
      const isFirst = !(request.url ?? "").includes("continuation-token");
      expect(request.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=A\//);
      response.end(
        isFirst
          ? `<R><Buckets><Bucket><Name>${HOME}</Name></Bucket></Buckets><ContinuationToken>n/2==</ContinuationToken></R>`
          : `<R><Buckets><Bucket><Name>${PREFIX}b</Name></Bucket><Bucket><Name>other</Name></Bucket></Buckets></R>`,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const outbound = new Outbound();
    const client = new S3Client(outbound, new Signer());
    const url = `http://127.0.0.1:${port}`;
    expect(await client.bucketNames("eu-west-3", PREFIX, CREDENTIALS, url)).toEqual([
      HOME,
      `${PREFIX}b`,
    ]);
    expect(targets).toEqual([
      `/?max-buckets=1000&prefix=${PREFIX}`,
      `/?continuation-token=n%2F2%3D%3D&max-buckets=1000&prefix=${PREFIX}`,
    ]);
    outbound.close();
    server.close();
    await expect(client.bucketNames("eu-west-3", PREFIX, CREDENTIALS, url)).rejects.toThrow(
      S3Failed,
    );
  });
});
