import { NoAnswer, type HttpAnswer } from "../livekit/http-caller.ts";
import type { PeerConnections } from "./peer-connections.ts";
import { PEER_HEADER, type RequestSigner } from "./peer-token.ts";

/** Told to LiveKit and to the other gateway: after as many milliseconds nobody waits (livekit/protocol, utils/xtwirp). */
const TIMEOUT_HEADER = "x-twirp-timeout-ms";

/** Methods that change nothing, and may therefore go over a connection that was kept open, and be sent again. */
const LOOKS = /\/(List|Get)[A-Za-z]*$/;

/** Which regions there are, and which of them answer. */
export interface TwirpMembers {
  members(): readonly string[];
  reachable(region: string): boolean;
}

/** Takes calls of LiveKit's server API to another region's gateway, which serves them from its own LiveKit. */
export class PeerTwirp {
  private readonly regions: TwirpMembers;
  private readonly connections: PeerConnections;
  private readonly signer: RequestSigner;

  constructor(regions: TwirpMembers, connections: PeerConnections, signer: RequestSigner) {
    this.regions = regions;
    this.connections = connections;
    this.signer = signer;
  }

  members(): readonly string[] {
    return this.regions.members();
  }

  reachable(region: string): boolean {
    return this.regions.reachable(region);
  }

  /**
   * The other region's answer, its LiveKit's or its own. A call that may change something is sent once, over a
   * connection of its own.
   * @throws NotSent where the call has not left, and NoAnswer where it may have had an effect
   */
  async forward(
    region: string,
    path: string,
    contentType: string,
    body: Uint8Array,
    authorization: string,
    deadlineMs: number,
  ): Promise<HttpAnswer> {
    const isLook = LOOKS.test(path);
    const end = performance.now() + deadlineMs;
    const send = async (isFresh: boolean): Promise<HttpAnswer> => {
      const token = await this.signer.sign(region, { method: "POST", url: path, body });
      const timeoutMs = Math.max(1, Math.floor(end - performance.now()));
      return this.connections.to(region).call({
        method: "POST",
        path,
        headers: {
          "content-type": contentType,
          authorization,
          [TIMEOUT_HEADER]: String(timeoutMs),
          [PEER_HEADER]: token,
        },
        body,
        timeoutMs,
        isFresh,
      });
    };
    try {
      return await send(!isLook);
    } catch (error) {
      if (isLook && error instanceof NoAnswer && error.wasStale) {
        return send(true);
      }
      throw error;
    }
  }
}
