import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveFleet } from "../../infra/config.ts";
import { readFleetFiles } from "../../infra/fleet-files.ts";
import { SIZE_DEFAULTS, SIZES, vcpusOf } from "../../infra/sizes.ts";
import { BAD_FILES, BAD_PAIRS } from "./bad-files.ts";
import { BAD_FLEETS } from "./bad-fleets.ts";
import { BAD_GATEWAYS } from "./bad-gateways.ts";
import { BAD_STORAGE } from "./bad-storage.ts";
import { BAD_STORES } from "./bad-stores.ts";
import { BAD_VALUES } from "./bad-values.ts";
import {
  faultsOf,
  fleetFiles,
  MEDIA,
  PRIMARY,
  STANDBY,
  type Settings,
  stackFile,
} from "./fleet-samples.ts";

const ROOT = `${import.meta.dirname}/../..`;

function resolved(stacks: Readonly<Record<string, Settings | string>>, stack: string) {
  const config = resolveFleet(fleetFiles(stacks)).get(stack);
  expect(config, `stack ${stack}`).toBeDefined();
  return config;
}

describe("a bad configuration is refused with one sentence", () => {
  it.each([
    ...BAD_FILES,
    ...BAD_VALUES,
    ...BAD_STORAGE,
    ...BAD_STORES,
    ...BAD_FLEETS,
    ...BAD_GATEWAYS,
    ...BAD_PAIRS,
  ])("$name", (fleet) => {
    expect(faultsOf(fleetFiles(fleet.stacks))).toEqual([fleet.says]);
  });
});

describe("the files of this repository", () => {
  it("resolve to a primary in Paris and a standby in Virginia", () => {
    const fleet = resolveFleet(readFleetFiles(ROOT));
    expect(
      [...fleet.values()].map(({ stack, role, awsRegion }) => [stack, role, awsRegion]),
    ).toEqual([
      ["eu", "primary", "eu-west-3"],
      ["us", "standby", "us-east-1"],
    ]);
  });

  it("put both homes into one residency group and hold no secret", () => {
    const files = readFleetFiles(ROOT);
    expect([...resolveFleet(files).values()].map(({ residency }) => residency)).toEqual([
      "eu-us",
      "eu-us",
    ]);
    expect([...files.values()].filter((text) => /^\s*secure:/m.test(text))).toEqual([]);
  });

  it("take a third region of two settings, without a change to what the others are built from", () => {
    const files = readFleetFiles(ROOT);
    const before = resolveFleet(files);
    const after = resolveFleet(
      new Map([
        ...files,
        [
          "Pulumi.ap.yaml",
          "config:\n  aws:region: ap-northeast-1\n  meet:network: { cidr: 10.48.0.0/16 }\n",
        ],
      ]),
    );
    expect(after.get("ap")).toMatchObject({ role: "media", size: "medium", residency: "jp" });
    for (const stack of ["eu", "us"]) {
      expect({ ...after.get(stack), siblings: [] }).toEqual({ ...before.get(stack), siblings: [] });
    }
  });
});

describe("defaults", () => {
  it("make a minimal file a protected media region without a home", () => {
    const config = resolved({ eu: PRIMARY, us: MEDIA }, "us");
    expect(config).toMatchObject({
      role: "media",
      size: "medium",
      residency: "us",
      protection: { enabled: true },
      media: { ...SIZE_DEFAULTS.medium.media, udpPorts: { from: 7882, to: 7913 } },
    });
    expect(config).not.toHaveProperty("home");
  });

  it.each(SIZES)("of size %s are those of its table", (size) => {
    const config = resolved({ eu: { ...PRIMARY, "meet:size": size } }, "eu");
    const table = SIZE_DEFAULTS[size];
    expect(config).toMatchObject({
      size,
      network: table.network,
      cluster: { systemNodes: table.systemNodes, logRetentionDays: table.logRetentionDays },
      media: table.media,
      egress: table.egress,
      rooms: table.rooms,
      downloads: table.downloads,
      livekitValkey: table.livekitValkey,
      home: {
        database: { ...table.database, engineVersion: "16", generation: 1 },
        meetValkey: table.meetValkey,
        backend: table.backend,
        frontend: table.frontend,
      },
    });
  });

  it("yield value by value to the stack's file", () => {
    const config = resolved(
      {
        eu: PRIMARY,
        us: { ...MEDIA, "meet:media": { max: 20 }, "meet:egress": { enabled: false } },
      },
      "us",
    );
    expect(config?.media).toMatchObject({ ...SIZE_DEFAULTS.medium.media, max: 20 });
    expect(config?.egress).toEqual({ ...SIZE_DEFAULTS.medium.egress, enabled: false });
  });

  it("of who deploys, and from where, are the primary's", () => {
    const eu = {
      ...PRIMARY,
      "meet:deployRoleArns": ["arn:aws:iam::123456789012:role/ci/meet-deploy"],
      "meet:cluster": { publicAccessCidrs: ["203.0.113.0/24"] },
    };
    expect(resolved({ eu, us: MEDIA }, "us")).toMatchObject({
      deployRoleArns: eu["meet:deployRoleArns"],
      cluster: { publicAccessCidrs: ["203.0.113.0/24"] },
    });
    const closed = { ...MEDIA, "meet:cluster": { publicAccessCidrs: [] } };
    expect(resolved({ eu, us: closed }, "us")?.cluster.publicAccessCidrs).toEqual([]);
  });

  it("of a standby's database are the primary's database, but for its generation", () => {
    const eu = {
      ...PRIMARY,
      "meet:database": { storageGib: 300, engineVersion: "17", generation: 4 },
    };
    const de = { ...STANDBY, "meet:size": "small" };
    expect(resolved({ eu, de }, "de")?.home?.database).toMatchObject({
      instanceClass: SIZE_DEFAULTS.medium.database.instanceClass,
      storageGib: 300,
      engineVersion: "17",
      generation: 1,
    });
  });

  it.each(SIZES)("of size %s give LiveKit a port per vCPU and egress four vCPUs", (size) => {
    const { media, egress } = SIZE_DEFAULTS[size];
    expect(vcpusOf(media.instanceType)).toBeLessThanOrEqual(32);
    expect(vcpusOf(egress.instanceType)).toBeGreaterThanOrEqual(4);
  });
});

