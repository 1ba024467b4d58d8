import { randomBytes } from "node:crypto";
import * as z from "zod";
import { RtcNodeClients, type RtcNodeParticipant } from "../rehearsal/clients/rtc-node.ts";
import { joinToken } from "../rehearsal/clients/tokens.ts";
import { FleetError } from "./exit.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { Stacks } from "./stacks.ts";

/** Where a canary is let in. */
export interface Entry {
  readonly region: string;
  /** Base URL of the region's gateway. */
  readonly url: string;
}

/** People of a drill's own, in a room of their own, who hear each other. */
export interface Canaries {
  readonly room: string;
  /** Waits until each has heard all the others after a moment. @throws Error with who has not */
  untilTogether(after: number): Promise<void>;
  /** Milliseconds for which each was out since a moment, by identity; Infinity for who is out still. */
  outs(since: number): ReadonlyMap<string, number>;
  /** LiveKit's ids of the rooms that they are in: more than one is a split. */
  roomIds(): readonly string[];
  /** They leave, and their process ends. */
  leave(): Promise<void>;
}

/** Has one canary join by each entry, the first first: its region hosts the room. */
export type StartCanaries = (
  key: LiveKitKey,
  room: string,
  entries: readonly Entry[],
) => Promise<Canaries>;

const keySchema = z.object({
  livekitApiKey: z.string().min(1),
  livekitApiSecret: z.string().min(1),
});

/** What join tokens are signed with. */
export interface LiveKitKey {
  readonly apiKey: string;
  readonly apiSecret: string;
}

const BACK_SECONDS = 30;

/**
 * A room that nobody else has. Meet takes no notice of a name like this (LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX in
 * components/backend/meet-environment.ts).
 */
export function canaryRoom(): string {
  return `drill-${randomBytes(6).toString("hex")}`;
}

/** LiveKit's key, from the primary's outputs. @throws FleetError without it */
export async function liveKitKey(
  { fleet }: Pick<FleetFiles, "fleet">,
  stacks: Pick<Stacks, "outputs">,
): Promise<LiveKitKey> {
  const { stack } = fleet.primary;
  const found = keySchema.safeParse((await stacks.outputs(stack))["sharedSecrets"]);
  if (!found.success) {
    throw new FleetError(
      `Stack "${stack}": its output sharedSecrets has no LiveKit key that can be read. Run fleet up ${stack}, with the fleet's secrets provider and passphrase.`,
    );
  }
  return { apiKey: found.data.livekitApiKey, apiSecret: found.data.livekitApiSecret };
}

/** Real ones, by @livekit/rtc-node in a process of their own. */
export const startCanaries: StartCanaries = async (key, room, entries) => {
  const clients = RtcNodeClients.start();
  const people: RtcNodeParticipant[] = [];
  const othersOf = (one: RtcNodeParticipant): string[] =>
    people.filter((other) => other !== one).map(({ identity }) => identity);
  try {
    for (const { region, url } of entries) {
      const identity = `canary-by-${region}`;
      const token = await joinToken({ key, room, identity, ttlSeconds: 1800 });
      people.push(await clients.join({ identity, url, token }));
    }
  } catch (error) {
    await clients.stop();
    throw error;
  }
  return {
    room,
    untilTogether: async (after) => {
      await Promise.all(
        people.map((one) => one.untilHears(othersOf(one), { after, seconds: BACK_SECONDS })),
      );
    },
    outs: (since) => new Map(people.map((one) => [one.identity, outOf(one, othersOf(one), since)])),
    roomIds: () => [...new Set(people.map(({ roomSid }) => roomSid ?? "none"))],
    leave: async () => {
      await Promise.allSettled(people.map((one) => one.leave()));
      await clients.stop();
    },
  };
};

function outOf(one: RtcNodeParticipant, others: readonly string[], since: number): number {
  if (one.disconnected !== undefined) {
    return Infinity;
  }
  const lost = one.notes("reconnecting").find(({ at }) => at >= since);
  return one.outage(others, lost?.at ?? since).outMs;
}
