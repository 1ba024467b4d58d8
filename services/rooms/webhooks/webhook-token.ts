import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";

/** A key of LiveKit's API. */
export interface SigningKey {
  readonly apiKey: string;
  readonly secret: string;
}

/** The keys that webhooks are signed and verified with. */
export interface WebhookKeys {
  /** The secret of a key, undefined where there is no such key. */
  secretOf(apiKey: string): string | undefined;
  /** All keys, the current one first. */
  all(): readonly SigningKey[];
}

/** Seconds that clocks may differ by. */
const LEEWAY_SECONDS = 60;

/** Seconds that LiveKit's own signatures last too (livekit/protocol, webhook/resource_url_notifier.go). */
const LIFE_SECONDS = 5 * 60;

const headerSchema = z.object({ alg: z.literal("HS256") });
const claimsSchema = z.object({
  iss: z.string(),
  exp: z.number(),
  nbf: z.number().optional(),
  sha256: z.string(),
});

/** True if LiveKit made this body with one of the keys: HS256 over a token that carries the body's SHA-256. */
export function isSignedWebhook(
  token: string,
  body: Buffer,
  keys: WebhookKeys,
  nowSeconds: number,
): boolean {
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  if (more.length > 0 || !headerSchema.safeParse(decoded(header)).success) {
    return false;
  }
  const claims = claimsSchema.safeParse(decoded(payload));
  const secret = claims.success ? keys.secretOf(claims.data.iss) : undefined;
  if (!claims.success || secret === undefined) {
    return false;
  }
  const { exp, nbf = 0, sha256 } = claims.data;
  return (
    isEqual(Buffer.from(signature, "base64url"), hmac(secret, `${header}.${payload}`)) &&
    isEqual(Buffer.from(sha256, "base64"), createHash("sha256").update(body).digest()) &&
    exp > nowSeconds - LEEWAY_SECONDS &&
    nbf < nowSeconds + LEEWAY_SECONDS
  );
}

/** A signature of the body as LiveKit makes it. */
export function signWebhook(
  body: string | Uint8Array,
  key: SigningKey,
  nowSeconds: number,
): string {
  const sha256 = createHash("sha256").update(body).digest("base64");
  const claims = { iss: key.apiKey, nbf: nowSeconds, exp: nowSeconds + LIFE_SECONDS, sha256 };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${signed}.${hmac(key.secret, signed).toString("base64url")}`;
}

function hmac(secret: string, text: string): Buffer {
  return createHmac("sha256", secret).update(text).digest();
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function encoded(part: Readonly<Record<string, string | number>>): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
