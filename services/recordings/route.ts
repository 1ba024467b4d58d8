import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Log } from "../shared/log.ts";
import { beginObject, dispositionOf, sendPage, sendRedirect } from "./answers.ts";
import { callerOf } from "./caller.ts";
import { MediaKey } from "./media-key.ts";
import type { Decision, MediaAuth } from "./meet/media-auth.ts";
import type { Metrics, Outcome } from "./metrics.ts";
import { DENIED_PAGES, PAGES } from "./pages.ts";
import type { Bucket } from "./storage/bucket.ts";
import { NoCredentials } from "./storage/credentials.ts";
import type { Finder, Found } from "./storage/finder.ts";
import { PASSED_ON, S3Failed, type S3Client } from "./storage/s3-client.ts";
import type { Signer } from "./storage/signer.ts";

export interface RouteParts {
  readonly auth: Pick<MediaAuth, "decide">;
  readonly finder: Pick<Finder, "find">;
  readonly s3: Pick<S3Client, "open">;
  readonly signer: Signer;
  /** How long a link is good for. */
  readonly linkSeconds: number;
  /** Requests served at once; more are told to come back. */
  readonly maxRequests: number;
  readonly metrics: Metrics;
  readonly log: Log;
}

type FoundObject = Extract<Found, { kind: "found" }>;

/**
 * The way of a download: a key is read from the path, Meet decides on that key for the caller, the bucket that has it is
 * found, and the caller is sent to it. Nothing of the request but the key, the cookie and a range gets any further.
 */
export class Route {
  private readonly parts: RouteParts;
  private underWay = 0;

  constructor(parts: RouteParts) {
    this.parts = parts;
  }

  /** Serves whatever is below `/media/`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, log, maxRequests } = this.parts;
    const began = performance.now();
    const method = request.method ?? "";
    const key = MediaKey.parse(request.url ?? "");
    // The body of a request that nobody reads would keep the connection from being used again.
    request.resume();
    const note = (outcome: Outcome, reason = ""): void => {
      const seconds = (performance.now() - began) / 1000;
      metrics.answered(key?.kind ?? "none", outcome, seconds);
      log.info("request", {
        method: method.slice(0, 16),
        // Of a path that is no medium's nothing is written down: anything may be in it.
        key: key?.text ?? "",
        outcome,
        milliseconds: Math.round(seconds * 1000),
        ...(reason === "" ? {} : { reason }),
      });
    };
    if (method !== "GET" && method !== "HEAD") {
      note("refused");
      sendPage(response, method, PAGES.method, { allow: "GET, HEAD" });
    } else if (key === undefined) {
      // As Meet answers for a path that it finds no key in, whoever asks.
      note("refused");
      sendPage(response, method, DENIED_PAGES[403]);
    } else if (this.underWay >= maxRequests) {
      note("busy");
      sendPage(response, method, PAGES.busy);
    } else {
      this.underWay += 1;
      metrics.began();
      try {
        await this.serve(key, request, response, note);
      } catch (error) {
        note("failed", error instanceof Error ? error.name : "unknown");
        throw error;
      } finally {
        this.underWay -= 1;
        metrics.ended();
      }
    }
  }

  private async serve(
    key: MediaKey,
    request: IncomingMessage,
    response: ServerResponse,
    note: Note,
  ): Promise<void> {
    const method = request.method ?? "";
    const decision = await this.decide(key, request);
    if (decision.kind === "unavailable") {
      note("meet-away", decision.reason);
      sendPage(response, method, PAGES.meetAway);
      return;
    }
    if (decision.kind === "denied") {
      note("denied", `status ${decision.status}`);
      const { status, retryAfter } = decision;
      const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
      sendPage(response, method, DENIED_PAGES[status], headers);
      return;
    }
    const found = await this.parts.finder.find(key);
    if (found.kind !== "found") {
      sendNotFound(response, method, found, note);
      return;
    }
    this.parts.metrics.found(found.where);
    try {
      await this.give(key, found, request, response, note);
    } catch (error) {
      if (!(error instanceof S3Failed || error instanceof NoCredentials)) {
        throw error;
      }
      note("storage-away", error.message);
      sendPage(response, method, PAGES.storageAway);
    }
  }

  private async decide(key: MediaKey, request: IncomingMessage): Promise<Decision> {
    const began = performance.now();
    const decision = await this.parts.auth.decide(key, callerOf(request, request.method ?? "GET"));
    const outcome = decision.kind === "denied" ? String(decision.status) : decision.kind;
    this.parts.metrics.decided(outcome, (performance.now() - began) / 1000);
    return decision;
  }

  private async give(
    key: MediaKey,
    found: FoundObject,
    request: IncomingMessage,
    response: ServerResponse,
    note: Note,
  ): Promise<void> {
    const { bucket, headers } = found;
    const disposition = dispositionOf(key, headers);
    if (request.method === "HEAD") {
      // A link is signed for one method, and it is the GET that follows.
      beginObject(response, 200, headers, disposition);
      response.end();
      note("described");
    } else if (isStreamed(key, bucket)) {
      await this.stream(key, bucket, disposition, request, response, note);
    } else {
      const { signer, linkSeconds } = this.parts;
      const credentials = await bucket.credentials.current();
      const answer = { "content-disposition": disposition, "cache-control": "private, no-store" };
      const link = signer.link(bucket, key.text, credentials, linkSeconds, answer);
      note("redirected");
      sendRedirect(response, link);
    }
  }

  private async stream(
    key: MediaKey,
    bucket: Bucket,
    disposition: string,
    request: IncomingMessage,
    response: ServerResponse,
    note: Note,
  ): Promise<void> {
    const asked = Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const value = request.headers[name];
        return typeof value === "string" ? [[name, value]] : [];
      }),
    );
    const object = await this.parts.s3.open(bucket, key.text, asked);
    const status = object.statusCode ?? 0;
    note("streamed", `status ${status}`);
    if (status === 416) {
      // S3's answer says why in XML, with names of its own.
      object.resume();
      const range = object.headers["content-range"];
      beginObject(
        response,
        416,
        { "content-length": "0", ...(range === undefined ? {} : { "content-range": range }) },
        disposition,
      );
      response.end();
      return;
    }
    beginObject(response, status, object.headers, disposition);
    // A caller who goes away, or S3 breaking off, ends both; the caller sees a body that is too short.
    await pipeline(object, response).catch(() => undefined);
  }
}

type Note = (outcome: Outcome, reason?: string) => void;

/**
 * Uploads always go through here: Meet draws them into a canvas, for which a browser wants its own origin or CORS
 * (suitenumerique/meet BackgroundCustomProcessor.ts), and they have 2 MB at most (settings.py, FILE_UPLOAD_RESTRICTIONS).
 */
function isStreamed(key: MediaKey, bucket: Bucket): boolean {
  return key.kind === "files" || bucket.delivery === "stream";
}

function sendNotFound(
  response: ServerResponse,
  method: string,
  found: Exclude<Found, { kind: "found" }>,
  note: Note,
): void {
  if (found.kind === "unknown") {
    note("storage-away", found.reason);
    sendPage(response, method, PAGES.storageAway);
  } else {
    note(found.kind);
    sendPage(response, method, PAGES[found.kind]);
  }
}
