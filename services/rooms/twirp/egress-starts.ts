import {
  ParticipantEgressRequest,
  RoomCompositeEgressRequest,
  StartEgressRequest,
  TrackCompositeEgressRequest,
  TrackEgressRequest,
} from "@livekit/protocol";
import type { Deadline } from "./deadline.ts";
import { egressIdOf, type EgressCalls } from "./egress-calls.ts";
import type { EgressRegions } from "./egress-regions.ts";
import type { LateEgress } from "./late-egress.ts";
import { outputNames } from "./output-names.ts";
import type { Outcome, Sender } from "./sender.ts";
import { errorAnswer, isUncertain } from "./twirp-answer.ts";
import type { TwirpBody } from "./twirp-body.ts";
import type { TwirpCall } from "./upstream.ts";
import { Malformed } from "./wire.ts";

/** Milliseconds for the look at what runs in the room already. */
const BEFORE_MS = 2000;

/** Requests that start a recording of a room. */
const REQUESTS = new Map<string, { fromBinary(bytes: Uint8Array): { toJson(): unknown } }>([
  ["StartEgress", StartEgressRequest],
  ["StartRoomCompositeEgress", RoomCompositeEgressRequest],
  ["StartParticipantEgress", ParticipantEgressRequest],
  ["StartTrackCompositeEgress", TrackCompositeEgressRequest],
  ["StartTrackEgress", TrackEgressRequest],
]);

/** Starts recordings, remembers where they run, and leaves none behind that its client does not know of. */
export class EgressStarts {
  private readonly sender: Sender;
  private readonly calls: EgressCalls;
  private readonly egress: EgressRegions;
  private readonly late: LateEgress;

  constructor(parts: {
    readonly sender: Sender;
    readonly calls: EgressCalls;
    readonly egress: EgressRegions;
    readonly late: LateEgress;
  }) {
    this.sender = parts.sender;
    this.calls = parts.calls;
    this.egress = parts.egress;
    this.late = parts.late;
  }

  /**
   * Starts a recording in the region that hosts the room, once.
   * @param isGone whether the client has hung up
   */
  async start(
    region: string,
    room: string,
    call: TwirpCall,
    deadline: Deadline,
    isGone: () => boolean,
  ): Promise<Outcome> {
    const names = namesAsked(call.method, call.body);
    const running = await this.calls.active(region, room, deadline.within(BEFORE_MS));
    if (running === undefined) {
      const message = `Region "${region}": it does not say what is being recorded. Nothing was started; try again.`;
      return { kind: "answered", answer: errorAnswer("unavailable", message) };
    }
    const before = new Set(running.map(({ egressId }) => egressId));
    const giveUp = (): void => {
      this.late.watch({ room, region, before, names });
    };
    const outcome = await this.sender.once(region, call, deadline, false);
    if (outcome.kind === "unknown") {
      giveUp();
    }
    if (outcome.kind !== "answered") {
      return outcome;
    }
    const { answer } = outcome;
    if (isUncertain(answer)) {
      giveUp();
    }
    const id = answer.status === 200 ? egressIdOf(answer.body, call.body.codec) : undefined;
    if (id === undefined) {
      return outcome;
    }
    if (!isGone()) {
      await this.egress.remember(id, region);
    }
    // Looked at again: the client may have been answered while the store took its time.
    if (isGone()) {
      await this.late.stop(region, room, id);
    }
    return outcome;
  }
}

function namesAsked(method: string, body: TwirpBody): ReadonlySet<string> {
  if (body.codec === "json") {
    return outputNames(body.object());
  }
  try {
    return outputNames(REQUESTS.get(method)?.fromBinary(body.bytes).toJson());
  } catch {
    throw new Malformed("the request to record could not be decoded");
  }
}
