import { connect, type Socket } from "node:net";

/** A WebSocket's headers as a browser sends them. */
export const BROWSER_HEADERS: readonly (readonly [string, string])[] = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"],
  ["User-Agent", "Mozilla/5.0"],
  ["Origin", "https://meet.example.org"],
];

/** One connection with one request on it, and whatever comes back, byte by byte. */
export class RawClient {
  readonly socket: Socket;
  /** Status of the answer; rejects where the connection ends before. */
  readonly status: Promise<number>;
  /** Ended, or torn down. */
  readonly closed: Promise<void>;
  private received = Buffer.alloc(0);
  private readonly waiting = new Set<() => void>();
  private isClosed = false;

  constructor(port: number, request: string | Buffer) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => undefined);
    this.socket.write(request);
    this.socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.isClosed = true;
        this.wake();
        resolve();
      });
    });
    this.status = this.head().then((head) => Number(head.split(" ")[1]));
    this.status.catch(() => undefined);
  }

  /** Asks for an upgrade. */
  static upgrade(
    port: number,
    url: string,
    more: readonly (readonly [string, string])[] = [],
    early = "",
  ): RawClient {
    return RawClient.get(port, url, [...BROWSER_HEADERS, ...more], early);
  }

  static get(
    port: number,
    url: string,
    headers: readonly (readonly [string, string])[] = [],
    early = "",
  ): RawClient {
    const lines = [["Host", "livekit.example.org"], ...headers];
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    return new RawClient(port, `GET ${url} HTTP/1.1\r\n${head}\r\n${early}`);
  }

  /** The head of the answer, with the line end of its last header. */
  async head(): Promise<string> {
    await this.until(() => this.received.includes("\r\n\r\n"));
    return this.received.toString("latin1", 0, this.received.indexOf("\r\n\r\n") + 2);
  }

  /** One header of the answer. */
  async header(name: string): Promise<string | undefined> {
    const head = await this.head();
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(head)?.[1];
  }

  /** What came behind the head so far. */
  get body(): Buffer {
    const end = this.received.indexOf("\r\n\r\n");
    return end < 0 ? Buffer.alloc(0) : this.received.subarray(end + 4);
  }

  /** What came behind the head, once it is so long. */
  async bytes(count: number): Promise<Buffer> {
    await this.until(() => this.body.length >= count);
    return this.body;
  }

  /** Everything behind the head, once the connection is over. */
  async whole(): Promise<string> {
    await this.closed;
    return this.body.toString();
  }

  close(): void {
    this.socket.destroy();
  }

  private wake(): void {
    for (const wake of this.waiting) {
      wake();
    }
  }

  private async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.isClosed) {
        throw new Error(`the connection ended after ${this.received.length} bytes`);
      }
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
    }
  }
}
