import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { decodeJwt, jwtVerify } from "jose";
import * as z from "zod";
import type { LiveKitKey, Webhook } from "./running-fleet.ts";

/** Where Meet takes webhooks (suitenumerique/meet, src/backend/core/api/viewsets.py, webhooks-livekit). */
const PATH = "/api/v1.0/rooms/webhooks-livekit/";

const eventSchema = z.object({
  event: z.string(),
  id: z.string().default(""),
  room: z.object({ name: z.string().default("") }).optional(),
  egressInfo: z.object({ roomName: z.string().default("") }).optional(),
});

/**
 * Stands where Meet takes webhooks, and believes what Meet does: a token signed with the deployed key, over the hash of
 * the body (livekit/protocol, webhook/verifier.go). Runs in this process.
 */
export class MeetReceiver {
  readonly received: Webhook[] = [];
  /** Why something was not believed, a sentence each. */
  readonly refused: string[] = [];
  readonly port: number;
  private readonly server: Server;
  private keys: readonly LiveKitKey[] = [];

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  /** Listens on a port of an address. */
  static async start(host: string, port: number): Promise<MeetReceiver> {
    const server = createServer();
    const receiver = new MeetReceiver(server, port);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        const isHere = request.method === "POST" && request.url === PATH;
        const taken = isHere
          ? receiver.take(body, request.headers.authorization ?? "")
          : Promise.resolve(404);
        void taken.then((status) => response.writeHead(status).end());
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
    return receiver;
  }

  /** The keys that Meet has. */
  useKeys(keys: readonly LiveKitKey[]): void {
    this.keys = keys;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(body: string, authorization: string): Promise<number> {
    const fault = await this.faultOf(body, authorization.replace(/^Bearer /, ""));
    if (fault !== undefined) {
      this.refused.push(`Webhook: ${fault}`);
      return 401;
    }
    const { event, id, room, egressInfo } = eventSchema.parse(JSON.parse(body));
    const name = room?.name ?? egressInfo?.roomName ?? "";
    this.received.push({ at: Date.now(), event, room: name, id });
    return 200;
  }

  private async faultOf(body: string, token: string): Promise<string | undefined> {
    try {
      const key = this.keys.find(({ apiKey }) => apiKey === decodeJwt(token).iss);
      if (key === undefined) {
        return "its token is of a key that Meet does not have";
      }
      const secret = new TextEncoder().encode(key.apiSecret);
      const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"] });
      const hash = createHash("sha256").update(body).digest("base64");
      return payload["sha256"] === hash ? undefined : "its token is for another body";
    } catch (error) {
      return error instanceof Error ? error.message : "its token cannot be read";
    }
  }
}
