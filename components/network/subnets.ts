import ipaddr from "ipaddr.js";

/** Zones a network can be spread over. Fixed, because the slots below are cut for that many. */
export const MAX_ZONES = 4;

/**
 * Range of the clusters' Kubernetes Services, the same in every region as it never leaves a cluster. It must not overlap
 * the VPC (EKS API, KubernetesNetworkConfigRequest.serviceIpv4Cidr).
 */
export const SERVICE_CIDR = "172.20.0.0/16";

/** AWS allows /16 to /28 for a VPC (Amazon VPC user guide, vpc-cidr-blocks). */
const LARGEST_PREFIX = 16;

/**
 * Addresses each subnet needs. Load balancers want eight free ones (Application Load Balancers, subnets), EKS sixteen
 * for its own interfaces (Amazon EKS user guide, network-reqs), and every node a warm pool for its pods.
 */
const SUBNET_ADDRESSES = 64;

/** A public and a private slot for each of `MAX_ZONES` zones: eight slots, three bits. */
const SLOT_BITS = 3;

/** The two subnets of one zone; `key` is part of their logical names and never changes. */
export interface ZoneSubnets {
  readonly key: string;
  readonly publicCidr: string;
  readonly privateCidr: string;
}

/** First address and prefix of a range. Addresses are kept as plain numbers: they fit into 32 bits. */
interface Block {
  readonly first: number;
  readonly prefix: number;
}

/**
 * Cuts a VPC's range into eight equal slots: four public ones, then four private ones. A zone always has the same slot,
 * so a third zone, added later, moves no subnet. Expects a range without faults; see `cidrFaults`.
 */
export function planSubnets(cidr: string, zoneCount: number): ZoneSubnets[] {
  const vpc = parse(cidr);
  return Array.from({ length: zoneCount }, (_unused, zone) => ({
    key: String.fromCharCode("a".charCodeAt(0) + zone),
    publicCidr: slot(vpc, zone),
    privateCidr: slot(vpc, MAX_ZONES + zone),
  }));
}

/** What is wrong with a VPC's range, a sentence each; none when it can be used. */
export function cidrFaults(cidr: string): string[] {
  if (!ipaddr.IPv4.isValidCIDR(cidr) || !/^(\d+\.){3}\d+\/\d+$/.test(cidr)) {
    return [`cidr "${cidr}" is no IPv4 range. Write one such as 10.0.0.0/16.`];
  }
  const vpc = parse(cidr);
  const faults = [];
  const network = text({ first: vpc.first - (vpc.first % size(vpc)), prefix: vpc.prefix });
  if (network !== cidr) {
    faults.push(`cidr ${cidr} does not begin at its first address. Write ${network}.`);
  }
  if (vpc.prefix < LARGEST_PREFIX) {
    faults.push(`cidr ${cidr} is larger than a VPC can be. Use a /${LARGEST_PREFIX} or smaller.`);
  }
  const each = Math.floor(2 ** (32 - vpc.prefix - SLOT_BITS));
  if (each < SUBNET_ADDRESSES) {
    const smallest = 32 - Math.log2(SUBNET_ADDRESSES) - SLOT_BITS;
    faults.push(
      `cidr ${cidr} leaves ${each} addresses for each of 8 subnets, EKS needs ${SUBNET_ADDRESSES}. ` +
        `Use a /${smallest} or larger.`,
    );
  }
  if (overlap(vpc, parse(SERVICE_CIDR))) {
    faults.push(
      `cidr ${cidr} overlaps ${SERVICE_CIDR}, where Kubernetes Services live. Choose another range.`,
    );
  }
  return faults;
}

function slot(vpc: Block, index: number): string {
  const prefix = vpc.prefix + SLOT_BITS;
  return text({ first: vpc.first + index * size({ first: 0, prefix }), prefix });
}

function parse(cidr: string): Block {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return { first: address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0), prefix };
}

function size({ prefix }: Block): number {
  return 2 ** (32 - prefix);
}

function text({ first, prefix }: Block): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${new ipaddr.IPv4(bytes).toString()}/${prefix}`;
}

function overlap(one: Block, other: Block): boolean {
  return one.first < other.first + size(other) && other.first < one.first + size(one);
}