describe("a good configuration is taken", () => {
  it("with Pulumi's own keys and a provider's settings", () => {
    const us = stackFile(
      {
        ...MEDIA,
        "aws:allowedAccountIds": ["123456789012"],
        "cloudflare:apiToken": { secure: "v1:x" },
      },
      {
        encryptionsalt: "v1:abc",
        secretsprovider: "passphrase",
        encryptedkey: "k",
        environment: [],
      },
    );
    expect(faultsOf(fleetFiles({ eu: PRIMARY, us }))).toEqual([]);
  });

  it("with encrypted secrets in the primary", () => {
    const eu = {
      ...PRIMARY,
      "meet:oidcClientSecret": { secure: "v1:abc" },
      "meet:mailPassword": { secure: "v1:d" },
    };
    expect(faultsOf(fleetFiles({ eu }))).toEqual([]);
  });

  it("with Cloudflare's shorter interval in its enterprise plan", () => {
    const id = "0123456789abcdef0123456789abcdef";
    const dns = {
      provider: "cloudflare",
      zoneId: id,
      accountId: id,
      zoneName: "example.org",
      plan: "enterprise",
      monitorIntervalSeconds: 10,
    };
    expect(resolved({ eu: { ...PRIMARY, "meet:dns": dns } }, "eu")?.fleet.dns).toEqual(dns);
  });

  it("with a domain below its zone, a digest, and a cluster open for a reason", () => {
    const digest = `v1.13.5@sha256:${"a".repeat(64)}`;
    const eu = {
      ...PRIMARY,
      "meet:domain": "video.example.org",
      "meet:versions": { livekit: digest },
      "meet:cluster": {
        publicAccessCidrs: ["0.0.0.0/0"],
        publicAccessReason: "runners have no fixed addresses",
      },
    };
    expect(resolved({ eu }, "eu")).toMatchObject({
      fleet: { domain: "video.example.org", versions: { meet: "v1.27.0", livekit: digest } },
      cluster: { publicAccessCidrs: ["0.0.0.0/0"] },
    });
  });

  it("with rules for rooms and countries, and secrets in the middle of a rotation", () => {
    const placement = {
      rules: [
        { rooms: ["board-*"], region: "us" },
        { countries: ["FR", "DE"], region: "eu" },
      ],
      countryHeader: "cf-ipcountry",
      order: { eu: ["us"] },
    };
    const peer = { generation: 2, keepPrevious: true, signWith: "previous" };
    const eu = { ...PRIMARY, "meet:placement": placement, "meet:secrets": { peer } };
    expect(resolved({ eu, us: MEDIA }, "us")?.fleet).toMatchObject({
      placement,
      secrets: { peer, operator: { generation: 1, keepPrevious: false, signWith: "current" } },
    });
  });

  it("with a backup pair that somebody has checked", () => {
    const es = {
      ...STANDBY,
      "aws:region": "eu-south-2",
      "meet:database": { backupPairChecked: "describe-source-regions, 2026-11-20, ops" },
    };
    expect(faultsOf(fleetFiles({ eu: PRIMARY, es }))).toEqual([]);
  });

  it("with telephony in a fleet of one, and plain mail on port 25 without a user", () => {
    const telephony = { phoneNumber: "+33123456789", defaultCountry: "FR" };
    const eu = {
      ...PRIMARY,
      "meet:telephony": telephony,
      "meet:mail": { host: "relay.example.org", from: "meet@example.org", port: 25, tls: "none" },
    };
    expect(resolved({ eu }, "eu")?.fleet).toMatchObject({ telephony, mail: { tls: "none" } });
  });

  it("without protection of a media region, and of a primary that is alone", () => {
    const off = { "meet:protection": { enabled: false, reason: "it is removed" } };
    expect(faultsOf(fleetFiles({ eu: PRIMARY, us: { ...MEDIA, ...off } }))).toEqual([]);
    expect(faultsOf(fleetFiles({ eu: { ...PRIMARY, ...off } }))).toEqual([]);
  });

  it("with two residency groups, as long as the homes are in one", () => {
    const files = fleetFiles({ eu: PRIMARY, de: STANDBY, us: MEDIA });
    expect([...resolveFleet(files).values()].map(({ residency }) => residency).sort()).toEqual([
      "eu",
      "eu",
      "us",
    ]);
    expect(resolveFleet(files).get("us")?.fleet.standby?.stack).toBe("de");
  });
});

