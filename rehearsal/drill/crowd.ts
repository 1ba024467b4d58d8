import { setTimeout as sleep } from "node:timers/promises";
import { BrowserClients } from "../clients/browser.ts";
import { RtcNodeClients } from "../clients/rtc-node.ts";
import { twirp } from "../clients/server-api.ts";
import { joinToken } from "../clients/tokens.ts";
import { locationOf, type Answer, type Location } from "../names/answer.ts";
import type { Resolver } from "../names/resolver.ts";
import type { RunningFleet, RunningRegion } from "../processes/running-fleet.ts";
import { browserClient, nodeClient, type DrillClient } from "./client.ts";
import { GeoDoor } from "./geo-door.ts";
import type { ParticipantResult, Span } from "./result.ts";

/** Where the people of a drill are, by the AWS region that is nearest to them. */
export const PLACES = {
  europe: "eu-west-3",
  america: "us-east-1",
  asia: "ap-northeast-1",
} as const;

export type PlaceName = keyof typeof PLACES;

/** Where people of every meeting are, whoever is in Europe first; Asia's only come once a region is near them. */
export const RESIDENTS = ["europe", "america"] as const satisfies readonly PlaceName[];
const ALL_PLACES: readonly PlaceName[] = [...RESIDENTS, "asia"];

/** Seconds within which somebody joins, tries included. */
const JOIN_SECONDS = 60;

/** Milliseconds for a LiveKit to say which rooms it has; one without its Redis says nothing. */
const LIST_MS = 2000;

/** Looks at the LiveKits, a quarter of a second apart, for a room that somebody has just joined. */
const NEW_ROOM_LOOKS = 40;

/** Somebody in a room. */
interface Person {
  readonly client: DrillClient;
  readonly room: string;
  readonly place: PlaceName;
  readonly enteredBy: string;
  readonly door: GeoDoor;
}

/** What people use, in one room. */
export interface Meeting {
  readonly room: string;
  readonly kind: DrillClient["kind"];
}

/** The programs that people of one place are in. */
interface Programs {
  readonly nodes: RtcNodeClients;
  readonly browser: BrowserClients | undefined;
}

/**
 * The people of a drill: at their places, each behind the geo name with a resolver of its own, with unmodified clients:
 * @livekit/rtc-node, or livekit-client in a real browser.
 */
export class Crowd {
  private readonly fleet: RunningFleet;
  private readonly resolver: Resolver;
  private readonly programs = new Map<PlaceName, Programs>();
  private people: Person[] = [];

  private constructor(fleet: RunningFleet, resolver: Resolver) {
    this.fleet = fleet;
    this.resolver = resolver;
  }

  /** Starts the programs that people are in. */
  static async start(
    fleet: RunningFleet,
    resolver: Resolver,
    options: { readonly hasBrowsers: boolean },
  ): Promise<Crowd> {
    const crowd = new Crowd(fleet, resolver);
    for (const place of ALL_PLACES) {
      const found = fleet.clients.get(place);
      if (found === undefined) {
        throw new Error(`Place "${place}": nobody can be there. The fleet has no such place.`);
      }
      crowd.programs.set(place, {
        nodes: RtcNodeClients.start(found),
        browser:
          options.hasBrowsers && isResident(place) ? await BrowserClients.start(found) : undefined,
      });
    }
    return crowd;
  }

  /** The name that everybody joins. */
  geoName(): string {
    return `livekit.${this.fleet.access().domain}`;
  }

  /** Rooms with somebody at each place; whoever is in Europe comes first, so that the nearest region hosts the room. */
  async meet(meetings: readonly Meeting[]): Promise<void> {
    await Promise.all(
      meetings.map(async (meeting) => {
        for (const place of RESIDENTS) {
          this.people.push(await this.join(meeting, place));
        }
      }),
    );
    await this.untilTogether(Date.now(), JOIN_SECONDS);
    // Beats of a while before the fault, against which what follows is seen.
    await sleep(1000);
  }

