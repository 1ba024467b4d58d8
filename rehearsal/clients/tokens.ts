import { SignJWT } from "jose";
import type { LiveKitKey } from "../processes/running-fleet.ts";

/** What Meet puts into a join token for one person. */
export interface JoinTokenOptions {
  readonly key: LiveKitKey;
  readonly room: string;
  readonly identity: string;
  /** @default the identity */
  readonly name?: string;
  /** Owners and administrators of the room. @default false */
  readonly isOwner?: boolean;
  /** Meet's are valid for six hours. @default 21600 */
  readonly ttlSeconds?: number;
  /** Back-dates the token, for tests of expiry and leeway. @default now */
  readonly nowSeconds?: number;
}

const MEET_TTL_SECONDS = 6 * 3600;

/** A join token with the claims that Meet's backend writes (suitenumerique/meet, src/backend/core/utils.py, generate_token). */
export function joinToken(options: JoinTokenOptions): Promise<string> {
  const { key, room, identity, name = identity, isOwner = false } = options;
  return sign(key, options.nowSeconds, options.ttlSeconds ?? MEET_TTL_SECONDS, {
    sub: identity,
    name,
    video: {
      room,
      roomJoin: true,
      roomAdmin: isOwner,
      canPublish: true,
      canPublishSources: ["camera", "microphone", "screen_share", "screen_share_audio"],
      canSubscribe: true,
      canUpdateOwnMetadata: false,
    },
    attributes: {
      color: "hsl(210, 75%, 30%)",
      room_role: isOwner ? "owner" : "member",
      is_authenticated: "true",
    },
  });
}

/** A token of the server API with the given grants, as livekit-api mints one for each call. */
export function apiToken(
  key: LiveKitKey,
  video: Readonly<Record<string, unknown>>,
): Promise<string> {
  return sign(key, undefined, MEET_TTL_SECONDS, { sub: "", video });
}

function sign(
  key: LiveKitKey,
  nowSeconds: number | undefined,
  ttlSeconds: number,
  claims: Record<string, unknown>,
): Promise<string> {
  const now = nowSeconds ?? Math.floor(Date.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(key.apiKey)
    .setNotBefore(now)
    .setExpirationTime(now + ttlSeconds)
    .sign(new TextEncoder().encode(key.apiSecret));
}