describe("all faults", () => {
  it("of all files come at once, sorted by file, then by key", () => {
    const files = fleetFiles({
      us: {
        ...MEDIA,
        "meet:size": "huge",
        "meet:network": { cidr: "10.0.3.0/24", nat: "many" },
        "meet:sise": 1,
      },
      eu: { ...PRIMARY, "meet:domain": "Example.org", "aws:region": "eu-west-9" },
      ap: "nothing",
    });
    expect(faultsOf(files)).toEqual([
      "Config in Pulumi.ap.yaml: nothing is not a block of settings. Write config: and the keys under it.",
      "Config aws:region in Pulumi.eu.yaml: eu-west-9 is not an AWS region of the commercial partition. Did you mean eu-west-1?",
      "Config meet:domain in Pulumi.eu.yaml: Example.org is not a domain name in lower case. Write one such as example.org.",
      "Config meet:network.cidr in Pulumi.us.yaml: 10.0.3.0/24 is a /24; a region's network is a /16 to a /23. Choose a range of that size.",
      "Config meet:network.nat in Pulumi.us.yaml: many is not one of none, single, per-zone. Choose one of them.",
      "Config meet:sise in Pulumi.us.yaml: unknown key. Did you mean meet:size?",
      "Config meet:size in Pulumi.us.yaml: huge is not one of small, medium, large. Choose one of them.",
    ]);
  });

  it("of a primary that says nothing fleet-wide name every missing key", () => {
    const eu = {
      "aws:region": "eu-west-3",
      "meet:role": "primary",
      "meet:network": { cidr: "10.0.0.0/16" },
    };
    expect(faultsOf(fleetFiles({ eu })).map((line) => line.split(": missing.")[0])).toEqual([
      "Config meet:dns in Pulumi.eu.yaml",
      "Config meet:domain in Pulumi.eu.yaml",
      "Config meet:mail in Pulumi.eu.yaml",
      "Config meet:oidc in Pulumi.eu.yaml",
    ]);
  });

  it("never show a secret that stands in plain text", () => {
    const eu = {
      ...PRIMARY,
      "meet:oidcClientSecret": "hunter2",
      "meet:oidc": { clientSecret: "hunter2" },
    };
    expect(faultsOf(fleetFiles({ eu })).join("\n")).not.toContain("hunter2");
  });

  it("do not accuse a fleet of having no primary while a file cannot be read", () => {
    expect(
      faultsOf(fleetFiles({ eu: "config: [", us: MEDIA })).filter((line) =>
        line.includes("meet:role"),
      ),
    ).toEqual([]);
  });
});

describe("ranges", () => {
  const range = fc
    .tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 16, max: 23 }),
    )
    .map(([second, third, prefix]) => ({
      first: second * 256 + (third - (third % 2 ** (24 - prefix))),
      blocks: 2 ** (24 - prefix),
      cidr: `10.${second}.${third - (third % 2 ** (24 - prefix))}.0/${prefix}`,
    }));

  it("that overlap are always found, and others never", () => {
    fc.assert(
      fc.property(range, range, (one, other) => {
        const shared =
          one.first < other.first + other.blocks && other.first < one.first + one.blocks;
        const faults = faultsOf(
          fleetFiles({
            eu: { ...PRIMARY, "meet:network": { cidr: one.cidr } },
            us: { ...MEDIA, "meet:network": { cidr: other.cidr } },
          }),
        );
        expect(faults).toEqual(
          shared
            ? [
                `Config meet:network.cidr in Pulumi.us.yaml: ${other.cidr} overlaps ${one.cidr} of Pulumi.eu.yaml. Give each region a range of its own.`,
              ]
            : [],
        );
      }),
      { numRuns: 200 },
    );
  });

  it("inside one another are found whatever their sizes", () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 0, max: 2 ** 16 - 1 }), (outer, seed) => {
        const block = outer.first + 2 * (seed % Math.max(1, outer.blocks / 2));
        const inner = `10.${Math.floor(block / 256)}.${block % 256}.0/23`;
        const faults = faultsOf(
          fleetFiles({
            eu: { ...PRIMARY, "meet:network": { cidr: inner } },
            us: { ...MEDIA, "meet:network": { cidr: outer.cidr } },
          }),
        );
        expect(faults).toHaveLength(1);
      }),
      { numRuns: 100 },
    );
  });
});
