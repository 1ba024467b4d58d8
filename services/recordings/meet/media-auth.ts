import type { MediaKey } from "../media-key.ts";
import { NoAnswer, type Outbound } from "../outbound.ts";

/** What Meet says to a caller who wants a medium. */
export type Decision =
  | { readonly kind: "allowed" }
  /** Meet's own status: not signed in, not allowed, unknown, no such kind of file, or too many requests. */
  | { readonly kind: "denied"; readonly status: DeniedStatus; readonly retryAfter?: string }
  /** Meet did not decide. */
  | { readonly kind: "unavailable"; readonly reason: string };

/** Statuses with which Meet denies (suitenumerique/meet core/api/viewsets.py, both views `media_auth`). */
export const DENIED_STATUSES = [400, 401, 403, 404, 429] as const;
export type DeniedStatus = (typeof DENIED_STATUSES)[number];

/** What of a caller's request Meet decides by. */
export interface Caller {
  readonly method: string;
  readonly cookie?: string;
  readonly forwardedFor?: string;
}

/** Longer than Meet takes with all its workers busy for a moment, shorter than a balancer waits. */
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Asks Meet, as nginx does by `auth-url` in Meet's chart (suitenumerique/meet src/helm/meet/values.yaml). */
export class MediaAuth {
  private readonly meetUrl: string;
  private readonly host: string;
  private readonly outbound: Outbound;

  constructor(parts: {
    /** Where Meet's backend is reached: inside the cluster by http. */
    readonly meetUrl: string;
    /** Its public name, which is the only host it answers to: `meet.<domain>`. */
    readonly host: string;
    readonly outbound: Outbound;
  }) {
    this.meetUrl = parts.meetUrl.replace(/\/+$/, "");
    this.host = parts.host;
    this.outbound = parts.outbound;
  }

  /** Meet's decision on the key, for this caller and now. */
  async decide(key: MediaKey, caller: Caller): Promise<Decision> {
    try {
      const { status, headers } = await this.outbound.read(
        {
          method: "GET",
          url: `${this.meetUrl}/api/v1.0/${key.kind}/media-auth/`,
          headers: this.headers(key, caller),
          timeoutMs: TIMEOUT_MS,
        },
        MAX_ANSWER_BYTES,
      );
      if (status === 200) {
        // The view signs what it allows. Anything else that answers 200, a page of the frontend, allows nothing.
        return headers.authorization?.startsWith("AWS4-HMAC-SHA256 ") === true
          ? { kind: "allowed" }
          : { kind: "unavailable", reason: "a 200 that is not of media-auth" };
      }
      const denied = DENIED_STATUSES.find((it) => it === status);
      if (denied === undefined) {
        return { kind: "unavailable", reason: `status ${status}` };
      }
      const retryAfter = headers["retry-after"];
      return {
        kind: "denied",
        status: denied,
        ...(retryAfter === undefined ? {} : { retryAfter }),
      };
    } catch (error) {
      if (error instanceof NoAnswer) {
        return { kind: "unavailable", reason: error.message };
      }
      throw error;
    }
  }

  private headers(key: MediaKey, caller: Caller): Record<string, string> {
    return {
      host: this.host,
      accept: "application/json",
      // Without it Meet answers with a redirect to https (Django, SECURE_SSL_REDIRECT).
      "x-forwarded-proto": "https",
      "x-original-url": `https://${this.host}${key.path()}`,
      "x-original-method": caller.method,
      ...(caller.cookie === undefined ? {} : { cookie: caller.cookie }),
      ...(caller.forwardedFor === undefined ? {} : { "x-forwarded-for": caller.forwardedFor }),
    };
  }
}
