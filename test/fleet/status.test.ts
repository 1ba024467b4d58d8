import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Aws } from "../../fleet/aws.ts";
import { report } from "../../fleet/commands/report.ts";
import { status } from "../../fleet/commands/status.ts";
import { versionFacts } from "../../fleet/deployed.ts";
import { EXIT } from "../../fleet/exit.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import type { StateResource, StackUpdate } from "../../fleet/stacks.ts";
import { repositoryFiles } from "../support/fleets.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us"]);
});

afterEach(async () => {
  await regions.stop();
});

const DONE: StackUpdate = {
  kind: "update",
  succeeded: true,
  startedAt: START,
  endedAt: START,
  commit: "0123456789abcdef",
  config: new Map(),
};

function deployment(name: string, image: string): StateResource {
  return {
    urn: `urn:pulumi:eu::meet::meet:data:X$kubernetes:apps/v1:Deployment::${name}`,
    type: "kubernetes:apps/v1:Deployment",
    protect: false,
    inputs: { spec: { template: { spec: { containers: [{ name, image }] } } } },
    outputs: {},
  };
}

const LIVEKIT = deployment("livekit", "docker.io/livekit/livekit-server:v1.13.5");

/** A deployed fleet of eu and us. */
function deployed(options: FakeOptions = {}) {
  const stacks = new FakeStacks();
  for (const stack of ["eu", "us"]) {
    stacks.states.set(stack, { resources: [LIVEKIT], pending: [] });
    stacks.histories.set(stack, [DONE]);
  }
  return fakeWorld({ stacks, endpoints: regions.endpoints, ...options });
}

