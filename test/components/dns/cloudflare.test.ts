import * as random from "@pulumi/random";
import { describe, expect, it } from "vitest";
import { CLOUDFLARE_NAMES_TYPE } from "../../../components/dns/cloudflare.ts";
import { LOCATIONS } from "../../../components/shared/locations.ts";
import { Names, type NamesArgs } from "../../../components/dns/names.ts";
import { AWS_REGIONS } from "../../../infra/aws-regions.ts";
import { record, type Recorded, type Recording } from "../../support/record.ts";

const MEDIA: NamesArgs = {
  zone: { provider: "cloudflare", zoneId: "c1", accountId: "a1", zoneName: "example.org" },
  domain: "meet.example.org",
  stack: "ap",
  awsRegion: "ap-south-1",
  role: "media",
  gateway: { dnsName: "rooms.elb.example" },
  turn: { addresses: ["192.0.2.1", "192.0.2.2"] },
  homes: { primary: "eu", standby: "us" },
  regions: [
    { stack: "us", awsRegion: "us-east-1", role: "standby" },
    { stack: "eu", awsRegion: "eu-west-3", role: "primary" },
    { stack: "ap", awsRegion: "ap-south-1", role: "media" },
  ],
  globalAfter: [],
  tags: {},
};
const HOME: NamesArgs = {
  ...MEDIA,
  stack: "eu",
  awsRegion: "eu-west-3",
  role: "primary",
  meet: { dnsName: "web.elb.example" },
};
const PRIMARY: NamesArgs = { ...HOME, cloudflare: { intervalSeconds: 15, plan: "standard" } };

const DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord";
const MONITOR = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";
const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";

function made(more: Partial<NamesArgs> = {}): Promise<Recording<Names>> {
  return record(() => new Names("names", { ...PRIMARY, ...more }));
}

function namesOf(resources: readonly Recorded[]): string[] {
  return resources.map(({ name }) => name).sort();
}

/** The id that the mock gives a Cloudflare resource: its `name` input, or its logical name. */
function idOf(resource: Recorded): string {
  const { name } = resource.inputs;
  return typeof name === "string" ? name : `${resource.name}-id`;
}

