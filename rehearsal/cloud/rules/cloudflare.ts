import type { Rule, RuleCall } from "../model.ts";
import { number, text } from "../values.ts";
import { inUse, mustExist, others } from "./support.ts";

const token = (name: string) =>
  `cloudflare:index/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`;
const [monitor, pool, balancer, record] = [
  token("LoadBalancerMonitor"),
  token("LoadBalancerPool"),
  token("LoadBalancer"),
  token("DnsRecord"),
];
const limits = "https://developers.cloudflare.com/load-balancing/reference/limitations/";
const poolApi =
  "https://developers.cloudflare.com/api/resources/load_balancers/subresources/pools/methods/delete/";

const sameName = (call: RuleCall) =>
  others(call, record).filter(
    ({ state }) =>
      text(state, "zoneId") === text(call.inputs, "zoneId") &&
      text(state, "name")?.toLowerCase() === text(call.inputs, "name")?.toLowerCase(),
  );

/** A thing whose name no other of the same account or zone has. */
function nameOnce(id: string, what: string, type: string, within: "accountId" | "zoneId"): Rule {
  return {
    id,
    what,
    // The error's code and words; that a pool's name counts is from its title, "on modifying loadbalancer and pools".
    source: "cloudflare/terraform-provider-cloudflare issue 6275",
    errorCode: "1003",
    types: [type],
    on: ["create", "update"],
    check: (call) =>
      others(call, type).some(({ state }) =>
        [within, "name"].every(
          (key) => text(state, key)?.toLowerCase() === text(call.inputs, key)?.toLowerCase(),
        ),
      )
        ? "value not unique"
        : undefined,
  };
}

/** Cloudflare. */
export const cloudflareRules: readonly Rule[] = [
  inUse({
    id: "pool-in-use",
    what: "A pool is not deleted while a load balancer names it.",
    source: "cloudflare/terraform-provider-cloudflare issue 66",
    errorCode: "1005",
    status: 412,
    type: pool,
    by: [[balancer, "*"]],
    message: () => "Delete failed: object is referenced by other objects",
  }),
  inUse({
    id: "monitor-in-use",
    what: "A monitor is not deleted while a pool uses it.",
    source: poolApi,
    errorCode: "1005",
    status: 412,
    type: monitor,
    by: [[pool, "monitor"]],
    message: () => "Delete failed: object is referenced by other objects",
  }),
  mustExist({
    id: "balancer-pools-exist",
    what: "A load balancer names pools that exist.",
    source: "https://developers.cloudflare.com/api/resources/load_balancers/methods/create/",
    errorCode: "1002",
    types: [balancer],
    paths: ["defaultPools", "fallbackPool", "regionPools", "countryPools", "popPools"],
    found: ({ cloud }, id) => cloud.find(pool, id) !== undefined,
    message: (id) => `validation failed: pool ${id} not found`,
  }),
  mustExist({
    id: "pool-monitor-exists",
    what: "A pool names a monitor that exists.",
    source:
      "https://developers.cloudflare.com/api/resources/load_balancers/subresources/pools/methods/create/",
    errorCode: "1002",
    types: [pool],
    paths: ["monitor"],
    found: ({ cloud }, id) => cloud.find(monitor, id) !== undefined,
    message: (id) => `validation failed: monitor ${id} not found`,
  }),
  nameOnce("pool-name-once", "An account has no two pools of one name.", pool, "accountId"),
  nameOnce("balancer-name-once", "A zone has no two balancers of one name.", balancer, "zoneId"),
  {
    id: "monitor-interval",
    what: "A monitor asks every 15 seconds at most, or every 10 with the Enterprise plan.",
    source: limits,
    errorCode: "1002",
    types: [monitor],
    on: ["create", "update"],
    check: ({ cloud, inputs }) => {
      const least = cloud.cloudflarePlan === "enterprise" ? 10 : 15;
      const seconds = number(inputs, "interval") ?? 60;
      return seconds >= least
        ? undefined
        : `interval: ${seconds} is less than the minimum of ${least} seconds of this plan: validation failed`;
    },
  },
  {
    id: "dns-record-once",
    what: "A zone has no two identical records.",
    source: "https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/",
    errorCode: "81058",
    types: [record],
    on: ["create", "update"],
    check: (call) =>
      sameName(call).some(
        ({ state }) =>
          text(state, "type") === text(call.inputs, "type") &&
          text(state, "content") === text(call.inputs, "content"),
      )
        ? "An identical record already exists."
        : undefined,
  },
  {
    id: "dns-cname-alone",
    what: "A CNAME shares its name with no other address record.",
    source: "https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/",
    errorCode: "81053",
    types: [record],
    on: ["create", "update"],
    check: (call) => {
      const type = text(call.inputs, "type") ?? "";
      const addresses = ["A", "AAAA", "CNAME"];
      return addresses.includes(type) &&
        sameName(call).some(
          ({ state }) =>
            addresses.includes(text(state, "type") ?? "") &&
            (type === "CNAME" || text(state, "type") === "CNAME"),
        )
        ? "An A, AAAA, or CNAME record with that host already exists."
        : undefined;
    },
  },
];
