import type { IncomingMessage } from "node:http";
import type { Claim } from "../placement/claim.ts";
import { parseJson } from "../http-body.ts";
import { claimSchema } from "./messages.ts";
import { PEER_HEADER, type RequestSigner, type RequestVerifier } from "./peer-token.ts";
import type { Signer, TokenRefused } from "./peer-token.ts";
import type { RegionUrls } from "./region-urls.ts";

/** Header of a tunnelled request: the claim under which the entry brings somebody. */
export const CLAIM_HEADER = "x-meet-claim";

/** Characters of the longest claim header: a room's name of 512 characters, each of them escaped. */
const MAX_CLAIM_LENGTH = 8192;

/** The headers of a tunnel to another region's gateway. They are good for one request, once. */
export type PeerHeaders = Readonly<Record<typeof PEER_HEADER | typeof CLAIM_HEADER, string>>;

/** Makes ready the tunnels to the gateways of other regions. */
export class PeerDialer {
  private readonly urls: RegionUrls;
  private readonly signer: RequestSigner;

  constructor(urls: RegionUrls, signer: RequestSigner) {
    this.urls = urls;
    this.signer = signer;
  }

  /** Address of the gateway of a region, without a path. */
  urlOf(region: string): string {
    return this.urls.of(region);
  }

  /**
   * Headers to be added to the client's own for a request with no body, of this very path and query.
   * @param to the region that the request is sent to, where that is not the host
   */
  async headers(
    claim: Claim,
    request: { readonly method: string; readonly url: string },
    to = claim.region,
  ): Promise<PeerHeaders> {
    const body = new Uint8Array();
    const token = await this.signer.sign(to, { ...request, body });
    return { [PEER_HEADER]: token, [CLAIM_HEADER]: encodeClaim(claim) };
  }
}

/** Whether a request without a body, an upgrade or a GET, was signed by another region's gateway. */
export function verifyPeer(
  verifier: RequestVerifier,
  request: Pick<IncomingMessage, "method" | "url" | "headers">,
  body: Uint8Array = new Uint8Array(),
): Promise<Signer | TokenRefused> {
  const token = request.headers[PEER_HEADER];
  const { method = "", url = "" } = request;
  return verifier.verify(typeof token === "string" ? token : "", { method, url, body });
}

/** A claim as a header's value. */
export function encodeClaim(claim: Claim): string {
  return Buffer.from(JSON.stringify(claim)).toString("base64url");
}

/** The claim in a header's value; undefined where it is none. */
export function decodeClaim(text: string | readonly string[] | undefined): Claim | undefined {
  if (typeof text !== "string" || text.length > MAX_CLAIM_LENGTH) {
    return undefined;
  }
  return claimSchema.safeParse(parseJson(Buffer.from(text, "base64url"))).data;
}
