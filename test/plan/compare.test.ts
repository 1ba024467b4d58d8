import { describe, expect, it } from "vitest";
import { compare, isUnchanged, maskSecrets, withoutSecrets } from "../../plan/compare.ts";
import { differencesOf } from "../../plan/difference.ts";
import { loadPrices } from "../../plan/prices.ts";
import { differenceMarkdown } from "../../plan/report-markdown.ts";
import { resource } from "./resources.ts";

const secret = (value: unknown) => ({ "[secret]": value });

describe("A comparison of two revisions", () => {
  it("finds nothing in the same resources, whatever the order of their keys", () => {
    const before = [
      resource("aws:ec2/vpc:Vpc", "v", { cidrBlock: "10.0.0.0/16", tags: { a: 1, b: 2 } }),
    ];
    const after = [
      resource("aws:ec2/vpc:Vpc", "v", { tags: { b: 2, a: 1 }, cidrBlock: "10.0.0.0/16" }),
    ];
    const comparison = compare(before, after);
    expect(isUnchanged(comparison)).toBe(true);
    expect(comparison.unchanged).toBe(1);
  });

  it("tells added, removed and changed resources apart by URN", () => {
    const comparison = compare(
      [
        resource("aws:kms/key:Key", "old"),
        resource("aws:kms/key:Key", "kept", { description: "x" }),
      ],
      [
        resource("aws:kms/key:Key", "new"),
        resource("aws:kms/key:Key", "kept", { description: "y" }),
      ],
    );
    expect(comparison.added.map(({ name }) => name)).toEqual(["new"]);
    expect(comparison.removed.map(({ name }) => name)).toEqual(["old"]);
    expect(comparison.changed).toMatchObject([
      { name: "kept", inputs: [{ path: "description", before: "x", after: "y" }] },
    ]);
  });

  it("names the smallest input that differs, in lists and in records", () => {
    const [change] = compare(
      [
        resource("aws:eks/nodeGroup:NodeGroup", "n", {
          scalingConfig: { minSize: 1 },
          labels: [{ a: 1 }],
        }),
      ],
      [
        resource("aws:eks/nodeGroup:NodeGroup", "n", {
          scalingConfig: { minSize: 2 },
          labels: [{ a: 2 }],
        }),
      ],
    ).changed;
    expect(change?.inputs.map(({ path }) => path)).toEqual(["labels.0.a", "scalingConfig.minSize"]);
    expect(change?.replacedBy).toEqual([]);
  });

  it.each([
    ["aws:rds/instance:Instance", { identifier: "a" }, { identifier: "b" }, ["identifier"]],
    ["aws:rds/instance:Instance", { instanceClass: "a" }, { instanceClass: "b" }, []],
    ["aws:s3/bucket:Bucket", { bucket: "a" }, { bucket: "b" }, ["bucket"]],
    [
      "aws:eks/cluster:Cluster",
      { vpcConfig: { subnetIds: ["a"] } },
      { vpcConfig: { subnetIds: ["a", "b"] } },
      ["vpcConfig.subnetIds"],
    ],
    [
      "aws:eks/cluster:Cluster",
      { vpcConfig: { publicAccessCidrs: ["a"] } },
      { vpcConfig: { publicAccessCidrs: ["b"] } },
      [],
    ],
    [
      "aws:route53/healthCheck:HealthCheck",
      { requestInterval: 30 },
      { requestInterval: 10 },
      ["requestInterval"],
    ],
    [
      "kubernetes:core/v1:ConfigMap",
      { metadata: { name: "a" } },
      { metadata: { name: "b" } },
      ["metadata.name"],
    ],
  ])("says which input replaces a %s: %j to %j", (type, before, after, replacedBy) => {
    const [change] = compare([resource(type, "r", before)], [resource(type, "r", after)]).changed;
    expect(change?.replacedBy).toEqual(replacedBy);
  });

  it("expects no replacement for an input whose changes are ignored", () => {
    const options = { ignoreChanges: ["availabilityZone"] };
    const [change] = compare(
      [resource("aws:ec2/subnet:Subnet", "s", { availabilityZone: "a" }, options)],
      [resource("aws:ec2/subnet:Subnet", "s", { availabilityZone: "b" }, options)],
    ).changed;
    expect(change?.replacedBy).toEqual([]);
  });

  it("sees protection go, and options change", () => {
    const [change] = compare(
      [resource("aws:s3/bucket:Bucket", "b", {}, { protect: true })],
      [resource("aws:s3/bucket:Bucket", "b", {}, { protect: false })],
    ).changed;
    expect(change).toMatchObject({ losesProtection: true, options: ["protect"], inputs: [] });
  });

  it("notices a changed secret and never shows it", () => {
    const comparison = compare(
      [resource("aws:rds/instance:Instance", "db", { password: secret("hunter2") })],
      [resource("aws:rds/instance:Instance", "db", { password: secret("hunter3") })],
    );
    expect(comparison.changed[0]?.inputs).toEqual([
      { path: "password", before: "(secret)", after: "(secret)" },
    ]);
    expect(JSON.stringify(comparison)).not.toContain("hunter");
  });

  it("hides what is in a Kubernetes Secret even where nobody marked it", () => {
    const comparison = compare(
      [resource("kubernetes:core/v1:Secret", "s", { stringData: { token: "hunter2" } })],
      [resource("kubernetes:core/v1:Secret", "s", { stringData: { token: "hunter3" } })],
    );
    expect(comparison.changed[0]?.inputs[0]?.path).toBe("stringData.token");
    expect(JSON.stringify(comparison)).not.toContain("hunter");
  });

  it("hides a secret that lies within a longer list", () => {
    const comparison = compare(
      [resource("a:b:C", "c", { list: [1] })],
      [resource("a:b:C", "c", { list: [1, { deep: secret("hunter2") }] })],
    );
    expect(comparison.changed).toHaveLength(1);
    expect(JSON.stringify(comparison)).not.toContain("hunter");
  });

  it("cuts long values and says how long they are", () => {
    const [change] = compare(
      [resource("a:b:C", "c", { text: "x".repeat(5000) })],
      [resource("a:b:C", "c", {})],
    ).changed;
    expect(change?.inputs[0]?.before).toMatch(/^x{59}… \(5000 characters\)$/);
    expect(change?.inputs[0]?.after).toBe("(absent)");
  });

  it("leaves providers and stack references out: nothing is created for them", () => {
    expect(
      isUnchanged(compare([], [resource("pulumi:providers:kubernetes", "k", { kubeconfig: "x" })])),
    ).toBe(true);
  });
});

