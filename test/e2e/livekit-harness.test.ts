import { DisconnectReason, LeaveRequest_Action } from "@livekit/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLiveKit, type LiveKit } from "../support/livekit/livekit.ts";
import type { ApiKey } from "../support/livekit/local-config.ts";
import { CLIENTS, createNetwork, type Network } from "../support/livekit/partition.ts";
import { startRedis, type Redis } from "../support/livekit/redis.ts";
import { createRoom, identities, roomNames } from "../support/livekit/server-api.ts";
import { SignalClient, UpgradeRefused } from "../support/livekit/signalling.ts";
import { joinToken } from "../support/livekit/tokens.ts";

const KEY: ApiKey = { apiKey: "APItest", apiSecret: "a-secret-of-at-least-thirty-two-characters" };

let network: Network;
let redis: Redis;
let livekit: LiveKit;

beforeAll(async () => {
  network = await createNetwork(["eu"]);
  console.log(`partitions: ${network.description}`);
  const place = network.place("eu");
  redis = await startRedis({ place, password: "secret" });
  livekit = await startLiveKit({
    place,
    region: "eu",
    redis: { host: redis.host, port: redis.port, password: "secret" },
    keys: [KEY],
  });
});

afterAll(async () => {
  await livekit.stop();
  await redis.stop();
  await network.close();
});

const token = (room: string, identity: string): Promise<string> =>
  joinToken({ key: KEY, room, identity });

describe("raw clients", () => {
  it.each(["v0", "v1"] as const)("meet in a room by %s and leave", async (version) => {
    const room = `raw-${version}`;
    const sid = await createRoom(livekit.url, KEY, room);
    const join = async (identity: string): Promise<SignalClient> =>
      SignalClient.join({ url: livekit.url, token: await token(room, identity), version });
    const anna = await join("anna");
    const ben = await join("ben");
    await anna.untilOthers(["ben"]);
    await ben.untilOthers(["anna"]);
    expect([anna.roomSid, ben.roomSid]).toEqual([sid, sid]);
    expect(await identities(livekit.url, KEY, room)).toEqual(["anna", "ben"]);
    const participantSid = anna.participantSid ?? "";
    await anna.cut();
    expect(anna.end?.code).toBe(1006);
    const again = await SignalClient.connect({
      url: livekit.url,
      token: await token(room, "anna"),
      version,
      resume: { participantSid },
    });
    // LiveKit keeps no session whose media has never been connected, so it asks for a full join.
    const leave = await again.until(() => again.leave, "the answer to the resume");
    expect(leave.reason).toBe(DisconnectReason.STATE_MISMATCH);
    expect(leave.action).toBe(LeaveRequest_Action.RECONNECT);
    await ben.untilOthers([]);
    await ben.leaveRoom();
  });

  it("are refused where no room is, as deployed", async () => {
    const refused = await SignalClient.join({
      url: livekit.url,
      token: await token("nowhere", "anna"),
    }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UpgradeRefused);
    expect(refused).toMatchObject({ status: 404 });
    expect(await roomNames(livekit.url, KEY)).not.toContain("nowhere");
  });
});

describe("a cut", () => {
  it("stops what a place hears, and heals", async () => {
    const { host, port } = await network.reach(CLIENTS, "eu", livekit.port);
    expect(await statusFrom(CLIENTS, `http://${host}:${port}`)).toBe("200");
    await network.isolate("eu", { kind: "refused" });
    expect(await statusFrom(CLIENTS, `http://${host}:${port}`)).toBe("error");
    await network.heal();
    expect(await statusFrom(CLIENTS, `http://${host}:${port}`)).toBe("200");
  });
});

/** What a process of that place gets from an address. */
async function statusFrom(place: string, url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(2000) })
    .then((answer) => console.log(answer.status), () => console.log("error"));`;
  const child = network.place(place).spawn(process.execPath, ["-e", script]);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  return text.trim();
}
