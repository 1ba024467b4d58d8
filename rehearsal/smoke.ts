import { setTimeout as sleep } from "node:timers/promises";
import { RtcNodeClients, type RtcNodeParticipant } from "./clients/rtc-node.ts";
import { joinToken } from "./clients/tokens.ts";
import type { RunningFleet } from "./processes/running-fleet.ts";

/** How somebody came into the meeting. */
export interface Joined {
  /** The region whose balancer they joined through. */
  readonly region: string;
  /** Where they are. */
  readonly place: string;
  /** From the first packet to being in the room. */
  readonly joinMs: number;
}

/** A meeting with a person through each region. */
export interface Meeting {
  readonly room: string;
  readonly joined: readonly Joined[];
  /** LiveKit's ids of the rooms that they are in; the promise is one. */
  readonly roomSids: readonly string[];
  /** From the last join on, until everybody has received data and sound of all the others. */
  readonly allHearMs: number;
  /** Webhooks about it that Meet received. */
  readonly webhooks: readonly string[];
}

const HEAR_SECONDS = 20;
const WEBHOOK_SECONDS = 15;

/**
 * Holds a meeting: one person joins through each region that runs, from another place each as far as there are places,
 * and all hear each other. @throws Error if somebody cannot join, does not hear, or Meet is not told
 */
export async function holdMeeting(fleet: RunningFleet, room: string): Promise<Meeting> {
  const { key } = fleet.access();
  const places = [...fleet.clients];
  const processes: RtcNodeClients[] = [];
  const people: RtcNodeParticipant[] = [];
  const joined: Joined[] = [];
  try {
    for (const [index, region] of [...fleet.regions.keys()].entries()) {
      const [name, place] = places[index % places.length] ?? [];
      if (name === undefined || place === undefined) {
        throw new Error("Fleet: there is no place for people. Give it one.");
      }
      const clients = RtcNodeClients.start(place);
      processes.push(clients);
      const identity = `${room}-by-${region}`;
      const token = await joinToken({ key, room, identity });
      const { host, port } = await fleet.reach(name, region);
      const began = Date.now();
      people.push(
        await clients.join({ identity, url: `http://${host}:${port}`, token, audio: true }),
      );
      joined.push({ region, place: name, joinMs: Date.now() - began });
    }
    const began = Date.now();
    await Promise.all(people.flatMap((one) => hearing(one, people)));
    const allHearMs = Date.now() - began;
    const webhooks = await told(fleet, room, people.length);
    const roomSids = [...new Set(people.map(({ roomSid }) => roomSid ?? "none"))];
    return { room, joined, roomSids, allHearMs, webhooks };
  } finally {
    await Promise.all(processes.map((clients) => clients.stop()));
  }
}

function hearing(one: RtcNodeParticipant, people: readonly RtcNodeParticipant[]): Promise<void>[] {
  const others = people.filter((other) => other !== one).map(({ identity }) => identity);
  return (["data", "audio"] as const).map((kind) =>
    one.untilHears(others, { kind, seconds: HEAR_SECONDS }),
  );
}

/** The events of a room, once Meet knows that so many have joined. */
async function told(fleet: RunningFleet, room: string, people: number): Promise<string[]> {
  const deadline = Date.now() + WEBHOOK_SECONDS * 1000;
  for (;;) {
    const events = fleet
      .webhooks()
      .filter((one) => one.room === room)
      .map(({ event }) => event);
    if (events.filter((event) => event === "participant_joined").length >= people) {
      return events;
    }
    if (Date.now() > deadline) {
      const refused = fleet.refusedWebhooks().join(" ");
      throw new Error(
        `Room "${room}": ${people} people joined, and Meet was told ${events.join(", ") || "nothing"} in ${WEBHOOK_SECONDS} s. ${refused}`,
      );
    }
    await sleep(100);
  }
}
