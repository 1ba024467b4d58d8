import { describe, expect, it } from "vitest";
import type { Listed } from "../../../rehearsal/cloud/inventory.ts";
import { answer, locationOf, type Location } from "../../../rehearsal/names/answer.ts";
import { readZone } from "../../../rehearsal/names/records.ts";
import {
  alias,
  check,
  cname,
  failover,
  ill,
  latency,
  PARIS,
  privateZone,
  record,
  TOKYO,
  VIRGINIA,
} from "./zone.ts";

const GUIDE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/";
const LATENCY = `${GUIDE}routing-policy-latency.html`;
const FAILOVER = `${GUIDE}routing-policy-failover.html`;
const CHOOSES = `${GUIDE}health-checks-how-route-53-chooses-records.html`;
const COMPLEX = `${GUIDE}dns-failover-complex-configs.html`;
const ALIAS = `${GUIDE}resource-record-sets-values-alias-common.html`;
const TTL = `${GUIDE}resource-record-sets-choosing-alias-non-alias.html`;

const REGIONS = [
  latency("eu", "eu-west-3", "h-eu"),
  latency("us", "us-east-1", "h-us"),
  latency("ap", "ap-northeast-1", "h-ap"),
];
const HOMES = [failover("eu", "PRIMARY", "h-eu"), failover("us", "SECONDARY", "h-us")];
const CHECKS = ["h-eu", "h-us", "h-ap", "h-alias"].map((id) => check(id));
const BALANCER = "b.eu-west-3.elb.amazonaws.com";

interface Row {
  readonly rule: string;
  readonly page: string;
  readonly records: readonly Listed[];
  readonly name?: string;
  readonly from?: Location;
  readonly ill?: readonly string[];
  readonly gives: readonly string[];
}

const rows: readonly Row[] = [
  {
    rule: "latency: the nearest region, here Paris",
    page: LATENCY,
    records: REGIONS,
    from: PARIS,
    gives: ["eu"],
  },
  {
    rule: "latency: the nearest region, here Virginia",
    page: LATENCY,
    records: REGIONS,
    from: VIRGINIA,
    gives: ["us"],
  },
  {
    rule: "latency: the nearest region, here Tokyo",
    page: LATENCY,
    records: REGIONS,
    from: TOKYO,
    gives: ["ap"],
  },
  {
    rule: "latency: whoever is in no region's city is nearest to one",
    page: LATENCY,
    records: REGIONS,
    from: locationOf("sa-east-1"),
    gives: ["us"],
  },
  {
    rule: "latency: the nearest is unhealthy, so the next",
    page: CHOOSES,
    records: REGIONS,
    ill: ["h-eu"],
    gives: ["us"],
  },
  {
    rule: "latency: two are unhealthy, so the third",
    page: CHOOSES,
    records: REGIONS,
    ill: ["h-eu", "h-us"],
    gives: ["ap"],
  },
  {
    rule: "latency: all are unhealthy, so all count as healthy",
    page: CHOOSES,
    records: REGIONS,
    ill: ["h-eu", "h-us", "h-ap"],
    gives: ["eu"],
  },
  {
    rule: "a record without a health check is always healthy",
    page: CHOOSES,
    records: [latency("eu", "eu-west-3", "h-eu"), latency("us", "us-east-1")],
    ill: ["h-eu", "h-us"],
    gives: ["us"],
  },
  {
    rule: "failover: the primary while it is healthy",
    page: FAILOVER,
    records: HOMES,
    name: "meet.example.org",
    from: VIRGINIA,
    gives: ["eu"],
  },
  {
    rule: "failover: the secondary while the primary is not",
    page: FAILOVER,
    records: HOMES,
    name: "meet.example.org",
    ill: ["h-eu"],
    gives: ["us"],
  },
  {
    rule: "failover: an unhealthy secondary changes nothing",
    page: FAILOVER,
    records: HOMES,
    name: "meet.example.org",
    ill: ["h-us"],
    gives: ["eu"],
  },
  {
    rule: "failover: both are unhealthy, so the primary",
    page: CHOOSES,
    records: HOMES,
    name: "meet.example.org",
    ill: ["h-eu", "h-us"],
    gives: ["eu"],
  },
  {
    rule: "alias: one that does not evaluate its target is healthy whatever that is",
    page: ALIAS,
    records: [
      alias("meet.example.org", BALANCER, false, {
        setIdentifier: "eu",
        failoverRoutingPolicies: [{ type: "PRIMARY" }],
      }),
      failover("us", "SECONDARY", "h-us"),
    ],
    name: "meet.example.org",
    ill: [BALANCER],
    gives: ["eu"],
  },
  {
    rule: "alias: one that evaluates its target is as unhealthy as the load balancer",
    page: ALIAS,
    records: [
      alias("x.example.org", BALANCER, true, {
        setIdentifier: "eu",
        latencyRoutingPolicies: [{ region: "eu-west-3" }],
      }),
      alias("x.example.org", "other.elb.amazonaws.com", true, {
        setIdentifier: "us",
        latencyRoutingPolicies: [{ region: "us-east-1" }],
      }),
    ],
    name: "x.example.org",
    ill: [BALANCER],
    gives: ["us"],
  },
  {
    rule: "alias: to a group of records it is healthy while one of them is",
    page: COMPLEX,
    records: [
      ...REGIONS,
      alias("x.example.org", "livekit.example.org", true, {
        setIdentifier: "group",
        failoverRoutingPolicies: [{ type: "PRIMARY" }],
      }),
      cname("x.example.org", "sorry.example.net", {
        setIdentifier: "sorry",
        failoverRoutingPolicies: [{ type: "SECONDARY" }],
      }),
    ],
    name: "x.example.org",
    ill: ["h-eu", "h-us"],
    gives: ["group", "ap"],
  },
  {
    rule: "alias: to a group of which none is healthy it is not either",
    page: COMPLEX,
    records: [
      ...REGIONS,
      alias("x.example.org", "livekit.example.org", true, {
        setIdentifier: "group",
        failoverRoutingPolicies: [{ type: "PRIMARY" }],
      }),
      cname("x.example.org", "sorry.example.net", {
        setIdentifier: "sorry",
        failoverRoutingPolicies: [{ type: "SECONDARY" }],
      }),
    ],
    name: "x.example.org",
    ill: ["h-eu", "h-us", "h-ap"],
    gives: ["sorry"],
  },
  {
    rule: "alias: with a health check of its own as well, both have to be healthy",
    page: COMPLEX,
    records: [
      alias("x.example.org", BALANCER, true, {
        setIdentifier: "eu",
        healthCheckId: "h-alias",
        failoverRoutingPolicies: [{ type: "PRIMARY" }],
      }),
      cname("x.example.org", "sorry.example.net", {
        setIdentifier: "sorry",
        failoverRoutingPolicies: [{ type: "SECONDARY" }],
      }),
    ],
    name: "x.example.org",
    ill: ["h-alias"],
    gives: ["sorry"],
  },
];

