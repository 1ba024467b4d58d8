import { expect } from "vitest";
import { BrowserClients } from "../../../rehearsal/clients/browser.ts";
import type { ApiKey } from "../livekit/local-config.ts";
import { MeetLibrary } from "../livekit/meet.ts";
import { MeetWebhooks } from "../livekit/meet-webhooks.ts";
import { CLIENTS, createNetwork, TEST } from "../../../rehearsal/network/partition.ts";
import { RtcNodeClients, type RtcNodeParticipant } from "../../../rehearsal/clients/rtc-node.ts";
import { roomNames } from "../../../rehearsal/clients/server-api.ts";
import { SignalClient } from "../livekit/signalling.ts";
import { joinToken } from "../../../rehearsal/clients/tokens.ts";
import { KEY, RoomsFleet, type FleetRegion } from "./rooms-fleet.ts";

export const REGIONS = ["eu", "us"] as const;

/** What the tests of clients share; each is there from `startClients` on. */
export let fleet: RoomsFleet;
export let meet: MeetLibrary;
export let webhooks: MeetWebhooks;
export let nodes: RtcNodeClients;
export let browser: BrowserClients;

/** What has been started, to be ended in the opposite order. */
const started: { stop: () => Promise<void> }[] = [];

function remember<T extends { stop: () => Promise<void> }>(one: T): T {
  started.push(one);
  return one;
}

/** Starts two regions, Meet, and what plays its users. */
export async function startClients(environment: Readonly<Record<string, string>>): Promise<void> {
  const network = await createNetwork(REGIONS);
  started.push({ stop: () => network.close() });
  console.log(`partitions: ${network.description}`);
  meet = remember(await MeetLibrary.start());
  webhooks = remember(await MeetWebhooks.start(meet, KEY, network.place(TEST)));
  const meetUrl = new URL(webhooks.url).origin;
  fleet = remember(await RoomsFleet.start({ regions: REGIONS, meetUrl, environment }, network));
  nodes = remember(RtcNodeClients.start(network.place(CLIENTS)));
  browser = remember(await BrowserClients.start(network.place(CLIENTS)));
}

/** Ends all of it. */
export async function stopClients(): Promise<void> {
  for (const one of started.splice(0).reverse()) {
    await one.stop();
  }
}

/** Who joins, and how. */
export interface Joining {
  readonly via: string;
  readonly room: string;
  readonly identity: string;
  readonly key?: ApiKey;
  readonly isOwner?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where somebody joins, and with what. */
export async function ticket(
  joining: Joining,
): Promise<{ readonly url: string; readonly token: string }> {
  const { via, key = KEY, ...rest } = joining;
  return { url: fleet.region(via).url, token: await joinToken({ key, ...rest }) };
}

/** Joins by signalling alone. */
export async function joinRaw(joining: Joining): Promise<SignalClient> {
  const { headers = {} } = joining;
  return SignalClient.join({ ...(await ticket(joining)), headers });
}

/** Joins with sound, by @livekit/rtc-node. */
export async function joinNode(joining: Joining): Promise<RtcNodeParticipant> {
  return nodes.join({ identity: joining.identity, audio: true, ...(await ticket(joining)) });
}

/** Regions whose LiveKit has the room. */
export async function hosts(room: string): Promise<readonly string[]> {
  const lists = await Promise.all(
    REGIONS.map(async (name) => {
      const { liveKit } = fleet.region(name);
      const names = liveKit.process.isRunning ? await roomNames(liveKit.url, liveKit.key()) : [];
      return names.includes(room) ? [name] : [];
    }),
  );
  return lists.flat();
}

/** Waits until what is looked at is as it should be. */
export async function becomes<T>(look: () => Promise<T>, wanted: T, seconds = 10): Promise<void> {
  await expect.poll(look, { timeout: seconds * 1000, interval: 50 }).toEqual(wanted);
}

/** The status that a GET is answered with. */
export const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

/** What each pod of a region answers. */
export const statuses = (region: FleetRegion, path: string): Promise<number[]> =>
  Promise.all(region.pods.map(({ url }) => statusOf(`${url}${path}`)));
