import { z } from "zod";
import type { Listed } from "../cloud/inventory.ts";
import type { EndpointCheck, HealthCheck } from "./health.ts";

/** How Route 53 chooses among the record sets of one name and type. */
export type Policy =
  | { readonly kind: "simple" }
  | { readonly kind: "latency"; readonly region: string }
  | { readonly kind: "failover"; readonly role: "PRIMARY" | "SECONDARY" };

/** What a record set says: values that are kept for a time, or an alias to another name. */
export type Says =
  | { readonly values: readonly string[]; readonly ttlSeconds: number }
  | { readonly alias: string; readonly evaluatesTarget: boolean };

/** One record set of the zone. */
export interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly setIdentifier?: string;
  readonly policy: Policy;
  readonly healthCheckId?: string;
  readonly says: Says;
}

/** What the public zone holds, and the health checks that decide about it. */
export interface Zone {
  readonly records: readonly RecordSet[];
  readonly checks: ReadonlyMap<string, HealthCheck>;
}

const RECORD = "aws:route53/record:Record";
const CHECK = "aws:route53/healthCheck:HealthCheck";
const ZONE = "aws:route53/zone:Zone";

const recordSchema = z.looseObject({
  zoneId: z.string(),
  name: z.string(),
  type: z.string(),
  ttl: z.coerce.number().optional(),
  records: z.array(z.string()).default([]),
  aliases: z
    .array(z.looseObject({ name: z.string(), evaluateTargetHealth: z.boolean() }))
    .default([]),
  setIdentifier: z.string().optional(),
  healthCheckId: z.string().optional(),
  latencyRoutingPolicies: z.array(z.looseObject({ region: z.string() })).default([]),
  failoverRoutingPolicies: z
    .array(z.looseObject({ type: z.enum(["PRIMARY", "SECONDARY"]) }))
    .default([]),
});

/** Policies that no stack here deploys; a record that has one is a fault and not an answer. */
const UNKNOWN_POLICIES = [
  "weightedRoutingPolicies",
  "geolocationRoutingPolicies",
  "geoproximityRoutingPolicy",
  "multivalueAnswerRoutingPolicy",
  "cidrRoutingPolicy",
] as const;

const checkSchema = z.looseObject({
  type: z.string(),
  fqdn: z.string().optional(),
  ipAddress: z.string().optional(),
  port: z.coerce.number().optional(),
  resourcePath: z.string().default("/"),
  searchString: z.string().optional(),
  // The defaults of the API (Route 53 API Reference, HealthCheckConfig).
  requestInterval: z.coerce.number().default(30),
  failureThreshold: z.coerce.number().default(3),
  regions: z.array(z.string()).default([]),
  invertHealthcheck: z.boolean().default(false),
  disabled: z.boolean().default(false),
  childHealthchecks: z.array(z.string()).default([]),
  childHealthThreshold: z.coerce.number().default(0),
});

const PORTS = { HTTP: 80, HTTPS: 443, TCP: 443 } as const;

/** The public zone as the stacks have deployed it. @throws Error for what this resolver has no rule for, all at once */
export function readZone(inventory: readonly Listed[]): Zone {
  const faults: string[] = [];
  const own = new Set(inventory.filter(({ type }) => type === ZONE).map(({ id }) => id));
  const records = inventory
    .filter(({ type }) => type === RECORD)
    .flatMap(({ inputs, name }) => {
      const fault = UNKNOWN_POLICIES.find((policy) => hasValue(inputs, policy));
      if (fault !== undefined) {
        faults.push(
          `Record "${name}": it has ${fault}, which the rehearsal's resolver does not know. Teach it the policy first.`,
        );
        return [];
      }
      const record = recordSchema.parse(inputs);
      // A zone that a stack made is private: what it says is heard inside that network only.
      return own.has(record.zoneId) ? [] : [toRecordSet(record)];
    });
  const checks = new Map<string, HealthCheck>();
  for (const { inputs, name, id } of inventory.filter(({ type }) => type === CHECK)) {
    const check = toCheck(id, checkSchema.parse(inputs));
    if (check === undefined) {
      faults.push(
        `Health check "${name}": type ${checkSchema.parse(inputs).type} is none that the rehearsal's resolver knows. Teach it the type first.`,
      );
    } else {
      checks.set(id, check);
    }
  }
  for (const { name, healthCheckId } of records) {
    if (healthCheckId !== undefined && !checks.has(healthCheckId) && faults.length === 0) {
      faults.push(
        `Record "${name}": its health check ${healthCheckId} is not in the inventory. Deploy the stack again.`,
      );
    }
  }
  if (faults.length > 0) {
    throw new Error(faults.join("\n"));
  }
  return { records, checks };
}

/** A name as it is compared: lower case, without the final dot. */
export function bare(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}

function hasValue(inputs: unknown, key: string): boolean {
  const value: unknown =
    typeof inputs === "object" && inputs !== null ? Reflect.get(inputs, key) : undefined;
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function toRecordSet(record: z.infer<typeof recordSchema>): RecordSet {
  const [latency] = record.latencyRoutingPolicies;
  const [failover] = record.failoverRoutingPolicies;
  const [alias] = record.aliases;
  return {
    name: bare(record.name),
    type: record.type,
    policy:
      latency !== undefined
        ? { kind: "latency", region: latency.region }
        : failover !== undefined
          ? { kind: "failover", role: failover.type }
          : { kind: "simple" },
    ...(record.setIdentifier === undefined ? {} : { setIdentifier: record.setIdentifier }),
    ...(record.healthCheckId === undefined ? {} : { healthCheckId: record.healthCheckId }),
    says:
      alias === undefined
        ? { values: record.records, ttlSeconds: record.ttl ?? 0 }
        : { alias: bare(alias.name), evaluatesTarget: alias.evaluateTargetHealth },
  };
}

function toCheck(id: string, check: z.infer<typeof checkSchema>): HealthCheck | undefined {
  const common = { id, isInverted: check.invertHealthcheck, isDisabled: check.disabled };
  if (check.type === "CALCULATED") {
    const { childHealthchecks: children, childHealthThreshold: threshold } = check;
    return { ...common, kind: "calculated", children, threshold };
  }
  const [, protocol, match] = /^(HTTP|HTTPS|TCP)(_STR_MATCH)?$/.exec(check.type) ?? [];
  const host = check.fqdn ?? check.ipAddress;
  if (!isProtocol(protocol) || host === undefined) {
    return undefined;
  }
  return {
    ...common,
    kind: "endpoint",
    protocol,
    host: bare(host),
    port: check.port ?? PORTS[protocol],
    path: check.resourcePath,
    intervalSeconds: check.requestInterval,
    threshold: check.failureThreshold,
    regions: check.regions,
    ...(match === undefined ? {} : { searchString: check.searchString ?? "" }),
  };
}

function isProtocol(text: string | undefined): text is EndpointCheck["protocol"] {
  return text === "HTTP" || text === "HTTPS" || text === "TCP";
}
