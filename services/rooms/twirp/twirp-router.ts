import type { Claim } from "../placement/claim.ts";
import type { Admission } from "../placement/host.ts";
import type { Refusal } from "../placement/placement.ts";
import { Unplaceable } from "../placement/proposer.ts";
import type { AllRegions } from "./all-regions.ts";
import type { Deadline } from "./deadline.ts";
import type { EgressStarts } from "./egress-starts.ts";
import type { EmptyList, Method, Route } from "./methods.ts";
import type { RecordingRouter } from "./recording-router.ts";
import type { Outcome, Sender } from "./sender.ts";
import { codeOf, emptyList, errorAnswer, type TwirpAnswer } from "./twirp-answer.ts";
import { TwirpBody, type FieldPath } from "./twirp-body.ts";
import type { TwirpCall } from "./upstream.ts";
import { delimited } from "./wire.ts";

/** Longest name of a room that LiveKit takes, in bytes (livekit/livekit, pkg/config/config.go). */
const MAX_ROOM_NAME_BYTES = 256;

/** Most rooms that one ListRooms may name; Meet names one. */
const MAX_NAMES = 200;

/** What the server API needs of placement. */
export interface TwirpPlacing {
  locate(wish: { readonly room: string }): Promise<Claim>;
  find(room: string): Promise<Claim | undefined>;
  admit(room: string, claim: Claim): Promise<Admission>;
  refused(claim: Claim, why: Refusal, found?: Claim): void;
}

/** A call on its way, with what is known of its client. */
export interface RoutedCall {
  readonly call: TwirpCall;
  readonly method: Method;
  readonly deadline: Deadline;
  /** Whether the client has hung up. */
  readonly isGone: () => boolean;
}

const NO_ROOM = "requested room does not exist";

/** Sends each call of the server API to the region whose LiveKit can answer it, or answers where none can. */
export class TwirpRouter {
  private readonly region: string;
  private readonly placing: TwirpPlacing;
  private readonly sender: Sender;
  private readonly all: AllRegions;
  private readonly starts: EgressStarts;
  private readonly recordings: RecordingRouter;

  constructor(parts: {
    readonly region: string;
    readonly placing: TwirpPlacing;
    readonly sender: Sender;
    readonly all: AllRegions;
    readonly starts: EgressStarts;
    readonly recordings: RecordingRouter;
  }) {
    this.region = parts.region;
    this.placing = parts.placing;
    this.sender = parts.sender;
    this.all = parts.all;
    this.starts = parts.starts;
    this.recordings = parts.recordings;
  }

  /** Answers a call of a client of LiveKit. @throws Malformed */
  async route(routed: RoutedCall): Promise<TwirpAnswer> {
    const { route } = routed.method;
    switch (route.to) {
      case "room":
        return this.inRoom(routed, route);
      case "new-room":
        return this.inNewRoom(routed, route.room);
      case "rooms":
        return this.inRooms(routed, route.names.number, route.names.name, route.list);
      case "egress-start":
        return this.startEgress(routed, route.room);
      case "egress":
        return this.recordings.ofOne(routed.call, route.id, routed.deadline, routed.method.isLook);
      case "egress-list":
        return this.recordings.list(routed.call, route.id, route.list, routed.deadline);
      case "room-or-here":
        return this.inRoomOrHere(routed, route.rooms);
      case "all":
        return this.all.merged(routed.call, route.list, routed.deadline);
      case "holder":
        return this.all.holder(routed.call, routed.deadline);
      case "nowhere":
        return namesNoRoom(routed.call);
    }
  }

  /** Answers a call that another gateway sent here, from this region's LiveKit and nowhere else. @throws Malformed */
  async here(routed: RoutedCall): Promise<TwirpAnswer> {
    const { call, method, deadline } = routed;
    if (method.route.to !== "new-room") {
      return this.sender.toRegion(this.region, call, deadline, method.isLook);
    }
    const room = call.body.string(method.route.room);
    return this.sender.persistently(deadline, method.isLook, async () => {
      const claim = await this.placing.find(room);
      const outcome: Outcome =
        claim?.region === this.region
          ? await this.admitAndSend(routed, room, claim)
          : { kind: "answered", answer: errorAnswer("unavailable", `Room "${room}": it moved.`) };
      return { region: this.region, outcome };
    });
  }

  private async inRoom(
    routed: RoutedCall,
    route: Extract<Route, { readonly to: "room" }>,
  ): Promise<TwirpAnswer> {
    const { call } = routed;
    const room = call.body.string(route.room);
    if (room === "") {
      return namesNoRoom(call);
    }
    return (await this.toHost(routed, room)) ?? absent(call, route.whenAbsent);
  }

  /** Undefined where no region hosts the room. */
  private async toHost(
    routed: RoutedCall,
    room: string,
    send = (region: string): Promise<Outcome> =>
      this.sender.once(region, routed.call, routed.deadline, routed.method.isLook),
  ): Promise<TwirpAnswer | undefined> {
    let asked: Claim | undefined;
    let missing: TwirpAnswer | undefined;
    const first = await this.placing.find(room);
    if (first === undefined) {
      return undefined;
    }
    const answer = await this.sender.persistently(
      routed.deadline,
      routed.method.isLook,
      async () => {
        const claim = (asked === undefined ? first : await this.placing.find(room)) ?? first;
        // Looked up again after "no such room", and it is still said to be there.
        if (missing !== undefined && claim.region === asked?.region) {
          return { region: claim.region, outcome: { kind: "answered", answer: missing } };
        }
        asked = claim;
        const outcome = await send(claim.region);
        if (outcome.kind !== "answered") {
          const why = claim.region === this.region ? "livekit-down" : "unreachable";
          this.placing.refused(claim, why);
        } else if (missing === undefined && saysNoRoom(outcome.answer)) {
          // The room may have moved since this gateway learned where it is. Nothing was done there.
          missing = outcome.answer;
          this.placing.refused(claim, "moved");
          return { region: claim.region, outcome: { kind: "not-sent" } };
        }
        return { region: claim.region, outcome };
      },
    );
    return answer;
  }