describe("Route 53 answers by its documented rules:", () => {
  it.each(rows)("$rule ($page)", ({ records, name, from, ill: unwell = [], gives }) => {
    const zone = readZone([...records, ...CHECKS]);
    const given = answer(zone, name ?? "livekit.example.org", from ?? PARIS, ill(...unwell));
    expect(given?.setIdentifiers).toEqual(gives);
  });
});

describe("a chain of names", () => {
  it(`ends at the first name outside the zone, with the shortest TTL on the way (${TTL})`, () => {
    const zone = readZone([
      cname("a.example.org", "b.example.org", { ttl: 300 }),
      cname("b.example.org.", "B.elb.amazonaws.com.", { ttl: 5 }),
    ]);
    expect(answer(zone, "A.example.org.", PARIS, ill())).toEqual({
      values: ["b.elb.amazonaws.com"],
      ttlSeconds: 5,
      setIdentifiers: [],
    });
  });

  it(`has the load balancer's own 60 s if an alias leads to one (${TTL})`, () => {
    const zone = readZone([
      cname("a.example.org", "b.example.org", { ttl: 300 }),
      alias("b.example.org", BALANCER, false),
    ]);
    expect(answer(zone, "a.example.org", PARIS, ill())?.ttlSeconds).toBe(60);
  });

  it("gives addresses where a name has them", () => {
    const zone = readZone([
      record({ name: "turn.example.org", type: "A", ttl: 60, records: ["198.51.100.1"] }),
    ]);
    expect(answer(zone, "turn.example.org", PARIS, ill())?.values).toEqual(["198.51.100.1"]);
  });

  it("is no answer for a name that is not there", () => {
    expect(answer(readZone([]), "nobody.example.org", PARIS, ill())).toBeUndefined();
  });

  it("that leads round in a circle is told", () => {
    const zone = readZone([
      cname("a.example.org", "b.example.org"),
      cname("b.example.org", "a.example.org"),
    ]);
    expect(() => answer(zone, "a.example.org", PARIS, ill())).toThrow(
      'Name "a.example.org": its records lead round in a circle. Break it.',
    );
  });

  it("tells of a region whose place is not known", () => {
    expect(() => locationOf("mars-1")).toThrow(
      'Region "mars-1": its location is not known. Add it to components/shared/locations.ts.',
    );
  });
});

describe("the zone", () => {
  it("has nothing of a private zone, whose names are the same inside a network", () => {
    const zone = readZone([
      privateZone("Zprivate"),
      alias("livekit.example.org", BALANCER, false, { zoneId: "Zprivate" }),
      ...REGIONS,
      ...CHECKS,
    ]);
    expect(zone.records.map(({ setIdentifier }) => setIdentifier)).toEqual(["eu", "us", "ap"]);
  });

  it("tells of all that there is no rule for", () => {
    expect(() =>
      readZone([
        cname("a.example.org", "b", { weightedRoutingPolicies: [{ weight: 1 }] }),
        check("alarm", { type: "CLOUDWATCH_METRIC" }),
      ]),
    ).toThrow(
      'Record "a.example.org": it has weightedRoutingPolicies, which the rehearsal\'s resolver does not know. Teach it the policy first.\n' +
        'Health check "alarm": type CLOUDWATCH_METRIC is none that the rehearsal\'s resolver knows. Teach it the type first.',
    );
  });

  it("tells of a record whose health check is gone", () => {
    expect(() => readZone([latency("eu", "eu-west-3", "gone")])).toThrow(
      'Record "livekit.example.org": its health check gone is not in the inventory. Deploy the stack again.',
    );
  });
});
