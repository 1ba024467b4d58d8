import type { IncomingMessage, ServerResponse } from "node:http";
import * as z from "zod";
import { regionName } from "../../shared/environment.ts";
import { parseJson, readBody, sendJson } from "../http-body.ts";
import { StoreAway } from "../placement/ports.ts";

/** A LiveKit token that is in order, or what is wrong with it. */
export type OwnerToken =
  | {
      readonly ok: true;
      /** The room for which its holder has `roomAdmin`; undefined for none. */
      readonly ownedRoom?: string;
    }
  | { readonly ok: false; readonly fault: string };

/** What owners' pins work with. */
export interface OwnerPinParts {
  readonly verify: (token: string) => OwnerToken | Promise<OwnerToken>;
  /** This region and the other members. */
  readonly regions: () => readonly string[];
  readonly allows: (room: string, region: string) => boolean;
  /** Gives the regions that were not reached. */
  readonly pin: (room: string, region: string | undefined) => Promise<readonly string[]>;
  /** Changes per minute of one room. */
  readonly perMinute: number;
  readonly nowMs?: () => number;
}

/** Bytes of the longest body; rooms whose changes are counted at once. */
const MAX_BODY_BYTES = 4096;
const MAX_COUNTED = 10_000;

const MINUTE_MS = 60_000;

const bodySchema = z.object({ region: regionName });

/** A page of any origin may ask: it needs the token, which no browser adds by itself. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "PUT, DELETE, OPTIONS",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-max-age": "7200",
} as const;

/** Serves `PUT` and `DELETE /rooms/<room>/pin` to owners of a room: where its next meeting is to be. */
export class OwnerPins {
  private readonly parts: OwnerPinParts;
  private readonly nowMs: () => number;
  private readonly changes = new Map<string, { readonly until: number; count: number }>();

  constructor(parts: OwnerPinParts) {
    this.parts = parts;
    this.nowMs = parts.nowMs ?? (() => Date.now());
  }

  /** Answers one request under `/rooms/`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(CORS)) {
      response.setHeader(name, value);
    }
    const { method = "" } = request;
    if (method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const room = roomOf(request.url ?? "");
    if (room === undefined || (method !== "PUT" && method !== "DELETE")) {
      sendJson(response, 404, { error: "Request: use PUT or DELETE with /rooms/<room>/pin." });
      return;
    }
    const body = await readBody(request, MAX_BODY_BYTES);
    if (body === undefined) {
      sendJson(response, 413, { error: `Request: a body is at most ${MAX_BODY_BYTES} bytes.` });
      return;
    }
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const verified = await this.parts.verify(token);
    if (!verified.ok) {
      sendJson(response, 401, { error: `Token: ${verified.fault}. Join the room to get one.` });
      return;
    }
    if (verified.ownedRoom !== room) {
      const error = `Room "${room}": the token is not its owner's. Ask an owner of the room.`;
      sendJson(response, 403, { error });
      return;
    }
    const [status, answer] = await this.change(room, method, body);
    sendJson(response, status, answer);
  }

  private async change(
    room: string,
    method: "PUT" | "DELETE",
    body: Buffer,
  ): Promise<readonly [number, unknown]> {
    const wish = method === "PUT" ? bodySchema.safeParse(parseJson(body)) : undefined;
    if (wish?.success === false) {
      return [400, { error: 'Request: the body must be { "region": "<name>" }.' }];
    }
    const region = wish?.data.region;
    const regions = [...this.parts.regions()].sort();
    if (region !== undefined && !regions.includes(region)) {
      const error = `Region "${region}": it is no member. Use one of ${regions.join(", ")}.`;
      return [404, { error }];
    }
    if (region !== undefined && !this.parts.allows(room, region)) {
      const error = `Room "${room}": a rule of this deployment says where it is. Ask an operator.`;
      return [403, { error }];
    }
    if (!this.isInTime(room)) {
      const { perMinute } = this.parts;
      const error = `Room "${room}": its pin was changed ${perMinute} times within a minute. Wait one.`;
      return [429, { error }];
    }
    try {
      await this.parts.pin(room, region);
    } catch (error) {
      if (error instanceof StoreAway) {
        return [503, { error: "Store: it does not answer in this region. Try again." }];
      }
      throw error;
    }
    return [200, { room, ...(region === undefined ? {} : { region }), from: "the next meeting" }];
  }

  /** Counts a change; false if there were too many in the minute. */
  private isInTime(room: string): boolean {
    const now = this.nowMs();
    for (const [name, { until }] of this.changes) {
      if (until <= now || this.changes.size > MAX_COUNTED) {
        this.changes.delete(name);
      } else {
        break;
      }
    }
    const counted = this.changes.get(room) ?? { until: now + MINUTE_MS, count: 0 };
    counted.count++;
    this.changes.set(room, counted);
    return counted.count <= this.parts.perMinute;
  }
}

function roomOf(url: string): string | undefined {
  const [, name] = /^\/rooms\/([^/?]+)\/pin$/.exec(url) ?? [];
  try {
    return name === undefined ? undefined : decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
