import type { Recorded } from "./recorded.ts";
import { flagAt, listAt, numberAt, ofType, textAt } from "./resources.ts";

/** One part of the time until people are back. */
export interface FailoverStep {
  readonly what: string;
  readonly seconds: number;
}

/** How long a lost region keeps people out, from what is deployed. */
export interface FailoverBudget {
  readonly name: string;
  readonly by: "route53" | "cloudflare";
  readonly steps: readonly FailoverStep[];
  /** Where the lost address refuses connections. */
  readonly refusingSeconds: number;
  /** Where packets vanish: the client first has to notice. */
  readonly silentSeconds: number;
  /** Whether an operator has to promote the standby first; the seconds count from then. */
  readonly afterPromotion: boolean;
  /** Whether a browser that is in a meeting is still trying by then. */
  readonly withinBrowserPatience: boolean;
}

/**
 * What livekit-client 2.21.0 does in a browser, measured with the room alive elsewhere: it tries again in steps of up
 * to 7-8 s and gives up 49 s after an address began to refuse. In silence an attempt hangs for up to 15 s (it was back
 * 20 s after the address answered again), and it was still trying after 80 s.
 */
export const BROWSER = {
  nextTrySeconds: 8,
  givesUpAfterRefusalSeconds: 49,
  givesUpAfterSilenceSeconds: 80,
  hangingAttemptSeconds: 15,
} as const;

/** A Route 53 probe: 4 s to connect, 2 s for the status, 2 s for the body (Route 53 guide, health-checks-types). */
export const ROUTE53_PROBE_SECONDS = 8;

/** Time until a name answers with another region, by Route 53. */
export function route53Failover(options: {
  readonly name: string;
  readonly intervalSeconds: number;
  readonly failureThreshold: number;
  readonly ttlSeconds: number;
  /** @default false */
  readonly afterPromotion?: boolean;
}): FailoverBudget {
  const { intervalSeconds, failureThreshold, ttlSeconds, afterPromotion = false } = options;
  return budget(options.name, "route53", afterPromotion, [
    {
      what: `health check: ${failureThreshold} failure(s), one every ${intervalSeconds} s`,
      seconds: intervalSeconds * failureThreshold,
    },
    { what: "the failing probe itself, at most", seconds: ROUTE53_PROBE_SECONDS },
    { what: "record TTL", seconds: ttlSeconds },
  ]);
}

/**
 * Time until a name answers with another region, by Cloudflare. A probe that fails is repeated at once `retries` times
 * and must fail `consecutiveDown` intervals in a row; a proxied name has no TTL to wait for.
 */
export function cloudflareFailover(options: {
  readonly name: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly consecutiveDown: number;
  readonly ttlSeconds: number;
  /** @default false */
  readonly afterPromotion?: boolean;
}): FailoverBudget {
  const failures = Math.max(1, options.consecutiveDown);
  return budget(options.name, "cloudflare", options.afterPromotion ?? false, [
    {
      what: `monitor: ${failures} failure(s), one every ${options.intervalSeconds} s`,
      seconds: options.intervalSeconds * failures,
    },
    {
      what: `the failing probe and ${options.retries} immediate repeat(s), at most`,
      seconds: options.timeoutSeconds * (1 + options.retries),
    },
    { what: "record TTL", seconds: options.ttlSeconds },
  ]);
}

function budget(
  name: string,
  by: FailoverBudget["by"],
  afterPromotion: boolean,
  detection: readonly FailoverStep[],
): FailoverBudget {
  const steps = [
    ...detection,
    { what: "the client's next try, at most", seconds: BROWSER.nextTrySeconds },
  ];
  const refusingSeconds = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  // An attempt begun just before the name changed hangs on the old address; only then comes the next try.
  const silentSeconds = refusingSeconds + BROWSER.hangingAttemptSeconds;
  return {
    name,
    by,
    steps,
    refusingSeconds,
    silentSeconds,
    afterPromotion,
    withinBrowserPatience:
      refusingSeconds <= BROWSER.givesUpAfterRefusalSeconds &&
      silentSeconds <= BROWSER.givesUpAfterSilenceSeconds,
  };
}

const RECORD = "aws:route53/record:Record";
const CHECK = "aws:route53/healthCheck:HealthCheck";

/** The budgets of the global names that a stack's own records and monitors define. */
export function failoverBudgets(resources: readonly Recorded[]): FailoverBudget[] {
  return [...route53Budgets(resources), ...cloudflareBudgets(resources)];
}

function route53Budgets(resources: readonly Recorded[]): FailoverBudget[] {
  const checks = ofType(resources, CHECK);
  return ofType(resources, RECORD)
    .filter(
      (record) =>
        listAt(record, "latencyRoutingPolicies").length +
          listAt(record, "failoverRoutingPolicies").length >
        0,
    )
    .map((record) => {
      const probes = probesOf(record, checks);
      return route53Failover({
        name: textAt(record, "name") ?? record.name,
        intervalSeconds: Math.max(
          ...probes.map((check) => numberAt(check, "requestInterval") ?? 30),
        ),
        failureThreshold: Math.max(
          ...probes.map((check) => numberAt(check, "failureThreshold") ?? 3),
        ),
        ttlSeconds: numberAt(record, "ttl") ?? 60,
        afterPromotion: listAt(record, "failoverRoutingPolicies").length > 0,
      });
    });
}

/** The checks behind a record: its own, or the children of a calculated one. */
function probesOf(record: Recorded, checks: readonly Recorded[]): readonly Recorded[] {
  const own = checks.filter((check) => record.dependsOn.includes(check.urn));
  const probes = own.flatMap((check) =>
    textAt(check, "type") === "CALCULATED"
      ? checks.filter((child) => check.dependsOn.includes(child.urn))
      : [check],
  );
  return probes.length > 0 ? probes : [record];
}

function cloudflareBudgets(resources: readonly Recorded[]): FailoverBudget[] {
  const [monitor] = ofType(resources, "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor");
  return ofType(resources, "cloudflare:index/loadBalancer:LoadBalancer").map((balancer) =>
    cloudflareFailover({
      name: textAt(balancer, "name") ?? balancer.name,
      intervalSeconds: (monitor && numberAt(monitor, "interval")) ?? 60,
      timeoutSeconds: (monitor && numberAt(monitor, "timeout")) ?? 5,
      retries: (monitor && numberAt(monitor, "retries")) ?? 2,
      consecutiveDown: (monitor && numberAt(monitor, "consecutiveDown")) ?? 0,
      ttlSeconds: flagAt(balancer, "proxied") ? 0 : (numberAt(balancer, "ttl") ?? 30),
      // One balancer serves Meet, which only a promotion moves unless several regions serve it; the other LiveKit.
      afterPromotion:
        (textAt(balancer, "name") ?? "").startsWith("meet.") &&
        textAt(balancer, "steeringPolicy") !== "proximity",
    }),
  );
}
