import { z } from "zod";
import { MAX_ZONES } from "../components/network/subnets.ts";
import { parseRange } from "./cidr.ts";
import {
  chosenBy,
  flag,
  listOf,
  mismatch,
  oneOf,
  ordered,
  section,
  show,
  text,
  whole,
} from "./config-fields.ts";
import { RESERVED_PORTS, instanceType, networkCidr, publicAccessCidr } from "./network-fields.ts";
import {
  DEFAULT_KUBERNETES_VERSION,
  DEFAULT_UDP_PORTS,
  SIZES,
  type SizeDefaults,
  vcpusOf,
} from "./sizes.ts";

/** The roles a stack can have. */
export const ROLES = ["primary", "standby", "active", "fenced", "media"] as const;

/** Retention periods CloudWatch Logs knows (API reference, PutRetentionPolicy). */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

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
    zoneCount: whole(2, MAX_ZONES).default(defaults.network.zoneCount),
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
          `${show(input)} is not a period CloudWatch Logs knows. Choose one of ${LOG_RETENTION_DAYS.join(", ")}.`,
      })
      .default(defaults.logRetentionDays),
  })
    .superRefine(({ publicAccessCidrs, publicAccessReason }, context) => {
      // A range wider than any one organisation's is as good as the world.
      const open =
        publicAccessCidrs?.findIndex((cidr) => (parseRange(cidr)?.prefix ?? 32) < 8) ?? -1;
      if (open >= 0 && publicAccessReason === undefined) {
        context.addIssue({
          code: "custom",
          path: ["publicAccessCidrs", open],
          message: `${publicAccessCidrs?.[open] ?? ""} opens the cluster's API to the world. Give the ranges you deploy from, or say why not in publicAccessReason.`,
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
      if (vcpus !== undefined && count > 0 && count < vcpus) {
        context.addIssue({
          code: "custom",
          path: ["udpPorts"],
          message: `${from}-${to} is ${count} ports, fewer than the ${vcpus} vCPUs of ${type}. Widen the range to one port per vCPU.`,
        });
      }
    })
    .prefault({});
}

/** Schemas are costly to make and many stacks share a size, so each is made once. */
function once<Key extends object, Schema>(make: (key: Key) => Schema): (key: Key) => Schema {
  const made = new WeakMap<Key, Schema>();
  return (key) => {
    const schema = made.get(key) ?? make(key);
    made.set(key, schema);
    return schema;
  };
}

/** Everything a stack's file may say of its own region; defaults come from the size. */
export const stackSchema = once((defaults: SizeDefaults) => {
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
});

function cacheNode(): z.ZodString {
  return text("an ElastiCache node type", "cache.t4g.medium", /^cache\.[a-z0-9]+\.[a-z0-9]+$/);
}

/** What a home is built with unless its file says otherwise. */
export type HomeDefaults = Pick<SizeDefaults, "database" | "meetValkey" | "backend" | "frontend">;

/** What only a home (the primary or the standby) has. */
export const homeSchema = once(({ database, meetValkey, backend, frontend }: HomeDefaults) => {
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
        database.engineVersion,
      ),
      generation: whole(1, 999).default(1),
      restore: section({
        from: text(
          "the resource id of an instance or the ARN of its copied backups",
          "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
          /^(db-[A-Z0-9]{10,40}|arn:aws:rds:[a-z0-9-]+:\d{12}:auto-backup:ab-[a-z0-9]{10,60})$/,
        ),
        to: text(
          "a time in UTC, in quotes",
          '"2026-11-23T03:00:00Z"',
          (value) =>
            /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z$/.test(value) && !Number.isNaN(Date.parse(value)),
        ),
      }).exactOptional(),
      backupPairChecked: text(
        "who checked the backup pair, and when, in 10 to 256 characters",
        "describe-source-regions, 2026-11-20, ops",
        (value) => value.trim().length >= 10 && value.length <= 256,
      ).exactOptional(),
    })
      .superRefine(ordered("storageGib", "maxStorageGib"))
      .superRefine(({ storageGib, maxStorageGib }, context) => {
        // RDS user guide, USER_PIOPS.Autoscaling: the threshold is at least 10 % above the allocated storage.
        if (maxStorageGib > storageGib && maxStorageGib < storageGib * 1.1) {
          context.addIssue({
            code: "custom",
            path: ["maxStorageGib"],
            message: `${maxStorageGib} is less than 10 % above storageGib ${storageGib}, which RDS refuses. Raise it, or set both alike to switch growth off.`,
          });
        }
      })
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
});
