import type { TokenMint } from "../livekit/livekit-api.ts";
import type { Clock } from "../placement/ports.ts";
import type { ApiToken } from "../tokens/api-token.ts";
import { AllRegions } from "./all-regions.ts";
import { EgressCalls } from "./egress-calls.ts";
import { RememberedEgress, type EgressRegions } from "./egress-regions.ts";
import { EgressStarts } from "./egress-starts.ts";
import { LateEgress, type LateEgressMetrics } from "./late-egress.ts";
import { RecordingRouter } from "./recording-router.ts";
import { Sender, type SenderMetrics } from "./sender.ts";
import {
  TwirpHandler,
  type PeerGate,
  type TwirpLog,
  type TwirpMetrics,
  type TwirpTimes,
} from "./twirp-handler.ts";
import { TwirpRouter, type TwirpPlacing } from "./twirp-router.ts";
import { Upstream, type PeerTwirp } from "./upstream.ts";

/** What the server API counts. */
export type ServerApiMetrics = TwirpMetrics & SenderMetrics & LateEgressMetrics;

/** LiveKit's server API as this gateway serves it, with what runs in the background. */
export interface ServerApi {
  readonly handler: TwirpHandler;
  readonly late: LateEgress;
  /** Ends the watches for late recordings, and the connections to LiveKit. */
  close(): Promise<void>;
}

/** Puts the server API together. */
export function createServerApi(parts: {
  readonly region: string;
  readonly liveKitUrl: string;
  /** True if Egress of each region has storage of its own: EGRESS_STORAGE=regional. */
  readonly hasRegionalStorage: boolean;
  readonly placing: TwirpPlacing;
  readonly peers: PeerTwirp;
  readonly peerGate: PeerGate;
  readonly tokens: TokenMint;
  readonly verifyToken: (token: string) => ApiToken;
  /** The region's store. */
  readonly egressRegions: EgressRegions;
  readonly clock: Clock;
  readonly log: TwirpLog;
  readonly metrics: ServerApiMetrics;
  readonly times?: TwirpTimes;
}): ServerApi {
  const { region, clock, log, metrics, placing } = parts;
  const upstream = new Upstream(parts);
  const sender = new Sender(upstream, metrics);
  const egress = new RememberedEgress(parts.egressRegions);
  const calls = new EgressCalls(sender, parts.tokens);
  const late = new LateEgress({ calls, egress, clock, log, metrics });
  const starts = new EgressStarts({ sender, calls, egress, late });
  const all = new AllRegions(sender, () => upstream.regions());
  const recordings = new RecordingRouter(sender, all, egress);
  const routes = new TwirpRouter({ region, placing, sender, all, starts, recordings });
  const handler = new TwirpHandler({ ...parts, routes, peers: parts.peerGate });
  const close = async (): Promise<void> => {
    await late.close();
    upstream.close();
  };
  return { handler, late, close };
}
