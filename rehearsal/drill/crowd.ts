import { setTimeout as sleep } from "node:timers/promises";
import { RtcNodeClients, type RtcNodeParticipant } from "../clients/rtc-node.ts";
import { twirp } from "../clients/server-api.ts";
import { joinToken } from "../clients/tokens.ts";
import { locationOf, type Answer, type Location } from "../names/answer.ts";
import type { Resolver } from "../names/resolver.ts";
import type { RunningFleet, RunningRegion } from "../processes/running-fleet.ts";
import { GeoDoor } from "./geo-door.ts";
import type { ParticipantResult, Span } from "./result.ts";

/** Where the people of a drill are, by the AWS region that is nearest to them. */
export const PLACES = { europe: "eu-west-3", america: "us-east-1" } as const;

export type PlaceName = keyof typeof PLACES;

/** Seconds within which somebody joins, tries included. */
const JOIN_SECONDS = 60;

/** Milliseconds for a LiveKit to say which rooms it has; one without its Redis says nothing. */
const LIST_MS = 2000;

/** Somebody in a room. */
interface Person {
  readonly participant: RtcNodeParticipant;
  readonly room: string;
  readonly place: PlaceName;
  readonly enteredBy: string;
}

/** The people of a drill: at their places, each behind the geo name, unmodified clients of @livekit/rtc-node. */
export class Crowd {
  private readonly fleet: RunningFleet;
  private readonly resolver: Resolver;
  private readonly doors = new Map<PlaceName, GeoDoor>();
  private readonly clients = new Map<PlaceName, RtcNodeClients>();
  /** The region that people of a place were led to last. */
  private readonly led = new Map<PlaceName, string>();
  private people: Person[] = [];

  private constructor(fleet: RunningFleet, resolver: Resolver) {
    this.fleet = fleet;
    this.resolver = resolver;
  }

  /** Opens the doors and starts the processes that people are in. */
  static async start(fleet: RunningFleet, resolver: Resolver): Promise<Crowd> {
    const crowd = new Crowd(fleet, resolver);
    for (const place of placeNames()) {
      const found = fleet.clients.get(place);
      if (found === undefined) {
        throw new Error(`Place "${place}": nobody can be there. The fleet has no such place.`);
      }
      const cache = resolver.clientAt(locationOf(PLACES[place]));
      const door = await GeoDoor.start(fleet.here.address, async () => {
        const region = crowd.regionOf(cache.lookUp(crowd.geoName()));
        if (region === undefined) {
          return undefined;
        }
        crowd.led.set(place, region);
        return fleet.reach(place, region);
      });
      crowd.doors.set(place, door);
      crowd.clients.set(place, RtcNodeClients.start(found));
    }
    return crowd;
  }

  /** The name that everybody joins. */
  geoName(): string {
    return `livekit.${this.fleet.access().domain}`;
  }

  /** Rooms with somebody at each place; whoever is in Europe comes first, so that the nearest region hosts the room. */
  async meet(rooms: readonly string[]): Promise<void> {
    await Promise.all(
      rooms.map(async (room) => {
        for (const place of placeNames()) {
          this.people.push(await this.join(room, place));
        }
      }),
    );
    await this.untilTogether(Date.now(), JOIN_SECONDS);
    // Beats of a while before the fault, against which what follows is seen.
    await sleep(1000);
  }

  /** Waits until everybody has heard all others of the room after a moment; says who has not. */
  async untilTogether(after: number, seconds: number): Promise<readonly string[]> {
    const outcomes = await Promise.allSettled(
      this.people.map(({ participant, room }) =>
        participant.untilHears(this.othersOf(participant, room), { after, seconds }),
      ),
    );
    return this.people
      .filter((_, index) => outcomes[index]?.status === "rejected")
      .map(({ participant }) => participant.identity);
  }

  /** What everybody went through since the fault. */
  results(faultAt: number): readonly ParticipantResult[] {
    return this.people.map((person) => this.resultOf(person, faultAt));
  }

