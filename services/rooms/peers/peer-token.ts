import { createHash, createSecretKey, randomUUID, type KeyObject } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import * as z from "zod";

/** Header of a request that a gateway makes to another region's. */
export const PEER_HEADER = "x-meet-peer";

/** Who signs: gateways and operators have secrets of their own, and the token of one is nothing to the other. */
export type Purpose = "peer" | "operator";

/** A request as far as a token binds it. */
export interface SignedRequest {
  readonly method: string;
  /** Path with query, as it is on the request line. */
  readonly url: string;
  /** Empty for upgrades and GETs. */
  readonly body: Uint8Array;
}

/** Who made a request whose token is in order: a region, or an operator's name. */
export interface Signer {
  readonly ok: true;
  readonly issuer: string;
}

/** What is wrong with a token; names nothing of what is in it. */
export interface TokenRefused {
  readonly ok: false;
  readonly fault: string;
}

/** The secrets of now, the first one signs, all are accepted. */
export type Secrets = () => readonly string[];

/** The once-only ids of tokens, as all pods of a region share them. */
export interface SeenTokens {
  /** True the first time that an id is seen within its life. */
  isFirst(id: string, lifeSeconds: number): Promise<boolean>;
}

/** Seconds that a token is good for, the most that is accepted, and how far two clocks may be apart. */
const LIFE_SECONDS = 20;
const MAX_LIFE_SECONDS = 30;
const LEEWAY_SECONDS = 5;

/** A token is some 400 characters; nothing longer is looked at. */
const MAX_TOKEN_LENGTH = 2048;

const payloadSchema = z.object({
  iss: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/),
  method: z.string(),
  path: z.string(),
  bodySha256: z.string(),
  jti: z.string().min(16).max(100),
  iat: z.int(),
  exp: z.int(),
});

/** Keys of the secrets in use: jose prepares an object once, and bytes anew for each token. */
class Keys {
  private readonly secrets: Secrets;
  private known = new Map<string, KeyObject>();

  constructor(secrets: Secrets) {
    this.secrets = secrets;
  }

  /** The key of each secret of now, in their order. Those of former secrets are forgotten. */
  now(): readonly KeyObject[] {
    const secrets = this.secrets();
    this.known = new Map(
      secrets.map((secret) => [
        secret,
        this.known.get(secret) ?? createSecretKey(Buffer.from(secret)),
      ]),
    );
    return [...this.known.values()];
  }
}

/** Signs the requests of one region or operator. A token is good for one request, once, for 20 seconds. */
export class RequestSigner {
  private readonly purpose: Purpose;
  private readonly issuer: string;
  private readonly keys: Keys;
  private readonly nowMs: () => number;

  constructor(
    purpose: Purpose,
    issuer: string,
    secrets: Secrets,
    nowMs: () => number = () => Date.now(),
  ) {
    this.purpose = purpose;
    this.issuer = issuer;
    this.keys = new Keys(secrets);
    this.nowMs = nowMs;
  }

  /** A token for one request to one region. */
  sign(audience: string, request: SignedRequest): Promise<string> {
    const [key] = this.keys.now();
    if (key === undefined) {
      throw new Error(`RequestSigner "${this.purpose}": there is no secret to sign with.`);
    }
    const now = Math.floor(this.nowMs() / 1000);
    return new SignJWT({
      method: request.method,
      path: boundPath(request.url),
      bodySha256: sha256(request.body),
    })
      .setProtectedHeader({ alg: "HS256", typ: typeOf(this.purpose) })
      .setIssuer(this.issuer)
      .setAudience(audience)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + LIFE_SECONDS)
      .sign(key);
  }
}

/** Judges the requests that come to one region. Says the same of each forgery, whatever is wrong with it. */
export class RequestVerifier {
  private readonly purpose: Purpose;
  private readonly audience: string;
  private readonly keys: Keys;
  private readonly seen: SeenTokens;
  private readonly nowMs: () => number;

  constructor(
    purpose: Purpose,
    audience: string,
    secrets: Secrets,
    seen: SeenTokens,
    nowMs: () => number = () => Date.now(),
  ) {
    this.purpose = purpose;
    this.audience = audience;
    this.keys = new Keys(secrets);
    this.seen = seen;
    this.nowMs = nowMs;
  }

  /** Whether this very request was signed for this region, lately, and is here for the first time. */
  async verify(token: string, request: SignedRequest): Promise<Signer | TokenRefused> {
    if (token === "" || token.length > MAX_TOKEN_LENGTH) {
      return refused("the token is missing or too long");
    }
    const payload = await this.payloadOf(token);
    if (payload === undefined) {
      return refused("the token is not one for this region, or has expired");
    }
    if (payload.exp - payload.iat > MAX_LIFE_SECONDS) {
      return refused(`the token lives longer than ${MAX_LIFE_SECONDS} seconds`);
    }
    if (
      payload.method !== request.method ||
      payload.path !== boundPath(request.url) ||
      payload.bodySha256 !== sha256(request.body)
    ) {
      return refused("the token is for another request");
    }
    // Only now: what is not signed must not fill the memory of ids.
    if (!(await this.seen.isFirst(payload.jti, MAX_LIFE_SECONDS + 2 * LEEWAY_SECONDS))) {
      return refused("the token was used before");
    }
    return { ok: true, issuer: payload.iss };
  }

  private async payloadOf(token: string): Promise<z.output<typeof payloadSchema> | undefined> {
    for (const key of this.keys.now()) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ["HS256"],
          typ: typeOf(this.purpose),
          audience: this.audience,
          clockTolerance: LEEWAY_SECONDS,
          // Refuses what was issued in the future, too.
          maxTokenAge: MAX_LIFE_SECONDS,
          currentDate: new Date(this.nowMs()),
        });
        return payloadSchema.safeParse(payload).data;
      } catch {
        continue;
      }
    }
    return undefined;
  }
}

/** The path, and what stands for its query: the query itself holds LiveKit's token and must not travel twice. */
export function boundPath(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? url : `${url.slice(0, at)}?${sha256(Buffer.from(url.slice(at + 1)))}`;
}

function typeOf(purpose: Purpose): string {
  return `meet-${purpose}+jwt`;
}

function refused(fault: string): TokenRefused {
  return { ok: false, fault };
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}
