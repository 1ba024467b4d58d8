import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { plainRecord, withoutFinalDot, type PlainRecord } from "../../../components/dns/record.ts";
import type { DnsZone } from "../../../components/shared/dns-zone.ts";
import { record, value } from "../../support/record.ts";

const ROUTE53: DnsZone = { provider: "route53", zoneId: "Z1", zoneName: "example.org" };
const CLOUDFLARE: DnsZone = {
  provider: "cloudflare",
  zoneId: "c1",
  accountId: "a1",
  zoneName: "example.org",
};
const ADDRESSES: PlainRecord = {
  zone: ROUTE53,
  host: "turn.eu.example.org",
  type: "A",
  values: ["192.0.2.1", pulumi.output("192.0.2.2")],
  ttlSeconds: 60,
};

describe("plainRecord", () => {
  it("is one record with all values in Route 53", async () => {
    const recording = await record(() => plainRecord("turn", ADDRESSES, {}));
    expect(recording.all).toHaveLength(1);
    expect(recording.one("aws:route53/record:Record", "turn").inputs).toEqual({
      zoneId: "Z1",
      name: "turn.eu.example.org",
      type: "A",
      ttl: 60,
      records: ["192.0.2.1", "192.0.2.2"],
    });
    expect(await value(recording.result.name)).toBe("turn.eu.example.org");
    expect(recording.result.resources).toHaveLength(1);
  });

  it("is one record for each value in Cloudflare", async () => {
    const recording = await record(() =>
      plainRecord("turn", { ...ADDRESSES, zone: CLOUDFLARE }, {}),
    );
    const records = recording.ofType("cloudflare:index/dnsRecord:DnsRecord");
    expect(records.map(({ name }) => name).sort()).toEqual(["turn-1", "turn-2"]);
    expect(records.map(({ inputs }) => inputs["content"]).sort()).toEqual([
      "192.0.2.1",
      "192.0.2.2",
    ]);
    expect(records.every(({ inputs }) => inputs["proxied"] === false)).toBe(true);
    expect(await value(recording.result.name)).toBe("turn.eu.example.org");
    expect(recording.result.resources).toHaveLength(2);
  });

  it("keeps its plain name in Cloudflare when there is one value, and a TTL that it allows", async () => {
    const recording = await record(() =>
      plainRecord(
        "livekit",
        { zone: CLOUDFLARE, host: "a.b", type: "CNAME", values: ["c.d."], ttlSeconds: 5 },
        {},
      ),
    );
    expect(recording.one("cloudflare:index/dnsRecord:DnsRecord", "livekit").inputs).toEqual({
      zoneId: "c1",
      name: "a.b",
      type: "CNAME",
      ttl: 60,
      content: "c.d",
      proxied: false,
    });
  });

  it("adopts an existing record of Route 53 only when asked", async () => {
    const adopted = await record(() => plainRecord("turn", { ...ADDRESSES, adopt: true }, {}));
    expect(adopted.one("aws:route53/record:Record").inputs["allowOverwrite"]).toBe(true);
  });

  it.each([
    ["a.b.", "a.b"],
    ["a.b", "a.b"],
    ["", ""],
  ])("writes %j without a final dot as %j", (host, expected) => {
    expect(withoutFinalDot(host)).toBe(expected);
  });
});
