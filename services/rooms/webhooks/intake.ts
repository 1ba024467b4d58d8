import type { IncomingMessage, ServerResponse } from "node:http";
import { StoreAway, type Clock } from "../placement/ports.ts";
import { reportLost } from "./relay.ts";
import { parseWebhook, type WebhookEvent } from "./webhook-event.ts";
import type { WebhookLog, WebhookMetrics } from "./webhook-metrics.ts";
import type { WebhookQueue } from "./webhook-queue.ts";
import { isSignedWebhook, type WebhookKeys } from "./webhook-token.ts";

/** Bytes of the largest event; a room's metadata is in some, and LiveKit bounds that at 64 KiB. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Milliseconds that a request waits for a store that is away, and how many may. LiveKit posts an event five times within
 * 15 s and then gives it up (hashicorp/go-retryablehttp's defaults, which its configuration does not reach), so each of
 * them is drawn out.
 */
const PATIENCE_MS = 20_000;
const PATIENCE_STEP_MS = 200;
const MAX_WAITING = 1000;

/** What the intake works with. */
export interface IntakeParts {
  readonly queue: WebhookQueue;
  readonly keys: WebhookKeys;
  readonly deleted: { has(sid: string): Promise<boolean> };
  /** A room ended by itself: its claim is closed, if LiveKit's id of it is still this one. May reject with StoreAway. */
  readonly onRoomFinished: (room: string, sid: string) => Promise<void>;
  /** Something is there to relay. */
  readonly onAdded: () => void;
  readonly clock: Clock;
  readonly log: WebhookLog;
  readonly metrics: WebhookMetrics;
}

/** Takes webhooks from the region's own LiveKit, and says 200 once they are stored. */
export class WebhookIntake {
  private readonly parts: IntakeParts;
  private waiting = 0;

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** Answers `POST /webhooks/livekit`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") {
      answer(response, 405, "Webhooks are posted.");
      return;
    }
    const body = await readBody(request);
    if (body === undefined) {
      this.parts.metrics.refused("body");
      answer(response, 413, `A webhook has at most ${MAX_BODY_BYTES} bytes.`);
      return;
    }
    const { status, text } = await this.take(body, request.headers.authorization ?? "", request);
    answer(response, status, text);
  }

  private async take(
    body: Buffer,
    authorization: string,
    request: IncomingMessage,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { keys, clock, log, metrics } = this.parts;
    const token = authorization.replace(/^Bearer /i, "");
    if (!isSignedWebhook(token, body, keys, Math.floor(clock.now() / 1000))) {
      metrics.refused("signature");
      log.warn("a webhook's signature does not verify");
      return { status: 401, text: "The signature does not verify." };
    }
    const event = eventOf(body);
    if (event === undefined) {
      metrics.refused("body");
      log.error("a webhook is not an event in JSON", { bytes: body.length });
      return { status: 400, text: "This is not an event in JSON." };
    }
    if (!(await this.storePatiently(event, request))) {
      metrics.refused("store-away");
      return { status: 503, text: "The store does not answer. Try again." };
    }
    return { status: 200, text: "Stored." };
  }

  private async storePatiently(event: WebhookEvent, request: IncomingMessage): Promise<boolean> {
    const { clock } = this.parts;
    const deadline = clock.monotonic() + PATIENCE_MS;
    this.waiting++;
    try {
      while (!(await this.tryToStore(event))) {
        const isLate = clock.monotonic() >= deadline || this.waiting > MAX_WAITING;
        if (isLate || request.socket.destroyed) {
          return false;
        }
        await clock.sleep(PATIENCE_STEP_MS);
      }
      return true;
    } finally {
      this.waiting--;
    }
  }

  /** False while the store is away. All of it may be done twice. */
  private async tryToStore(event: WebhookEvent): Promise<boolean> {
    const { queue, deleted, metrics, onRoomFinished, onAdded } = this.parts;
    try {
      const { isNew, lost } = await queue.add(event);
      reportLost(lost, this.parts);
      if (isNew) {
        onAdded();
      }
      const { kind, room, sid } = event;
      // Not when Meet has it: a meeting that ended must not keep its region because Meet is away.
      if (kind === "room_finished" && room !== undefined && sid !== undefined) {
        if (!(await deleted.has(sid))) {
          await onRoomFinished(room, sid);
        }
      }
      metrics.received(!isNew);
      return true;
    } catch (error) {
      if (error instanceof StoreAway) {
        return false;
      }
      throw error;
    }
  }
}

/** The event of a body; undefined where it is not UTF-8, and could not be kept byte for byte. */
function eventOf(body: Buffer): WebhookEvent | undefined {
  try {
    return parseWebhook(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The body; undefined where it is too long, or was cut off. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    // The connection is kept where reading ends early: the answer goes over it.
    for await (const part of request.iterator({ destroyOnReturn: false })) {
      if (Buffer.isBuffer(part)) {
        length += part.length;
        if (length > MAX_BODY_BYTES) {
          return undefined;
        }
        parts.push(part);
      }
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    // What is left of a body that is too long is not read.
    ...(status === 413 ? { connection: "close" } : {}),
  });
  response.end(`${text}\n`);
}
