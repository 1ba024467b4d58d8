import { createServer, type IncomingHttpHeaders, type Server } from "node:http";

/** Name that the fake answers to, as Django's ALLOWED_HOSTS has it. */
export const MEET_HOST = "meet.example.org";

/** The session cookie of a user of the fake. */
export function cookieOf(user: string): string {
  return `theme=dark; meet_sessionid=${user}`;
}

interface Recording {
  readonly owner: string;
  readonly extension: "mp4" | "ogg";
  readonly isSaved: boolean;
}

interface Answer {
  readonly status: number;
  readonly detail: string;
}

const UUID = "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}";

/** Not anchored, as Meet's is not (suitenumerique/meet core/enums.py, RECORDING_STORAGE_URL_PATTERN). */
const RECORDING = new RegExp(`/media/recordings/(${UUID})\\.([a-zA-Z0-9]{1,10})`);
/** The same file, MEDIA_STORAGE_URL_PATTERN. */
const FILE = new RegExp(`/media/(files/(${UUID})\\.[a-zA-Z0-9]{1,10})$`);

/** Meet's two views `media_auth`, step by step as in suitenumerique/meet core/api/viewsets.py (backend 1.27.0). */
export class FakeMeet {
  readonly url: string;
  /** Headers of each question, as they came. */
  readonly questions: IncomingHttpHeaders[] = [];
  /** A fault in place of a decision. */
  fault: "none" | "status 500" | "frontend" | "silence" | "busy" = "none";
  delayMs = 0;
  private readonly recordings = new Map<string, Recording>();
  private readonly files = new Map<string, string>();
  private readonly server: Server;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<FakeMeet> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const meet = new FakeMeet(server, typeof address === "object" && address ? address.port : 0);
    server.on("request", (request, response) => {
      meet.questions.push(request.headers);
      if (meet.fault === "silence") {
        return;
      }
      const { status, detail } = meet.answer(request.url ?? "", request.headers);
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (status === 200 && meet.fault === "none") {
        headers["authorization"] =
          "AWS4-HMAC-SHA256 Credential=MEET/20261123/eu-west-3/s3/aws4_request, " +
          "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0";
      }
      if (status === 429) {
        headers["retry-after"] = "7";
      }
      setTimeout(() => {
        response.writeHead(status, headers).end(JSON.stringify({ detail }));
      }, meet.delayMs);
    });
    return meet;
  }

  recording(id: string, owner: string, extension: "mp4" | "ogg" = "mp4", isSaved = true): void {
    this.recordings.set(id, { owner, extension, isSaved });
  }

  file(id: string, creator: string): void {
    this.files.set(id, creator);
  }

  /** True if the user may have the key: what the views decide, said from the other end. */
  owns(user: string, key: string): boolean {
    const [folder, name = ""] = key.split("/");
    const [id = "", extension] = name.split(".");
    return folder === "files"
      ? this.files.get(id) === user
      : this.recordings.get(id)?.owner === user && this.recordings.get(id)?.extension === extension;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(path: string, headers: IncomingHttpHeaders): Answer {
    if (this.fault === "frontend") {
      return { status: 200, detail: "<!doctype html>" };
    }
    if (this.fault === "busy") {
      return { status: 429, detail: "Request was throttled." };
    }
    if (this.fault === "status 500") {
      return { status: 500, detail: "" };
    }
    if (headers.host !== MEET_HOST) {
      return { status: 400, detail: "DisallowedHost" };
    }
    if (headers["x-forwarded-proto"] !== "https") {
      return { status: 301, detail: "SECURE_SSL_REDIRECT" };
    }
    const user = /meet_sessionid=(\w+)/.exec(headers.cookie ?? "")?.[1];
    const original = headers["x-original-url"];
    if (path === "/api/v1.0/recordings/media-auth/") {
      return user === undefined
        ? { status: 401, detail: "" }
        : this.recordingAuth(user, pathOf(original));
    }
    return path === "/api/v1.0/files/media-auth/"
      ? this.fileAuth(user, pathOf(original))
      : { status: 404, detail: "" };
  }

  private recordingAuth(user: string, path: string | undefined): Answer {
    const [, id = "", extension = ""] = RECORDING.exec(path ?? "") ?? [];
    if (id === "") {
      return { status: 403, detail: "" };
    }
    if (extension !== "mp4" && extension !== "ogg") {
      return { status: 400, detail: "Unsupported extension." };
    }
    // Django's UUIDField takes capitals too.
    const recording = this.recordings.get(id.toLowerCase());
    if (recording === undefined || recording.extension !== extension) {
      return { status: 404, detail: "No recording found." };
    }
    return recording.owner === user && recording.isSaved
      ? { status: 200, detail: "authorized" }
      : { status: 403, detail: "" };
  }

  private fileAuth(user: string | undefined, path: string | undefined): Answer {
    const [, , id = ""] = FILE.exec(unquoted(path ?? "")) ?? [];
    if (user === undefined) {
      return { status: 401, detail: "" };
    }
    return this.files.get(id.toLowerCase()) === user
      ? { status: 200, detail: "authorized" }
      : { status: 403, detail: "" };
  }
}

/** Python's urlparse: the path up to the first `?` or `#`, nothing decoded, no dots resolved. */
function pathOf(url: string | readonly string[] | undefined): string | undefined {
  return typeof url === "string"
    ? /^(?:[a-z]+:)?(?:\/\/[^/?#]*)?([^?#]*)/i.exec(url)?.[1]
    : undefined;
}

function unquoted(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
