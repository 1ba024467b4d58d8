import http, { type IncomingMessage } from "node:http";
import https from "node:https";

/** Bytes of an answer beyond which it is not read: far above the longest list of rooms or recordings. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Connections at once to one server; calls above that wait within their time. */
const MAX_SOCKETS = 256;

/** A call over HTTP. */
export interface HttpCall {
  readonly method: "GET" | "POST";
  /** Path with query, as it goes on the line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Milliseconds until the whole answer must be there. */
  readonly timeoutMs: number;
  /**
   * Opens a connection for this call alone. One that was kept open may turn out to be closed just as the call is
   * written, and then nobody knows whether it had an effect.
   */
  readonly isFresh?: boolean;
}

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No connection came about: nothing of the call has left, and it may be made again. */
export class NotSent extends Error {
  /** Whether the other machine said no, rather than nothing. */
  readonly isRefused: boolean;
  constructor(reason: string) {
    super(`No connection (${reason}).`);
    this.isRefused = reason === "ECONNREFUSED";
  }
}

/** The call was made, or part of it, and no whole answer came: it may have had an effect. */
export class NoAnswer extends Error {
  /** True if it went over a connection that had been kept open, and broke before anything came back. */
  readonly wasStale: boolean;
  constructor(reason: string, wasStale: boolean) {
    super(`No answer (${reason}).`);
    this.wasStale = wasStale;
  }
}

/** Calls one server over HTTP/1.1, on connections that are kept open. */
export class HttpCaller {
  private readonly base: URL;
  private readonly kept: http.Agent;
  private readonly fresh: http.Agent;

  constructor(base: string) {
    this.base = new URL(base);
    const secure = this.base.protocol === "https:";
    const kept = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: 32 };
    this.kept = secure ? new https.Agent(kept) : new http.Agent(kept);
    this.fresh = secure ? new https.Agent() : new http.Agent();
  }

  /**
   * Makes the call once.
   * @throws NotSent where no connection came about
   * @throws NoAnswer where one did and the answer did not come whole and in time
   */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const { promise, resolve, reject } = withResolvers<HttpAnswer>();
    const secure = this.base.protocol === "https:";
    const request = (secure ? https : http).request({
      hostname: this.base.hostname.replace(/^\[|\]$/g, ""),
      port: this.base.port,
      path: call.path,
      method: call.method,
      agent: call.isFresh === true ? this.fresh : this.kept,
      headers: {
        ...call.headers,
        ...(call.body === undefined ? {} : { "content-length": String(call.body.length) }),
      },
    });
    let connected = false;
    let answering = false;
    const fail = (reason: string): void => {
      reject(
        connected ? new NoAnswer(reason, request.reusedSocket && !answering) : new NotSent(reason),
      );
      request.destroy();
    };
    const timer = setTimeout(() => {
      fail(`${call.timeoutMs} ms`);
    }, call.timeoutMs);
    request.once("socket", (socket) => {
      connected = !socket.connecting;
      if (connected) {
        // One that was kept open: each call would leave a listener behind.
        return;
      }
      socket.once(secure ? "secureConnect" : "connect", () => {
        connected = true;
      });
    });
    request.on("error", (error) => {
      fail(codeOf(error));
    });
    request.once("response", (response) => {
      answering = true;
      readAnswer(response).then(resolve, (error: unknown) => {
        fail(codeOf(error));
      });
    });
    request.end(call.body);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.kept.destroy();
    this.fresh.destroy();
  }
}

function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) {
        reject(new Error(`an answer above ${MAX_ANSWER_BYTES} bytes`));
      }
    });
    response.once("error", reject);
    response.once("end", () => {
      resolve({
        status: response.statusCode ?? 0,
        contentType: response.headers["content-type"] ?? "",
        headers: response.headers,
        body: Buffer.concat(chunks),
      });
    });
  });
}

/** The code of a socket's error, which names no address; its text otherwise. */
function codeOf(error: unknown): string {
  if (error instanceof Error) {
    return "code" in error && typeof error.code === "string" ? error.code : error.message;
  }
  return "error";
}

function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
