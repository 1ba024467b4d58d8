import { createServer, type IncomingHttpHeaders, type Server } from "node:http";

/** Name that the fake answers to, as Django's ALLOWED_HOSTS has it. */
export const MEET_HOST = "meet.example.org";

/** The session cookie of a user of the fake. */
export function cookieOf(user: string): string {
  return `theme=dark; meet_sessionid=${user}`;
}

/** What a user's browser sends from Meet's own page to delete something. */
export function deletingAs(user: string): Record<string, string> {
  return {
    cookie: `${cookieOf(user)}; csrftoken=token${user}`,
    "x-csrftoken": `token${user}`,
    referer: `https://${MEET_HOST}/recordings`,
  };
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
  /** What happens to a request to delete a recording, and whether Meet has done it by then. */
  deleteFault: "none" | "500 before" | "500 after" | "cut before" | "cut after" = "none";
  /** Recordings that were deleted by a request that this Meet allowed. */
  readonly deleted = new Set<string>();
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
      const isDelete = request.method === "DELETE";
      if (isDelete && meet.deleteFault === "cut before") {
        request.socket.destroy();
        return;
      }
      const { status, detail } = isDelete
        ? meet.answerDelete(request.url ?? "", request.headers)
        : meet.answer(request.url ?? "", request.headers);
      if (isDelete && meet.deleteFault === "cut after") {
        request.socket.destroy();
        return;
      }
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (status === 200 && meet.fault === "none" && !isDelete) {
        headers["authorization"] =
          "AWS4-HMAC-SHA256 Credential=MEET/20261123/eu-west-3/s3/aws4_request, " +
          "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0";
      }
      if (status === 429) {
        headers["retry-after"] = "7";
      }
      setTimeout(() => {
        response.writeHead(status, headers).end(status === 204 ? "" : JSON.stringify({ detail }));
      }, meet.delayMs);
    });
    return meet;
  }

  recording(id: string, owner: string, extension: "mp4" | "ogg" = "mp4", isSaved = true): void {
    this.recordings.set(id, { owner, extension, isSaved });
  }

  /** True while Meet has the recording. */
  has(id: string): boolean {
    return this.recordings.has(id);
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

  /**
   * RecordingViewSet's destroy: a session, Django's check of forged requests, a recording of the caller's that is not
   * being made any more (core/api/viewsets.py; core/models.py, `get_abilities`; meet/settings.py). Django takes a UUID
   * in any letters, with or without dashes.
   */
  private answerDelete(path: string, headers: IncomingHttpHeaders): Answer {
    if (this.deleteFault === "500 before") {
      return { status: 500, detail: "" };
    }
    if (headers.host !== MEET_HOST || headers["x-forwarded-proto"] !== "https") {
      return { status: 400, detail: "DisallowedHost" };
    }
    const user = /meet_sessionid=(\w+)/.exec(headers.cookie ?? "")?.[1];
    if (user === undefined) {
      return { status: 401, detail: "" };
    }
    const token = /csrftoken=(\w+)/.exec(headers.cookie ?? "")?.[1];
    const isOwnPage = headers.referer?.startsWith(`https://${MEET_HOST}/`) === true;
    if (token === undefined || headers["x-csrftoken"] !== token || !isOwnPage) {
      return { status: 403, detail: "CSRF Failed" };
    }
    const [, text = ""] = /^\/api\/v1\.0\/recordings\/([^/.]+)\/$/.exec(path) ?? [];
    const hex = text.replaceAll("-", "").toLowerCase();
    const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    const recording = this.recordings.get(id);
    if (recording?.owner !== user) {
      return { status: 404, detail: "No Recording matches the given query." };
    }
    if (!recording.isSaved) {
      return { status: 403, detail: "You do not have permission to perform this action." };
    }
    this.recordings.delete(id);
    this.deleted.add(id);
    return this.deleteFault === "500 after"
      ? { status: 500, detail: "" }
      : { status: 204, detail: "" };
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
