import { createHash } from "node:crypto";
import * as z from "zod";

/** What the gateway has to know of a webhook; the body goes on byte for byte. */
export interface WebhookEvent {
  /** Of LiveKit; the same when it sends the event again. */
  readonly id: string;
  /** For example `room_finished`. */
  readonly kind: string;
  /** Events of one subject reach Meet in their order: a room's, a recording's or an ingress's. */
  readonly subject: string;
  /** The room's name and LiveKit's id of it, for events of a room and of who and what is in it. */
  readonly room?: string;
  readonly sid?: string;
  readonly body: string;
}

const text = z.string().optional();

/**
 * Only what is read here: the whole message of @livekit/protocol would refuse an event for one value of an enum that a
 * newer LiveKit knows. LiveKit writes lowerCamelCase (livekit/protocol, utils/protojson).
 */
const eventSchema = z.object({
  event: z.string().min(1).max(100),
  id: z.string().max(200).optional(),
  room: z.object({ name: text, sid: text }).optional(),
  egressInfo: z.object({ egressId: text }).optional(),
  ingressInfo: z.object({ ingressId: text }).optional(),
});

/** Reads an event, undefined where the body is none. */
export function parseWebhook(body: string): WebhookEvent | undefined {
  const parsed = eventSchema.safeParse(jsonOf(body));
  if (!parsed.success) {
    return undefined;
  }
  const { event: kind, id, room, egressInfo, ingressInfo } = parsed.data;
  const digest = createHash("sha256").update(body).digest("hex");
  const common = { id: id === undefined || id === "" ? digest : id, kind, body };
  if (isRecordingEvent(kind)) {
    const subject = egressInfo?.egressId ?? ingressInfo?.ingressId ?? common.id;
    return { ...common, subject: `egress:${subject}` };
  }
  if (room?.name === undefined || room.name === "") {
    return { ...common, subject: `event:${common.id}` };
  }
  const sid = room.sid === undefined || room.sid === "" ? {} : { sid: room.sid };
  return { ...common, subject: `room:${room.name}`, room: room.name, ...sid };
}

/** True for events of recordings and of streams that come in: a lost one leaves a recording open for ever. */
export function isRecordingEvent(kind: string): boolean {
  return kind.startsWith("egress_") || kind.startsWith("ingress_");
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
