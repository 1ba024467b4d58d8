import { z } from "zod";
import { SERVICE_CIDR } from "../components/network/subnets.ts";
import { LIVEKIT_PORTS } from "../components/shared/names.ts";
import { networkOf, overlap, parseRange, within } from "./cidr.ts";
import { mismatch, rangeField } from "./config-fields.ts";
import { vcpusOf } from "./sizes.ts";

/** Private ranges (RFC 1918) and the shared range (RFC 6598): what a VPC may use without hiding public addresses. */
const PRIVATE_RANGES = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/**
 * Ports media may not use. LiveKit's own come from its sample configuration, NodePorts from Kubernetes' default range,
 * the last from Linux' default `net.ipv4.ip_local_port_range`, whose ports the kernel hands out by itself.
 */
export const RESERVED_PORTS = [
  { from: LIVEKIT_PORTS.signal, to: LIVEKIT_PORTS.signal, what: "LiveKit's signalling" },
  { from: LIVEKIT_PORTS.iceTcp, to: LIVEKIT_PORTS.iceTcp, what: "ICE over TCP" },
  { from: LIVEKIT_PORTS.turnUdp, to: LIVEKIT_PORTS.turnUdp, what: "TURN" },
  { from: LIVEKIT_PORTS.turnTls, to: LIVEKIT_PORTS.turnTls, what: "TURN over TLS" },
  { from: 30000, to: 32767, what: "Kubernetes' NodePorts" },
  { from: 32768, to: 60999, what: "the kernel's ephemeral ports" },
];

/** An EC2 instance type the images are known to run on, with at least so many vCPUs. */
export function instanceType(atLeastVcpus: number, example: string): z.ZodString {
  const form = (value: unknown) => mismatch(value, "an EC2 instance type", example);
  return z.string({ error: ({ input }) => form(input) }).superRefine((value, context) => {
    const family = /^([a-z]+\d+[a-z-]*)\.[a-z0-9-]+$/.exec(value)?.[1];
    const vcpus = vcpusOf(value);
    const fault =
      family === undefined
        ? form(value)
        : /\dg/.test(family)
          ? `${value} is arm64, for which the images are not known to exist. Choose an amd64 type such as ${example}.`
          : vcpus !== undefined && vcpus < atLeastVcpus
            ? `${value} has ${vcpus} vCPUs, fewer than the ${atLeastVcpus} needed. Choose one such as ${example}.`
            : undefined;
    if (fault !== undefined) {
      context.addIssue({ code: "custom", message: fault });
    }
  });
}

/** A region's own range: private, of a size the network component can divide, and apart from the Services'. */
export function networkCidr(): z.ZodString {
  return rangeField("10.42.0.0/16").superRefine((value, context) => {
    const range = parseRange(value);
    if (range === undefined) {
      return;
    }
    const written = networkOf(range);
    const isPrivate = PRIVATE_RANGES.some((each) => {
      const outer = parseRange(each);
      return outer !== undefined && within(range, outer);
    });
    const services = parseRange(SERVICE_CIDR);
    const fault =
      range.prefix < 16 || range.prefix > 23
        ? `${value} is a /${range.prefix}; a region's network is a /16 to a /23. Choose a range of that size.`
        : written !== value
          ? `${value} does not start at the first address of its range. Write ${written}.`
          : !isPrivate
            ? `${value} is not a private range. Choose one in ${PRIVATE_RANGES.join(", ")}.`
            : services !== undefined && overlap(range, services)
              ? `${value} overlaps ${SERVICE_CIDR}, the range of the cluster's Services. Choose another range.`
              : undefined;
    if (fault !== undefined) {
      context.addIssue({ code: "custom", message: fault });
    }
  });
}

/** A range that may reach the cluster's public endpoint. */
export function publicAccessCidr(): z.ZodString {
  return rangeField("203.0.113.0/24").superRefine((value, context) => {
    const range = parseRange(value);
    const inner = PRIVATE_RANGES.find((each) => {
      const outer = parseRange(each);
      return range !== undefined && outer !== undefined && within(range, outer);
    });
    if (inner !== undefined) {
      context.addIssue({
        code: "custom",
        message: `${value} is private, which EKS refuses for its public endpoint. Give the public address of whoever deploys.`,
      });
    }
  });
}
