import * as z from "zod";

/**
 * The gateways' answers, as far as operators are shown them (services/rooms/admin). Fields that a version before does
 * not send have a default.
 */

const drainingSchema = z.object({
  kind: z.enum(["drain", "evacuation"]),
  since: z.number(),
  deadline: z.number(),
  done: z.number().optional(),
  of: z.number().optional(),
  left: z.array(z.string()).optional(),
  /** Not sent by gateways of a version before. */
  by: z.string().optional(),
});

/** What a region is doing about its rooms on an operator's word. */
export type DrainState = z.output<typeof drainingSchema>;

/** Answer to `GET status`. */
export const statusSchema = z.object({
  region: z.string(),
  liveKitUp: z.boolean(),
  storeUp: z.boolean(),
  version: z.string(),
  draining: drainingSchema.optional(),
  rooms: z.number(),
  /** Not sent by gateways of the first version, nor while LiveKit does not answer. */
  participants: z.number().optional(),
  tunnels: z.number(),
  splitRooms: z.array(z.string()),
  webhooks: z.object({
    waiting: z.number(),
    oldestSeconds: z.number(),
    setAside: z.number(),
  }),
  members: z.record(z.string(), z.object({ state: z.enum(["member", "removed"]) })),
  peers: z.array(z.object({ region: z.string(), reachable: z.boolean() })),
});

/** What a region's gateway says of itself and of the others. */
export type GatewayStatus = z.output<typeof statusSchema>;

/** Answer to `GET rooms/<room>`. */
export const roomSchema = z.object({
  room: z.string(),
  regions: z.array(
    z.object({
      region: z.string(),
      fault: z.string().optional(),
      claim: z
        .object({
          epoch: z.number(),
          region: z.string(),
          state: z.string(),
          cause: z.string(),
        })
        .optional(),
      participants: z.number().optional(),
    }),
  ),
});

/** A room as the regions have it. */
export type RoomAnswer = z.output<typeof roomSchema>;

/** Answer to a pin. */
export const pinSchema = z.object({
  room: z.string(),
  notReached: z.array(z.string()).default([]),
});

/** Answer to a move. */
export const moveSchema = z.object({ room: z.string(), region: z.string() });

/** An answer of which nothing is used. */
export const anySchema = z.unknown();