describe("the names of the primary in Cloudflare", () => {
  it("are regional records, shared monitors, a pool per region and home, and two balancers", async () => {
    const recording = await made();
    expect(namesOf(recording.ofType(DNS_RECORD))).toEqual([
      "names-livekit-regional",
      "names-meet-regional",
      "names-turn-regional-1",
      "names-turn-regional-2",
    ]);
    expect(namesOf(recording.ofType(MONITOR))).toEqual([
      "names-livekit",
      "names-meet",
      "names-promoted",
    ]);
    expect(namesOf(recording.ofType(POOL))).toEqual([
      "names-livekit-ap",
      "names-livekit-eu",
      "names-livekit-us",
      "names-meet-eu",
      "names-meet-us",
    ]);
    expect(namesOf(recording.ofType(BALANCER))).toEqual(["names-livekit", "names-meet"]);
    expect(recording.ofType("aws:route53/record:Record")).toEqual([]);
    expect(recording.ofType("aws:route53/healthCheck:HealthCheck")).toEqual([]);
  });

  it.each([
    ["names-livekit", "/region-health", "a region's room gateway"],
    ["names-meet", "/__heartbeat__", "Meet in the primary"],
    ["names-promoted", "/promoted", "a promoted standby"],
  ])("check with %s that %s answers 200 over valid TLS", async (name, path, of) => {
    expect((await made()).one(MONITOR, name).inputs).toEqual({
      accountId: "a1",
      description: `meet.example.org: ${of}`,
      type: "https",
      method: "GET",
      path,
      port: 443,
      expectedCodes: "200",
      interval: 15,
      timeout: 5,
      retries: 0,
      consecutiveDown: 1,
      consecutiveUp: 1,
      followRedirects: false,
      allowInsecure: false,
    });
  });

  it("have a pool whose origin is the regional name, by which it is also asked", async () => {
    const recording = await made();
    expect(recording.one(POOL, "names-livekit-us").inputs).toEqual({
      accountId: "a1",
      name: "livekit-us-meet-example-org",
      description: "meet.example.org: livekit in us",
      enabled: true,
      latitude: 38.9,
      longitude: -77.5,
      checkRegions: ["ENAM"],
      minimumOrigins: 1,
      monitor: "names-livekit-id",
      origins: [
        {
          name: "us",
          address: "livekit.us.meet.example.org",
          enabled: true,
          weight: 1,
          port: 443,
          flattenCname: true,
          header: { hosts: ["livekit.us.meet.example.org"] },
        },
      ],
    });
    expect(recording.one(POOL, "names-meet-us").inputs).toMatchObject({
      monitor: "names-promoted-id",
      origins: [{ address: "meet.us.meet.example.org" }],
    });
    expect(recording.one(POOL, "names-meet-eu").inputs).toMatchObject({
      monitor: "names-meet-id",
      origins: [{ address: "meet.eu.meet.example.org" }],
    });
  });

  it("send a participant to the nearest region, and home when none is well", async () => {
    const recording = await made();
    expect(recording.one(BALANCER, "names-livekit").inputs).toEqual({
      zoneId: "c1",
      name: "livekit.meet.example.org",
      description: "meet.example.org: made by the primary's stack eu",
      enabled: true,
      defaultPools: ["ap", "eu", "us"].map((stack) =>
        idOf(recording.one(POOL, `names-livekit-${stack}`)),
      ),
      fallbackPool: idOf(recording.one(POOL, "names-livekit-eu")),
      proxied: false,
      ttl: 30,
      sessionAffinity: "none",
      steeringPolicy: "proximity",
      locationStrategy: { mode: "resolver_ip", preferEcs: "proximity" },
    });
  });

  it("send everybody to a promoted standby, also when the old primary is back", async () => {
    const recording = await made();
    const balancer = recording.one(BALANCER, "names-meet");
    const primary = idOf(recording.one(POOL, "names-meet-eu"));
    expect(balancer.inputs).toMatchObject({
      name: "meet.meet.example.org",
      defaultPools: [idOf(recording.one(POOL, "names-meet-us")), primary],
      fallbackPool: primary,
      steeringPolicy: "off",
      proxied: false,
      ttl: 30,
    });
    expect(balancer.inputs).not.toHaveProperty("locationStrategy");
  });

  it("do not depend on the order of the regions' files", async () => {
    const inputs = ({ all }: Recording<unknown>): unknown =>
      [...all].map(({ urn, inputs }) => ({ urn, inputs })).sort((a, b) => (a.urn < b.urn ? -1 : 1));
    expect(inputs(await made({ regions: [...PRIMARY.regions].reverse() }))).toEqual(
      inputs(await made()),
    );
  });

  it("are served after the region is there", async () => {
    const recording = await record(() => {
      const workload = new random.RandomId("workload", { byteLength: 4 });
      return new Names("names", { ...PRIMARY, globalAfter: [workload] });
    });
    const workload = recording.one("random:index/randomId:RandomId").urn;
    expect(
      recording.all.filter(({ dependsOn }) => dependsOn.includes(workload)).map(({ type }) => type),
    ).toEqual([BALANCER, BALANCER]);
  });

  it("need no second home", async () => {
    const recording = await made({
      homes: { primary: "eu" },
      regions: [{ stack: "eu", awsRegion: "eu-west-3", role: "primary" }],
    });
    expect(namesOf(recording.ofType(MONITOR))).toEqual(["names-livekit", "names-meet"]);
    const primary = idOf(recording.one(POOL, "names-meet-eu"));
    expect(recording.one(BALANCER, "names-meet").inputs).toMatchObject({
      defaultPools: [primary],
      fallbackPool: primary,
    });
  });

  it("stay within the monitors that a plan allows, 1.5 per pool", async () => {
    const recording = await made();
    expect(recording.ofType(MONITOR).length).toBeLessThanOrEqual(
      1.5 * recording.ofType(POOL).length,
    );
  });
});

