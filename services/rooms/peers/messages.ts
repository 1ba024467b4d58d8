import * as z from "zod";
import { regionName } from "../../shared/environment.ts";
import type { Cause, Claim } from "../placement/claim.ts";
import type { PutResult, RegionStatus } from "../placement/ports.ts";
import type { Pin } from "../store/pins-store.ts";

/**
 * The messages between the gateways of two regions. Two versions in a row work together: fields that are not known are
 * left out, and a field that came later has a default or is optional.
 */

/** Bytes of the longest message that is read: a page of claims, or a Twirp body, is far below. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Rooms that one message may ask about. */
export const MAX_ROOMS_AT_ONCE = 500;

const CAUSES = ["join", "failover", "move", "restore", "heal"] as const satisfies readonly Cause[];

/** A room's name as LiveKit takes it. */
export const roomName = z.string().min(1).max(512);

const identities = z.array(z.string().max(4096)).max(100_000);

/** A claim. A newer gateway may know a cause that this one does not: a lost host is the one taken most carefully. */
export const claimSchema = z.object({
  room: roomName,
  epoch: z.int().nonnegative(),
  region: regionName,
  tenure: z.int().nonnegative(),
  state: z.enum(["open", "closed"]),
  cause: z.union([z.enum(CAUSES), z.string().transform((): Cause => "failover")]),
  confirmed: z.boolean().default(false),
  fresh: z.boolean().default(false),
}) satisfies z.ZodType<Claim>;

/** What a region says of its own work, for operators; nothing is decided by it. */
export const loadSchema = z.object({
  rooms: z.number().exactOptional(),
  tunnels: z.number().exactOptional(),
  splitRooms: z.array(z.string()).exactOptional(),
  webhooksWaiting: z.number().exactOptional(),
});
export type Load = z.output<typeof loadSchema>;

export const regionStatusSchema = z.object({
  region: regionName,
  liveKitUp: z.boolean(),
  storeUp: z.boolean(),
  draining: z.boolean().default(false),
  load: loadSchema.exactOptional(),
});
/** A region's word about itself, with its load where it says it. */
export type PeerStatus = RegionStatus & { readonly load?: Load };

/** One region's line in the member list. Version and state rise only by an operator's word. */
export const memberSchema = z.object({
  version: z.int().nonnegative(),
  state: z.enum(["member", "removed"]),
  primaryEpoch: z.int().positive().exactOptional(),
});

/** A member list as it travels. What is no region's name in it is nobody's fault that could be mended: it is left out. */
export const memberListSchema = z.record(z.string(), z.unknown()).transform((list) =>
  Object.fromEntries(
    Object.entries(list).flatMap(([region, line]) => {
      const member = memberSchema.safeParse(line);
      return regionName.safeParse(region).success && member.success ? [[region, member.data]] : [];
    }),
  ),
);

/** The answer to a poll and to an announcement. */
export const statusAnswerSchema = z.object({
  status: regionStatusSchema,
  members: memberListSchema.default({}),
  /** Milliseconds since 1970 by the clock of whoever answers. */
  clock: z.number().exactOptional(),
});
export type StatusAnswer = z.output<typeof statusAnswerSchema>;

export const announceSchema = z.object({ members: memberListSchema.default({}) });

export const knowledgeSchema = z.object({
  claim: claimSchema.exactOptional(),
  status: regionStatusSchema,
});

export const roomsMessageSchema = z.object({ rooms: z.array(roomName).max(MAX_ROOMS_AT_ONCE) });
export const heldSchema = z.object({ claims: z.array(claimSchema) });

export const putSchema = z.object({ claim: claimSchema, expected: claimSchema.exactOptional() });
export const putResultSchema = z.union([
  z.object({ stored: z.literal(true) }),
  z
    .object({ stored: z.literal(false), found: claimSchema.optional() })
    .transform(({ found }): PutResult => ({ stored: false, found })),
]);

export const claimMessageSchema = z.object({ claim: claimSchema });
export const roomMessageSchema = z.object({ room: roomName });
export const probeSchema = z.object({ target: regionName });
export const probeAnswerSchema = z.object({ status: regionStatusSchema.exactOptional() });
export const pageSchema = z.object({ cursor: z.string().max(1000) });
export const claimsSchema = z.object({
  claims: z.array(claimSchema),
  next: z.string().exactOptional(),
});
export const countSchema = z.object({
  identities,
  liveKitUp: z.boolean(),
  tenure: z.int().exactOptional(),
});
export const rejoinSchema = z.object({ room: roomName, identities });

/** What a room takes along when it is moved. */
export const prepareSchema = z.object({
  claim: claimSchema,
  carried: z.object({
    metadata: z.string().default(""),
    dispatches: z
      .array(z.object({ agentName: z.string(), metadata: z.string().default("") }))
      .default([]),
  }),
});

/** A pin; one without a region was taken away. */
export const pinSchema = z
  .object({
    room: roomName,
    by: z.enum(["operator", "owner"]),
    region: regionName.optional(),
    at: z.int().nonnegative(),
    nonce: z.string().max(100).default(""),
  })
  .transform((pin): Pin => ({ ...pin, region: pin.region }));
export const pinMessageSchema = z.object({ pin: pinSchema });
export const pinsSchema = z.object({
  pins: z.array(pinSchema),
  next: z.string().exactOptional(),
});

/** An answer that says nothing but that it was done. */
export const doneSchema = z.object({});

/** Body of a refusal. */
export const refusalSchema = z.object({ refusal: z.string(), error: z.string().default("") });