  private async inNewRoom(routed: RoutedCall, path: FieldPath): Promise<TwirpAnswer> {
    const { call, deadline, method } = routed;
    const room = call.body.string(path);
    if (room === "") {
      return errorAnswer("invalid_argument", "no room name");
    }
    if (Buffer.byteLength(room) > MAX_ROOM_NAME_BYTES) {
      const message = `room name length exceeds limits: max length ${MAX_ROOM_NAME_BYTES}`;
      return errorAnswer("invalid_argument", message);
    }
    try {
      return await this.sender.persistently(deadline, method.isLook, async () => {
        const claim = await this.placing.locate({ room });
        if (claim.region === this.region) {
          return { region: claim.region, outcome: await this.admitAndSend(routed, room, claim) };
        }
        const outcome = await this.sender.once(claim.region, call, deadline, method.isLook);
        if (outcome.kind !== "answered") {
          this.placing.refused(claim, "unreachable");
        }
        return { region: claim.region, outcome };
      });
    } catch (error) {
      if (error instanceof Unplaceable) {
        return errorAnswer("unavailable", error.message);
      }
      throw error;
    }
  }

  /** The room is made clean and known to LiveKit before the call sets it up, as for one who joins. */
  private async admitAndSend(routed: RoutedCall, room: string, claim: Claim): Promise<Outcome> {
    const admission = await this.placing.admit(room, claim);
    if (!admission.admitted) {
      const found = admission.reason === "moved" ? admission.claim : undefined;
      this.placing.refused(claim, admission.reason, found);
      return { kind: "not-sent" };
    }
    const { call, deadline, method } = routed;
    return this.sender.once(this.region, call, deadline, method.isLook);
  }

  /** ListRooms: of each region only the rooms that it hosts, so that left-overs elsewhere do not count. */
  private async inRooms(
    routed: RoutedCall,
    number: number,
    name: string,
    list: EmptyList,
  ): Promise<TwirpAnswer> {
    const { call, deadline } = routed;
    const { codec } = call.body;
    const names = [...new Set(call.body.strings([{ number, name }]))];
    const [only] = names;
    if (only === undefined) {
      return this.all.merged(call, list, deadline);
    }
    if (names.length === 1) {
      return (await this.toHost(routed, only)) ?? emptyList(codec, list.list);
    }
    if (names.length > MAX_NAMES) {
      const message = `${names.length} names are more than ${MAX_NAMES}: each room is looked for by itself.`;
      return errorAnswer("invalid_argument", message);
    }
    const byRegion = new Map<string, string[]>();
    await Promise.all(
      names.map(async (room) => {
        const region = (await this.placing.find(room))?.region;
        if (region !== undefined) {
          byRegion.set(region, [...(byRegion.get(region) ?? []), room]);
        }
      }),
    );
    const calls = [...byRegion].map(([region, rooms]) => {
      const bytes =
        codec === "json"
          ? Buffer.from(JSON.stringify({ [name]: rooms }))
          : Buffer.concat(rooms.map((room) => delimited(number, Buffer.from(room))));
      return { region, call: { ...call, body: new TwirpBody(codec, bytes) } };
    });
    return this.all.mergedOf(calls, list, codec, deadline);
  }

  private async startEgress(routed: RoutedCall, path: FieldPath): Promise<TwirpAnswer> {
    const { call, deadline, isGone } = routed;
    const room = call.body.string(path);
    if (room === "") {
      return namesNoRoom(call);
    }
    const start = (region: string): Promise<Outcome> =>
      this.starts.start(region, room, call, deadline, isGone);
    return (await this.toHost(routed, room, start)) ?? absent(call);
  }

  private async inRoomOrHere(
    routed: RoutedCall,
    paths: readonly FieldPath[],
  ): Promise<TwirpAnswer> {
    const { call, deadline, method } = routed;
    const room = paths.map((path) => call.body.string(path)).find((name) => name !== "");
    const answer = room === undefined ? undefined : await this.toHost(routed, room);
    return answer ?? this.sender.toRegion(this.region, call, deadline, method.isLook);
  }
}

/** What LiveKit says where there is no such room; Meet takes it for normal. */
function absent(call: TwirpCall, list?: EmptyList): TwirpAnswer {
  return list === undefined
    ? errorAnswer("not_found", NO_ROOM)
    : emptyList(call.body.codec, list.list);
}

function saysNoRoom(answer: TwirpAnswer): boolean {
  return (
    codeOf(answer) === "not_found" && Buffer.from(answer.body).toString("utf8").includes(NO_ROOM)
  );
}

function namesNoRoom(call: TwirpCall): TwirpAnswer {
  return errorAnswer(
    "unimplemented",
    `${call.service}/${call.method}: the call names no room, so no region can be found for it. ` +
      "Send it to the LiveKit of a region.",
  );
}
