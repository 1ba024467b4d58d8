import { describe, expect, it } from "vitest";
import type { Claim } from "../../../../services/rooms/placement/claim.ts";
import { NEWBORN_MS } from "../../../../services/rooms/placement/host.ts";
import { PeerUnreachable } from "../../../../services/rooms/placement/ports.ts";
import { runSchedule } from "./schedule.ts";
import { World } from "./world.ts";

/** Schedules in which the simulation found a fault of the gateway, by what was wrong. */
const FOUND = [
  [52, "a claim made while a member was away never reached it"],
  [94, "a split was decided while the host could not be counted"],
  [
    459,
    "a late joiner cleaned a room under a claim that no longer held, and its people were sent away",
  ],
  [618, "a store came back without who was connected, and a room was made new under its people"],
  [781, "a region that came back let people in before it had learned what happened"],
  [972, "a split was decided for a tenure that was being cleaned away"],
  [1598, "two stores lost a room one after the other, because the first was not filled again"],
  [2090, "a store came back empty too quickly to be noticed by the next look"],
  [3526, "people of a losing side were resumed into sessions from before the partition"],
  [
    13_023,
    "a region whose store had forgotten a room kept the people of a split that nobody decided",
  ],
  [14_690, "a room that was to be moved came by itself, and was made new under its people"],
] as const;

describe("a schedule that once broke something", () => {
  it.each(FOUND)("%i: %s", async (seed) => {
    const { violations } = await runSchedule(seed);
    expect(violations).toEqual([]);
  });
});

describe("the simulation", () => {
  it("is the same every time for a seed", async () => {
    const first = await runSchedule(13);
    const second = await runSchedule(13);
    expect(first.history.length).toBeGreaterThan(20);
    expect(second.history).toEqual(first.history);
  });

  it("notices somebody let in under a claim that was superseded", async () => {
    const world = await twoRegions();
    const low = claimOf("eu", 10);
    const high = claimOf("us", 11);
    world.region("us").valkey.admit("room", high);
    world.region("eu").valkey.admit("room", low);
    expect(world.violations.join()).toContain("room: let in at eu under epoch 10, after us");
  });

  it("notices a room that is taken from a region that is well", async () => {
    const world = await twoRegions();
    world.region("eu").valkey.write(claimOf("eu", 10));
    world.region("us").valkey.write({ ...claimOf("us", 11), cause: "failover" });
    expect(world.violations.join()).toContain("room: taken from eu, which was well");
  });

  it("notices a goodbye of LiveKit to somebody who is in a room", async () => {
    const world = await twoRegions();
    const client = world.addClient("room", "eu");
    client.start();
    await world.scheduler.runUntil(world.scheduler.now + 2_000);
    const host = world.region(client.at?.region ?? "");
    host.liveKit.delete("room");
    expect(world.violations.join()).toContain("was sent away from room for good");
  });

  it("notices a resume into a session of another connection", async () => {
    const world = await twoRegions();
    const client = world.addClient("room", "eu");
    client.start();
    await world.scheduler.runUntil(world.scheduler.now + 2_000);
    const { liveKit } = world.region(client.at?.region ?? "");
    liveKit.join("room", client.identity, false);
    client.end();
    await world.scheduler.runUntil(world.scheduler.now + 2_000);
    expect(world.violations.join()).toContain("was resumed into a dead session");
  });
});

describe("a region whose store is away", () => {
  it("lets the people of a meeting follow the first who has gone on elsewhere", async () => {
    const world = await twoRegions();
    const clients = [world.addClient("room", "eu"), world.addClient("room", "us")] as const;
    for (const client of clients) {
      client.start();
      await world.scheduler.runUntil(world.scheduler.now + 2_000);
    }
    const [stays, goes] = clients;
    const from = stays.at?.region ?? "";
    expect(goes.at?.region).toBe(from);
    world.troubled(from);
    world.region(from).valkey.fail();
    // Long enough for the others to hear of it, and not for LiveKit to end the signalling by itself.
    await world.scheduler.runUntil(world.scheduler.now + 5_000);
    expect(stays.at?.region).toBe(from);
    goes.end();
    await world.scheduler.runUntil(world.scheduler.now + 2_500);
    expect(goes.at?.region).not.toBe(from);
    expect(stays.at).toEqual(goes.at);
    expect(world.violations).toEqual([]);
  });

  it("goes on with its meetings until all its gateways know who is there, when it comes back empty", async () => {
    const world = await twoRegions();
    const clients = [world.addClient("room", "eu"), world.addClient("room", "us")] as const;
    for (const client of clients) {
      client.start();
      await world.scheduler.runUntil(world.scheduler.now + 2_000);
    }
    const before = clients[0].at;
    const { valkey } = world.region(before?.region ?? "");
    world.troubled(before?.region ?? "");
    valkey.fail();
    await world.scheduler.runUntil(world.scheduler.now + 200);
    valkey.recover("everything");
    await world.scheduler.runUntil(world.scheduler.now + NEWBORN_MS - 500);
    expect(clients.map(({ at }) => at)).toEqual([before, before]);
    await world.scheduler.runUntil(world.scheduler.now + 2_500);
    expect(clients[0].at).toEqual(clients[1].at);
    expect(clients[0].at?.tenure).toBeGreaterThan(before?.tenure ?? Infinity);
    expect(world.violations).toEqual([]);
  });
});

describe("a split that is found", () => {
  it("is not decided by an arbiter that has not noticed yet that the region that asks is back", async () => {
    const world = await twoRegions();
    const [arbiter] = world.pods("us");
    const ask = async (): Promise<string> => {
      const answer = arbiter?.splits.heal("room", "eu").then(
        () => "looked",
        (error: unknown) => (error instanceof PeerUnreachable ? "not reached" : String(error)),
      );
      await world.scheduler.runUntil(world.scheduler.now + 2_000);
      return answer ?? "nobody";
    };
    expect(await ask()).toBe("looked");
    world.network.sever("eu", "us");
    await world.scheduler.runUntil(world.scheduler.now + 10_000);
    expect(await ask()).toBe("not reached");
    world.network.heal();
    await world.scheduler.runUntil(world.scheduler.now + 5_000);
    expect(await ask()).toBe("looked");
    expect(world.violations).toEqual([]);
  });
});

async function twoRegions(): Promise<World> {
  const world = new World(1);
  world.addRegion("eu", 2);
  world.addRegion("us", 2);
  world.spreadMembers(0);
  await world.scheduler.runUntil(2_600);
  return world;
}

function claimOf(region: string, epoch: number): Claim {
  return {
    room: "room",
    epoch,
    region,
    tenure: epoch,
    state: "open",
    cause: "join",
    confirmed: true,
    fresh: true,
  };
}
