import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Outbound } from "../../../services/recordings/outbound.ts";
import type { Bucket } from "../../../services/recordings/storage/bucket.ts";
import { BucketCalls } from "../../../services/recordings/storage/bucket-calls.ts";
import { Signer } from "../../../services/recordings/storage/signer.ts";

let server: Server;
let outbound: Outbound;
let calls: BucketCalls;
let bucket: Bucket;
let answer: { readonly status: number; readonly body: string };
let targets: string[];

beforeEach(async () => {
  targets = [];
  server = createServer((request, response) => {
    targets.push(request.url ?? "");
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  outbound = new Outbound();
  calls = new BucketCalls(outbound, new Signer());
  bucket = {
    name: "recordings",
    region: "garage",
    endpoint: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    pathStyle: true,
    delivery: "stream",
    credentials: { current: () => Promise.resolve({ accessKeyId: "K", secretAccessKey: "S" }) },
  };
});

afterEach(() => {
  outbound.close();
  server.closeAllConnections();
  server.close();
});

function fault(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>so it is</Message></Error>`;
}

describe("versions of a recording", () => {
  it.each([
    [501, fault("NotImplemented")],
    [400, fault("NotImplemented")],
    [405, ""],
  ])("are not known to storage that answers %i %s", async (status, body) => {
    answer = { status, body };
    expect(await calls.versions(bucket, "recordings/a.")).toBeUndefined();
    expect(targets).toEqual(["/recordings/?prefix=recordings%2Fa.&versions="]);
  });

  it.each([
    [400, ""],
    [400, fault("RequestTimeout")],
    [400, fault("ExpiredToken")],
    [400, fault("AuthorizationHeaderMalformed")],
    [400, fault("InvalidArgument")],
    [403, fault("NotImplemented")],
    [503, fault("SlowDown")],
  ])("may be there where storage answers %i %s: the deletion waits", async (status, body) => {
    answer = { status, body };
    await expect(calls.versions(bucket, "recordings/a.")).rejects.toThrow(`status ${status}`);
  });
});

describe("a bucket's rules of expiry", () => {
  it("are what the storage answers", async () => {
    answer = { status: 200, body: "<LifecycleConfiguration/>" };
    expect(await calls.lifecycle(bucket)).toBe("<LifecycleConfiguration/>");
    expect(targets).toEqual(["/recordings/?lifecycle="]);
  });

  it.each([
    [404, fault("NoSuchLifecycleConfiguration")],
    [204, ""],
    [501, fault("NotImplemented")],
  ])("are none where it answers %i %s", async (status, body) => {
    answer = { status, body };
    expect(await calls.lifecycle(bucket)).toBe("");
  });

  it.each([
    [404, fault("NoSuchBucket")],
    [403, fault("AccessDenied")],
    [500, ""],
  ])("are not known where it answers %i %s", async (status, body) => {
    answer = { status, body };
    await expect(calls.lifecycle(bucket)).rejects.toThrow(`status ${status}`);
  });
});
