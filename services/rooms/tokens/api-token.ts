import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";

/** Seconds by which clocks may be apart, as LiveKit has it (livekit/protocol, auth/verifier.go). */
const LEEWAY_SECONDS = 60;

/** Meet's tokens have some 300 characters; nothing longer than this is looked at. */
const MAX_TOKEN_LENGTH = 16_384;

const headerSchema = z.object({ alg: z.literal("HS256") });

const payloadSchema = z.object({
  iss: z.string(),
  exp: z.number(),
  nbf: z.number().optional(),
  video: z.object({ roomCreate: z.boolean().optional() }).optional(),
});

/** The secrets of LiveKit's API keys: the current one and, while keys are rotated, the one before. */
export interface ApiSecrets {
  secretOf(apiKey: string): string | undefined;
}

/** A token of the server API that is in order, or what is wrong with it, which names nothing of what is in it. */
export type ApiToken =
  | { readonly ok: true; readonly mayCreateRooms: boolean }
  | { readonly ok: false; readonly fault: string };

/**
 * Verifies a token of LiveKit's server API: signed with one of the keys, by HS256 and nothing else, and good now. Which
 * call it is good for is judged by LiveKit.
 */
export function verifyApiToken(text: string, secrets: ApiSecrets, nowSeconds: number): ApiToken {
  const parts = text.split(".");
  const [header, payload, signature] = parts;
  if (
    text.length > MAX_TOKEN_LENGTH ||
    parts.length !== 3 ||
    header === undefined ||
    payload === undefined ||
    signature === undefined
  ) {
    return fault("the token is not a JWT");
  }
  const claims = payloadSchema.safeParse(decoded(payload)).data;
  if (!headerSchema.safeParse(decoded(header)).success || claims === undefined) {
    return fault("the token is not one of LiveKit's: HS256, with an issuer and an end");
  }
  const secret = secrets.secretOf(claims.iss);
  if (secret === undefined) {
    return fault("the token's issuer is not an API key of this deployment");
  }
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return fault("the token's signature does not verify");
  }
  if (claims.exp + LEEWAY_SECONDS < nowSeconds) {
    return fault("the token has expired");
  }
  if (claims.nbf !== undefined && claims.nbf - LEEWAY_SECONDS > nowSeconds) {
    return fault("the token is not good yet");
  }
  return { ok: true, mayCreateRooms: claims.video?.roomCreate === true };
}

function fault(sentence: string): ApiToken {
  return { ok: false, fault: sentence };
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
