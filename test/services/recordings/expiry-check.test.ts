import { describe, expect, it } from "vitest";
import { ExpiryCheck } from "../../../services/recordings/expiry-check.ts";
import type { Bucket } from "../../../services/recordings/storage/bucket.ts";
import { expiryDays } from "../../../services/recordings/storage/lifecycle.ts";
import { S3Failed } from "../../../services/recordings/storage/s3-client.ts";
import { createLog } from "../../../services/shared/log.ts";

function rule(days: number, filter = "<Filter><Prefix>recordings/</Prefix></Filter>"): string {
  return `<Rule><ID>r</ID>${filter}<Status>Enabled</Status><Expiration><Days>${days}</Days></Expiration></Rule>`;
}

function configuration(...rules: readonly string[]): string {
  return `<?xml version="1.0"?><LifecycleConfiguration>${rules.join("\n")}</LifecycleConfiguration>`;
}

describe("the days after which a bucket's rules remove a recording", () => {
  it.each([
    ["the prefix of all recordings", [rule(30)], 30],
    ["no filter", [rule(30, "")], 30],
    ["an empty prefix of an older kind", [rule(30, "<Prefix></Prefix>")], 30],
    ["a shorter prefix", [rule(30, "<Filter><Prefix>rec</Prefix></Filter>")], 30],
    ["a prefix within And", [rule(30, "<Filter><And><Prefix/></And></Filter>")], 30],
    ["the shortest of several", [rule(60), rule(30), rule(90)], 30],
    ["another prefix alone", [rule(30, "<Filter><Prefix>files/</Prefix></Filter>")], undefined],
    ["some recordings alone", [rule(30, "<Prefix>recordings/0</Prefix>")], undefined],
    ["a tag", [rule(30, "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>")], undefined],
    [
      "a size",
      [
        rule(
          30,
          "<Filter><And><Prefix>recordings/</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>",
        ),
      ],
      undefined,
    ],
    ["a rule that is off", [rule(30).replace("Enabled", "Disabled")], undefined],
    [
      "old versions and markers alone",
      [
        "<Rule><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>" +
          "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>",
      ],
      undefined,
    ],
    [
      "a move to another class",
      [
        "<Rule><Status>Enabled</Status><Transition><Days>5</Days></Transition></Rule>",
        rule(40, ""),
      ],
      40,
    ],
    ["no rules", [], undefined],
  ])("are those of %s", (_, rules, days) => {
    expect(expiryDays(configuration(...rules))).toBe(days);
  });
});

function bucket(name: string): Bucket {
  return {
    name,
    region: "fr-par",
    endpoint: "https://s3.example.org",
    pathStyle: true,
    delivery: "redirect",
    credentials: { current: () => Promise.reject(new Error("nobody asks")) },
  };
}

/** Buckets by name with their rules; those without a text do not let them be read. */
function world(rules: Record<string, string | undefined>, days?: number) {
  const lines: string[] = [];
  const asked: string[] = [];
  const check = new ExpiryCheck({
    buckets: Object.keys(rules).map(bucket),
    days,
    calls: {
      lifecycle: ({ name }) => {
        asked.push(name);
        const text = rules[name];
        return text === undefined
          ? Promise.reject(new S3Failed("status 403"))
          : Promise.resolve(text);
      },
    },
    log: createLog("recordings", "eu", (line) => lines.push(line)),
  });
  const verdicts = (): object =>
    Object.fromEntries(check.verdicts().map((it) => [it.bucket.name, it.disagrees]));
  return { check, lines, asked, verdicts };
}

describe("the check of expiry", () => {
  it("says which buckets disagree with Meet's days, and what to do", async () => {
    const { check, lines, verdicts } = world(
      { right: configuration(rule(30)), short: configuration(rule(7)), none: "" },
      30,
    );
    await check.round();
    expect(verdicts()).toEqual({ right: false, short: true, none: true });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(
      "recordings expire after 7 days in this bucket, Meet says after 30 days: set a lifecycle rule of 30 days for the prefix recordings/",
    );
    expect(lines[0]).toContain('"bucket":"short"');
    expect(lines[1]).toContain("recordings expire never in this bucket");
  });

  it("sees a rule that was set since, and keeps what it knew of a bucket that is away", async () => {
    const rules: Record<string, string | undefined> = { a: "", b: configuration(rule(30)) };
    const { check, lines, verdicts } = world(rules, 30);
    await check.round();
    rules["a"] = configuration(rule(30));
    rules["b"] = undefined;
    await check.round();
    expect(verdicts()).toEqual({ a: false, b: false });
    expect(lines.at(-1)).toContain("the lifecycle rules of this bucket could not be read");
    expect(lines.at(-1)).toContain("status 403");
  });

  it("decides nothing of a bucket whose rules were never read", async () => {
    const { check, verdicts } = world({ a: undefined }, 30);
    await check.round();
    expect(verdicts()).toEqual({});
  });

  it("asks nobody where no days are set", async () => {
    const { check, asked, verdicts } = world({ a: "" });
    await check.round();
    expect([asked, verdicts()]).toEqual([[], {}]);
  });
});