  /** Joins and leaves a room as somebody at a place does, and gives the region whose LiveKit had it. */
  async tryNewRoom(room: string, place: PlaceName): Promise<string> {
    const { client, door } = await this.join({ room, kind: "node" }, place);
    try {
      // LiveKit counts people a moment after they came.
      for (let look = 0; look < NEW_ROOM_LOOKS; look++) {
        for (const region of this.fleet.regions.values()) {
          if ((await this.rooms(region)).includes(room)) {
            return region.name;
          }
        }
        await sleep(250);
      }
      throw new Error(`Room "${room}": somebody joined it, and no region has it.`);
    } finally {
      await client.leave();
      await door.stop();
    }
  }

  /** Waits until everybody has heard all others of the room after a moment; says who has not. */
  async untilTogether(after: number, seconds: number): Promise<readonly string[]> {
    const outcomes = await Promise.allSettled(
      this.people.map((person) =>
        person.client.untilHears(this.othersOf(person), { after, seconds }),
      ),
    );
    return this.people
      .filter((_, index) => outcomes[index]?.status === "rejected")
      .map(({ client }) => client.identity);
  }

  /** What everybody went through since the fault. */
  results(faultAt: number): Promise<readonly ParticipantResult[]> {
    return Promise.all(this.people.map((person) => this.resultOf(person, faultAt)));
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
    await Promise.allSettled(people.map(({ client }) => client.leave()));
    await Promise.all(people.map(({ door }) => door.stop()));
  }

  async stop(): Promise<void> {
    for (const { nodes, browser } of this.programs.values()) {
      await Promise.all([nodes.stop(), browser?.stop()]);
    }
    await Promise.all(this.people.map(({ door }) => door.stop()));
  }

  private async join({ room, kind }: Meeting, place: PlaceName): Promise<Person> {
    const identity = `${room}-${place}`;
    const { key } = this.fleet.access();
    const cache = this.resolver.clientAt(locationOf(PLACES[place]));
    let led = "nowhere";
    const door = await GeoDoor.start(this.fleet.here.address, async () => {
      const region = this.regionOf(cache.lookUp(this.geoName()));
      led = region ?? "nowhere";
      return region === undefined ? undefined : this.fleet.reach(place, region);
    });
    const deadline = Date.now() + JOIN_SECONDS * 1000;
    for (;;) {
      try {
        const token = await joinToken({ key, room, identity });
        const client = await this.open(kind, place, { identity, url: door.url, token });
        return { client, room, place, enteredBy: led, door };
      } catch (error) {
        // A person tries again, too.
        if (Date.now() > deadline) {
          await door.stop();
          throw error;
        }
      }
    }
  }

  private async open(
    kind: DrillClient["kind"],
    place: PlaceName,
    options: { readonly identity: string; readonly url: string; readonly token: string },
  ): Promise<DrillClient> {
    const { nodes, browser } = this.programs.get(place) ?? {};
    if (kind === "browser" && browser !== undefined) {
      return browserClient(await browser.join(options));
    }
    if (kind === "node" && nodes !== undefined) {
      return nodeClient(await nodes.join(options));
    }
    throw new Error(`Place "${place}": nobody can be there with a client of the kind ${kind}.`);
  }

  private othersOf(one: Person): readonly string[] {
    return this.people
      .filter((other) => other.room === one.room && other !== one)
      .map(({ client }) => client.identity);
  }

  private async resultOf(person: Person, faultAt: number): Promise<ParticipantResult> {
    const { client, room, place, enteredBy } = person;
    const { outMs, outSince, gaveUp, lostAt } = await client.experience(
      this.othersOf(person),
      faultAt,
    );
    const isBack = Number.isFinite(outMs) && !gaveUp;
    const from = Math.max(0, (outSince ?? lostAt ?? faultAt) - faultAt);
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
      identity: client.identity,
      room,
      client: client.kind,
      place,
      enteredBy,
      isAffected,
      outMs: isBack ? outMs : null,
      gaveUp,
      lostSignalling: lostAt !== undefined,
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

function isResident(place: PlaceName): boolean {
  return RESIDENTS.some((one) => one === place);
}
