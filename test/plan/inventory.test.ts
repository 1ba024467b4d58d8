import { describe, expect, it } from "vitest";
import { inventoryOf } from "../../plan/inventory.ts";
import { bullet, count, dollars, table } from "../../plan/text.ts";
import { visibleNames } from "../../plan/users-see.ts";
import { repositoryFiles, stackOf } from "../support/fleets.ts";
import { resource } from "./resources.ts";

describe("The inventory", () => {
  const outer = resource("meet:edge:Web", "web");
  const inner = resource("meet:edge:ApplicationBalancer", "inner", {}, { parent: outer.urn });
  const resources = [
    resource("pulumi:providers:kubernetes", "k8s"),
    outer,
    resource("aws:kms/key:Key", "one", {}, { parent: outer.urn, protect: true }),
    resource("aws:kms/key:Key", "two", {}, { parent: outer.urn }),
    resource("kubernetes:core/v1:Secret", "s", {}, { parent: outer.urn }),
    inner,
    resource("aws:lb/loadBalancer:LoadBalancer", "lb", {}, { parent: inner.urn }),
    resource("random:index/randomId:RandomId", "loose"),
  ];

  it("counts what is created, not components or providers", () => {
    expect(inventoryOf(resources)).toMatchObject({
      total: 5,
      components: 2,
      protected: 1,
      byProvider: { aws: 3, kubernetes: 1, random: 1 },
      loose: [{ type: "random RandomId", count: 1 }],
    });
  });

  it("is a tree of components with what each makes itself", () => {
    expect(inventoryOf(resources).tree).toEqual([
      {
        name: "web",
        type: "meet:edge:Web",
        own: [
          { type: "aws Key", count: 2 },
          { type: "kubernetes Secret", count: 1 },
        ],
        total: 4,
        protected: 1,
        children: [
          {
            name: "inner",
            type: "meet:edge:ApplicationBalancer",
            own: [{ type: "aws LoadBalancer", count: 1 }],
            total: 1,
            protected: 0,
            children: [],
          },
        ],
      },
    ]);
  });
});

describe("The names people will see", () => {
  const config = stackOf(repositoryFiles(), "us");

  it("say which stack makes them", () => {
    const record = resource("aws:route53/record:Record", "r", { name: "turn.us.example.org" });
    const names = visibleNames(config, [record]);
    expect(names.map(({ name, madeHere }) => [name, madeHere])).toEqual([
      ["meet.example.org", false],
      ["livekit.example.org", false],
      ["meet.us.example.org", false],
      ["livekit.us.example.org", false],
      ["turn.us.example.org", true],
    ]);
  });

  it("show no account that is made up", () => {
    const bucket = resource("aws:s3/bucket:Bucket", "b", {
      bucket: "meet-recordings-123456789012-us-east-1-an",
    });
    expect(visibleNames(config, [bucket]).at(-1)?.name).toBe(
      "meet-recordings-<account>-us-east-1-an",
    );
  });
});

describe("Text for a terminal", () => {
  it("aligns columns, numbers to the right, without trailing blanks", () => {
    expect(
      table(
        [
          ["a", "1"],
          ["long", "100"],
        ],
        { head: ["what", "n"], right: [1] },
      ),
    ).toBe("  what    n\n  a       1\n  long  100");
  });

  it.each([
    [1234.5, {}, "$1,234.50"],
    [-3, {}, "−$3.00"],
    [3, { signed: true }, "+$3.00"],
    [0, { signed: true }, "$0.00"],
  ])("writes %d as dollars", (usd, options, text) => {
    expect(dollars(usd, options)).toBe(text);
  });

  it("counts in words", () => {
    expect([count(1, "region"), count(2, "region")]).toEqual(["1 region", "2 regions"]);
  });

  it("keeps sentences within 100 columns, under their mark", () => {
    const lines = bullet("word ".repeat(60).trim()).split("\n");
    expect(lines.every((line) => line.length <= 100)).toBe(true);
    expect(lines[0]?.startsWith("  - word")).toBe(true);
    expect(lines[1]?.startsWith("    word")).toBe(true);
  });
});
