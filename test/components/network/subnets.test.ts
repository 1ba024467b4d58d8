import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { cidrFaults, MAX_ZONES, planSubnets } from "../../../components/network/subnets.ts";

interface Span {
  readonly first: number;
  readonly last: number;
}

/** First and last address, by the library's own arithmetic. */
function span(cidr: string): Span {
  const number = (address: ipaddr.IPv4): number =>
    address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  return {
    first: number(ipaddr.IPv4.networkAddressFromCIDR(cidr)),
    last: number(ipaddr.IPv4.broadcastAddressFromCIDR(cidr)),
  };
}

/** Ranges that a network accepts: aligned, /16 to /23, clear of the Services' range. */
const vpcs = fc
  .record({
    first: fc.integer({ min: 1, max: 223 }),
    second: fc.integer({ min: 0, max: 255 }),
    third: fc.integer({ min: 0, max: 255 }),
    prefix: fc.integer({ min: 16, max: 23 }),
  })
  .map(({ first, second, third, prefix }) => {
    const given = `${first}.${second}.${third}.0/${prefix}`;
    return `${ipaddr.IPv4.networkAddressFromCIDR(given).toString()}/${prefix}`;
  })
  .filter((cidr) => !cidr.startsWith("172.20."));
const counts = fc.integer({ min: 2, max: MAX_ZONES });

describe("the subnets of a network", () => {
  it("of a /16 are eight /19, the public ones first", () => {
    expect(planSubnets("10.0.0.0/16", 2)).toEqual([
      { key: "a", publicCidr: "10.0.0.0/19", privateCidr: "10.0.128.0/19" },
      { key: "b", publicCidr: "10.0.32.0/19", privateCidr: "10.0.160.0/19" },
    ]);
  });

  it("lie within the VPC, do not overlap and hold 64 addresses each", () => {
    fc.assert(
      fc.property(vpcs, counts, (cidr, count) => {
        expect(cidrFaults(cidr)).toEqual([]);
        const vpc = span(cidr);
        const subnets = planSubnets(cidr, count).flatMap((zone) => [
          span(zone.publicCidr),
          span(zone.privateCidr),
        ]);
        expect(subnets).toHaveLength(2 * count);
        const sorted = subnets.sort((one, other) => one.first - other.first);
        for (const [index, { first, last }] of sorted.entries()) {
          expect(first).toBeGreaterThanOrEqual(vpc.first);
          expect(last).toBeLessThanOrEqual(vpc.last);
          expect(last - first + 1).toBeGreaterThanOrEqual(64);
          expect(first).toBeGreaterThan(sorted[index - 1]?.last ?? -1);
        }
      }),
    );
  });

  it("stay where they are when a zone is added", () => {
    fc.assert(
      fc.property(vpcs, counts, (cidr, count) => {
        expect(planSubnets(cidr, MAX_ZONES).slice(0, count)).toEqual(planSubnets(cidr, count));
      }),
    );
  });
});

describe("a VPC's range", () => {
  it.each([
    ["10.0.0.0", 'cidr "10.0.0.0" is no IPv4 range. Write one such as 10.0.0.0/16.'],
    ["fd00::/56", 'cidr "fd00::/56" is no IPv4 range. Write one such as 10.0.0.0/16.'],
    ["10.0/16", 'cidr "10.0/16" is no IPv4 range. Write one such as 10.0.0.0/16.'],
    ["10.0.1.0/16", "cidr 10.0.1.0/16 does not begin at its first address. Write 10.0.0.0/16."],
    ["10.0.0.0/8", "cidr 10.0.0.0/8 is larger than a VPC can be. Use a /16 or smaller."],
    [
      "10.0.0.0/26",
      "cidr 10.0.0.0/26 leaves 8 addresses for each of 8 subnets, EKS needs 64. Use a /23 or larger.",
    ],
    [
      "10.0.0.0/24",
      "cidr 10.0.0.0/24 leaves 32 addresses for each of 8 subnets, EKS needs 64. Use a /23 or larger.",
    ],
    [
      "172.20.128.0/17",
      "cidr 172.20.128.0/17 overlaps 172.20.0.0/16, where Kubernetes Services live. Choose another range.",
    ],
  ])("%s is refused", (cidr, sentence) => {
    expect(cidrFaults(cidr)).toEqual([sentence]);
  });

  it.each(["10.0.0.0/16", "192.168.0.0/23", "172.21.0.0/16", "172.19.0.0/16"])(
    "%s is accepted",
    (cidr) => {
      expect(cidrFaults(cidr)).toEqual([]);
    },
  );
});
