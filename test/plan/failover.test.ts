import { describe, expect, it } from "vitest";
import { cloudflareFailover, failoverBudgets, route53Failover } from "../../plan/failover.ts";
import { resource } from "./resources.ts";

const NAME = "livekit.example.org";

describe("The failover arithmetic", () => {
  it.each([
    // interval, failures, TTL → refusing, silent, a browser still tries
    [10, 1, 5, 31, 46, true],
    [10, 2, 5, 41, 56, true],
    [10, 3, 60, 106, 121, false],
    [30, 1, 5, 51, 66, false],
    [30, 3, 60, 166, 181, false],
  ])(
    "of Route 53 with %i s, %i failure(s) and a TTL of %i s",
    (intervalSeconds, failureThreshold, ttlSeconds, refusing, silent, patient) => {
      expect(
        route53Failover({ name: NAME, intervalSeconds, failureThreshold, ttlSeconds }),
      ).toMatchObject({
        refusingSeconds: refusing,
        silentSeconds: silent,
        withinBrowserPatience: patient,
      });
    },
  );

  it.each([
    // interval, timeout, retries, consecutive failures, TTL → refusing, a browser still tries
    [15, 5, 0, 1, 0, 28, true],
    [15, 5, 2, 0, 30, 68, false],
    [10, 2, 0, 1, 0, 20, true],
    [60, 5, 2, 1, 30, 113, false],
  ])(
    "of Cloudflare with %i s, timeout %i s, %i retries, %i failures and a TTL of %i s",
    (intervalSeconds, timeoutSeconds, retries, consecutiveDown, ttlSeconds, refusing, patient) => {
      expect(
        cloudflareFailover({
          name: NAME,
          intervalSeconds,
          timeoutSeconds,
          retries,
          consecutiveDown,
          ttlSeconds,
        }),
      ).toMatchObject({ refusingSeconds: refusing, withinBrowserPatience: patient });
    },
  );

  it("is read from the record and the check that a stack makes", () => {
    const check = resource("aws:route53/healthCheck:HealthCheck", "c", {
      type: "HTTPS",
      requestInterval: 10,
      failureThreshold: 1,
    });
    const record = resource(
      "aws:route53/record:Record",
      "livekit",
      { name: NAME, ttl: 5, latencyRoutingPolicies: [{ region: "eu-west-3" }] },
      { dependsOn: [check.urn] },
    );
    expect(failoverBudgets([check, record])).toMatchObject([
      { name: NAME, refusingSeconds: 31, afterPromotion: false },
    ]);
  });

  it("takes the slowest child of a calculated check and waits for a promotion", () => {
    const children = [10, 30].map((requestInterval) =>
      resource("aws:route53/healthCheck:HealthCheck", `child-${requestInterval}`, {
        type: "HTTPS",
        requestInterval,
        failureThreshold: 1,
      }),
    );
    const calculated = resource(
      "aws:route53/healthCheck:HealthCheck",
      "calculated",
      { type: "CALCULATED" },
      { dependsOn: children.map(({ urn }) => urn) },
    );
    const record = resource(
      "aws:route53/record:Record",
      "meet",
      { name: "meet.example.org", ttl: 5, failoverRoutingPolicies: [{ type: "PRIMARY" }] },
      { dependsOn: [calculated.urn] },
    );
    expect(failoverBudgets([...children, calculated, record])).toMatchObject([
      { refusingSeconds: 51, afterPromotion: true },
    ]);
  });

  it("leaves a record without a routing policy out", () => {
    expect(
      failoverBudgets([resource("aws:route53/record:Record", "turn", { name: "turn", ttl: 60 })]),
    ).toEqual([]);
  });

  it("reads Cloudflare's from the monitor, and counts no TTL for a proxied name", () => {
    const monitor = resource("cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor", "m", {
      interval: 15,
      timeout: 5,
      retries: 0,
      consecutiveDown: 1,
    });
    const balancer = (name: string, inputs: object) =>
      resource("cloudflare:index/loadBalancer:LoadBalancer", name, { name, ...inputs });
    expect(
      failoverBudgets([
        monitor,
        balancer(NAME, { proxied: true }),
        balancer("meet.example.org", { proxied: false, ttl: 30 }),
      ]),
    ).toMatchObject([
      { name: NAME, by: "cloudflare", refusingSeconds: 28, afterPromotion: false },
      { name: "meet.example.org", refusingSeconds: 58, afterPromotion: true },
    ]);
  });
});
