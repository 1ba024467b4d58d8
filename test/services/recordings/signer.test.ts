import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { objectUrl, type Bucket } from "../../../services/recordings/storage/bucket.ts";
import { Signer } from "../../../services/recordings/storage/signer.ts";
import { verifySignature } from "../../support/recordings/sigv4.ts";

/** The credentials, bucket and time of the examples in the Amazon S3 API Reference, "Authenticating Requests". */
const EXAMPLE = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const DATETIME = "20130524T000000Z";
const SIGNED_MS = Date.parse("2013-05-24T00:00:00Z");

function bucket(change: Partial<Bucket> = {}): Bucket {
  return {
    name: "examplebucket",
    region: "us-east-1",
    endpoint: "https://s3.amazonaws.com",
    pathStyle: false,
    delivery: "redirect",
    credentials: { current: () => Promise.resolve(EXAMPLE) },
    ...change,
  };
}

function verify(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  nowMs = SIGNED_MS,
) {
  const { host, pathname, search } = new URL(url);
  return verifySignature(
    { method, target: pathname + search, headers: { host, ...headers } },
    (id) => (id === EXAMPLE.accessKeyId ? { secret: EXAMPLE.secretAccessKey } : undefined),
    nowMs,
  );
}

describe("signatures", () => {
  it("of a link are those that AWS publishes for its example", () => {
    const link = new Signer().link(bucket(), "test.txt", EXAMPLE, 86_400, {}, DATETIME);
    expect(link).toBe(
      "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    );
    expect(verify("GET", link)).toEqual({ ok: true, region: "us-east-1" });
  });

  it.each([
    ["?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
    ["?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"],
  ])("of headers are those that AWS publishes for %s", (query, signature) => {
    const url = `https://examplebucket.s3.amazonaws.com/${query}`;
    const headers = new Signer().headers("GET", url, "us-east-1", EXAMPLE, DATETIME);
    expect(headers["authorization"]).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, " +
        `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    );
    expect(verify("GET", url, headers)).toEqual({ ok: true, region: "us-east-1" });
  });

  it("hold for whatever S3 is to put into its answer, and for a session's token", () => {
    const word = fc.string({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(word, word, fc.boolean(), (value, token, pathStyle) => {
        const to = bucket({ pathStyle });
        const credentials = { ...EXAMPLE, sessionToken: token };
        const answer = { "content-disposition": `attachment; filename="${value}"` };
        const link = new Signer().link(to, "a.mp4", credentials, 60, answer, DATETIME);
        const { host, pathname, search, searchParams } = new URL(link);
        expect(searchParams.get("response-content-disposition")).toBe(
          answer["content-disposition"],
        );
        const verdict = verifySignature(
          { method: "GET", target: pathname + search, headers: { host } },
          () => ({ secret: EXAMPLE.secretAccessKey, token }),
          SIGNED_MS,
        );
        expect(verdict).toEqual({ ok: true, region: "us-east-1" });
      }),
      { numRuns: 200 },
    );
  });

  it("are good for one key, one method, one bucket, and for their time", () => {
    const link = new Signer().link(bucket(), "a.mp4", EXAMPLE, 60, {}, DATETIME);
    const wrong = { ok: false, error: "SignatureDoesNotMatch" };
    expect(verify("GET", link.replace("a.mp4", "b.mp4"))).toEqual(wrong);
    expect(verify("HEAD", link)).toEqual(wrong);
    expect(verify("GET", link.replace("examplebucket", "otherbucket"))).toEqual(wrong);
    expect(verify("GET", link.replace("Expires=60", "Expires=600"))).toEqual(wrong);
    expect(verify("GET", link, {}, SIGNED_MS + 59_000)).toMatchObject({ ok: true });
    expect(verify("GET", link, {}, SIGNED_MS + 60_000)).toMatchObject({ error: "AccessDenied" });
  });

  it("name the address that browsers use, where it is another one", () => {
    const to = bucket({
      endpoint: "http://minio.storage:9000",
      publicEndpoint: "https://s3.example.org",
      pathStyle: true,
    });
    const link = new Signer().link(to, "a.mp4", EXAMPLE, 60, {}, DATETIME);
    expect(link).toMatch(/^https:\/\/s3\.example\.org\/examplebucket\/a\.mp4\?/);
    expect(objectUrl(to, "a.mp4")).toBe("http://minio.storage:9000/examplebucket/a.mp4");
  });
});
