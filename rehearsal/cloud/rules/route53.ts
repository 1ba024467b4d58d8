import { recordName } from "../aws/route53.ts";
import { knownRegions } from "../aws/zones.ts";
import type { Rule, RuleCall, Thing } from "../model.ts";
import { flag, list, map, number, text, texts } from "../values.ts";
import { inUse, mustExist, others, types } from "./support.ts";

const api =
  "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html";
const checks = "https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html";
const policies = {
  latencyRoutingPolicies: "latency",
  failoverRoutingPolicies: "failover",
  geolocationRoutingPolicies: "geolocation",
  weightedRoutingPolicies: "weighted",
  geoproximityRoutingPolicy: "geoproximity",
  multivalueAnswerRoutingPolicy: "multivalue answer",
} as const;

function policyOf(inputs: RuleCall["inputs"]): string {
  const key = Object.keys(policies).find(
    (candidate) =>
      list(inputs, candidate).length > 0 ||
      Object.keys(map(inputs, candidate)).length > 0 ||
      flag(inputs, candidate),
  );
  return key ?? "";
}

/** Other record sets of the same name in the same zone. */
function siblings(call: RuleCall): Thing[] {
  const [name, zoneId] = [recordName(call), text(call.inputs, "zoneId")];
  return others(call, types.record).filter(
    ({ state }) => text(state, "zoneId") === zoneId && text(state, "fqdn") === name,
  );
}

const sameType = (call: RuleCall) =>
  siblings(call).filter(({ state }) => text(state, "type") === text(call.inputs, "type"));

const describe = (call: RuleCall) =>
  `name='${recordName(call)}.', type='${text(call.inputs, "type") ?? ""}'`;

const recordRule = (
  rule: Pick<Rule, "id" | "what" | "check"> &
    Partial<Pick<Rule, "source" | "errorCode" | "status">>,
): Rule => ({
  source: api,
  errorCode: "InvalidChangeBatch",
  ...rule,
  call: "Route 53: ChangeResourceRecordSets",
  types: [types.record],
  on: ["create", "update"],
});