describe("the names of other regions in Cloudflare", () => {
  const settings = { cloudflare: { intervalSeconds: 15, plan: "standard" } } as const;

  it.each<[string, NamesArgs, string[]]>([
    [
      "standby",
      { ...HOME, ...settings, stack: "us", awsRegion: "us-east-1", role: "standby" },
      ["livekit-regional", "meet-regional", "turn-regional-1", "turn-regional-2"],
    ],
    [
      "media region",
      { ...MEDIA, ...settings },
      ["livekit-regional", "turn-regional-1", "turn-regional-2"],
    ],
  ])("are its own records alone: %s", async (_role, args, expected) => {
    const recording = await record(() => new Names("names", args));
    expect(namesOf(recording.ofType(DNS_RECORD))).toEqual(expected.map((name) => `names-${name}`));
    expect(recording.ofType(CLOUDFLARE_NAMES_TYPE)).toEqual([]);
    expect(recording.ofType(BALANCER)).toEqual([]);
  });
});

describe("Cloudflare refuses", () => {
  it.each<[string, Partial<NamesArgs>, string]>([
    [
      "an interval below its plan's",
      { cloudflare: { intervalSeconds: 10, plan: "standard" } },
      'Names "names": interval of 10 s is below the 15 s of Cloudflare\'s standard plan. Use 15 or more.',
    ],
    [
      "an interval that no plan has",
      { cloudflare: { intervalSeconds: 5, plan: "enterprise" } },
      'Names "names": interval of 5 s is below the 10 s of Cloudflare\'s enterprise plan. Use 10 or more.',
    ],
    [
      "regions without itself",
      { regions: [{ stack: "us", awsRegion: "us-east-1", role: "standby" }] },
      'Names "names": regions do not name "eu" itself. Pass all regions of the fleet.',
    ],
    [
      "a home that is no region",
      { homes: { primary: "eu", standby: "xx" } },
      'CloudflareNames "names": the home "xx" is not among the regions. Pass all regions of the fleet.',
    ],
    [
      "a region whose place is not known",
      {
        regions: [...PRIMARY.regions, { stack: "ma", awsRegion: "mars-north-1", role: "media" }],
      },
      'CloudflareNames "names": the place of "mars-north-1" (region "ma") is not known. Add it to components/shared/locations.ts.',
    ],
    [
      "a region named twice",
      { regions: [...PRIMARY.regions, { stack: "ap", awsRegion: "ap-south-1", role: "media" }] },
      'CloudflareNames "names": two regions are called "ap". Name each once.',
    ],
  ])("%s", async (_case, wrong, sentence) => {
    await expect(made(wrong)).rejects.toThrow(sentence);
  });

  it("a zone without monitor settings", async () => {
    await expect(record(() => new Names("names", HOME))).rejects.toThrow(
      'Names "names": the zone is Cloudflare\'s and there are no monitor settings. Pass cloudflare.',
    );
  });
});

describe("the places of regions", () => {
  const codes = "WNAM ENAM WEU EEU NSAM SSAM OC ME NAF SAF SAS SEAS NEAS".split(" ");

  it("are known of every region that the configuration takes", () => {
    expect(AWS_REGIONS.map(({ name }) => name).filter((name) => !(name in LOCATIONS))).toEqual([]);
  });

  it.each(Object.entries(LOCATIONS))("puts %s on Earth", (_region, location) => {
    expect(Math.abs(location.latitude)).toBeLessThanOrEqual(90);
    expect(Math.abs(location.longitude)).toBeLessThanOrEqual(180);
    expect(codes).toContain(location.cloudflareRegion);
  });

  it.each([
    ["eu-", "latitude", 36, 70],
    ["us-", "longitude", -125, -66],
    ["ap-", "longitude", 60, 180],
    ["sa-", "latitude", -60, 15],
  ] as const)("puts %s* where it belongs", (prefix, axis, least, most) => {
    const there = Object.entries(LOCATIONS).filter(([region]) => region.startsWith(prefix));
    expect(there.length).toBeGreaterThan(0);
    for (const [, location] of there) {
      expect(location[axis]).toBeGreaterThanOrEqual(least);
      expect(location[axis]).toBeLessThanOrEqual(most);
    }
  });
});
