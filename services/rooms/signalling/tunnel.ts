import type { Socket } from "node:net";

/**
 * Milliseconds without a byte in either direction after which a tunnel is dead. Clients ping every 5 s and LiveKit every
 * 10 s (livekit/livekit, pkg/rtc/participant.go and pkg/service/wsprotocol.go), and a client gives up after 15 s
 * without an answer: after a minute nobody is left at one of the ends.
 */
const IDLE_MS = 60_000;

/** Milliseconds given to one end, after the other has said that it is done, to take what is still on its way. */
const LINGER_MS = 2000;

/** Milliseconds of silence after which the system asks whether the other machine is still there. */
const KEEP_ALIVE_MS = 30_000;

/** Whose connection it is, and where it leads. */
export interface Connected {
  readonly room: string;
  readonly identity: string;
  /** The host. */
  readonly region: string;
  readonly tenure: number;
}

/**
 * A client's connection and the one to LiveKit, or to the gateway of the region that hosts the room, and the bytes
 * between them as they come. No end is told anything that the other did not say: a client whose tunnel is cut sees an
 * abnormal closure (1006) and comes back at once; after a closing frame of 1000 it would wait for its ping to time out
 * (client-sdk-js, SignalClient).
 */
export class Tunnel {
  readonly connected: Connected;
  private readonly client: Socket;
  private readonly upstream: Socket;
  private readonly onEnd: (tunnel: Tunnel) => void;
  private hasEnded = false;

  constructor(
    connected: Connected,
    client: Socket,
    upstream: Socket,
    onEnd: (tunnel: Tunnel) => void,
  ) {
    this.connected = connected;
    this.client = client;
    this.upstream = upstream;
    this.onEnd = onEnd;
  }

  /** Passes on what both ends have said so far, and from then on everything. */
  start(early: Buffer, first: Buffer): void {
    const { client, upstream } = this;
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
    }
    // Every byte passes through the client's socket, in one direction or the other.
    client.setTimeout(IDLE_MS, () => {
      this.cut();
    });
    client.write(first);
    if (early.length > 0) {
      upstream.write(early);
    }
    this.carry(upstream, client);
    this.carry(client, upstream);
    if (client.destroyed || upstream.destroyed) {
      this.cut();
    }
  }

  /** Ends both connections at once. */
  cut(): void {
    this.client.destroy();
    this.upstream.destroy();
    this.end();
  }

  /** Bytes taken from one end and not yet by the other. */
  buffered(): number {
    const { client, upstream } = this;
    const written = client.writableLength + upstream.writableLength;
    return written + client.readableLength + upstream.readableLength;
  }

  private carry(from: Socket, to: Socket): void {
    from.on("data", (chunk: Buffer) => {
      if (!to.write(chunk)) {
        from.pause();
      }
    });
    to.on("drain", () => {
      from.resume();
    });
    from.on("end", () => {
      // What is still to be written to it is written; it may answer, and then all is over.
      to.end();
      this.lingerThenCut();
    });
    from.on("error", ignore);
    from.on("close", (hadError) => {
      if (hadError || !to.writableEnded) {
        this.cut();
      } else {
        this.end();
      }
    });
    // It was paused when its head had been read, and then stays so.
    from.resume();
  }

  private lingerThenCut(): void {
    this.end();
    setTimeout(() => {
      this.cut();
    }, LINGER_MS).unref();
  }

  private end(): void {
    if (!this.hasEnded) {
      this.hasEnded = true;
      this.onEnd(this);
    }
  }
}

function ignore(): void {
  // The socket closes after an error, which is what counts.
}
