import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { html, type Page } from "./pages.ts";

/** What no answer lets a cache or a browser do. */
const ALWAYS = {
  "cache-control": "private, no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** What of S3's answer a caller gets. */
const DESCRIBING = ["content-type", "content-length", "content-range", "etag", "last-modified"];

/**
 * An upload is served from Meet's own name: whatever is in it, a browser must not run it there (HTML Standard, sandbox).
 */
const SANDBOX = "default-src 'none'; sandbox";

/** Answers with a page. */
export function sendPage(
  response: ServerResponse,
  method: string,
  page: Page,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = html(page);
  response.writeHead(page.status, {
    ...ALWAYS,
    "content-type": "text/html; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    ...(page.retrySeconds === undefined ? {} : { "retry-after": String(page.retrySeconds) }),
    ...headers,
  });
  response.end(method === "HEAD" ? undefined : body);
}

/** Answers a probe. */
export function sendText(
  response: ServerResponse,
  method: string,
  status: number,
  text: string,
): void {
  response.writeHead(status, {
    ...ALWAYS,
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(method === "HEAD" ? undefined : text);
}

/** Sends the caller to a link. Not 301: the link ends, the address stays. */
export function sendRedirect(response: ServerResponse, link: string): void {
  response.writeHead(302, { ...ALWAYS, location: link, "content-length": "0" });
  response.end();
}

/** Begins an answer that carries or describes an object. */
export function beginObject(
  response: ServerResponse,
  status: number,
  object: IncomingHttpHeaders,
  disposition: string,
): void {
  const described = Object.fromEntries(
    DESCRIBING.flatMap((name) => {
      const value = object[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  response.writeHead(status, {
    ...ALWAYS,
    "accept-ranges": "bytes",
    "content-security-policy": SANDBOX,
    "content-disposition": disposition,
    ...described,
  });
}

/**
 * Meet's page gives a recording a name by the link's `download` attribute, which browsers ignore once a link leads to
 * another origin (HTML Standard, downloading resources), so the answer says it: by the day, which S3 knows.
 */
export function dispositionOf(
  medium: { readonly kind: string; readonly id: string; readonly extension: string },
  object: IncomingHttpHeaders,
): string {
  if (medium.kind === "files") {
    return "attachment";
  }
  const time = Date.parse(object["last-modified"] ?? "");
  const day = Number.isNaN(time) ? "" : `${new Date(time).toISOString().slice(0, 10)}-`;
  return `attachment; filename="recording-${day}${medium.id.slice(0, 8)}.${medium.extension}"`;
}
