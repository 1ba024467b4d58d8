import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What a server knows of an access key. */
export interface KnownKey {
  readonly secret: string;
  readonly token?: string;
}

/** A request as a server sees it. */
export interface SignedRequest {
  readonly method: string;
  /** The target as it came over the line. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** Region of a valid signature, or why it is none, by the name of S3's error. */
export type Verdict =
  { readonly ok: true; readonly region: string } | { readonly ok: false; readonly error: string };

const ALGORITHM = "AWS4-HMAC-SHA256";
const CLOCK_SKEW_MS = 15 * 60_000;

/**
 * Checks a signature the way S3 does, written from its documentation (Amazon S3 API Reference, "Authenticating Requests
 * (AWS Signature Version 4)") and sharing nothing with the library that signs. Payloads are taken as unsigned or empty.
 */
export function verifySignature(
  request: SignedRequest,
  keyOf: (accessKeyId: string) => KnownKey | undefined,
  nowMs: number,
): Verdict {
  const [path = "", queryText = ""] = request.target.split(/\?(.*)/s);
  const query = queryText === "" ? [] : queryText.split("&").map(pairOf);
  const inQuery = Object.fromEntries(query);
  const isLink = "X-Amz-Signature" in inQuery;
  const header =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      request.headers.authorization ?? "",
    );
  const [, credential, signedHeaders, signature] = isLink
    ? ["", inQuery["X-Amz-Credential"], inQuery["X-Amz-SignedHeaders"], inQuery["X-Amz-Signature"]]
    : (header ?? []);
  const stamp = isLink ? inQuery["X-Amz-Date"] : text(request.headers["x-amz-date"]);
  if (credential === undefined || signature === undefined || stamp === undefined) {
    return { ok: false, error: "AccessDenied" };
  }
  const [accessKeyId = "", day = "", region = "", service = "", ending = ""] =
    credential.split("/");
  const known = keyOf(accessKeyId);
  if (known === undefined) {
    return { ok: false, error: "InvalidAccessKeyId" };
  }
  const token = isLink
    ? inQuery["X-Amz-Security-Token"]
    : text(request.headers["x-amz-security-token"]);
  if (token !== known.token) {
    return { ok: false, error: "InvalidToken" };
  }
  const names = (signedHeaders ?? "").split(";");
  const mustBeSigned = Object.keys(request.headers).filter(
    (name) => name === "host" || name.startsWith("x-amz-"),
  );
  if (
    service !== "s3" ||
    ending !== "aws4_request" ||
    !stamp.startsWith(day) ||
    mustBeSigned.some((name) => !names.includes(name))
  ) {
    return { ok: false, error: "AuthorizationHeaderMalformed" };
  }
  const signedMs = Date.parse(
    stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  const lifeMs = isLink ? Number(inQuery["X-Amz-Expires"]) * 1000 : CLOCK_SKEW_MS;
  if (!(nowMs < signedMs + lifeMs && signedMs < nowMs + CLOCK_SKEW_MS)) {
    return { ok: false, error: isLink ? "AccessDenied" : "RequestTimeTooSkewed" };
  }
  const canonical = [
    request.method,
    encoded(decodeURIComponent(path)).replaceAll("%2F", "/"),
    query
      .filter(([name]) => name !== "X-Amz-Signature")
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join("&"),
    ...names.map((name) => `${name}:${text(request.headers[name])?.trim() ?? ""}`),
    "",
    names.join(";"),
    isLink ? "UNSIGNED-PAYLOAD" : (text(request.headers["x-amz-content-sha256"]) ?? ""),
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const signing = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (key, part) => createHmac("sha256", key).update(part).digest(),
    `AWS4${known.secret}`,
  );
  const expected = createHmac("sha256", signing)
    .update([ALGORITHM, stamp, scope, sha256(canonical)].join("\n"))
    .digest();
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected)
    ? { ok: true, region }
    : { ok: false, error: "SignatureDoesNotMatch" };
}

function pairOf(pair: string): readonly [string, string] {
  const [name = "", value = ""] = pair.split(/=(.*)/s);
  return [decodeURIComponent(name), decodeURIComponent(value)];
}

/** RFC 3986: everything but letters, digits and - . _ ~ */
function encoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}
