import { RequestSigner } from "../peers/peer-token.ts";

/** Where the calls of operators are. */
export const ADMIN_PATH = "/admin/v1/";

/** A request of an operator to one region. */
export interface AdminRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `/admin/v1/`, such as `status` or `rooms/daily`; see `roomPath`. */
  readonly path: string;
  /** What is sent as JSON. */
  readonly body?: unknown;
}

/** A request as it goes over the wire. */
export interface SignedAdminRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Signs an operator's request to the gateway of a region, for the tools outside of it. Good for 20 seconds, once.
 * @param signing the address of the region's gateway, the operators' secret and the operator's name, which is logged
 */
export async function signAdminRequest(
  signing: {
    readonly base: string;
    readonly region: string;
    readonly secret: string;
    readonly operator: string;
  },
  request: AdminRequest,
): Promise<SignedAdminRequest> {
  const signer = new RequestSigner("operator", signing.operator, () => [signing.secret]);
  const url = `${ADMIN_PATH}${request.path}`;
  const text = request.body === undefined ? "" : JSON.stringify(request.body);
  const { method } = request;
  const token = await signer.sign(signing.region, { method, url, body: Buffer.from(text) });
  return {
    url: `${signing.base.replace(/\/+$/, "")}${url}`,
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(text === "" ? {} : { body: text }),
  };
}

/** The path of a room, whatever is in its name. */
export function roomPath(room: string, below = ""): string {
  return `rooms/${encodeURIComponent(room)}${below === "" ? "" : `/${below}`}`;
}
