import { createHash } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  /** As they were on the wire, in their order. */
  readonly headers: readonly (readonly [string, string])[];
  /** In small letters; of several the last. */
  header(name: string): string | undefined;
}

/** What the fake does with a request. */
export type Behaviour = (socket: Socket, request: SeenRequest, early: Buffer) => void;

/** Takes an upgrade, agrees to every extension, and gives back each byte. */
export const echoes: Behaviour = (socket, request, early) => {
  socket.write(switching(request));
  socket.write(early);
  socket.pipe(socket);
};

/** Takes an upgrade and then does something else. */
export function opens(then: (socket: Socket) => void): Behaviour {
  return (socket, request) => {
    socket.write(switching(request));
    then(socket);
  };
}

/** Answers without an upgrade. */
export function answers(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  const lines = Object.entries({ "Content-Length": String(Buffer.byteLength(body)), ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return sends(`HTTP/1.1 ${status} Said So\r\n${head}\r\n${body}`);
}

/** Writes these bytes and keeps the connection. */
export function sends(bytes: string | Buffer): Behaviour {
  return (socket) => {
    socket.write(bytes);
  };
}

/** Takes the request and says nothing. */
export const isSilent: Behaviour = () => undefined;

/** Takes the request and ends the connection. */
export const hangsUp: Behaviour = (socket) => {
  socket.destroy();
};

/** LiveKit's answer to a join of a room that it does not have. */
export const hasNoRoom: Behaviour = answers(404, "requested room does not exist", {
  "Content-Type": "text/plain",
});

function switching(request: SeenRequest): string {
  const key = request.header("sec-websocket-key") ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const extensions = request.header("sec-websocket-extensions");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept.digest("base64")}`,
    ...(extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
    "\r\n",
  ].join("\r\n");
}

/**
 * What of LiveKit the gateway's signalling meets: it takes upgrades and refuses them as it is told, byte by byte, and
 * keeps what it was asked. No WebSocket frame is looked at.
 */
export class FakeLiveKit {
  readonly seen: SeenRequest[] = [];
  /** Connections open now. */
  readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private usual: Behaviour = echoes;
  private next: Behaviour[] = [];
  private port = 0;

  private constructor() {
    this.server = createServer({ allowHalfOpen: false }, (socket) => {
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.sockets.delete(socket));
      this.read(socket);
    });
  }

  static async start(): Promise<FakeLiveKit> {
    const fake = new FakeLiveKit();
    await fake.listen();
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What it does with every request from now on. */
  always(behaviour: Behaviour): void {
    this.usual = behaviour;
    this.next = [];
  }

  /** What it does with the next requests, one each. */
  once(...behaviours: readonly Behaviour[]): void {
    this.next.push(...behaviours);
  }

  /** Refuses connections, and ends those there are. */
  async goAway(): Promise<void> {
    const closed = new Promise<void>((resolve) =>
      this.server.close(() => {
        resolve();
      }),
    );
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closed;
  }

  /** Is there again, at the same port. */
  async comeBack(): Promise<void> {
    await this.listen();
  }

  async stop(): Promise<void> {
    if (this.server.listening) {
      await this.goAway();
    }
  }

  private async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  private read(socket: Socket): void {
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) {
        return;
      }
      socket.off("data", onData);
      const request = parse(received.toString("latin1", 0, end));
      this.seen.push(request);
      const behave = this.next.shift() ?? this.usual;
      behave(socket, request, received.subarray(end + 4));
      socket.resume();
    };
    socket.on("data", onData);
  }
}

function parse(head: string): SeenRequest {
  const [line = "", ...lines] = head.split("\r\n");
  const [method = "", url = ""] = line.split(" ");
  const headers = lines.map((header) => {
    const colon = header.indexOf(":");
    return [header.slice(0, colon), header.slice(colon + 1).trim()] as const;
  });
  const small = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { method, url, headers, header: (name) => small.get(name) };
}
