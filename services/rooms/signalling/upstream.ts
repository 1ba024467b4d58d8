import { connect as connectPlainly, isIP, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { NotHttp, parseHead, type AnswerHead, type Header } from "./http-head.ts";
import type { Join } from "./join.ts";

/** A server that did not answer a request, and how far it came. */
export class NotReached extends Error {
  /** True where no connection came about. */
  readonly isUnsent: boolean;
  constructor(reason: string, isUnsent: boolean) {
    super(reason);
    this.isUnsent = isUnsent;
  }
}

/** The client does not wait any more. */
export class ClientGone extends Error {}

/** An answer whose body, or tunnel, is still to be read from the socket. */
export interface OpenAnswer {
  readonly head: AnswerHead;
  /** What came behind the head. */
  readonly rest: Buffer;
  readonly socket: Socket;
}

/** Milliseconds for a connection to come about, and then for the head of the answer. */
export interface UpstreamTimes {
  readonly connectMs: number;
  readonly headMs: number;
}

/** A server that takes joins: this region's LiveKit, or another region's gateway. */
export class Upstream {
  private readonly url: URL;
  private readonly ca: string | undefined;
  /** The last TLS session: taking it up again saves a round trip and most of the arithmetic. */
  private session: Buffer | undefined;

  /** @param ca certificate of the authority to trust instead of the system's: tests and the rehearsal */
  constructor(url: string, ca?: string) {
    this.url = new URL(url);
    this.ca = ca;
  }

  /**
   * Sends the request once, on a connection of its own, and reads the head of the answer.
   * @throws NotReached, ClientGone
   */
  async ask(join: Join, added: readonly Header[], times: UpstreamTimes): Promise<OpenAnswer> {
    if (join.gone.aborted) {
      throw new ClientGone();
    }
    const socket = this.connect();
    const isSecure = this.url.protocol === "https:";
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      let isSent = false;
      const done = (): void => {
        clearTimeout(timer);
        join.gone.removeEventListener("abort", onGone);
        // Nothing of the request is held by the socket of a tunnel that lasts for hours.
        socket.off("data", onData).off("close", onClose).off("end", onClose).off("error", onError);
      };
      const fail = (error: Error): void => {
        done();
        socket.destroy();
        reject(error);
      };
      const unreached = (reason: string): void => {
        fail(new NotReached(reason, !isSent));
      };
      const onGone = (): void => {
        fail(new ClientGone());
      };
      const onClose = (): void => {
        unreached("closed without an answer");
      };
      const onError = (error: Error): void => {
        unreached("code" in error ? String(error.code) : error.message);
      };
      const onData = (chunk: Buffer): void => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        try {
          const parsed = parseHead(received);
          if (parsed !== undefined) {
            socket.pause();
            done();
            resolve({ ...parsed, socket });
          }
        } catch (error) {
          unreached(error instanceof NotHttp ? error.message : "unknown");
        }
      };
      const waitFor = (ms: number): NodeJS.Timeout =>
        setTimeout(
          () => {
            unreached(`nothing for ${Math.ceil(ms)} ms`);
          },
          Math.min(ms, join.deadline.left()),
        );
      let timer = waitFor(times.connectMs);
      join.gone.addEventListener("abort", onGone);
      socket.on("error", ignore).on("error", onError);
      socket.once("close", onClose).once("end", onClose).on("data", onData);
      socket.once(isSecure ? "secureConnect" : "connect", () => {
        isSent = true;
        clearTimeout(timer);
        timer = waitFor(times.headMs);
        socket.write(requestHead(join, this.url.host, added), "latin1");
      });
    });
  }

  private connect(): Socket {
    const { hostname, port, protocol } = this.url;
    const host = hostname.replace(/^\[|\]$/g, "");
    if (protocol !== "https:") {
      return connectPlainly({ host, port: Number(port || 80), noDelay: true });
    }
    const socket = connectSecurely({
      host,
      port: Number(port || 443),
      // An address is no name (RFC 6066, section 3); it is checked against the certificate all the same.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // An upgrade is one of HTTP/1.1 (RFC 9113, section 8.6).
      ALPNProtocols: ["http/1.1"],
      ...(this.ca === undefined ? {} : { ca: this.ca }),
      ...(this.session === undefined ? {} : { session: this.session }),
    });
    socket.setNoDelay(true);
    socket.once("session", (session) => {
      this.session = session;
    });
    return socket;
  }
}

/** The request as it goes on the wire. */
export function requestHead(join: Join, host: string, added: readonly Header[]): string {
  const headers: readonly Header[] = [
    ["Host", host],
    ...(join.isUpgrade
      ? ([
          ["Connection", "Upgrade"],
          ["Upgrade", "websocket"],
        ] as const)
      : ([["Connection", "close"]] as const)),
    ...join.headers,
    ...added,
  ];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${join.url} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function ignore(): void {
  // The socket closes after an error, which is what counts.
}
