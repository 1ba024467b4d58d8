import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";

/** Connections at once to one server; requests above that wait within their time. */
const MAX_SOCKETS = 256;
const MAX_FREE_SOCKETS = 64;

/** A request. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "DELETE" | "PUT";
  /** The whole address; its path and query go on the line as they are. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until the head of the answer must be there, and then between two pieces of its body. */
  readonly timeoutMs: number;
  /** Bytes to send. @default none */
  readonly body?: string;
  /** Never sent twice: a connection of its own, which nobody can have closed before. @default false */
  readonly isOnce?: boolean;
}

/** An answer that was read to its end. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** No answer, or half a one; the message is a code and holds no address. */
export class NoAnswer extends Error {}

/** Requests to Meet, S3 and the credentials' agent, on connections that are kept open. Redirects are not followed. */
export class Outbound {
  private readonly plain = new http.Agent(AGENT);
  private readonly secure = new https.Agent(AGENT);

  /**
   * The head of the answer; its body is still to be read. A kept connection that turns out to be closed is replaced.
   * @throws NoAnswer
   */
  async open(outgoing: Outgoing): Promise<IncomingMessage> {
    try {
      return await this.once(outgoing);
    } catch (error) {
      if (error instanceof StaleConnection) {
        return this.once(outgoing);
      }
      throw error;
    }
  }

  /** The whole answer, of at most `maxBytes`. @throws NoAnswer */
  async read(outgoing: Outgoing, maxBytes: number): Promise<ReadAnswer> {
    const answer = await this.open(outgoing);
    const chunks: Buffer[] = [];
    let size = 0;
    // Between two pieces the socket's own time limit counts; this is for all of them.
    const timer = setTimeout(() => {
      answer.destroy(new NoAnswer(`${outgoing.timeoutMs} ms`));
    }, outgoing.timeoutMs);
    try {
      for await (const chunk of answer) {
        const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
        size += bytes.length;
        if (size > maxBytes) {
          throw new NoAnswer(`more than ${maxBytes} bytes`);
        }
        chunks.push(bytes);
      }
    } catch (error) {
      throw error instanceof NoAnswer ? error : new NoAnswer(codeOf(error));
    } finally {
      clearTimeout(timer);
    }
    const body = Buffer.concat(chunks).toString("utf8");
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  }

  /** Closes what is kept open. */
  close(): void {
    this.plain.destroy();
    this.secure.destroy();
  }

  private once(outgoing: Outgoing): Promise<IncomingMessage> {
    const isSecure = outgoing.url.startsWith("https:");
    return new Promise((resolve, reject) => {
      const request = (isSecure ? https : http).request(outgoing.url, {
        method: outgoing.method,
        headers: outgoing.headers,
        agent: outgoing.isOnce === true ? false : isSecure ? this.secure : this.plain,
      });
      const timer = setTimeout(() => {
        request.destroy(new NoAnswer(`${outgoing.timeoutMs} ms`));
      }, outgoing.timeoutMs);
      // Silence between two pieces of the body; the agent takes this off a connection that is kept.
      request.setTimeout(outgoing.timeoutMs, () => {
        request.destroy(new NoAnswer(`${outgoing.timeoutMs} ms`));
      });
      request.once("error", (error) => {
        clearTimeout(timer);
        const isStale = request.reusedSocket && codeOf(error) === "ECONNRESET";
        reject(isStale ? new StaleConnection("ECONNRESET") : asNoAnswer(error));
      });
      request.once("response", (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.end(outgoing.body);
    });
  }
}

const AGENT = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_FREE_SOCKETS };

/** A connection that had been kept open was closed by the other side as it was used again. */
class StaleConnection extends NoAnswer {}

function asNoAnswer(error: Error): NoAnswer {
  return error instanceof NoAnswer ? error : new NoAnswer(codeOf(error));
}

/** The code of a socket's error, which names no address. */
function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return error instanceof Error ? error.name : "error";
}
