import {
  EgressInfo,
  ListEgressRequest,
  ListEgressResponse,
  StopEgressRequest,
} from "@livekit/protocol";
import type { TokenMint } from "../livekit/livekit-api.ts";
import type { Deadline } from "./deadline.ts";
import type { Outcome, Sender } from "./sender.ts";
import { TwirpBody } from "./twirp-body.ts";
import type { TwirpCall } from "./upstream.ts";

/** Seconds for which a token of the gateway's own is good. */
const TOKEN_SECONDS = 120;

/** Looks at recordings of any region and stops them, in the gateway's own name. */
export class EgressCalls {
  private readonly sender: Sender;
  private readonly tokens: TokenMint;

  constructor(sender: Sender, tokens: TokenMint) {
    this.sender = sender;
    this.tokens = tokens;
  }

  /** The recordings of a room that run or begin; undefined where the region does not say. */
  async active(
    region: string,
    roomName: string,
    deadline: Deadline,
  ): Promise<readonly EgressInfo[] | undefined> {
    const request = new ListEgressRequest({ roomName, active: true });
    const call = await this.call("ListEgress", request.toBinary());
    const outcome = await this.sender.once(region, call, deadline, true);
    if (outcome.kind !== "answered" || outcome.answer.status !== 200) {
      return undefined;
    }
    try {
      return ListEgressResponse.fromBinary(outcome.answer.body).items;
    } catch {
      return undefined;
    }
  }

  /** Stops a recording. */
  async stop(region: string, egressId: string, deadline: Deadline): Promise<Outcome> {
    const request = new StopEgressRequest({ egressId });
    const call = await this.call("StopEgress", request.toBinary());
    return this.sender.once(region, call, deadline, false);
  }

  private async call(method: string, bytes: Uint8Array): Promise<TwirpCall> {
    const token = await this.tokens.mint({ roomRecord: true }, TOKEN_SECONDS);
    return {
      service: "Egress",
      method,
      contentType: "application/protobuf",
      body: new TwirpBody("protobuf", Buffer.from(bytes)),
      authorization: `Bearer ${token}`,
    };
  }
}

/** The id in the answer to a start; undefined if it can not be read. */
export function egressIdOf(body: Uint8Array, codec: "protobuf" | "json"): string | undefined {
  try {
    const info =
      codec === "protobuf"
        ? EgressInfo.fromBinary(body)
        : EgressInfo.fromJsonString(Buffer.from(body).toString("utf8"), {
            ignoreUnknownFields: true,
          });
    return info.egressId === "" ? undefined : info.egressId;
  } catch {
    return undefined;
  }
}
