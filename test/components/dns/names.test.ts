import * as random from "@pulumi/random";
import { describe, expect, it } from "vitest";
import { Names, NAMES_TYPE, type NamesArgs } from "../../../components/dns/names.ts";
import { ROUTE53_NAMES_TYPE } from "../../../components/dns/route53.ts";
import { record, value, type Recorded, type Recording } from "../../support/record.ts";

const ARGS: NamesArgs = {
  zone: { provider: "route53", zoneId: "Z1", zoneName: "example.org" },
  domain: "example.org",
  stack: "ap",
  awsRegion: "ap-south-1",
  role: "media",
  gateway: { dnsName: "rooms.elb.example" },
  turn: { addresses: ["192.0.2.1", "192.0.2.2"] },
  homes: { primary: "eu", standby: "us" },
  regions: [],
  globalAfter: [],
  tags: { "meet:stack": "ap" },
};
const PRIMARY: NamesArgs = {
  ...ARGS,
  stack: "eu",
  awsRegion: "eu-west-3",
  role: "primary",
  meet: { dnsName: "web.elb.example" },
};
const STANDBY: NamesArgs = {
  ...PRIMARY,
  stack: "us",
  awsRegion: "us-east-1",
  role: "standby",
};
const ALONE: NamesArgs = { ...PRIMARY, homes: { primary: "eu" } };

const RECORD = "aws:route53/record:Record";
const CHECK = "aws:route53/healthCheck:HealthCheck";

function made(args: NamesArgs): Promise<Recording<Names>> {
  return record(() => new Names("names", args));
}

function listed(recording: Recording<unknown>): string[] {
  return recording.all.map(({ type, name }) => `${type} ${name}`).sort();
}

function check(fqdn: string, resourcePath: string, name: string, more = {}): unknown {
  return {
    type: "HTTPS",
    fqdn,
    port: 443,
    resourcePath,
    requestInterval: 10,
    failureThreshold: 1,
    enableSni: true,
    ...more,
    tags: { "meet:stack": "ap", Name: name },
  };
}

describe("the names of a media region in Route 53", () => {
  it("are its two regional ones and its latency record with a check", async () => {
    const recording = await made(ARGS);
    expect(listed(recording)).toEqual([
      `${CHECK} names-livekit`,
      `${RECORD} names-livekit`,
      `${RECORD} names-livekit-regional`,
      `${RECORD} names-turn-regional`,
      `${NAMES_TYPE} names`,
      `${ROUTE53_NAMES_TYPE} names`,
    ]);
    expect(await value(recording.result.livekitHost)).toBe("livekit.ap.example.org");
    expect(await value(recording.result.turnHost)).toBe("turn.ap.example.org");
    expect(recording.result.meetHost).toBeUndefined();
  });

  it("point at the balancers, the regional ones for a minute", async () => {
    const recording = await made(ARGS);
    expect(recording.one(RECORD, "names-livekit-regional").inputs).toEqual({
      zoneId: "Z1",
      name: "livekit.ap.example.org",
      type: "CNAME",
      ttl: 60,
      records: ["rooms.elb.example"],
    });
    expect(recording.one(RECORD, "names-turn-regional").inputs).toEqual({
      zoneId: "Z1",
      name: "turn.ap.example.org",
      type: "A",
      ttl: 60,
      records: ["192.0.2.1", "192.0.2.2"],
    });
  });

  it("take in whoever is nearest, for five seconds at a time, while the regional name is well", async () => {
    const recording = await made(ARGS);
    const livekitCheck = recording.one(CHECK);
    expect(livekitCheck.inputs).toEqual(
      check("livekit.ap.example.org", "/region-health", "names-livekit"),
    );
    expect(recording.one(RECORD, "names-livekit").inputs).toEqual({
      zoneId: "Z1",
      name: "livekit.example.org",
      type: "CNAME",
      ttl: 5,
      records: ["rooms.elb.example"],
      setIdentifier: "ap",
      latencyRoutingPolicies: [{ region: "ap-south-1" }],
      healthCheckId: "names-livekit-id",
    });
    expect(recording.one(RECORD, "names-livekit").dependsOn).toContain(livekitCheck.urn);
  });

  it("do not depend on the other regions", async () => {
    const others = [{ stack: "sa", awsRegion: "sa-east-1", role: "media" }] as const;
    const inputs = ({ all }: Recording<unknown>): unknown =>
      [...all].map(({ urn, inputs }) => ({ urn, inputs })).sort((a, b) => (a.urn < b.urn ? -1 : 1));
    expect(inputs(await made({ ...ARGS, regions: others }))).toEqual(inputs(await made(ARGS)));
    expect(inputs(await made({ ...PRIMARY, regions: others }))).toEqual(
      inputs(await made(PRIMARY)),
    );
  });

  it("send nobody before the region is there, but are checked from the start", async () => {
    const recording = await record(() => {
      const workload = new random.RandomId("workload", { byteLength: 4 });
      return new Names("names", { ...PRIMARY, globalAfter: [workload] });
    });
    const workload = recording.one("random:index/randomId:RandomId").urn;
    const after = (item: Recorded): boolean => item.dependsOn.includes(workload);
    expect(
      recording.all
        .filter(after)
        .map(({ type, name }) => `${type} ${name}`)
        .sort(),
    ).toEqual([`${RECORD} names-livekit`, `${RECORD} names-meet`]);
  });
});

