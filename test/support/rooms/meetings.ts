import { availableParallelism, loadavg } from "node:os";
import { MeetLibrary } from "../livekit/meet.ts";
import { MeetWebhooks } from "../livekit/meet-webhooks.ts";
import {
  CLIENTS,
  createNetwork,
  TEST,
  type LinkDelay,
  type Network,
} from "../../../rehearsal/network/partition.ts";
import { RtcNodeClients, type RtcNodeParticipant } from "../../../rehearsal/clients/rtc-node.ts";
import { identities, twirp } from "../../../rehearsal/clients/server-api.ts";
import { SignalClient } from "../livekit/signalling.ts";
import { joinToken } from "../../../rehearsal/clients/tokens.ts";
import { KEY, RoomsFleet, type FleetPlan, type FleetRegion } from "./rooms-fleet.ts";

/** A room as a region's LiveKit lists it. */
export interface ListedRoom {
  readonly name: string;
  readonly sid: string;
  readonly metadata?: string;
}

/** How long people were out of their meeting, sorted. */
export interface Outs {
  readonly all: readonly number[];
  readonly median: number;
  readonly worst: number;
}

const POLL_MS = 50;

/** For how long nobody should be out, in milliseconds; whoever was out for longer is asked what happened. */
const TARGET_MS = 2000;

/** A fleet with Meet behind it, and the people who meet in it. */
export class Meetings {
  readonly network: Network;
  readonly fleet: RoomsFleet;
  readonly webhooks: MeetWebhooks;
  readonly nodes: RtcNodeClients;
  private readonly ends: readonly (() => Promise<void>)[];

  private constructor(parts: {
    readonly network: Network;
    readonly fleet: RoomsFleet;
    readonly webhooks: MeetWebhooks;
    readonly nodes: RtcNodeClients;
    readonly ends: readonly (() => Promise<void>)[];
  }) {
    this.network = parts.network;
    this.fleet = parts.fleet;
    this.webhooks = parts.webhooks;
    this.nodes = parts.nodes;
    this.ends = parts.ends;
  }

