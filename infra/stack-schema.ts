import { z } from "zod";
import { LIVEKIT_PORTS } from "../components/shared/names.ts";
import { networkOf, overlap, parseRange, within } from "./cidr.ts";
import {
  chosenBy,
  flag,
  listOf,
  mismatch,
  oneOf,
  ordered,
  rangeField,
  section,
  text,
  whole,
} from "./config-fields.ts";
import {
  DEFAULT_ENGINE_VERSION,
  DEFAULT_KUBERNETES_VERSION,
  DEFAULT_UDP_PORTS,
  SIZES,
  type SizeDefaults,
  vcpusOf,
} from "./sizes.ts";

/** The roles a stack can have. */
export const ROLES = ["primary", "standby", "media"] as const;

/** The range of the clusters' Services; one of the two that EKS itself chooses from, fixed so that it can be checked. */
export const SERVICE_CIDR = "172.20.0.0/16";

/** Private ranges (RFC 1918) and the shared range (RFC 6598): what a VPC may use without hiding public addresses. */
const PRIVATE_RANGES = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** Retention periods CloudWatch Logs knows (API reference, PutRetentionPolicy). */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

/**
 * Ports media may not use. LiveKit's own come from its sample configuration, NodePorts from Kubernetes' default range,
 * the last from Linux' default `net.ipv4.ip_local_port_range`, whose ports the kernel hands out by itself.
 */
const RESERVED_PORTS = [
  { from: LIVEKIT_PORTS.signal, to: LIVEKIT_PORTS.signal, what: "LiveKit's signalling" },
  { from: LIVEKIT_PORTS.iceTcp, to: LIVEKIT_PORTS.iceTcp, what: "ICE over TCP" },
  { from: LIVEKIT_PORTS.turnUdp, to: LIVEKIT_PORTS.turnUdp, what: "TURN" },
  { from: LIVEKIT_PORTS.turnTls, to: LIVEKIT_PORTS.turnTls, what: "TURN over TLS" },
  { from: 30000, to: 32767, what: "Kubernetes' NodePorts" },
  { from: 32768, to: 60999, what: "the kernel's ephemeral ports" },
];