describe("the names of the primary in Route 53", () => {
  it("add PRIMARY of meet, which holds while it answers and the standby is not promoted", async () => {
    const recording = await made(PRIMARY);
    expect(listed(recording)).toEqual([
      `${CHECK} names-livekit`,
      `${CHECK} names-meet`,
      `${CHECK} names-meet-answers`,
      `${CHECK} names-meet-standby-waits`,
      `${RECORD} names-livekit`,
      `${RECORD} names-livekit-regional`,
      `${RECORD} names-meet`,
      `${RECORD} names-meet-regional`,
      `${RECORD} names-turn-regional`,
      `${NAMES_TYPE} names`,
      `${ROUTE53_NAMES_TYPE} names`,
    ]);
    expect(recording.one(CHECK, "names-meet-answers").inputs).toEqual(
      check("meet.eu.example.org", "/__heartbeat__", "names-meet-answers"),
    );
    expect(recording.one(CHECK, "names-meet-standby-waits").inputs).toEqual(
      check("meet.us.example.org", "/promoted", "names-meet-standby-waits", {
        invertHealthcheck: true,
      }),
    );
    expect(recording.one(CHECK, "names-meet").inputs).toEqual({
      type: "CALCULATED",
      childHealthchecks: ["names-meet-answers-id", "names-meet-standby-waits-id"],
      childHealthThreshold: 2,
      tags: { "meet:stack": "ap", Name: "names-meet" },
    });
    expect(recording.one(RECORD, "names-meet").inputs).toEqual({
      zoneId: "Z1",
      name: "meet.example.org",
      type: "CNAME",
      ttl: 5,
      records: ["web.elb.example"],
      setIdentifier: "eu",
      failoverRoutingPolicies: [{ type: "PRIMARY" }],
      healthCheckId: "names-meet-id",
    });
    expect(recording.one(RECORD, "names-meet-regional").inputs).toMatchObject({
      name: "meet.eu.example.org",
      records: ["web.elb.example"],
    });
  });

  it("are the same without a standby but for one condition, so that adding one is an update", async () => {
    const recording = await made(ALONE);
    expect(
      recording
        .ofType(CHECK)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["names-livekit", "names-meet", "names-meet-answers"]);
    expect(recording.one(CHECK, "names-meet").inputs).toMatchObject({
      type: "CALCULATED",
      childHealthchecks: ["names-meet-answers-id"],
      childHealthThreshold: 1,
    });
    const before = recording.one(RECORD, "names-meet");
    expect((await made(PRIMARY)).one(RECORD, "names-meet").inputs).toEqual(before.inputs);
  });
});

