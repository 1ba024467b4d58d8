import {
  type JoinResponse,
  type LeaveRequest,
  ParticipantInfo_State,
  SignalRequest,
  SignalResponse,
} from "@livekit/protocol";
import WebSocket from "ws";
import { signalUrl, type SignalOptions } from "./signal-url.ts";

/** How a connection ended: 1006 if the socket was cut without a close frame. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The answer to an upgrade that was refused. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`the upgrade was refused: ${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

/**
 * A participant without media: joins by WebSocket, answers pings and keeps what it is told. LiveKit removes it after a
 * minute because no media connection follows (livekit/livekit, pkg/rtc/room.go).
 */
export class SignalClient {
  /** Every message so far, oldest first. */
  readonly messages: SignalResponse[] = [];
  /** Resolves when the connection has ended, however it did. */
  readonly closed: Promise<Closed>;
  /** How it ended, once it has. */
  end: Closed | undefined;
  private readonly socket: WebSocket;
  private readonly waiting = new Set<() => void>();
  private pings: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        clearInterval(this.pings);
        this.end = { code, reason: reason.toString(), at: Date.now() };
        resolve(this.end);
        this.wake();
      });
    });
    socket.on("message", (data: Buffer) => {
      this.take(SignalResponse.fromBinary(data));
    });
    // Followed by close, which is what counts.
    socket.on("error", () => undefined);
  }

  /** Connects; resolves after the 101. @throws UpgradeRefused, or the connection's error */
  static connect(options: SignalOptions): Promise<SignalClient> {
    const socket = new WebSocket(signalUrl(options), {
      perMessageDeflate: true,
      headers: { ...options.headers },
      handshakeTimeout: 20_000,
    });
    const client = new SignalClient(socket);
    return new Promise((resolve, reject) => {
      socket.once("open", () => {
        resolve(client);
      });
      socket.once("error", reject);
      socket.once("unexpected-response", (request, response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => {
          reject(new UpgradeRefused(response.statusCode ?? 0, body));
          request.destroy();
        });
      });
    });
  }

  /** Connects and waits until LiveKit has let it in. @throws if it is told to leave instead, or not in time */
  static async join(options: SignalOptions): Promise<SignalClient> {
    const client = await SignalClient.connect(options);
    await client.until(() => client.joined ?? client.leave, "an answer to the join");
    if (client.joined === undefined) {
      throw new Error(`told to leave: ${client.leave?.toJsonString() ?? ""}`);
    }
    return client;
  }

  /** The answer to the join. */
  get joined(): JoinResponse | undefined {
    return this.find("join");
  }

  /** True once LiveKit has accepted a resume. */
  get hasResumed(): boolean {
    return this.messages.some(({ message }) => message.case === "reconnect");
  }

  /** What LiveKit said when it told the client to go. */
  get leave(): LeaveRequest | undefined {
    return this.find("leave");
  }

  /** Sid of the room. */
  get roomSid(): string | undefined {
    return this.joined?.room?.sid;
  }

  /** Sid of this participant, which a resume needs. */
  get participantSid(): string | undefined {
    return this.joined?.participant?.sid;
  }

  /** Identities of the others, as joins and updates have told them. */
  get others(): string[] {
    const own = this.joined?.participant?.identity;
    const people = new Map<string, boolean>();
    for (const { message } of this.messages) {
      const told =
        message.case === "join"
          ? message.value.otherParticipants
          : message.case === "update"
            ? message.value.participants
            : [];
      for (const { identity, state } of told) {
        people.set(identity, state !== ParticipantInfo_State.DISCONNECTED);
      }
    }
    return [...people]
      .filter(([identity, isHere]) => isHere && identity !== own)
      .map(([identity]) => identity)
      .sort();
  }

  /** The newest token that LiveKit has sent: what a reconnect uses. */
  get refreshedToken(): string | undefined {
    const tokens = this.messages.flatMap(({ message }) =>
      message.case === "refreshToken" ? [message.value] : [],
    );
    return tokens.at(-1);
  }

  /** Extensions of the WebSocket that were agreed on. */
  get extensions(): string {
    return this.socket.extensions;
  }

  /** Sends a message of the signal protocol. */
  send(request: SignalRequest): void {
    this.socket.send(request.toBinary());
  }

  /** Waits until something has come. @throws after the seconds */
  async until<T>(look: () => T | undefined, what: string, seconds = 10): Promise<T> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const found = look();
      if (found !== undefined) {
        return found;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.end !== undefined) {
        const cases = this.messages.map(({ message }) => message.case).join(", ");
        throw new Error(
          `waited for ${what}: ${this.end === undefined ? `nothing in ${seconds} s` : `closed with ${this.end.code}`}; got ${cases}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, left);
        const { waiting } = this;
        waiting.add(wake);
        function wake(): void {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        }
      });
    }
  }

  /** Waits until exactly these others are in the room. */
  async untilOthers(identities: readonly string[], seconds?: number): Promise<void> {
    const wanted = [...identities].sort().join();
    await this.until(
      () => (this.others.join() === wanted ? true : undefined),
      `others ${wanted}, has ${this.others.join()}`,
      seconds,
    );
  }

  /** Says good-bye as a person does who leaves. */
  async leaveRoom(): Promise<void> {
    this.send(new SignalRequest({ message: { case: "leave", value: {} } }));
    this.socket.close(1000);
    await this.closed;
  }

  /** Cuts the connection, as a lost network does; the session can be resumed. */
  async cut(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  private take(response: SignalResponse): void {
    this.messages.push(response);
    if (response.message.case === "join") {
      this.startPings(response.message.value.pingInterval);
    }
    this.wake();
  }

  /** LiveKit ends a session from which no ping comes for `pingTimeout` seconds. */
  private startPings(seconds: number): void {
    this.pings = setInterval(
      () => {
        const timestamp = BigInt(Date.now());
        this.send(
          new SignalRequest({ message: { case: "pingReq", value: { timestamp, rtt: 1n } } }),
        );
      },
      (seconds === 0 ? 5 : seconds) * 1000,
    );
    this.pings.unref();
  }

  private wake(): void {
    for (const wake of [...this.waiting]) {
      wake();
    }
  }

  private find(name: "join"): JoinResponse | undefined;
  private find(name: "leave"): LeaveRequest | undefined;
  private find(name: "join" | "leave"): JoinResponse | LeaveRequest | undefined {
    for (const { message } of this.messages) {
      if ((message.case === "join" || message.case === "leave") && message.case === name) {
        return message.value;
      }
    }
    return undefined;
  }
}
