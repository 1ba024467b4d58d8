import { createServer, type Server } from "node:http";
import type { ApiKey } from "./local-config.ts";
import type { MeetLibrary } from "./meet.ts";
import { localPlace, type Place } from "../../../rehearsal/network/place.ts";

/** A webhook as Meet got it. */
export interface ReceivedWebhook {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly body: string;
  readonly authorization: string;
  /** The event, if Meet's library believed it. */
  readonly event?: {
    readonly id: string;
    readonly event: string;
    readonly room?: { readonly name?: string; readonly sid?: string };
    readonly egress_info?: { readonly egress_id?: string; readonly room_name?: string };
  };
  /** Why it did not. */
  readonly refusal?: string;
}

/** What Meet does with what comes: takes it, refuses it with a 500, or is away so that connections are refused. */
export type MeetMood = "well" | "failing" | "away";

/** Where Meet's backend takes webhooks, verified by its own library. */
export class MeetWebhooks {
  readonly url: string;
  /** What it has answered with 200. */
  readonly received: ReceivedWebhook[] = [];
  /** What it has refused: not believed, or it was failing. */
  readonly refused: ReceivedWebhook[] = [];
  private readonly place: Place;
  private readonly port: number;
  private readonly library: MeetLibrary;
  private key: ApiKey;
  private mood: MeetMood = "well";
  private server: Server | undefined;

  private constructor(place: Place, port: number, library: MeetLibrary, key: ApiKey) {
    this.place = place;
    this.port = port;
    this.library = library;
    this.key = key;
    this.url = `http://${place.address}:${port}/api/v1.0/rooms/webhooks-livekit/`;
  }

  /** Listens in this process; `place` is this machine or the network's place of the tests. */
  static async start(
    library: MeetLibrary,
    key: ApiKey,
    place: Place = localPlace,
  ): Promise<MeetWebhooks> {
    const webhooks = new MeetWebhooks(place, await place.port(), library, key);
    await webhooks.listen();
    return webhooks;
  }

  /** Changes what Meet does from now on. */
  async become(mood: MeetMood): Promise<void> {
    const before = this.mood;
    this.mood = mood;
    if (mood === "away") {
      await this.stop();
    } else if (before === "away") {
      await this.listen();
    }
  }

  /** Meet is configured with another key. */
  useKey(key: ApiKey): void {
    this.key = key;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      if (server === undefined) {
        resolve();
        return;
      }
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  }

  private listen(): Promise<void> {
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        void this.take(body, request.headers.authorization ?? "").then((status) => {
          response.writeHead(status).end();
        });
      });
    });
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, this.place.address, resolve);
    });
  }

  private async take(body: string, authorization: string): Promise<number> {
    const plain = { at: Date.now(), body, authorization };
    const { response, broken } = await this.library.verify(this.key, body, authorization);
    if (response === undefined) {
      this.refused.push({ ...plain, refusal: broken ?? "" });
      return 401;
    }
    const webhook = {
      ...plain,
      event: response as unknown as NonNullable<ReceivedWebhook["event"]>,
    };
    if (this.mood !== "well") {
      this.refused.push({ ...webhook, refusal: this.mood });
      return 500;
    }
    this.received.push(webhook);
    return 200;
  }
}