  /**
   * Starts everything; what has been started is ended if something cannot. With a delay of the links the network is
   * made of relays.
   */
  static async start(plan: Omit<FleetPlan, "meetUrl">, delayMs?: LinkDelay): Promise<Meetings> {
    const ends: (() => Promise<void>)[] = [];
    try {
      const network = await createNetwork(
        plan.regions,
        delayMs === undefined ? {} : { kind: "relays", delayMs },
      );
      ends.unshift(() => network.close());
      console.log(`partitions: ${network.description}`);
      const meet = await MeetLibrary.start();
      ends.unshift(() => meet.stop());
      const webhooks = await MeetWebhooks.start(meet, KEY, network.place(TEST));
      ends.unshift(() => webhooks.stop());
      const fleet = await RoomsFleet.start(
        { ...plan, meetUrl: new URL(webhooks.url).origin },
        network,
      );
      ends.splice(-1, 1);
      ends.unshift(() => fleet.stop());
      const nodes = RtcNodeClients.start(network.place(CLIENTS));
      ends.unshift(() => nodes.stop());
      return new Meetings({ network, fleet, webhooks, nodes, ends });
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  stop(): Promise<void> {
    return endAll(this.ends);
  }

  /** Heals the network and starts what a test that failed has left behind. */
  async restore(): Promise<void> {
    await this.network.heal();
    for (const { redis, liveKit, gateways } of this.fleet.regions.values()) {
      redis.resume();
      for (const one of [redis.process, liveKit.process, ...gateways]) {
        if (!one.isRunning) {
          await one.start();
        }
      }
    }
  }

  region(name: string): FleetRegion {
    return this.fleet.region(name);
  }

  /** Joins by signalling alone, through a region. */
  async joinRaw(via: string, room: string, identity: string): Promise<SignalClient> {
    const token = await joinToken({ key: KEY, room, identity });
    return SignalClient.join({ url: this.region(via).url, token });
  }

  /** Joins through a region, or through an address of its own, with a library that reconnects by itself. */
  async joinNode(
    via: string,
    room: string,
    identity: string,
    options: { readonly audio?: boolean; readonly url?: string } = {},
  ): Promise<RtcNodeParticipant> {
    const token = await joinToken({ key: KEY, room, identity });
    const { audio = false, url = this.region(via).url } = options;
    return this.nodes.join({ identity, url, token, audio });
  }

  /** A meeting of one person for each of the regions named; a region hosts it if its person is the first. */
  async meet(
    room: string,
    via: readonly string[],
    options: { readonly audio?: boolean } = {},
  ): Promise<Meeting> {
    const people: RtcNodeParticipant[] = [];
    for (const [index, region] of via.entries()) {
      people.push(await this.joinNode(region, room, `${room}-${index}-${region}`, options));
    }
    const meeting = new Meeting(room, people);
    await meeting.untilAllHear(Date.now());
    return meeting;
  }

  /** Rooms that the LiveKit of a region itself lists; none while it does not run. */
  async rooms(region: string): Promise<readonly ListedRoom[]> {
    const { liveKit } = this.region(region);
    if (!liveKit.process.isRunning) {
      return [];
    }
    const { body } = await twirp(liveKit.url, KEY, "RoomService/ListRooms", {});
    return (body["rooms"] ?? []) as ListedRoom[];
  }

  /** Regions whose LiveKit has the room. */
  async hosts(room: string): Promise<readonly string[]> {
    const names = [...this.fleet.regions.keys()];
    const lists = await Promise.all(names.map((name) => this.rooms(name)));
    return names.filter((_, index) => lists[index]?.some(({ name }) => name === room));
  }

  /** People in the room by region, where there are any. */
  async people(room: string): Promise<Readonly<Record<string, readonly string[]>>> {
    const found: Record<string, readonly string[]> = {};
    for (const [name, { liveKit }] of this.fleet.regions) {
      const there = liveKit.process.isRunning ? await identities(liveKit.url, KEY, room) : [];
      if (there.length > 0) {
        found[name] = there;
      }
    }
    return found;
  }

  /** The sum of a counter over all gateways that run. */
  async counter(name: string): Promise<number> {
    const texts = await Promise.all(
      [...this.fleet.regions.values()].flatMap(({ pods, gateways }) =>
        pods.map(async ({ metricsUrl }, index) =>
          gateways[index]?.isRunning === true ? (await fetch(metricsUrl)).text() : "",
        ),
      ),
    );
    const lines = texts.join("\n").split("\n");
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }
}

/** Some people in a room who ought to hear each other. */
export class Meeting {
  readonly room: string;
  readonly people: readonly RtcNodeParticipant[];

  constructor(room: string, people: readonly RtcNodeParticipant[]) {
    this.room = room;
    this.people = people;
  }

  /** Waits until each has heard every other after a moment. */
  async untilAllHear(after: number, seconds = 15): Promise<void> {
    await Promise.all(
      this.people.map((one) => one.untilHears(this.othersOf(one), { after, seconds })),
    );
  }

  /** Waits until everybody lost the signalling after a moment, is back, and hears all the others again. */
  async untilBack(since: number, seconds = 20): Promise<void> {
    const deadline = since + seconds * 1000;
    const backs = await Promise.all(
      this.people.map(async (one) => {
        for (;;) {
          const back = backAt(one, since);
          if (back !== undefined) {
            return back;
          }
          if (Date.now() > deadline || one.disconnected !== undefined) {
            throw new Error(
              `${one.identity} is not back ${seconds} s after the loss: ${this.story(since)}`,
            );
          }
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      }),
    );
    await this.untilAllHear(Math.max(...backs), seconds);
  }

  /** Milliseconds for which each was out: from the loss of its signalling after a moment until data came again. */
  outs(since: number): readonly number[] {
    return this.people.map((one) => {
      const lost = one.notes("reconnecting", "disconnected").find(({ at }) => at >= since);
      return one.outage(this.othersOf(one), lost?.at ?? since).outMs;
    });
  }

  /** How many of its people lost their signalling since a moment. */
  resignals(since: number): number {
    return this.people.filter((one) =>
      one.notes("reconnecting", "disconnected").some(({ at }) => at >= since),
    ).length;
  }

  /** The longest time in which somebody heard nothing from somebody else since a moment. */
  gap(since: number, kind: "data" | "audio" = "data"): number {
    return Math.max(...this.people.map((one) => one.outage(this.othersOf(one), since, kind).gapMs));
  }

  /** Sids of the room that its people were told; one if all is well. */
  sids(): readonly string[] {
    return [...new Set(this.people.map(({ roomSid }) => roomSid ?? "none"))];
  }

  async leave(): Promise<void> {
    await Promise.all(this.people.map((one) => one.leave()));
  }

  /** What its people noticed since a moment, for a failure's message. */
  story(since: number): string {
    return this.people
      .map((one) => {
        const notes = one.notes("reconnecting", "reconnected", "disconnected", "sid");
        const told = notes.filter(({ at }) => at >= since);
        const out = this.outs(since)[this.people.indexOf(one)] ?? 0;
        return `${one.identity} (out for ${out} ms): ${told.map(({ at, what, detail }) => `+${at - since} ${what} ${detail}`).join(", ")}`;
      })
      .join("; ");
  }

  private othersOf(one: RtcNodeParticipant): readonly string[] {
    return this.people.filter((other) => other !== one).map(({ identity }) => identity);
  }
}

/** Puts times together and prints them. */
export function report(what: string, meetings: readonly Meeting[], since: number): Outs {
  const all = meetings.flatMap((meeting) => meeting.outs(since)).sort((a, b) => a - b);
  const median = all[Math.floor((all.length - 1) / 2)] ?? Infinity;
  const worst = all.at(-1) ?? Infinity;
  console.log(
    `${what}: ${all.length} people out for ${median} ms (median), ${worst} ms (worst), target ${TARGET_MS}`,
  );
  if (worst > TARGET_MS) {
    console.log(meetings.map((meeting) => meeting.story(since)).join("\n"));
  }
  return { all, median, worst };
}

/**
 * A time that is asked of an idle machine, on this one as it is now. Many programs at once, as where all tests and
 * builds of several people run, stretch everything that needs a processor: bounds of two seconds would then say nothing
 * about the gateway. On a machine that has no more to do than these tests the factor is 1.
 */
export function stretched(ms: number): number {
  return ms * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

/**
 * The longest that somebody may have been out in a test, in milliseconds: one more round of a library's tries, or a
 * timeout that had to be waited for, is above it. How near the target it really was is printed, and is measured as a
 * ratio by script/bench rooms; a machine that is busy for a second is no fault of the gateway.
 */
export function outLimitMs(): number {
  return stretched(2 * TARGET_MS);
}

/** When somebody who lost the signalling after a moment was back. */
function backAt(one: RtcNodeParticipant, since: number): number | undefined {
  const last = one.notes("reconnecting", "reconnected").at(-1);
  return last?.what === "reconnected" && last.at >= since ? last.at : undefined;
}

async function endAll(ends: readonly (() => Promise<void>)[]): Promise<void> {
  for (const end of ends) {
    await end();
  }
}
