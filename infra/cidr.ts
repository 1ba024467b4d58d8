import ipaddr from "ipaddr.js";

/** An IPv4 range as numbers: first and last address. */
export interface Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** The IPv4 range of `a.b.c.d/n`, or nothing when it is not one. Host bits are allowed: see `networkOf`. */
export function parseRange(cidr: string): Range | undefined {
  if (
    !/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}\/\d{1,2}$/.test(cidr) ||
    !ipaddr.IPv4.isValidCIDR(cidr)
  ) {
    return undefined;
  }
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  const value = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - prefix);
  const first = value - (value % size);
  return { first, last: first + size - 1, prefix };
}

/** The range as it should be written: its first address and its prefix. */
export function networkOf({ first, prefix }: Range): string {
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${prefix}`;
}

/** Whether two ranges share an address. */
export function overlap(one: Range, other: Range): boolean {
  return one.first <= other.last && other.first <= one.last;
}

/** Whether all of `inner` lies in `outer`. */
export function within(inner: Range, outer: Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
