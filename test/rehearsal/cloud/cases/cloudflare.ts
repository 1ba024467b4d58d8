import type { ValueMap } from "../../../../rehearsal/cloud/values.ts";
import type { Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const monitor = (api: Instance, interval = 60) =>
  api.create("cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor", "it", {
    accountId: "account",
    interval,
  });
const pool = (api: Instance, more: ValueMap = {}) =>
  api.create("cloudflare:index/loadBalancerPool:LoadBalancerPool", "eu", {
    accountId: "account",
    name: "eu",
    origins: [{ name: "eu", address: "livekit.eu.example.org" }],
    ...more,
  });
const balancer = (api: Instance, poolId: string) =>
  api.create("cloudflare:index/loadBalancer:LoadBalancer", "livekit", {
    zoneId: "zone",
    name: "livekit.example.org",
    defaultPools: [poolId],
    fallbackPool: poolId,
    regionPools: { WEU: [poolId] },
  });
const record = (api: Instance, type: string, content: string) =>
  api.create("cloudflare:index/dnsRecord:DnsRecord", type, {
    zoneId: "zone",
    name: "turn.eu.example.org",
    type,
    content,
    ttl: 60,
  });

export const cloudflareCases: RuleCases = {
  "pool-in-use": {
    says: "412 (code 1005): Delete failed: object is referenced by other objects",
    broken: async ({ cloudflare }) => {
      const made = await pool(cloudflare);
      await balancer(cloudflare, made.id);
      return cloudflare.remove(made);
    },
    fine: async ({ cloudflare }) => {
      const made = await pool(cloudflare);
      await cloudflare.remove(await balancer(cloudflare, made.id));
      await cloudflare.remove(made);
    },
  },
  "monitor-in-use": {
    says: "412 (code 1005): Delete failed: object is referenced by other objects",
    broken: async ({ cloudflare }) => {
      const made = await monitor(cloudflare);
      await pool(cloudflare, { monitor: made.id });
      return cloudflare.remove(made);
    },
    fine: async ({ cloudflare }) => cloudflare.remove(await monitor(cloudflare)),
  },
  "balancer-pools-exist": {
    says: "pool nothing not found",
    broken: ({ cloudflare }) => balancer(cloudflare, "nothing"),
    fine: async ({ cloudflare }) => balancer(cloudflare, (await pool(cloudflare)).id),
  },
  "pool-monitor-exists": {
    says: "monitor nothing not found",
    broken: ({ cloudflare }) => pool(cloudflare, { monitor: "nothing" }),
    fine: async ({ cloudflare }) => pool(cloudflare, { monitor: (await monitor(cloudflare)).id }),
  },
  "pool-name-once": {
    says: "(code 1003): value not unique",
    broken: async ({ cloudflare }) => {
      await pool(cloudflare);
      return pool(cloudflare, { origins: [{ name: "us", address: "livekit.us.example.org" }] });
    },
    fine: async ({ cloudflare }) => {
      const one = await pool(cloudflare);
      await pool(cloudflare, { name: "us" });
      await pool(cloudflare, { accountId: "another" });
      await cloudflare.remove(one);
      return pool(cloudflare);
    },
  },
  "balancer-name-once": {
    says: "(code 1003): value not unique",
    broken: async ({ cloudflare }) => {
      const { id } = await pool(cloudflare);
      await balancer(cloudflare, id);
      return balancer(cloudflare, id);
    },
    fine: async ({ cloudflare }) => {
      const { id } = await pool(cloudflare);
      await cloudflare.remove(await balancer(cloudflare, id));
      return balancer(cloudflare, id);
    },
  },
  "monitor-interval": {
    says: "interval: 10 is less than the minimum of 15 seconds",
    broken: ({ cloudflare }) => monitor(cloudflare, 10),
    fine: ({ cloudflare }) => monitor(cloudflare, 15),
  },
  "dns-record-once": {
    says: "An identical record already exists.",
    broken: async ({ cloudflare }) => {
      await record(cloudflare, "A", "198.51.100.1");
      return record(cloudflare, "A", "198.51.100.1");
    },
    fine: async ({ cloudflare }) => {
      await record(cloudflare, "A", "198.51.100.1");
      return record(cloudflare, "A", "198.51.100.2");
    },
  },
  "dns-cname-alone": {
    says: "An A, AAAA, or CNAME record with that host already exists.",
    broken: async ({ cloudflare }) => {
      await record(cloudflare, "A", "198.51.100.1");
      return record(cloudflare, "CNAME", "elsewhere.example.org");
    },
    fine: async ({ cloudflare }) => {
      await record(cloudflare, "A", "198.51.100.1");
      return record(cloudflare, "AAAA", "2001:db8::1");
    },
  },
};