describe("Secrets of a recording", () => {
  it("become a word where they are shown", () => {
    expect(withoutSecrets({ a: [secret("hunter2")], b: 1 })).toEqual({ a: ["(secret)"], b: 1 });
  });

  it("become a digest in a snapshot: equal ones stay equal, and none can be read", () => {
    const [one, same, other] = ["hunter2", "hunter2", "hunter3"].map((value) =>
      JSON.stringify(maskSecrets({ a: secret(value) })),
    );
    expect(one).toBe(same);
    expect(one).not.toBe(other);
    expect(one).not.toContain("hunter");
  });
});

describe("The difference of two fleets", () => {
  const gateway = resource("aws:ec2/natGateway:NatGateway", "nat");
  const database = resource(
    "aws:rds/instance:Instance",
    "db",
    { identifier: "a" },
    { protect: true },
  );
  const moved = resource("aws:rds/instance:Instance", "db", { identifier: "b" });
  const differences = [
    ...differencesOf(
      {
        eu: { awsRegion: "eu-west-3", resources: [database] },
        old: { awsRegion: "us-east-1", resources: [gateway, database] },
      },
      {
        eu: { awsRegion: "eu-west-3", resources: [moved, gateway] },
        new: { awsRegion: "us-east-1", resources: [gateway] },
      },
      loadPrices(),
    ).values(),
  ];

  it("knows stacks that were added, removed and kept", () => {
    expect(differences.map(({ stack, kind }) => [stack, kind])).toEqual([
      ["eu", "kept"],
      ["new", "added"],
      ["old", "removed"],
    ]);
  });

  it("prices both sides with one table", () => {
    expect(differences.map(({ usdPerMonthChange }) => usdPerMonthChange)).toEqual(
      [0.05 * 730, 0.045 * 730, -0.045 * 730].map((usd) => Number(usd.toFixed(2))),
    );
  });

  it("is Markdown that leads with what may lose data", () => {
    const text = differenceMarkdown(differences, "main");
    expect(text).toContain("## Plan: what changes against `main`");
    expect(text).toContain("| `eu` |  | 1 | 1 | 0 | 1 | $36.50 (+$36.50) |");
    expect(text).toContain("> **aws Instance `db` in stack loses its protection from deletion.**");
    expect(text).toContain(
      "> **aws Instance `db` in stack may be replaced** because of `identifier`",
    );
    expect(text).toContain("> **old: its file is gone.**");
    expect(text).toContain("> **aws Instance `db` in stack would be deleted**");
    expect(text).toContain("  - `identifier`: `a` → `b`");
  });

  it("lets no value break out of its code span", () => {
    const hostile = differencesOf(
      { eu: { awsRegion: "eu-west-3", resources: [resource("a:b:C", "c", { x: "1" })] } },
      { eu: { awsRegion: "eu-west-3", resources: [resource("a:b:C", "c", { x: "`|\n# hi" })] } },
      loadPrices(),
    );
    const line = differenceMarkdown([...hostile.values()], "main")
      .split("\n")
      .find((one) => one.includes("`x`"));
    expect(line).toBe("  - `x`: `1` → `'' # hi`");
  });

  it("stays under the length that GitHub takes, and says what it left out", () => {
    const many = Array.from({ length: 500 }, (_, index) => resource("a:b:C", `c${index}`));
    const text = differenceMarkdown(
      [
        ...differencesOf(
          {},
          { eu: { awsRegion: "eu-west-3", resources: many } },
          loadPrices(),
        ).values(),
      ],
      "main",
    );
    expect(text).toContain("- … and 460 more");
    expect(text.length).toBeLessThan(65_536);
  });
});
