/** An IPv4 range as first and last address. */
export interface Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** Reads `10.0.0.0/16`; undefined when it is none, or when bits are set behind the prefix. */
export function parseRange(cidr: string | undefined): Range | undefined {
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/
    .exec(cidr ?? "")
    ?.slice(1)
    .map(Number);
  const [a = 0, b = 0, c = 0, d = 0, prefix = 33] = parts ?? [];
  if (parts === undefined || prefix > 32 || [a, b, c, d].some((octet) => octet > 255)) {
    return undefined;
  }
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - prefix);
  return first % size === 0 ? { first, last: first + size - 1, prefix } : undefined;
}

/** True when the ranges share an address. */
export function overlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** True when `inner` is wholly in `outer`. */
export function contains(outer: Range, inner: Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
