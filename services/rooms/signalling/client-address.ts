import type { IncomingHttpHeaders } from "node:http";
import ipaddr from "ipaddr.js";

/**
 * The address of whoever made the request: the last one of X-Forwarded-For, which the balancer in front adds (AWS,
 * "X-Forwarded headers" of Application Load Balancers); all before it are the client's own words. Without a balancer
 * the other end of the connection.
 */
export function clientAddress(request: {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}): string {
  const forwarded = request.headers["x-forwarded-for"];
  const text = Array.isArray(forwarded) ? forwarded.join(",") : (forwarded ?? "");
  const last = text.slice(text.lastIndexOf(",") + 1).trim();
  const address = withoutPort(last) ?? withoutPort(request.socket.remoteAddress ?? "");
  return address ?? "unknown";
}

/** What one household or one phone has: an IPv4 address, or an IPv6 network of 64 bits. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) {
    return address;
  }
  const parsed = ipaddr.process(address);
  const text = parsed.toString();
  return parsed.kind() === "ipv4"
    ? text
    : ipaddr.IPv6.networkAddressFromCIDR(`${text}/64`).toString();
}

/** An address as it is; undefined where it is none. A balancer may be set to add the client's port. */
function withoutPort(text: string): string | undefined {
  const bare =
    /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1];
  const address = bare ?? text;
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined;
}
