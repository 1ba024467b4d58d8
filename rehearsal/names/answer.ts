import { LOCATIONS } from "../../components/shared/locations.ts";
import { bare, type RecordSet, type Zone } from "./records.ts";

/** Where somebody is who asks, in degrees. */
export interface Location {
  readonly latitude: number;
  readonly longitude: number;
}

/** An answer, with the records that led to it. */
export interface Answer {
  /** Addresses, or the one name outside the zone at which the chain ends: a load balancer's. */
  readonly values: readonly string[];
  /** For how long it may be kept: the shortest on the way. */
  readonly ttlSeconds: number;
  /** Set identifiers on the way: whose record it was. */
  readonly setIdentifiers: readonly string[];
}

/** What the answers depend on besides the zone. */
export interface Health {
  /** Status of a health check. */
  isHealthy(healthCheckId: string): boolean;
  /** Whether a load balancer has healthy targets, for aliases that ask. */
  hasHealthyTargets(host: string): boolean;
}

/** The TTL of a load balancer's own addresses, which an alias to it takes over (…/resource-record-sets-choosing-alias-non-alias.html). */
export const BALANCER_TTL_SECONDS = 60;

/** DNS software follows so many names; longer chains are loops. */
const MOST_HOPS = 16;

/**
 * What Route 53 would answer to somebody at a place, followed through CNAMEs and aliases inside the zone. Undefined if
 * there is no such name. The order of regions by latency is that by distance: AWS does not publish what it measures.
 */
export function answer(
  zone: Zone,
  name: string,
  from: Location,
  health: Health,
): Answer | undefined {
  let [at, ttlSeconds] = [bare(name), Infinity];
  const setIdentifiers: string[] = [];
  for (let hop = 0; hop < MOST_HOPS; hop++) {
    const records = zone.records.filter((record) => record.name === at);
    const chosen = choose(ofAddress(records), from, (record) =>
      isRecordHealthy(record, zone, health),
    );
    if (chosen === undefined) {
      return hop === 0 ? undefined : { values: [at], ttlSeconds, setIdentifiers };
    }
    if (chosen.setIdentifier !== undefined) {
      setIdentifiers.push(chosen.setIdentifier);
    }
    const { says } = chosen;
    if ("alias" in says) {
      at = says.alias;
      const isInZone = zone.records.some((record) => record.name === at);
      ttlSeconds = Math.min(ttlSeconds, isInZone ? Infinity : BALANCER_TTL_SECONDS);
    } else {
      ttlSeconds = Math.min(ttlSeconds, says.ttlSeconds);
      const [target] = says.values;
      if (chosen.type !== "CNAME" || target === undefined) {
        return { values: says.values, ttlSeconds, setIdentifiers };
      }
      at = bare(target);
    }
  }
  throw new Error(`Name "${name}": its records lead round in a circle. Break it.`);
}

/** A name has either a CNAME or addresses; mail and text records answer nobody who joins. */
function ofAddress(records: readonly RecordSet[]): readonly RecordSet[] {
  return records.filter(({ type }) => type === "CNAME" || type === "A");
}

/**
 * The record set that its policy prefers among the healthy ones; if none is healthy, among all of them
 * (…/health-checks-how-route-53-chooses-records.html).
 */
function choose(
  records: readonly RecordSet[],
  from: Location,
  isHealthyRecord: (record: RecordSet) => boolean,
): RecordSet | undefined {
  const ordered = records.toSorted((a, b) => rank(a, from) - rank(b, from));
  return ordered.find(isHealthyRecord) ?? ordered[0];
}

/** The lower the better. */
function rank({ policy }: RecordSet, from: Location): number {
  switch (policy.kind) {
    case "latency":
      return distance(from, locationOf(policy.region));
    case "failover":
      return policy.role === "PRIMARY" ? 0 : 1;
    case "simple":
      return 0;
  }
}

/**
 * Without a health check a record is healthy; an alias that evaluates its target is as healthy as that, and with a
 * health check as well both have to be (…/dns-failover-complex-configs.html).
 */
function isRecordHealthy(record: RecordSet, zone: Zone, health: Health): boolean {
  const isChecked =
    record.healthCheckId === undefined ? true : health.isHealthy(record.healthCheckId);
  const { says } = record;
  if (!isChecked || !("alias" in says) || !says.evaluatesTarget) {
    return isChecked;
  }
  const targets = ofAddress(zone.records.filter(({ name }) => name === says.alias));
  return targets.length === 0
    ? health.hasHealthyTargets(says.alias)
    : targets.some((target) => isRecordHealthy(target, zone, health));
}

/** Where an AWS region is. @throws Error for one that is not in the table */
export function locationOf(region: string): Location {
  const location = LOCATIONS[region];
  if (location === undefined) {
    throw new Error(
      `Region "${region}": its location is not known. Add it to components/shared/locations.ts.`,
    );
  }
  return location;
}

/** Kilometres along the surface. */
export function distance(one: Location, other: Location): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [a, b] = [radians(one.latitude), radians(other.latitude)];
  const half =
    Math.sin((b - a) / 2) ** 2 +
    Math.cos(a) * Math.cos(b) * Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.sqrt(half));
}
