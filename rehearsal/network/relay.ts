import { connect, createServer, type Server, type Socket } from "node:net";

/** What a relay does with bytes. */
export type RelayMode =
  | "open"
  /** Takes connections and keeps the ones it has, and passes nothing on. */
  | "silent"
  /** Resets what is open and refuses what comes. */
  | "refused";

/** Where a relay listens and where it connects to. */
export interface RelayOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** One way, so a round trip takes twice as long. @default 0 */
  readonly delayMs?: number;
}

/** A TCP relay whose link can be cut, delayed or made silent, where there are no network namespaces. */
export class Relay {
  private readonly target: RelayOptions["target"];
  private readonly host: string;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private server: Server;
  private listeningPort = 0;
  private mode: RelayMode = "open";
  /** One way, in milliseconds; applies to bytes that arrive from now on. */
  delayMs: number;

  constructor(options: RelayOptions) {
    this.target = options.target;
    this.host = options.host ?? "127.0.0.1";
    this.delayMs = options.delayMs ?? 0;
    this.server = createServer();
  }

  /** The port it listens on, the same over all modes. */
  get port(): number {
    return this.listeningPort;
  }

  /** @param port a free one unless given */
  async start(port = 0): Promise<void> {
    await this.listen(port);
  }

  /** Changes what happens to what is open and to what comes. A link that was silent ends when it opens again. */
  async set(mode: RelayMode): Promise<void> {
    if (mode === this.mode) {
      return;
    }
    const before = this.mode;
    this.mode = mode;
    if (mode === "refused") {
      this.reset();
      await this.unlisten();
      return;
    }
    if (before === "silent") {
      // Bytes were swallowed, so what goes on would be out of step.
      this.reset();
    }
    if (before === "refused") {
      await this.listen(this.listeningPort);
    }
  }

  async close(): Promise<void> {
    this.reset();
    await this.unlisten();
  }

  private listen(port: number): Promise<void> {
    this.server = createServer((socket) => {
      this.join(socket);
    });
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, this.host, () => {
        const address = this.server.address();
        this.listeningPort = typeof address === "object" && address !== null ? address.port : 0;
        resolve();
      });
    });
  }

  private unlisten(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
  }

  private reset(): void {
    for (const pair of this.pairs) {
      for (const socket of pair) {
        socket.resetAndDestroy();
      }
    }
    this.pairs.clear();
  }

  private join(client: Socket): void {
    const upstream = connect(this.target);
    const pair = [client, upstream] as const;
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    this.pipe(client, upstream, end);
    this.pipe(upstream, client, end);
  }

  private pipe(from: Socket, to: Socket, end: () => void): void {
    const later = (action: () => void): void => {
      if (this.delayMs === 0) {
        action();
      } else {
        setTimeout(action, this.delayMs);
      }
    };
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      if (this.mode === "open") {
        later(() => to.write(chunk));
      }
    });
    from.on("error", end);
    from.on("end", () => {
      if (this.mode === "open") {
        later(() => to.end());
      }
    });
    from.on("close", () => {
      if (this.mode !== "silent") {
        later(end);
      }
    });
  }
}
