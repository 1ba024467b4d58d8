import type { IncomingHttpHeaders } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
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
  if (!isIPv6(address)) {
    return address;
  }
  return ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString();
}

/** An address as it is; undefined where it is none. A balancer may be set to add the client's port. */
function withoutPort(text: string): string | undefined {
  const bare =
    /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1];
  // The zone of a link-local address is this machine's own affair.
  const [address = ""] = (bare ?? text).split("%", 1);
  if (isIPv4(address)) {
    return address;
  }
  return isIPv6(address) ? ipaddr.process(address).toString() : undefined;
}