function instanceType(atLeastVcpus: number, example: string): z.ZodString {
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

function networkCidr(): z.ZodString {
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
      range.prefix < 16 || range.prefix > 24
        ? `${value} is a /${range.prefix}; a region's network is a /16 to a /24. Choose a range of that size.`
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

function publicAccessCidr(): z.ZodString {
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

const role = () => oneOf(ROLES).default("media");
const size = () => oneOf(SIZES).default("medium");
const residency = () => text("a residency group in lower case", "eu", /^[a-z][a-z0-9-]{0,30}$/);

/** What is read of every file before anything else, each by itself, so that one fault does not hide the others. */
export const outlineFields = {
  role: role(),
  size: size(),
  residency: residency(),
  networkCidr: networkCidr(),
};

const protection = z
  .discriminatedUnion(
    "enabled",
    [
      section({ enabled: z.literal(true) }),
      section({
        enabled: z.literal(false),
        reason: text(
          "a reason of 10 to 256 characters, which becomes a tag",
          "region us is removed, see ticket 42",
          (value) => value.trim().length >= 10 && value.length <= 256,
        ),
      }),
    ],
    { error: chosenBy("enabled", ["true", "false"]) },
  )
  .prefault({ enabled: true });

const deployRoleArn = text(
  "the ARN of an IAM role",
  "arn:aws:iam::123456789012:role/meet-deploy",
  /^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
);

function network(defaults: SizeDefaults) {
  return section({
    cidr: networkCidr(),
    zoneCount: whole(2, 3).default(defaults.network.zoneCount),
    nat: oneOf(["none", "single", "per-zone"]).default(defaults.network.nat),
  });
}

function cluster(defaults: SizeDefaults) {
  const nodes = defaults.systemNodes;
  return section({
    kubernetesVersion: text(
      "a Kubernetes version in quotes",
      '"1.34"',
      /^1\.(3[0-9]|[4-9]\d)$/,
    ).default(DEFAULT_KUBERNETES_VERSION),
    publicAccessCidrs: listOf(publicAccessCidr(), "IPv4 ranges").exactOptional(),
    publicAccessReason: text(
      "a reason of 10 to 256 characters",
      "deployed from runners without fixed addresses",
      (value) => value.trim().length >= 10 && value.length <= 256,
    ).exactOptional(),
    systemNodes: section({
      instanceType: instanceType(2, "t3.large").default(nodes.instanceType),
      min: whole(2, 100).default(nodes.min),
      max: whole(2, 100).default(nodes.max),
    })
      .superRefine(ordered("min", "max"))
      .prefault({}),
    logRetentionDays: z
      .number({ error: ({ input }) => mismatch(input, "a number of days", "90") })
      .refine((days) => LOG_RETENTION_DAYS.includes(days), {
        error: ({ input }) =>
          mismatch(
            input,
            "a period CloudWatch Logs knows",
            LOG_RETENTION_DAYS.slice(4, 8).join(", "),
          ),
      })
      .default(defaults.logRetentionDays),
  })
    .superRefine(({ publicAccessCidrs, publicAccessReason }, context) => {
      const open = publicAccessCidrs?.indexOf("0.0.0.0/0") ?? -1;
      if (open >= 0 && publicAccessReason === undefined) {
        context.addIssue({
          code: "custom",
          path: ["publicAccessCidrs", open],
          message:
            "0.0.0.0/0 opens the cluster's API to the world. Give the ranges you deploy from, or say why not in publicAccessReason.",
        });
      }
    })
    .prefault({});
}

function media(defaults: SizeDefaults) {
  const { media: own } = defaults;
  return section({
    instanceType: instanceType(2, "c7i.xlarge").default(own.instanceType),
    min: whole(1, 100).default(own.min),
    max: whole(1, 100).default(own.max),
    udpPorts: section({ from: whole(1024, 65535), to: whole(1024, 65535) })
      .superRefine(ordered("from", "to"))
      .default(DEFAULT_UDP_PORTS),
    // An autoscaling group waits 48 hours at most for a lifecycle action (EC2 Auto Scaling user guide, lifecycle-hooks).
    drainDeadlineMinutes: whole(5, 1440).default(own.drainDeadlineMinutes),
    scaleIn: oneOf(["manual", "automatic"]).default(own.scaleIn),
    networkOutMbps: whole(10, 100_000).default(own.networkOutMbps),
  })
    .superRefine(ordered("min", "max"))
    .superRefine(({ udpPorts: { from, to }, instanceType: type }, context) => {
      for (const reserved of RESERVED_PORTS) {
        if (from <= reserved.to && reserved.from <= to) {
          const ports =
            reserved.from === reserved.to ? reserved.from : `${reserved.from}-${reserved.to}`;
          context.addIssue({
            code: "custom",
            path: ["udpPorts"],
            message: `${from}-${to} contains ports of ${reserved.what} (${ports}). Choose others, such as 7882-7913.`,
          });
        }
      }
      const vcpus = vcpusOf(type);
      const count = to - from + 1;
      // A mux opens as many sockets as there are CPUs or ports, whichever is fewer (livekit/mediatransportutil, rtcconfig).
      if (vcpus !== undefined && count < vcpus) {
        context.addIssue({
          code: "custom",
          path: ["udpPorts"],
          message: `${from}-${to} is ${count} ports, fewer than the ${vcpus} vCPUs of ${type}. Widen the range to one port per vCPU.`,
        });
      }
    })
    .prefault({});
}

/** Everything a stack's file may say of its own region; defaults come from the size. */
export function stackSchema(defaults: SizeDefaults) {
  const { egress, rooms, downloads, livekitValkey } = defaults;
  return z.object({
    "meet:role": role(),
    "meet:size": size(),
    "meet:residency": residency().exactOptional(),
    "meet:deployRoleArns": listOf(deployRoleArn, "IAM role ARNs").exactOptional(),
    "meet:protection": protection,
    "meet:network": network(defaults),
    "meet:cluster": cluster(defaults),
    "meet:media": media(defaults),
    "meet:egress": section({
      enabled: flag().default(egress.enabled),
      // A room's recording takes four vCPUs (livekit/egress, pkg/config, room_composite_cpu_cost).
      instanceType: instanceType(4, "c7i.xlarge").default(egress.instanceType),
      min: whole(1, 100).default(egress.min),
      max: whole(1, 100).default(egress.max),
      scaleIn: oneOf(["manual", "automatic"]).default(egress.scaleIn),
    })
      .superRefine(ordered("min", "max"))
      .prefault({}),
    "meet:rooms": section({
      minReplicas: whole(2, 100).default(rooms.minReplicas),
      maxReplicas: whole(2, 100).default(rooms.maxReplicas),
    })
      .superRefine(ordered("minReplicas", "maxReplicas"))
      .prefault({}),
    "meet:downloads": section({ replicas: whole(2, 100).default(downloads.replicas) }).prefault({}),
    "meet:livekitValkey": section({
      nodeType: cacheNode().default(livekitValkey.nodeType),
    }).prefault({}),
  });
}

function cacheNode(): z.ZodString {
  return text("an ElastiCache node type", "cache.t4g.medium", /^cache\.[a-z0-9]+\.[a-z0-9]+$/);
}

/** What only a home (the primary or the standby) has. */
export function homeSchema(defaults: SizeDefaults) {
  const { database, meetValkey, backend, frontend } = defaults;
  return z.object({
    "meet:database": section({
      instanceClass: text(
        "an RDS instance class",
        "db.t4g.medium",
        /^db\.[a-z0-9]+\.[a-z0-9]+$/,
      ).default(database.instanceClass),
      // gp3 for PostgreSQL: 20 GiB to 64 TiB (RDS user guide, CHAP_Storage).
      storageGib: whole(20, 65_536).default(database.storageGib),
      maxStorageGib: whole(20, 65_536).default(database.maxStorageGib),
      backupRetentionDays: whole(1, 35).default(database.backupRetentionDays),
      multiAz: flag().default(database.multiAz),
      engineVersion: text("a PostgreSQL version in quotes", '"16"', /^1[4-9](\.\d+)?$/).default(
        DEFAULT_ENGINE_VERSION,
      ),
      generation: whole(1, 999).default(1),
      backupPairChecked: text(
        "who checked the backup pair, and when, in 10 to 256 characters",
        "describe-source-regions, 2026-11-20, ops",
        (value) => value.trim().length >= 10 && value.length <= 256,
      ).exactOptional(),
    })
      .superRefine(ordered("storageGib", "maxStorageGib"))
      .prefault({}),
    "meet:meetValkey": section({ nodeType: cacheNode().default(meetValkey.nodeType) }).prefault({}),
    "meet:backend": section({
      minReplicas: whole(2, 100).default(backend.minReplicas),
      maxReplicas: whole(2, 100).default(backend.maxReplicas),
      workers: whole(1, 32).default(backend.workers),
    })
      .superRefine(ordered("minReplicas", "maxReplicas"))
      .prefault({}),
    "meet:frontend": section({ replicas: whole(2, 100).default(frontend.replicas) }).prefault({}),
  });
}