/** What is shown for a name, region by region. */
function row(text: string, name: string): readonly string[] {
  const line = text.split("\n").find((it) => it.startsWith(`│ ${name} `)) ?? "";
  return line
    .split("│")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

describe("fleet status", () => {
  it("ends with 0 when all that can be asked is well", async () => {
    regions.get("us").rooms.set("daily", 4).set("board", 2);
    const { world, result } = deployed();
    expect(await status(world)).toBe(EXIT.done);
    const { text } = result();
    expect(text).toContain("All is well.");
    expect(row(text, "rooms")).toEqual(["0", "2"]);
    expect(row(text, "participants")).toEqual(["0", "6"]);
    expect(row(text, "drain")).toEqual(["takes rooms", "takes rooms"]);
    expect(row(text, "reaches")).toEqual(["us", "eu"]);
    expect(row(text, "last update")[0]).toBe("2026-11-23 12:00, update");
  });

  it("says once why something is not known, and refers to it", async () => {
    const { world, result } = deployed();
    await status(world);
    const { text } = result();
    expect(row(text, "media nodes")).toEqual(["not known [1]", "not known [1]"]);
    expect(row(text, "database replica")).toEqual(["none here", "not known [1]"]);
    expect(text.match(/no AWS credentials/g)).toHaveLength(1);
  });

  it("shows the other region when one is away, and ends with 4", async () => {
    regions.get("us").isAway = true;
    const { world, result } = deployed();
    expect(await status(world)).toBe(EXIT.notWell);
    const { text } = result();
    expect(row(text, "rooms")).toEqual(["0", "not known [1]"]);
    expect(text).toContain(
      'Region "us": nothing is known from its gateway: Region "us": its gateway',
    );
    expect(text).toContain('Region "eu": it does not reach us. See docs/runbooks/region-lost.md.');
  });

  it.each<[string, string, () => void]>([
    [
      "a split room",
      'Room "torn": it is in two regions.',
      () => regions.get("eu").splitRooms.push("torn"),
    ],
    [
      "LiveKit that is away",
      "its LiveKit does not answer",
      () => (regions.get("eu").liveKitUp = false),
    ],
    [
      "Valkey that is away",
      "its Valkey does not answer. See docs/runbooks/redis-lost.md.",
      () => (regions.get("eu").storeUp = false),
    ],
    [
      "webhooks that wait for long",
      "7 webhooks wait for Meet, the oldest for 90 s.",
      () => (regions.get("eu").webhooks = { waiting: 7, oldestSeconds: 90, setAside: 0 }),
    ],
    [
      "webhooks that Meet refused",
      "2 webhooks were refused by Meet and set aside.",
      () => (regions.get("eu").webhooks = { waiting: 0, oldestSeconds: 0, setAside: 2 }),
    ],
    [
      "a region that was taken out",
      'Region "us": it was taken out of the fleet.',
      () => regions.removed.add("us"),
    ],
  ])("calls %s not well", async (_, sentence, disturb) => {
    disturb();
    const { world, result } = deployed();
    expect(await status(world)).toBe(EXIT.notWell);
    expect(result().text).toContain(sentence);
  });

  it("names a member that has no file", async () => {
    await regions.stop();
    regions = await new FakeRegions().start(["eu", "us", "xx"]);
    const { world, result } = deployed();
    expect(await status(world)).toBe(EXIT.notWell);
    expect(result().text).toContain("it counts xx as a member, which has no file.");
  });

  it("compares what is deployed with the files", async () => {
    const fake = deployed();
    const old = deployment("livekit", "docker.io/livekit/livekit-server:v1.12.0");
    fake.stacks.states.set("us", { resources: [old], pending: ["urn"] });
    fake.stacks.histories.set("us", [{ ...DONE, succeeded: false }]);
    expect(await status(fake.world)).toBe(EXIT.notWell);
    const { text } = fake.result();
    expect(text).toContain(
      'Region "us": livekit is v1.12.0, the files say v1.13.5. Run fleet up us.',
    );
    expect(text).toContain("its last update (2026-11-23T12:00:00.000Z) did not succeed.");
    expect(text).toContain("1 operations of a killed update are open.");
  });

  it("says what was never deployed, also where nobody can be asked at all", async () => {
    const { world, result } = fakeWorld();
    expect(await status(world)).toBe(EXIT.notWell);
    expect(result().text).toContain('Region "eu": it was never deployed. Run fleet up eu.');
    expect(result().text).toContain("nothing is known from its gateway: Stack: no secret.");
  });
});

/** An account that answers; the metrics have these values, and the primary's bucket these objects, by key and age. */
function account(
  metrics: Readonly<Record<string, number>>,
  certificateDays = 200,
  minutesOld: Readonly<Record<string, number>> = {},
) {
  const asked: string[] = [];
  const aws: Aws = {
    call: (region, args) => {
      const [, what] = args;
      switch (what) {
        case "get-caller-identity":
          return Promise.resolve({ Account: "123456789012" });
        case "describe-auto-scaling-groups": {
          const node = { LifecycleState: "InService", HealthStatus: "Healthy" };
          return Promise.resolve({
            AutoScalingGroups: [{ DesiredCapacity: 2, Instances: [node, node] }],
          });
        }
        case "get-metric-statistics": {
          const name = args[args.indexOf("--metric-name") + 1] ?? "";
          asked.push(`${region ?? ""} ${args.filter((it) => it.startsWith("Name=")).join(" ")}`);
          return Promise.resolve({
            Datapoints: [
              { Timestamp: "2026-11-23T11:50:00Z", Maximum: 9999 },
              { Timestamp: "2026-11-23T11:58:00Z", Maximum: metrics[name] ?? 0 },
            ],
          });
        }
        case "list-objects-v2": {
          expect([region, args[args.indexOf("--bucket") + 1]]).toEqual([
            "eu-west-3",
            "meet-recordings-123456789012-eu-west-3-an",
          ]);
          const prefix = args[args.indexOf("--prefix") + 1] ?? "";
          const found = Object.entries(minutesOld).filter(([key]) => key.startsWith(prefix));
          const Contents = found.map(([Key, age]) => ({
            Key,
            Size: 0,
            LastModified: new Date(START - age * 60_000).toISOString(),
          }));
          return Promise.resolve(found.length === 0 ? undefined : { Contents });
        }
        case "list-certificates":
          return Promise.resolve({
            CertificateSummaryList: [
              { DomainName: "other.org", NotAfter: "2026-11-24T12:00:00Z" },
              {
                DomainName: "livekit.us.example.org",
                NotAfter: new Date(START + certificateDays * 86_400_000).toISOString(),
              },
              { DomainName: "livekit.eu.example.org", NotAfter: START / 1000 + 300 * 86_400 },
            ],
          });
        default:
          return Promise.reject(new Error(`unexpected ${args.join(" ")}`));
      }
    },
  };
  return { aws, asked };
}

describe("what AWS says", () => {
  it("is the newest value of each metric, from where it is published", async () => {
    const { aws, asked } = account({
      OperationsPendingReplication: 3,
      ReplicationLatency: 12,
      ReplicaLag: 1,
    });
    const { world, result } = deployed({ aws });
    expect(await status(world)).toBe(EXIT.done);
    const { text } = result();
    expect(row(text, "media nodes")).toEqual(["2 of 2 in service", "2 of 2 in service"]);
    expect(row(text, "recordings")).toEqual([
      "to us: 3 waiting, 12 s behind",
      "to eu: 3 waiting, 12 s behind",
    ]);
    expect(row(text, "database replica")).toEqual(["none here", "1 s behind"]);
    expect(row(text, "certificates")).toEqual(["300 days", "200 days"]);
    expect(row(text, "deletions")).toEqual(["0 waiting", "none here"]);
    expect(asked).toContain(
      "us-east-1 Name=SourceBucket,Value=meet-recordings-123456789012-eu-west-3-an " +
        "Name=DestinationBucket,Value=meet-recordings-123456789012-us-east-1-an Name=RuleId,Value=to-us",
    );
    expect(asked).toContain("us-east-1 Name=DBInstanceIdentifier,Value=meet-us-1");
  });

  it("is not well when copies are late, the replica is behind, or a certificate was not renewed", async () => {
    const { aws } = account({ ReplicationLatency: 1000, ReplicaLag: 120 }, 12);
    const { world, result } = deployed({ aws });
    expect(await status(world)).toBe(EXIT.notWell);
    const { text } = result();
    expect(text).toContain('Region "eu": its recordings reach us 1000 s late.');
    expect(text).toContain('Region "us": its database is 120 s behind the primary\'s.');
    expect(text).toContain('Region "us": a certificate ends in 12 days.');
  });

  it("is well while deletions of recordings take their time", async () => {
    const { aws } = account({}, 200, {
      "deletions/a": 25,
      "deletions/b": 3,
      "deletion-intents/c/1": 9,
    });
    const { world, result } = deployed({ aws });
    expect(await status(world)).toBe(EXIT.done);
    const { text, json } = result();
    expect(row(text, "deletions")).toEqual(["2 waiting since 25 min", "none here"]);
    expect(text).toContain("│ 0 not settled ");
    expect(json).toMatchObject({
      regions: [
        {
          region: "eu",
          aws: {
            deletions: {
              known: true,
              value: {
                waiting: { objects: 2, oldestSeconds: 1500 },
                unsettled: { objects: 0, oldestSeconds: 0 },
              },
            },
          },
        },
        { region: "us" },
      ],
    });
  });

  it("is not well when deletions are not done for long, or are not settled, with what to do", async () => {
    const { aws } = account({}, 200, {
      "deletions/a": 61,
      "deletion-intents/b/1": 11,
      "deletion-intents/c/1": 2880,
      "deletion-intents/d/1": 10,
    });
    const { world, result } = deployed({ aws });
    expect(await status(world)).toBe(EXIT.notWell);
    const { text } = result();
    expect(text).toContain(
      'Region "eu": 1 deletions of recordings wait, the oldest for 1 h 1 min: a bucket does not do them. Look at the log',
    );
    expect(text).toContain(
      'Region "eu": 2 deletions of recordings are not settled, the oldest for 2 d: nobody knows whether Meet made them. Settle them (docs/recordings.md, "Deletions that are not settled").',
    );
    const guide = readFileSync("docs/recordings.md", "utf8");
    expect(guide).toContain("## Deleting a recording everywhere\n");
    expect(guide).toContain("### Deletions that are not settled\n");
  });

  it("says why it is not known what is to be deleted", async () => {
    const { aws } = account({});
    const denied: Aws = {
      call: (region, args) =>
        args[1] === "list-objects-v2"
          ? Promise.reject(new Error("AccessDenied"))
          : aws.call(region, args),
    };
    const { world, result } = deployed({ aws: denied });
    expect(await status(world)).toBe(EXIT.done);
    expect(row(result().text, "deletions")).toEqual(["not known [1]", "none here"]);
    expect(result().text).toContain("[1] AccessDenied");
    const files = repositoryFiles();
    const days = "    expirationDays: 90\n";
    const storage =
      "    storage: { kind: s3-compatible, default: { endpoint: https://s3.example.org, region: r, bucket: all } }\n";
    files.set("Pulumi.eu.yaml", (files.get("Pulumi.eu.yaml") ?? "").replace(days, days + storage));
    const elsewhere = deployed({ aws, files });
    await status(elsewhere.world);
    expect(elsewhere.result().text).toContain("deletions wait in a storage that is not AWS");
  });
});

describe("what is deployed", () => {
  const { fleet } = readFleet(process.cwd());

  it("is read from the images of the stack's state", () => {
    const resources = [
      LIVEKIT,
      deployment("backend-backend", "docker.io/lasuite/meet-backend:v1.26.0@sha256:ab"),
      deployment("egress", "docker.io/livekit/egress:v1.14.1"),
      deployment("rooms", "docker.io/library/node:24.19.0-bookworm-slim"),
    ];
    expect(versionFacts(fleet.versions, { resources, pending: [] })).toEqual([
      { what: "meet", files: "v1.27.0", deployed: "v1.26.0@sha256:ab" },
      { what: "livekit", files: "v1.13.5", deployed: "v1.13.5" },
      { what: "egress", files: "v1.14.1", deployed: "v1.14.1" },
      {
        what: "gateway image",
        files: "24.19.0-bookworm-slim",
        deployed: "24.19.0-bookworm-slim",
      },
    ]);
  });
});

describe("fleet report", () => {
  it("is Markdown with every line of the status, or one HTML file that loads nothing", async () => {
    regions.get("eu").splitRooms.push("<script>alert(1)</script>");
    const markdown = deployed();
    expect(await report(markdown.world, { format: "markdown" })).toBe(EXIT.notWell);
    expect(markdown.result().text).toContain("| drain | takes rooms | takes rooms |");
    const html = deployed();
    await report(html.world, { format: "html" });
    const { text } = html.result();
    expect(text).toContain("&lt;script&gt;alert(1)");
    expect(text).not.toMatch(/<script|<link|src=|https?:\/\//);
  });

  it("says when its file cannot be written", async () => {
    await expect(
      report(deployed().world, { format: "json", output: "/nowhere/report.json" }),
    ).rejects.toThrow(/^File "\/nowhere\/report.json": it cannot be written .*--output\.$/);
  });
});