  /**
   * Rooms that the LiveKits of more than one region have people in. The clients' own word is no use: the Node library
   * gives the id of the room before for a while.
   */
  async hostedTwice(): Promise<readonly string[]> {
    const lists = await Promise.all(
      [...this.fleet.regions.values()].map((region) => this.rooms(region)),
    );
    const all = lists.flat();
    return [...new Set(all.filter((room, index) => all.indexOf(room) !== index))];
  }

  /** Rooms with people in a region; none where its LiveKit does not say. */
  private async rooms(region: RunningRegion): Promise<readonly string[]> {
    const pod = region.pods.find((one) => one.workload === "livekit" && one.running());
    if (pod === undefined) {
      return [];
    }
    const url = `http://${pod.address}:${pod.ports["signal"] ?? 0}`;
    const { key } = this.fleet.access();
    try {
      const { body } = await twirp(url, key, "RoomService/ListRooms", {}, LIST_MS);
      const rooms = (body["rooms"] ?? []) as { name: string; num_participants?: number }[];
      return rooms.filter((room) => (room.num_participants ?? 0) > 0).map(({ name }) => name);
    } catch {
      return [];
    }
  }

  /** Everybody leaves; whoever is cut off is left where it is. */
  async leave(): Promise<void> {
    const people = this.people.splice(0);
    await Promise.allSettled(people.map(({ participant }) => participant.leave()));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.clients.values()].map((one) => one.stop()));
    await Promise.all([...this.doors.values()].map((door) => door.stop()));
  }

  private async join(room: string, place: PlaceName): Promise<Person> {
    const clients = this.clients.get(place);
    const url = this.doors.get(place)?.url;
    if (clients === undefined || url === undefined) {
      throw new Error(`Place "${place}": nobody can be there.`);
    }
    const identity = `${room}-${place}`;
    const { key } = this.fleet.access();
    const deadline = Date.now() + JOIN_SECONDS * 1000;
    for (;;) {
      try {
        const token = await joinToken({ key, room, identity });
        const participant = await clients.join({ identity, url, token });
        return { participant, room, place, enteredBy: this.led.get(place) ?? "nowhere" };
      } catch (error) {
        // A person tries again, too.
        if (Date.now() > deadline) {
          throw error;
        }
      }
    }
  }

  private othersOf(one: RtcNodeParticipant, room: string): readonly string[] {
    return this.people
      .filter((other) => other.room === room && other.participant !== one)
      .map(({ participant }) => participant.identity);
  }

  private resultOf(
    { participant, room, place, enteredBy }: Person,
    faultAt: number,
  ): ParticipantResult {
    const { identity } = participant;
    const { outMs } = participant.outage(this.othersOf(participant, room), faultAt);
    const gaveUp = participant.disconnected !== undefined;
    const isBack = Number.isFinite(outMs) && !gaveUp;
    const [lost] = participant
      .notes("reconnecting", "disconnected")
      .filter(({ at }) => at >= faultAt);
    const from = Math.max(0, (lost?.at ?? faultAt) - faultAt);
    const now = Date.now() - faultAt;
    const until = isBack ? Math.min(now, from + outMs) : now;
    const isAffected = !isBack || outMs > 0;
    const spans: readonly Span[] = isAffected
      ? [
          { fromMs: -1000, toMs: from, state: "in" },
          { fromMs: from, toMs: until, state: gaveUp ? "gone" : "out" },
          ...(until < now ? [{ fromMs: until, toMs: now, state: "in" } as const] : []),
        ]
      : [{ fromMs: -1000, toMs: now, state: "in" }];
    return {
      identity,
      room,
      client: "node",
      place,
      enteredBy,
      isAffected,
      outMs: isBack ? outMs : null,
      gaveUp,
      lostSignalling: lost !== undefined,
      spans,
    };
  }

  private regionOf(answer: Answer | undefined): string | undefined {
    const [host] = answer?.values ?? [];
    return [...this.fleet.regions.values()].find(({ balancerName }) => balancerName === host)?.name;
  }

  /** Where the resolver leads people of a place now. */
  ledTo(place: PlaceName): string | undefined {
    const from: Location = locationOf(PLACES[place]);
    return this.regionOf(this.resolver.answer(this.geoName(), from));
  }
}

/** The places, whoever is in Europe first. */
export function placeNames(): readonly PlaceName[] {
  return ["europe", "america"];
}