/** Route 53. */
export const route53Rules: readonly Rule[] = [
  mustExist({
    id: "zone-exists",
    what: "A record is made in a hosted zone that exists.",
    source: api,
    errorCode: "NoSuchHostedZone",
    status: 404,
    call: "Route 53: ChangeResourceRecordSets",
    types: [types.record],
    paths: ["zoneId"],
    found: ({ cloud }, id) => cloud.find(types.zone, id) !== undefined,
    message: (id) => `No hosted zone found with ID: ${id}`,
  }),
  recordRule({
    id: "record-once",
    what: "A record set of a name, type and set identifier exists once, unless it may be overwritten.",
    check: (call) =>
      call.op === "create" &&
      !flag(call.inputs, "allowOverwrite") &&
      sameType(call).some(
        ({ state }) => text(state, "setIdentifier") === text(call.inputs, "setIdentifier"),
      )
        ? `[Tried to create resource record set [${describe(call)}] but it already exists]`
        : undefined,
  }),
  recordRule({
    id: "record-one-policy",
    what: "All record sets of a name and type have the same routing policy.",
    source: "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html",
    check: (call) =>
      sameType(call).some(({ state }) => policyOf(state) !== policyOf(call.inputs))
        ? `[RRSet with ${describe(call)} cannot be created because a record set with another routing policy exists with the same name and type]`
        : undefined,
  }),
  recordRule({
    id: "record-cname-alone",
    what: "A CNAME shares its name with no record of another type.",
    source: "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html",
    check: (call) => {
      const type = text(call.inputs, "type");
      const conflict = siblings(call).find(
        ({ state }) =>
          text(state, "type") !== type && (type === "CNAME" || text(state, "type") === "CNAME"),
      );
      return conflict === undefined
        ? undefined
        : `[RRSet of type ${type ?? ""} with DNS name ${recordName(call)}. is not permitted as it conflicts with other records with the same DNS name in zone]`;
    },
  }),
  recordRule({
    id: "record-cname-apex",
    what: "A zone's own name is no CNAME.",
    source: "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html",
    check: (call) => {
      const zone = call.cloud.find(types.zone, text(call.inputs, "zoneId"));
      return text(call.inputs, "type") === "CNAME" && recordName(call) === text(zone?.state, "name")
        ? `[RRSet of type CNAME with DNS name ${recordName(call)}. is not permitted at apex in zone ${recordName(call)}.]`
        : undefined;
    },
  }),
  recordRule({
    id: "record-latency-region",
    what: "A latency record names an AWS region.",
    errorCode: "InvalidInput",
    check: ({ inputs }) => {
      const region = text(inputs, "latencyRoutingPolicies.0.region");
      return region === undefined || knownRegions.includes(region)
        ? undefined
        : `Invalid XML ; cvc-enumeration-valid: Value '${region}' is not facet-valid with respect to enumeration of regions.`;
    },
  }),
  recordRule({
    id: "record-region-once",
    what: "A name and type has one latency record per region and one failover record per role.",
    check: (call) => {
      const roles = ["latencyRoutingPolicies.0.region", "failoverRoutingPolicies.0.type"];
      return sameType(call).some(
        ({ state }) =>
          text(state, "setIdentifier") !== text(call.inputs, "setIdentifier") &&
          roles.some((path) => {
            const role = text(call.inputs, path);
            return role !== undefined && role === text(state, path);
          }),
      )
        ? `[Tried to create resource record set [${describe(call)}] but a record set with the same region or failover role already exists]`
        : undefined;
    },
  }),
  recordRule({
    id: "record-set-identifier",
    what: "A record set with a routing policy has a set identifier, and only such a one.",
    errorCode: "InvalidInput",
    check: ({ inputs }) =>
      (policyOf(inputs) === "") === (text(inputs, "setIdentifier") === undefined)
        ? undefined
        : "Invalid request: Missing field 'SetIdentifier' in Change with a routing policy, or a SetIdentifier without one",
  }),
  recordRule({
    id: "record-values",
    what: "A record set has a TTL and values, or is an alias, never both; a CNAME has one value.",
    errorCode: "InvalidInput",
    check: ({ inputs }) => {
      const isAlias = list(inputs, "aliases").length > 0;
      const count = list(inputs, "records").length;
      const hasTtl = number(inputs, "ttl") !== undefined;
      const isFine = isAlias
        ? count === 0 && !hasTtl
        : count > 0 && hasTtl && (text(inputs, "type") !== "CNAME" || count === 1);
      return isFine
        ? undefined
        : "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    },
  }),
  mustExist({
    id: "health-check-exists",
    what: "A record's health check, and the children of a calculated one, exist.",
    source: api,
    errorCode: "NoSuchHealthCheck",
    status: 404,
    types: [types.record, types.healthCheck],
    paths: ["healthCheckId", "childHealthchecks"],
    found: ({ cloud }, id) => cloud.find(types.healthCheck, id) !== undefined,
    message: (id) => `A health check with id ${id} does not exist.`,
  }),
  inUse({
    id: "health-check-in-use",
    what: "A health check is not deleted while a calculated one counts it.",
    source: "https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHealthCheck.html",
    errorCode: "HealthCheckInUse",
    type: types.healthCheck,
    by: [[types.healthCheck, "childHealthchecks"]],
    message: ({ id }) => `The health check ${id} is a child of a calculated health check.`,
  }),
  {
    id: "health-check-nesting",
    what: "A calculated health check counts no calculated one.",
    source:
      "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html",
    errorCode: "InvalidInput",
    types: [types.healthCheck],
    on: ["create", "update"],
    check: ({ cloud, inputs }) =>
      texts(inputs, "childHealthchecks").some(
        (id) => text(cloud.find(types.healthCheck, id)?.state, "type") === "CALCULATED",
      )
        ? "A calculated health check cannot monitor other calculated health checks."
        : undefined,
  },
  {
    id: "health-check-settings",
    what: "A health check has an interval of 10 or 30 seconds, a threshold of 1 to 10, and a search string where it matches one.",
    source: checks,
    errorCode: "InvalidInput",
    types: [types.healthCheck],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const interval = number(inputs, "requestInterval") ?? 30;
      const threshold = number(inputs, "failureThreshold") ?? 3;
      const matches = text(inputs, "type")?.endsWith("_STR_MATCH") === true;
      const search = text(inputs, "searchString");
      if (interval !== 10 && interval !== 30) {
        return `Invalid parameter: RequestInterval ${interval} must be 10 or 30.`;
      }
      if (threshold < 1 || threshold > 10) {
        return `Invalid parameter: FailureThreshold ${threshold} must be between 1 and 10.`;
      }
      return matches === (search !== undefined && search.length <= 255)
        ? undefined
        : "Invalid parameter: SearchString belongs to a check of type *_STR_MATCH and has 1 to 255 characters.";
    },
  },
  {
    id: "health-check-regions",
    what: "A health check from chosen regions uses at least three of them.",
    source: checks,
    errorCode: "InvalidInput",
    types: [types.healthCheck],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const regions = texts(inputs, "regions");
      return regions.length === 0 || regions.length >= 3
        ? undefined
        : "Invalid parameter: at least 3 health checker regions are needed.";
    },
  },
];
