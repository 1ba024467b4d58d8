import ipaddr from "ipaddr.js";

/** Beginning of the metadata (MaxMind DB file format, version 2.0). */
const MARKER = Buffer.from([0xab, 0xcd, 0xef, ...Buffer.from("MaxMind.com")]);

/** Nothing in the 16 bytes between the tree and the data; a pointer is counted from them. */
const SEPARATOR = 16;

type Node = [Node | string | undefined, Node | string | undefined];

/** A database in MaxMind's format with these networks, IPv4 and IPv6, none of them within another. */
export function countryDatabase(networks: Readonly<Record<string, string>>): Buffer {
  const root: Node = [undefined, undefined];
  for (const [network, country] of Object.entries(networks)) {
    insert(root, bitsOf(network), country);
  }
  const nodes: Node[] = [];
  collect(root, nodes);
  const data: Buffer[] = [];
  const offsets = new Map<string, number>();
  let size = 0;
  for (const country of new Set(Object.values(networks))) {
    const record = map({ country: map({ iso_code: text(country) }) });
    offsets.set(country, size);
    data.push(record);
    size += record.length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries()) {
    for (const [side, child] of node.entries()) {
      const value =
        child === undefined
          ? nodes.length
          : typeof child === "string"
            ? nodes.length + SEPARATOR + (offsets.get(child) ?? 0)
            : nodes.indexOf(child);
      tree.writeUIntBE(value, index * 6 + side * 3, 3);
    }
  }
  const metadata = map({
    binary_format_major_version: number(5, 2),
    binary_format_minor_version: number(5, 0),
    build_epoch: number(9, 1),
    database_type: text("Test-Country"),
    description: map({}),
    ip_version: number(5, 6),
    languages: Buffer.from([0, 4]),
    node_count: number(6, nodes.length),
    record_size: number(5, 24),
  });
  return Buffer.concat([tree, Buffer.alloc(SEPARATOR), ...data, MARKER, metadata]);
}

/** The bits of a network; IPv4 is at ::/96. */
function bitsOf(network: string): readonly number[] {
  const [address, length] = ipaddr.parseCIDR(network);
  const bytes = address.toByteArray();
  const padded = [...Array<number>(16 - bytes.length).fill(0), ...bytes];
  const bits = padded.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1));
  return bits.slice(0, 128 - bytes.length * 8 + length);
}

function insert(root: Node, bits: readonly number[], country: string): void {
  let node = root;
  for (const [at, bit] of bits.entries()) {
    const side = bit === 1 ? 1 : 0;
    if (at === bits.length - 1) {
      node[side] = country;
      return;
    }
    const next = node[side];
    if (typeof next === "string") {
      throw new Error(`${country}: a network within another`);
    }
    const child: Node = next ?? [undefined, undefined];
    node[side] = child;
    node = child;
  }
}

function collect(node: Node, nodes: Node[]): void {
  nodes.push(node);
  for (const child of node) {
    if (Array.isArray(child)) {
      collect(child, nodes);
    }
  }
}

function text(value: string): Buffer {
  return Buffer.concat([control(2, value.length), Buffer.from(value)]);
}

function map(fields: Readonly<Record<string, Buffer>>): Buffer {
  const entries = Object.entries(fields);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([name, value]) => [text(name), value]),
  ]);
}

/** Types 5 and 6: unsigned of 16 and 32 bits; 9: of 64 bits. */
function number(type: 5 | 6 | 9, value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  return Buffer.concat([control(type, bytes.length), Buffer.from(bytes)]);
}

/** Sizes up to 28 are in the control byte; types above 7 in a byte of their own. */
function control(type: number, size: number): Buffer {
  return type > 7 ? Buffer.from([size, type - 7]) : Buffer.from([(type << 5) | size]);
}
