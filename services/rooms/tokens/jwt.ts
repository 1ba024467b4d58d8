import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";

/** Seconds by which clocks may be apart, as LiveKit has it (livekit/protocol, auth/verifier.go). */
const LEEWAY_SECONDS = 60;

/** Meet's tokens have some 700 characters, those with many attributes a few thousand; nothing longer is looked at. */
const MAX_TOKEN_LENGTH = 32_768;

const headerSchema = z.object({ alg: z.literal("HS256") });

const commonSchema = z.object({
  iss: z.string().min(1),
  exp: z.number(),
  nbf: z.number().optional(),
});

/** The secrets of LiveKit's API keys: the current one and, while keys are rotated, the one before. */
export interface ApiSecrets {
  secretOf(apiKey: string): string | undefined;
}

/** What is wrong with a token; names nothing of what is in it. */
export interface TokenFault {
  readonly ok: false;
  readonly fault: string;
}

/** A token that is signed and good now. */
export interface VerifiedToken<T> {
  readonly ok: true;
  readonly claims: T;
  /** Tells one token from another; nothing of the token can be learned from it. */
  readonly id: string;
}

/** Verifies a LiveKit token: signed with one of the keys, by HS256 and nothing else, good now, and of that content. */
export function verifyLiveKitToken<T>(
  text: string,
  secrets: ApiSecrets,
  nowSeconds: number,
  schema: z.ZodType<T>,
): VerifiedToken<T> | TokenFault {
  const [header = "", payload = "", signature = "", ...more] =
    text.length > MAX_TOKEN_LENGTH ? [] : text.split(".");
  if (header === "" || payload === "" || signature === "" || more.length > 0) {
    return fault("the token is not a JWT");
  }
  const content = decoded(payload);
  const common = commonSchema.safeParse(content).data;
  if (!headerSchema.safeParse(decoded(header)).success || common === undefined) {
    return fault("the token is not one of LiveKit's: HS256, with an issuer and an end");
  }
  const secret = secrets.secretOf(common.iss);
  if (secret === undefined) {
    return fault("the token's issuer is not an API key of this deployment");
  }
  const signed = `${header}.${payload}`;
  const expected = createHmac("sha256", secret).update(signed).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return fault("the token's signature does not verify");
  }
  if (common.exp + LEEWAY_SECONDS < nowSeconds) {
    return fault("the token has expired");
  }
  if (common.nbf !== undefined && common.nbf - LEEWAY_SECONDS > nowSeconds) {
    return fault("the token is not good yet");
  }
  const claims = schema.safeParse(content);
  return claims.success
    ? { ok: true, claims: claims.data, id: createHash("sha256").update(signed).digest("base64url") }
    : fault("the token does not allow this");
}

function fault(sentence: string): TokenFault {
  return { ok: false, fault: sentence };
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
