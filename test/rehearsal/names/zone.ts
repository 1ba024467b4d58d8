import type { Listed } from "../../../rehearsal/cloud/inventory.ts";
import { locationOf, type Health } from "../../../rehearsal/names/answer.ts";
import type { Value, ValueMap } from "../../../rehearsal/cloud/values.ts";

/** People and where they are. */
export const PARIS = locationOf("eu-west-3");
export const VIRGINIA = locationOf("us-east-1");
export const TOKYO = locationOf("ap-northeast-1");

let count = 0;

function listed(type: string, id: string, inputs: ValueMap): Listed {
  const name = typeof inputs["name"] === "string" ? inputs["name"] : id;
  return { provider: "aws", type, id, scope: "", name, urn: "", tags: {}, inputs };
}

/** A record as the inventory lists it. */
export function record(inputs: ValueMap): Listed {
  const id = `record-${count++}`;
  return listed("aws:route53/record:Record", id, { zoneId: "Z1", type: "CNAME", ...inputs });
}

/** A CNAME with a TTL of five seconds. */
export function cname(name: string, target: string, more: ValueMap = {}): Listed {
  return record({ name, ttl: 5, records: [target], ...more });
}

/** A region's latency record of livekit.example.org. */
export function latency(set: string, region: string, healthCheckId?: string): Listed {
  return cname("livekit.example.org", `${set}.elb.amazonaws.com`, {
    setIdentifier: set,
    latencyRoutingPolicies: [{ region }],
    ...(healthCheckId === undefined ? {} : { healthCheckId }),
  });
}

/** A home's failover record of meet.example.org. */
export function failover(
  set: string,
  role: "PRIMARY" | "SECONDARY",
  healthCheckId?: string,
): Listed {
  return cname("meet.example.org", `${set}.elb.amazonaws.com`, {
    setIdentifier: set,
    failoverRoutingPolicies: [{ type: role }],
    ...(healthCheckId === undefined ? {} : { healthCheckId }),
  });
}

/** An alias to a load balancer or to another name of the zone. */
export function alias(
  name: string,
  target: string,
  evaluates: boolean,
  more: ValueMap = {},
): Listed {
  const aliases: Value = [{ name: target, zoneId: "Z2", evaluateTargetHealth: evaluates }];
  return record({ name, type: "A", aliases, ...more });
}

/** A health check as the inventory lists it; HTTPS, every 10 s, one failure. */
export function check(id: string, inputs: ValueMap = {}): Listed {
  return listed("aws:route53/healthCheck:HealthCheck", id, {
    type: "HTTPS",
    fqdn: `${id}.example.org`,
    requestInterval: 10,
    failureThreshold: 1,
    resourcePath: "/region-health",
    ...inputs,
  });
}

/** A private zone that a stack has made. */
export function privateZone(id: string): Listed {
  return listed("aws:route53/zone:Zone", id, { name: "livekit.example.org" });
}

/** Health in which these are not well. */
export function ill(...names: readonly string[]): Health {
  return {
    isHealthy: (id) => !names.includes(id),
    hasHealthyTargets: (host) => !names.includes(host),
  };
}
