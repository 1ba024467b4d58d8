import type { Making, ResourceType } from "../model.ts";
import { text, type Value } from "../values.ts";

const now = () => "2026-01-01T00:00:00Z";

function cloudflare(
  name: string,
  title: string,
  replaceOn: readonly string[],
  computed: Readonly<Record<string, (making: Making) => Value>>,
): ResourceType {
  const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  return {
    provider: "cloudflare",
    token: `cloudflare:index/${file}:${name}`,
    title,
    api: ["Cloudflare", title],
    isGlobal: true,
    replaceOn,
    id: (c) => c.hex(32),
    computed: { createdOn: now, modifiedOn: now, ...computed },
  };
}

/** Every Cloudflare type that the stand-in knows. */
export const cloudflareTypes: readonly ResourceType[] = [
  cloudflare("DnsRecord", "DNS record", ["zoneId"], {
    proxied: () => false,
    proxiable: (c) => ["A", "AAAA", "CNAME"].includes(text(c.inputs, "type") ?? ""),
    meta: () => "{}",
    settings: () => ({}),
    tags: () => [],
    commentModifiedOn: now,
    tagsModifiedOn: now,
  }),
  cloudflare("LoadBalancerMonitor", "load balancer monitor", ["accountId"], {
    type: () => "http",
    interval: () => 60,
    timeout: () => 5,
    retries: () => 2,
    path: () => "/",
    method: () => "GET",
  }),
  cloudflare("LoadBalancerPool", "load balancer pool", ["accountId"], {
    disabledAt: () => "",
    enabled: () => true,
    minimumOrigins: () => 1,
    networks: () => [],
  }),
  cloudflare("LoadBalancer", "load balancer", ["zoneId"], {
    enabled: () => true,
    proxied: () => false,
    sessionAffinity: () => "none",
    steeringPolicy: () => "",
    zoneName: () => "",
  }),
];
