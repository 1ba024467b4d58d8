import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readConfig } from "../../../services/recordings/config.ts";

const folder = mkdtempSync(join(tmpdir(), "meet-recordings-"));
const KEY_FILE = join(folder, "key");
writeFileSync(KEY_FILE, "key");

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const COMMON = {
  PORT: "8080",
  REGION: "eu",
  DOMAIN: "example.org",
  MEET_URL: "http://backend.meet.svc.cluster.local:8000",
};

const AWS = {
  ...COMMON,
  AWS_REGION: "eu-west-3",
  BUCKET: "meet-recordings-123456789012-eu-west-3-an",
  AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/var/run/secrets/pods.eks.amazonaws.com/token",
};

const STORE = {
  bucket: "recordings",
  endpoint: "https://s3.fr-par.scw.cloud",
  region: "fr-par",
  accessKeyFile: KEY_FILE,
  secretKeyFile: KEY_FILE,
};

function faultsOf(environment: Record<string, string | undefined>): readonly string[] {
  const result = readConfig(environment);
  return result.ok ? [] : result.faults;
}

describe("the environment of the recordings route", () => {
  it("is complete with a bucket on AWS and the pod's role", () => {
    expect(readConfig(AWS)).toMatchObject({
      ok: true,
      value: { LINK_SECONDS: 900, MAX_REQUESTS: 1000, METRICS_PORT: 9090, SHUTDOWN_SECONDS: 30 },
    });
  });

  it("is complete with S3-compatible storage and its keys in files", () => {
    const result = readConfig({ ...COMMON, STORES: JSON.stringify([STORE]) });
    expect(result).toMatchObject({
      ok: true,
      value: { STORES: [{ bucket: "recordings", pathStyle: true, delivery: "redirect" }] },
    });
    expect(result.ok && result.value.STORES?.[0]?.accessKeyFile.current()).toBe("key");
  });

  it.each<[string, Record<string, string | undefined>, string]>([
    ["no storage", { ...COMMON }, "BUCKET: there is no storage: set BUCKET for AWS, or STORES"],
    ["no region", { ...AWS, AWS_REGION: undefined }, "AWS_REGION: must be set, as BUCKET is"],
    [
      "a region that is none",
      { ...AWS, AWS_REGION: "europe" },
      "AWS_REGION: must be an AWS region",
    ],
    [
      "a bucket of another region",
      { ...AWS, AWS_REGION: "us-east-1" },
      "BUCKET: meet-recordings-123456789012-eu-west-3-an must be <prefix>-<account>-us-east-1-an",
    ],
    ["a bucket that is none", { ...AWS, BUCKET: "No_Bucket" }, "BUCKET: must be a bucket's name"],
    [
      "no role",
      { ...AWS, AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined },
      "AWS_CONTAINER_CREDENTIALS_FULL_URI: must be set, as BUCKET is: the pod has no role (EKS Pod Identity sets it)",
    ],
    [
      "one port for both",
      { ...AWS, METRICS_PORT: "8080" },
      "METRICS_PORT: 8080 is PORT already: metrics need one of their own",
    ],
    [
      "a link for a day",
      { ...AWS, LINK_SECONDS: "86400" },
      "LINK_SECONDS: Too big: expected number to be <=3600",
    ],
    ["no JSON", { ...COMMON, STORES: "fr-par" }, "STORES: must be JSON"],
    [
      "an endpoint with a path",
      { ...COMMON, STORES: JSON.stringify([{ ...STORE, endpoint: "https://s3.example.org/x" }]) },
      "STORES.0.endpoint: must end with the host or the port",
    ],
    [
      "a key that is not there",
      { ...COMMON, STORES: JSON.stringify([{ ...STORE, secretKeyFile: "/nowhere" }]) },
      "STORES.0.secretKeyFile: cannot read the file /nowhere",
    ],
    [
      "a region with a slash",
      { ...COMMON, STORES: JSON.stringify([{ ...STORE, region: "fr/par" }]) },
      "STORES.0.region: must be a region such as fr-par or garage",
    ],
  ])("is refused with %s", (_what, environment, fault) => {
    expect(faultsOf(environment)).toContain(fault);
  });

  it("is refused with all its faults at once", () => {
    expect(faultsOf({ ...AWS, REGION: "EU", MEET_URL: "ftp://meet" })).toEqual([
      "REGION: must be a region's name such as eu",
      "MEET_URL: must begin with http:// or https://",
    ]);
  });
});
