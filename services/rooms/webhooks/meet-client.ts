/** What Meet made of an event. */
export type MeetAnswer =
  | { readonly kind: "accepted" }
  /** It would say the same again. */
  | { readonly kind: "refused"; readonly status: number }
  /** It asked to be left alone for a time. */
  | { readonly kind: "busy"; readonly waitMs: number }
  /** It did not answer, or had a fault of its own. */
  | { readonly kind: "failed"; readonly reason: string };

/** Meet, as far as webhooks go. */
export interface Meet {
  post(body: string, token: string): Promise<MeetAnswer>;
  /** True if it can do its work, undefined if that can not be told. */
  isWell(): Promise<boolean | undefined>;
}

/** Where Meet takes webhooks (suitenumerique/meet, core/api/viewsets.py). */
const WEBHOOK_PATH = "/api/v1.0/rooms/webhooks-livekit/";

/** Asks the database and the cache; the second one, which asks nothing, where the first is not routed. */
const HEALTH_PATHS = ["/__heartbeat__", "/__lbheartbeat__"];

const POST_TIMEOUT_MS = 10_000;
const HEALTH_TIMEOUT_MS = 5000;

/** Longest that Meet can make the relay wait. */
const MAX_WAIT_MS = 60_000;

/** Statuses that say "not now". A redirect too: Meet answers one where it thinks that it was called by http. */
const NOT_NOW: ReadonlySet<number> = new Set([301, 302, 307, 308, 408, 425]);

/** Meet over HTTP, wherever it is at that time. Redirects are not followed: they would turn the post into a get. */
export class MeetClient implements Meet {
  private readonly meetUrl: () => string;

  constructor(meetUrl: () => string) {
    this.meetUrl = meetUrl;
  }

  async post(body: string, token: string): Promise<MeetAnswer> {
    let response: Response;
    try {
      response = await fetch(new URL(WEBHOOK_PATH, this.meetUrl()), {
        method: "POST",
        redirect: "manual",
        // Meet wants the bare token, as LiveKit sends it.
        headers: { authorization: token, "content-type": "application/webhook+json" },
        body,
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      });
      await response.arrayBuffer();
    } catch (error) {
      return { kind: "failed", reason: reasonOf(error) };
    }
    const { status } = response;
    if (status >= 200 && status < 300) {
      return { kind: "accepted" };
    }
    if (status === 429) {
      return { kind: "busy", waitMs: waitOf(response.headers.get("retry-after")) };
    }
    return status >= 500 || NOT_NOW.has(status)
      ? { kind: "failed", reason: `status ${status}` }
      : { kind: "refused", status };
  }

  async isWell(): Promise<boolean | undefined> {
    for (const path of HEALTH_PATHS) {
      try {
        const response = await fetch(new URL(path, this.meetUrl()), {
          redirect: "manual",
          signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
        });
        await response.arrayBuffer();
        if (response.status === 200) {
          return true;
        }
        if (response.status >= 500) {
          return false;
        }
      } catch {
        return false;
      }
    }
    return undefined;
  }
}

function waitOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, MAX_WAIT_MS) : 1000;
}

/** The cause behind "fetch failed", by its code only: its text may hold addresses. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) {
    return "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
  }
  return "unknown";
}
