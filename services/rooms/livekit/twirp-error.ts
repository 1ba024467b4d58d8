/** Codes of Twirp errors and the status each is sent with (twitchtv/twirp, docs/spec_v7.md). */
export const TWIRP_STATUS = {
  canceled: 408,
  unknown: 500,
  invalid_argument: 400,
  malformed: 400,
  deadline_exceeded: 408,
  not_found: 404,
  bad_route: 404,
  already_exists: 409,
  permission_denied: 403,
  unauthenticated: 401,
  resource_exhausted: 429,
  failed_precondition: 412,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
} as const;

export type TwirpCode = keyof typeof TWIRP_STATUS;

/** An error as Twirp says it: JSON with a code and a sentence, whatever the request was encoded in. */
export class TwirpError extends Error {
  readonly code: string;

  constructor(code: TwirpCode | (string & {}), message: string) {
    super(message);
    this.code = code;
  }
}

/** Reads an answer's body as a Twirp error; undefined if it is none. */
export function parseTwirpError(body: Uint8Array): TwirpError | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || !("code" in parsed)) {
    return undefined;
  }
  const { code } = parsed;
  const message = "msg" in parsed ? parsed.msg : undefined;
  return typeof code === "string"
    ? new TwirpError(code, typeof message === "string" ? message : "")
    : undefined;
}
