import type { IncomingHttpHeaders } from "node:http";
import { MEDIA_PATH, MediaKey, RECORDING_EXTENSIONS } from "../media-key.ts";
import { NoAnswer, type Outbound, type ReadAnswer } from "../outbound.ts";
import type { Caller, MediaAuth } from "./media-auth.ts";

/** Below it are Meet's recordings (suitenumerique/meet core/urls.py). */
export const RECORDINGS_PATH = "/api/v1.0/recordings/";

/**
 * The address of a recording as Meet writes it. Django takes other spellings of a UUID too: one string is forwarded,
 * written down and deleted, so nothing but this one is.
 */
const WHOLE_PATH = new RegExp(
  `^${RECORDINGS_PATH}([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/$`,
);

/** Whom Meet deletes for: its session, and what Django checks against forged requests (CsrfViewMiddleware). */
const FORWARDED = [
  ...["cookie", "x-csrftoken", "origin", "referer"],
  ...["accept", "accept-language", "user-agent", "x-forwarded-for"],
] as const;

/** Longer than the 90 s after which Gunicorn ends a request: what has no answer then is not being worked on. */
const TIMEOUT_MS = 95_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** Whether Meet has a recording, whoever may see it; `denied` where it does not say so to this caller. */
export type Row = "there" | "gone" | "denied" | "unknown";

/** What Meet's API says and does with recordings for a caller. */
export class RecordingsApi {
  private readonly meetUrl: string;
  private readonly host: string;
  private readonly outbound: Outbound;
  private readonly auth: Pick<MediaAuth, "decide">;

  constructor(parts: {
    readonly meetUrl: string;
    readonly host: string;
    readonly outbound: Outbound;
    readonly auth: Pick<MediaAuth, "decide">;
  }) {
    this.meetUrl = parts.meetUrl.replace(/\/+$/, "");
    this.host = parts.host;
    this.outbound = parts.outbound;
    this.auth = parts.auth;
  }

  /** Has Meet delete a recording, once; undefined where it is not known what Meet did. */
  async delete(id: string, headers: IncomingHttpHeaders): Promise<ReadAnswer | undefined> {
    const forwarded = Object.fromEntries(
      FORWARDED.flatMap((name) => {
        const value = headers[name];
        return typeof value === "string" ? [[name, value]] : [];
      }),
    );
    try {
      return await this.outbound.read(
        {
          method: "DELETE",
          url: `${this.meetUrl}${RECORDINGS_PATH}${id}/`,
          headers: { ...forwarded, host: this.host, "x-forwarded-proto": "https" },
          timeoutMs: TIMEOUT_MS,
          isOnce: true,
        },
        MAX_ANSWER_BYTES,
      );
    } catch (error) {
      if (error instanceof NoAnswer) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Whether Meet has the recording. media-auth looks for it among those of all people, and says 404 only where there is
   * none of that name and extension (suitenumerique/meet core/api/viewsets.py, `media_auth`); whoever is signed in is
   * told.
   */
  async row(id: string, caller: Caller): Promise<Row> {
    for (const extension of RECORDING_EXTENSIONS) {
      const key = MediaKey.parse(`${MEDIA_PATH}recordings/${id}.${extension}`);
      const decision = key === undefined ? undefined : await this.auth.decide(key, caller);
      if (decision?.kind === "allowed") {
        return "there";
      }
      if (decision?.kind !== "denied" || decision.status === 429) {
        return "unknown";
      }
      if (decision.status !== 404) {
        return decision.status === 403 ? "there" : "denied";
      }
    }
    return "gone";
  }
}

/** The recording that a request's target names; undefined for whatever is not its address to the letter. */
export function recordingIdOf(target: string): string | undefined {
  return WHOLE_PATH.exec(target.split("?", 1)[0] ?? "")?.[1];
}