describe("the names of the standby in Route 53", () => {
  it("add SECONDARY of meet, which is well only after promotion", async () => {
    const recording = await made(STANDBY);
    expect(
      recording
        .ofType(CHECK)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["names-livekit", "names-meet-promoted"]);
    expect(recording.one(CHECK, "names-meet-promoted").inputs).toEqual(
      check("meet.us.example.org", "/promoted", "names-meet-promoted"),
    );
    expect(recording.one(RECORD, "names-meet").inputs).toMatchObject({
      setIdentifier: "us",
      failoverRoutingPolicies: [{ type: "SECONDARY" }],
      healthCheckId: "names-meet-promoted-id",
    });
  });

  it("stay SECONDARY after a promotion, while the old primary still has PRIMARY", async () => {
    const promoted = await made({
      ...STANDBY,
      role: "primary",
      homes: { primary: "us", standby: "eu" },
      failover: "SECONDARY",
    });
    const before = await made(STANDBY);
    expect(promoted.one(RECORD, "names-meet").inputs).toEqual(
      before.one(RECORD, "names-meet").inputs,
    );
    const demoted = await made({
      ...PRIMARY,
      role: "standby",
      homes: { primary: "us", standby: "eu" },
      failover: "PRIMARY",
    });
    expect(demoted.one(CHECK, "names-meet-standby-waits").inputs["fqdn"]).toBe(
      "meet.us.example.org",
    );
  });
});

describe("Names", () => {
  it.each([
    ["Route 53", PRIMARY],
    [
      "Cloudflare",
      {
        ...PRIMARY,
        zone: { provider: "cloudflare", zoneId: "c1", accountId: "a1", zoneName: "example.org" },
        cloudflare: { intervalSeconds: 15, plan: "standard" },
        regions: [
          { stack: "eu", awsRegion: "eu-west-3", role: "primary" },
          { stack: "us", awsRegion: "us-east-1", role: "standby" },
        ],
      },
    ],
  ] satisfies [string, NamesArgs][])(
    "makes the same resources in preview and update with %s",
    async (_provider, args) => {
      const urns = async (preview: boolean): Promise<string[]> =>
        (await record(() => new Names("names", args), { preview })).all
          .map(({ urn }) => urn)
          .sort();
      expect(await urns(true)).toEqual(await urns(false));
    },
  );

  it.each<[string, NamesArgs, string]>([
    [
      "a domain of another zone",
      { ...ARGS, domain: "example.com" },
      'domain "example.com" is not in the zone "example.org". Use the zone\'s name or one below it.',
    ],
    [
      "a stack that is no label",
      { ...ARGS, stack: "eu_west" },
      'stack "eu_west" is no DNS label, and it becomes part of names. Use lower-case letters, digits and hyphens.',
    ],
    [
      "a home without Meet",
      { ...ARGS, stack: "us", role: "standby" },
      "the standby has no balancer for Meet. Pass meet.dnsName.",
    ],
    [
      "a media region with Meet",
      { ...ARGS, meet: { dnsName: "web.elb.example" } },
      "a media region has a balancer for Meet. Leave meet out.",
    ],
    [
      "a primary that is not the fleet's",
      { ...PRIMARY, stack: "de" },
      'the primary "de" is not that of the fleet, whose homes are eu and us. Make the roles agree.',
    ],
    [
      "a standby that the fleet does not have",
      { ...STANDBY, homes: { primary: "eu" } },
      'the standby "us" is not that of the fleet, whose homes are eu and nobody.',
    ],
    [
      "TURN without an address",
      { ...ARGS, turn: { addresses: [] } },
      "TURN has no address. Pass those of its balancer.",
    ],
  ])("refuses %s", async (_case, args, sentence) => {
    await expect(made(args)).rejects.toThrow(`Names "names": ${sentence}`);
  });
});
