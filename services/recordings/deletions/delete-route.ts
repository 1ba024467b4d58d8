import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Log } from "../../shared/log.ts";
import { sendPage } from "../answers.ts";
import { callerOf } from "../caller.ts";
import type { Caller } from "../meet/media-auth.ts";
import { recordingIdOf, type RecordingsApi } from "../meet/recordings-api.ts";
import type { ReadAnswer } from "../outbound.ts";
import { PAGES } from "../pages.ts";
import { S3Failed } from "../storage/s3-client.ts";
import type { Deletions } from "./deletions.ts";
import type { Intents } from "./intents.ts";

/** What became of a request to delete a recording. */
export type DeleteOutcome = "deleted" | "refused" | "unknown" | "storage-away" | "meet-away";

export interface DeleteRouteParts {
  readonly meet: Pick<RecordingsApi, "delete" | "row">;
  readonly intents: Pick<Intents, "open" | "has" | "withdraw">;
  readonly deletions: Pick<Deletions, "confirm">;
  readonly log: Log;
  readonly observe: (outcome: DeleteOutcome) => void;
  readonly nowMs?: () => number;
}

/** What of Meet's answer a caller gets. */
const RELAYED = ["content-type", "set-cookie", "retry-after", "allow", "vary", "www-authenticate"];

/**
 * The way of a deletion. Meet decides and deletes its row; this writes down before that it may, and has the files
 * deleted in every bucket after that. Files are deleted in two cases only: Meet answered 204, or Meet had the recording
 * before it was asked to delete it and has it no more.
 */
export class DeleteRoute {
  private readonly parts: DeleteRouteParts;
  private readonly nowMs: () => number;

  constructor(parts: DeleteRouteParts) {
    this.parts = parts;
    this.nowMs = parts.nowMs ?? (() => Date.now());
  }

  /** Serves a DELETE below Meet's recordings. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const id = recordingIdOf(request.url ?? "");
    if (id === undefined || request.method !== "DELETE") {
      this.note("", "refused");
      sendPage(response, request.method ?? "", PAGES.notFound);
      return;
    }
    try {
      await this.delete(id, request, response);
    } catch (error) {
      if (!(error instanceof S3Failed)) {
        throw error;
      }
      this.note(id, "storage-away", error.message);
      sendPage(response, "DELETE", PAGES.notDeletedStorage);
    }
  }

  private async delete(
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { meet, intents, deletions } = this.parts;
    const caller = callerOf(request, "GET");
    const before = await meet.row(id, caller);
    if (before === "unknown") {
      this.note(id, "meet-away");
      sendPage(response, "DELETE", PAGES.notDeletedMeet);
      return;
    }
    // An intent says that Meet had the recording. Without one nothing but a 204 deletes a file.
    const intent = before === "there" ? await intents.open(id) : undefined;
    const answer = await meet.delete(id, request.headers);
    const status = answer?.status ?? 0;
    if (status === 204 || (await this.isGone(id, status, intent, caller))) {
      await deletions.confirm(id);
      this.note(id, "deleted", `status ${status}`);
      relay(response, answer, 204);
      return;
    }
    const isRefused = status >= 400 && status < 500;
    if (isRefused && intent !== undefined) {
      await this.withdraw(id, intent);
    }
    this.note(id, isRefused ? "refused" : "unknown", `status ${status}`);
    if (answer === undefined) {
      sendPage(response, "DELETE", PAGES.deletionUnknown);
    } else {
      relay(response, answer, status);
    }
  }

  /**
   * True if Meet had the recording, was asked to delete it, and has it no more: the answer was lost, somebody else was
   * faster, or an earlier request was not followed to its end.
   */
  private async isGone(
    id: string,
    status: number,
    intent: string | undefined,
    caller: Caller,
  ): Promise<boolean> {
    if (status !== 404 && status >= 200 && status < 500) {
      return false;
    }
    const { meet, intents } = this.parts;
    const wasThere = intent !== undefined || (await intents.has(id));
    return wasThere && (await meet.row(id, caller)) === "gone";
  }

  private async withdraw(id: string, intent: string): Promise<void> {
    try {
      await this.parts.intents.withdraw(id, intent, this.nowMs());
    } catch (error) {
      if (!(error instanceof S3Failed)) {
        throw error;
      }
      // It deletes nothing where it is, and is seen as not settled.
      this.parts.log.warn("an intent was not taken away", { id, reason: error.message });
    }
  }

  private note(id: string, outcome: DeleteOutcome, reason = ""): void {
    this.parts.observe(outcome);
    this.parts.log.info("a recording is to be deleted", {
      id,
      outcome,
      ...(reason === "" ? {} : { reason }),
    });
  }
}

function relay(response: ServerResponse, answer: ReadAnswer | undefined, status: number): void {
  const headers: OutgoingHttpHeaders = { "cache-control": "private, no-store" };
  for (const name of RELAYED) {
    const value = answer?.headers[name];
    if (value !== undefined) {
      headers[name] = value;
    }
  }
  const body = status === 204 ? "" : (answer?.body ?? "");
  response.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(body) }),
  });
  response.end(body);
}
