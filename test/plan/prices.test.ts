import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SIZE_DEFAULTS } from "../../infra/sizes.ts";
import { loadPrices } from "../../plan/prices.ts";

const folder = mkdtempSync(join(tmpdir(), "prices-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("The price table", () => {
  it.each(Object.entries(SIZE_DEFAULTS))("prices every machine of size %s", (_size, defaults) => {
    const table = loadPrices();
    const items = [
      `ec2.${defaults.systemNodes.instanceType}`,
      `ec2.${defaults.media.instanceType}`,
      `ec2.${defaults.egress.instanceType}`,
      `rds.${defaults.database.instanceClass}`,
      `elasticache.valkey.${defaults.livekitValkey.nodeType}`,
      `elasticache.valkey.${defaults.meetValkey.nodeType}`,
    ];
    expect(items.filter((item) => table.find(item, "eu-west-3") === undefined)).toEqual([]);
  });

  it("prefers a region's own price to the one that is scaled", () => {
    const table = loadPrices();
    expect(table.find("nat-gateway", "eu-central-1")).toMatchObject({ usd: 0.052 });
    expect(table.find("ec2.m7g.large", "us-east-1")).toMatchObject({ unverified: false });
    expect(table.find("ec2.m7g.large", "eu-west-3")).toMatchObject({ unverified: true });
    expect(table.find("ec2.m7g.large", "eu-west-3")?.usd).toBeCloseTo(0.0816 * 1.17, 10);
  });

  it("has no price for a region nobody wrote a factor for", () => {
    expect(loadPrices().find("ec2.m7g.large", "xx-north-9")).toBeUndefined();
    expect(loadPrices().knows("xx-north-9")).toBe(false);
  });

  it("lets the rows, factors and assumptions of another file win", () => {
    const own = file("own.json", {
      assumptions: { receivedMbps: 4 },
      factors: { source: "https://example.org", date: "2026-11-01", byRegion: { "xx-north-9": 2 } },
      tables: [
        {
          source: "https://example.org",
          date: "2026-11-01",
          unit: "hour",
          region: "us-east-1",
          usd: { "nat-gateway": 7 },
        },
      ],
    });
    const table = loadPrices(own);
    expect(table.assumptions).toMatchObject({ receivedMbps: 4, hoursPerMonth: 730 });
    expect(table.find("nat-gateway", "us-east-1")).toMatchObject({ usd: 7 });
    expect(table.find("nat-gateway", "xx-north-9")).toMatchObject({ usd: 14 });
    expect(table.dates().newest).toBe("2026-11-01");
  });

  it("says which file cannot be read", () => {
    expect(() => loadPrices("/nowhere/prices.json")).toThrow(
      /^Price file \/nowhere\/prices\.json cannot be read: ENOENT.* Give a file of the form of plan\/prices\.json\.$/,
    );
    const broken = file("broken.json", "{");
    expect(() => loadPrices(broken)).toThrow(/broken\.json cannot be read: .*JSON/);
  });

  it("names every fault of a file at once", () => {
    const wrong = file("wrong.json", {
      tables: [{ source: "nowhere", date: "2026", unit: "day", region: "", usd: { x: -1 } }],
    });
    expect(() => loadPrices(wrong)).toThrow(
      /has faults: tables\.0\.source: .*; tables\.0\.date: .*; tables\.0\.unit: .*; tables\.0\.region: .*; tables\.0\.usd\.x: .*\. Correct them/,
    );
  });
});
