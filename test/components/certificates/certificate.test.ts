import { describe, expect, it } from "vitest";
import {
  Certificate,
  CERTIFICATE_TYPE,
  type CertificateArgs,
} from "../../../components/certificates/certificate.ts";
import type { DnsZone } from "../../../components/shared/dns-zone.ts";
import { record, value, type Recorded, type Recording } from "../../support/record.ts";

const ROUTE53: DnsZone = { provider: "route53", zoneId: "Z1", zoneName: "example.org" };
const CLOUDFLARE: DnsZone = {
  provider: "cloudflare",
  zoneId: "c1",
  accountId: "a1",
  zoneName: "example.org",
};

const ARGS: CertificateArgs = {
  domainName: "livekit.eu.example.org",
  sharedNames: ["livekit.example.org"],
  ownsSharedRecords: true,
  zone: ROUTE53,
  tags: { "meet:stack": "eu" },
};

const RECORD = "aws:route53/record:Record";
const DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord";
const VALIDATION = "aws:acm/certificateValidation:CertificateValidation";

/** What ACM asks for, by domain, as the mock of ACM answers. */
function made(more: Partial<CertificateArgs> = {}): Promise<Recording<Certificate>> {
  return record(() => new Certificate("gateway-certificate", { ...ARGS, ...more }));
}

function text(resource: Recorded, key: string): string {
  const found = resource.inputs[key];
  return typeof found === "string" ? found : JSON.stringify(found);
}

describe("Certificate", () => {
  it("asks for both names and waits until it is issued", async () => {
    const recording = await made();
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:acm/certificate:Certificate gateway-certificate",
      `${VALIDATION} gateway-certificate`,
      `${RECORD} gateway-certificate-validation`,
      `${RECORD} gateway-certificate-validation-livekit`,
      `${CERTIFICATE_TYPE} gateway-certificate`,
    ]);
    const certificate = recording.one("aws:acm/certificate:Certificate");
    expect(certificate.inputs).toEqual({
      domainName: "livekit.eu.example.org",
      subjectAlternativeNames: ["livekit.example.org"],
      validationMethod: "DNS",
      tags: { "meet:stack": "eu", Name: "gateway-certificate" },
    });
    const validation = recording.one(VALIDATION);
    expect(validation.inputs).toEqual({ certificateArn: await value(recording.result.arn) });
    expect(validation.dependsOn).toEqual(
      expect.arrayContaining(recording.ofType(RECORD).map(({ urn }) => urn)),
    );
  });

  it("keeps and adopts the record of a shared name, and drops that of its own", async () => {
    const recording = await made();
    const own = recording.one(RECORD, "gateway-certificate-validation");
    const shared = recording.one(RECORD, "gateway-certificate-validation-livekit");
    expect(text(own, "name")).toMatch(/^_\w+\.livekit\.eu\.example\.org\.$/);
    expect(text(shared, "name")).toMatch(/^_\w+\.livekit\.example\.org\.$/);
    for (const item of [own, shared]) {
      expect(item.inputs).toEqual({
        zoneId: "Z1",
        name: expect.any(String) as string,
        type: "CNAME",
        ttl: 300,
        records: [expect.stringMatching(/^_\w+\.acm-validations\.aws\.$/)],
        allowOverwrite: true,
      });
    }
    expect(own.retainOnDelete).toBe(false);
    expect(shared.retainOnDelete).toBe(true);
  });

  it("leaves the record of a shared name to the primary", async () => {
    const recording = await made({ ownsSharedRecords: false });
    expect(recording.ofType(RECORD).map(({ name }) => name)).toEqual([
      "gateway-certificate-validation",
    ]);
    expect(recording.one("aws:acm/certificate:Certificate").inputs).toMatchObject({
      subjectAlternativeNames: ["livekit.example.org"],
    });
  });

  it("has no further names when none are shared", async () => {
    const recording = await made({ domainName: "turn.eu.example.org", sharedNames: [] });
    expect(recording.one("aws:acm/certificate:Certificate").inputs).not.toHaveProperty(
      "subjectAlternativeNames",
    );
    expect(recording.ofType(RECORD)).toHaveLength(1);
  });

  it("is validated in Cloudflare alike, without final dots and never proxied", async () => {
    const recording = await made({ zone: CLOUDFLARE });
    expect(recording.ofType(RECORD)).toEqual([]);
    const own = recording.one(DNS_RECORD, "gateway-certificate-validation");
    expect(own.inputs).toEqual({
      zoneId: "c1",
      name: expect.stringMatching(/^_\w+\.livekit\.eu\.example\.org$/) as string,
      type: "CNAME",
      ttl: 300,
      content: expect.stringMatching(/^_\w+\.acm-validations\.aws$/) as string,
      proxied: false,
    });
    const shared = recording.one(DNS_RECORD, "gateway-certificate-validation-livekit");
    expect(shared.retainOnDelete).toBe(true);
    expect(recording.one(VALIDATION).dependsOn).toEqual(
      expect.arrayContaining([own.urn, shared.urn]),
    );
  });

  it("makes the same resources in preview and update", async () => {
    const urns = async (preview: boolean): Promise<string[]> =>
      (await record(() => new Certificate("c", ARGS), { preview })).all
        .map(({ urn }) => urn)
        .sort();
    expect(await urns(true)).toEqual(await urns(false));
  });

  it.each<[Partial<CertificateArgs>, string]>([
    [
      { domainName: "livekit.eu.example.com" },
      '"livekit.eu.example.com" is not in the zone "example.org", where it would be validated. Use a name in that zone.',
    ],
    [
      { domainName: "livekit_eu.example.org" },
      '"livekit_eu.example.org" is no DNS name. Use lower-case labels of letters, digits and hyphens.',
    ],
    [
      { domainName: `${"a".repeat(60)}.example.org` },
      `"${"a".repeat(60)}.example.org" has 72 characters, a certificate's first name may have 64. Use a shorter domain.`,
    ],
    [
      { sharedNames: ["livekit.eu.example.org"] },
      "a name occurs twice in livekit.eu.example.org, livekit.eu.example.org. Name each once.",
    ],
    [
      { sharedNames: ["livekit.example.org", "livekit.other.example.org"] },
      "the shared names livekit.example.org, livekit.other.example.org begin with the same label, which names their records. Use one certificate for each.",
    ],
  ])("refuses %j", async (wrong, sentence) => {
    await expect(made(wrong)).rejects.toThrow(`Certificate "gateway-certificate": ${sentence}`);
  });
});
