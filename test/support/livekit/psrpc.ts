import { randomBytes } from "node:crypto";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf";
import { Redis } from "ioredis";

/**
 * As much of LiveKit's messages between its servers as a worker needs, over Redis (livekit/psrpc, internal/internal.proto,
 * internal/bus/bus_redis.go, pkg/info/channels.go): methods that a server offers and one of them is chosen for.
 */
export class Psrpc {
  private readonly publisher: Redis;
  private readonly subscriber: Redis;
  private readonly id = `SRV_${randomBytes(6).toString("hex")}`;
  private readonly takers = new Map<string, (value: Buffer) => void>();

  private constructor(publisher: Redis, subscriber: Redis) {
    this.publisher = publisher;
    this.subscriber = subscriber;
    subscriber.on("messageBuffer", (channel: Buffer, message: Buffer) => {
      // Msg { type_url = 1, value = 2 }
      this.takers.get(channel.toString())?.(Buffer.from(fields(message).get(2) ?? []));
    });
  }

  static async connect(options: {
    readonly host: string;
    readonly port: number;
    readonly password?: string | undefined;
  }): Promise<Psrpc> {
    const { host, port, password } = options;
    const connect = async (): Promise<Redis> => {
      const redis = new Redis({
        ...{ host, port, lazyConnect: true, retryStrategy: () => null },
        ...(password === undefined ? {} : { password }),
      });
      // Whoever uses it notices.
      redis.on("error", () => undefined);
      await redis.connect();
      return redis;
    };
    return new Psrpc(await connect(), await connect());
  }

  /**
   * Offers a method. `claim` says how much this server wants a request, from its bytes: below 0 not at all; `serve`
   * answers those for which it is chosen, or never.
   */
  async offer(
    method: readonly [service: string, method: string, topic?: string],
    claim: (request: Uint8Array) => number,
    serve: (request: Uint8Array) => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    const [service] = method;
    const asked = new Map<string, { readonly client: string; readonly bytes: Uint8Array }>();
    await this.take([...method, "RCLAIM"], (value) => {
      const chosen = fields(value);
      const requestId = textOf(chosen, 1);
      const request = asked.get(requestId);
      asked.delete(requestId);
      if (request === undefined || textOf(chosen, 2) !== this.id) {
        return;
      }
      void this.answer([service, request.client], requestId, serve(request.bytes));
    });
    await this.take([...method, "REQ"], (value) => {
      const request = fields(value);
      const [requestId, client] = [textOf(request, 1), textOf(request, 2)];
      const bytes = request.get(8) ?? new Uint8Array();
      const affinity = claim(bytes);
      if (affinity >= 0) {
        asked.set(requestId, { client, bytes });
        const claimed = new BinaryWriter();
        text(claimed, 1, requestId);
        text(claimed, 2, this.id);
        claimed.tag(3, WireType.Bit32).float(affinity);
        this.publish([service, client, "CLAIM"], "ClaimRequest", claimed);
      }
    });
  }

  private async answer(
    [service, client]: readonly [string, string],
    requestId: string,
    served: Promise<Uint8Array | undefined>,
  ): Promise<void> {
    const bytes = await served;
    if (bytes !== undefined) {
      const answer = new BinaryWriter();
      text(answer, 1, requestId);
      text(answer, 2, this.id);
      answer.tag(7, WireType.LengthDelimited).bytes(bytes);
      this.publish([service, client, "RES"], "Response", answer);
    }
  }

  /** Calls a method of the first server that offers itself, and waits for its answer. @throws what it answers */
  async call(service: string, method: string, bytes: Uint8Array, timeoutMs = 5000): Promise<void> {
    const client = `CLI_${randomBytes(6).toString("hex")}`;
    const requestId = `REQ_${randomBytes(6).toString("hex")}`;
    let isChosen = false;
    await this.take([service, client, "CLAIM"], (value) => {
      if (!isChosen) {
        isChosen = true;
        const chosen = new BinaryWriter();
        text(chosen, 1, requestId);
        text(chosen, 2, textOf(fields(value), 2));
        this.publish([service, method, "RCLAIM"], "ClaimResponse", chosen);
      }
    });
    const request = new BinaryWriter();
    text(request, 1, requestId);
    text(request, 2, client);
    request.tag(3, WireType.Varint).int64(nanoseconds(0));
    request.tag(4, WireType.Varint).int64(nanoseconds(timeoutMs));
    request.tag(8, WireType.LengthDelimited).bytes(bytes);
    const answered = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`psrpc: nobody answered ${service}/${method} in ${timeoutMs} ms`));
      }, timeoutMs);
      void this.take([service, client, "RES"], (value) => {
        clearTimeout(timer);
        const error = textOf(fields(value), 5);
        if (error === "") {
          resolve();
        } else {
          reject(new Error(`psrpc: ${service}/${method}: ${error}`));
        }
      }).then(() => {
        this.publish([service, method, "REQ"], "Request", request);
      }, reject);
    });
    await answered;
  }

  /** At once, as a process dies. */
  kill(): void {
    this.subscriber.disconnect();
    this.publisher.disconnect();
  }

  private async take(
    parts: readonly (string | undefined)[],
    taker: (value: Buffer) => void,
  ): Promise<void> {
    const channel = parts.filter((part) => part !== undefined && part !== "").join("|");
    this.takers.set(channel, taker);
    await this.subscriber.subscribe(channel);
  }

  private publish(parts: readonly string[], type: string, message: BinaryWriter): void {
    const envelope = new BinaryWriter();
    text(envelope, 1, `type.googleapis.com/internal.${type}`);
    envelope.tag(2, WireType.LengthDelimited).bytes(message.finish());
    this.publisher.publish(parts.join("|"), Buffer.from(envelope.finish())).catch(() => undefined);
  }
}

/** Strings, bytes and messages of a message, by number; the last of each. */
export function fields(message: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) {
      found.set(number, reader.bytes());
    } else {
      reader.skip(type);
    }
  }
  return found;
}

/** The string at a number, or nothing. */
export function textOf(message: ReadonlyMap<number, Uint8Array>, number: number): string {
  return Buffer.from(message.get(number) ?? []).toString();
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function nanoseconds(afterMs: number): bigint {
  return BigInt(Date.now() + afterMs) * 1_000_000n;
}
