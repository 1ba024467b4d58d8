import * as z from "zod";
import { verifyLiveKitToken, type ApiSecrets, type TokenFault } from "./jwt.ts";

const joinSchema = z.object({
  sub: z.string().min(1),
  video: z.object({
    room: z.string().min(1),
    roomJoin: z.literal(true),
    roomAdmin: z.boolean().optional(),
  }),
});

/** A token that lets somebody into a room. */
export interface JoinToken {
  readonly ok: true;
  readonly room: string;
  readonly identity: string;
  /** Meet says so of a room's owners and administrators. */
  readonly isOwner: boolean;
  /** Tells one token from another; nothing of the token can be learned from it. */
  readonly id: string;
}

/** Verifies a token for joining a room. */
export function verifyJoinToken(
  text: string,
  keys: ApiSecrets,
  nowSeconds: number,
): JoinToken | TokenFault {
  const verified = verifyLiveKitToken(text, keys, nowSeconds, joinSchema);
  if (!verified.ok) {
    return verified;
  }
  const { sub: identity, video } = verified.claims;
  const { room, roomAdmin: isOwner = false } = video;
  return { ok: true, room, identity, isOwner, id: verified.id };
}
