import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Answer } from "./answer.ts";

/** Milliseconds after which a client that does not take its answer is cut off. */
const LINGER_MS = 5000;

/** Whoever waits for an answer: a client, or another region's gateway. */
export interface ClientSide {
  /** Aborted when it went away. */
  readonly gone: AbortSignal;
  answer(answer: Answer): Promise<void>;
}

/** The client of an upgrade, of which there is nothing but the socket. */
export class UpgradeClient implements ClientSide {
  readonly gone: AbortSignal;
  readonly socket: Socket;
  /** What the client sent right behind its request. */
  readonly early: Buffer;
  private readonly leaving: () => void;
  private isReleased = false;

  constructor(socket: Socket, early: Buffer) {
    const controller = new AbortController();
    this.gone = controller.signal;
    this.socket = socket;
    this.early = early;
    this.leaving = () => {
      controller.abort();
    };
    socket.on("error", ignore);
    socket.once("close", this.leaving);
  }

  /** Gives the socket away: to a tunnel, which must hold on to nothing of the request. Nothing is answered any more. */
  release(): Socket {
    this.isReleased = true;
    this.socket.off("close", this.leaving);
    return this.socket;
  }

  async answer(answer: Answer): Promise<void> {
    const { socket } = this;
    if (socket.destroyed || this.isReleased) {
      return;
    }
    const headers = [...answer.headers, ["connection", "close"] as const];
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`HTTP/1.1 ${answer.status} ${answer.reason}\r\n${head}\r\n`, "latin1");
    socket.write(answer.body);
    for await (const chunk of answer.rest ?? []) {
      if (!socket.write(chunk)) {
        await once(socket, "drain", { signal: this.gone });
      }
    }
    socket.end();
    // Read to the end, so that the answer is not lost to a reset, but not for ever.
    socket.resume();
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  }
}

/** The client of a request without an upgrade. */
export class ResponseClient implements ClientSide {
  readonly gone: AbortSignal;
  private readonly response: ServerResponse;

  constructor(response: ServerResponse) {
    const controller = new AbortController();
    this.gone = controller.signal;
    this.response = response;
    response.once("close", () => {
      controller.abort();
    });
  }

  async answer(answer: Answer): Promise<void> {
    const { response } = this;
    if (response.destroyed) {
      return;
    }
    response.writeHead(answer.status, answer.reason, answer.headers.flat());
    response.write(answer.body);
    for await (const chunk of answer.rest ?? []) {
      if (!response.write(chunk)) {
        await once(response, "drain", { signal: this.gone });
      }
    }
    response.end();
  }
}

function ignore(): void {
  // The socket closes after an error, which is what counts.
}
