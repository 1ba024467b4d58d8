import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Membership } from "../../../../services/rooms/peers/membership.ts";
import { Monitor } from "../../../../services/rooms/peers/monitor.ts";
import type { MemberList } from "../../../../services/rooms/peers/member-list.ts";
import type { StatusAnswer } from "../../../../services/rooms/peers/messages.ts";
import { PeerUnreachable, StoreAway } from "../../../../services/rooms/placement/ports.ts";
import { KeptLog, MemoryMembers, PeerNode, realClock } from "./fleet.ts";

const MEMBER = { version: 1, state: "member" } as const;

class FakePolls {
  up = new Map<string, boolean>();
  polls: string[] = [];
  announced: string[] = [];
  lists = new Map<string, MemberList>();

  poll(region: string): Promise<StatusAnswer> {
    this.polls.push(region);
    if (this.up.get(region) === false) {
      return Promise.reject(new PeerUnreachable(region, "test"));
    }
    return Promise.resolve(this.answer(region));
  }
  private answer(region: string): StatusAnswer {
    return {
      status: { region, liveKitUp: true, storeUp: true, draining: false },
      members: { ...this.lists.get(region) },
      clock: Date.now() + 5000,
    };
  }
  announce(region: string): Promise<StatusAnswer> {
    this.announced.push(region);
    this.lists.set(region, { ...this.lists.get(region), eu: MEMBER });
    return Promise.resolve(this.answer(region));
  }
}

let polls: FakePolls;
let membership: Membership;
let monitor: Monitor;
let log: KeptLog;
let store: MemoryMembers;
let seen: string[];

beforeEach(() => {
  vi.useFakeTimers();
  polls = new FakePolls();
  polls.lists.set("us", { eu: MEMBER, us: MEMBER });
  log = new KeptLog();
  store = new MemoryMembers();
  seen = [];
  membership = new Membership({
    region: "eu",
    homes: ["eu", "us"],
    primary: { region: "eu", epoch: 1 },
    store,
    log,
  });
  monitor = new Monitor({
    region: "eu",
    membership,
    polls,
    clock: { ...realClock, monotonic: () => Date.now() },
    log,
    random: () => 0.5,
    metrics: {
      peerReachable: (region, reachable) => seen.push(`${region} ${reachable}`),
      peerForgotten: (region) => seen.push(`${region} forgotten`),
    },
  });
});
afterEach(() => {
  monitor.stop();
  vi.useRealTimers();
});

describe("the monitor", () => {
  it("polls every member every two seconds, and at once when it begins", async () => {
    await monitor.start();
    expect(polls.polls).toEqual(["us"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(polls.polls).toHaveLength(6);
    expect(monitor.states()).toEqual([
      {
        region: "us",
        reachable: true,
        status: { region: "us", liveKitUp: true, storeUp: true, draining: false },
        silentMs: 0,
        clockAheadMs: 5000,
      },
    ]);
  });

  it("calls a region lost after three misses in a row, and not before", async () => {
    await monitor.start();
    const changes: string[] = [];
    monitor.onChange((region, reachable) => changes.push(`${region} ${reachable}`));
    polls.up.set("us", false);
    await vi.advanceTimersByTimeAsync(4000);
    expect(monitor.reachable("us")).toBe(true);
    polls.up.set("us", true);
    await vi.advanceTimersByTimeAsync(2000);
    polls.up.set("us", false);
    await vi.advanceTimersByTimeAsync(4000);
    expect([monitor.reachable("us"), changes]).toEqual([true, []]);
    await vi.advanceTimersByTimeAsync(2000);
    expect([monitor.reachable("us"), changes]).toEqual([false, ["us false"]]);
    expect(monitor.lastStatus("us")).toMatchObject({ region: "us" });
    expect(log.lines.at(-1)).toMatchObject({
      level: "warn",
      message: "a region is not reached",
      fields: { peer: "us" },
    });
  });

  it("counts a generation when a region answers after a single miss, and tells nobody", async () => {
    await monitor.start();
    const before = monitor.generation();
    polls.up.set("us", false);
    await vi.advanceTimersByTimeAsync(2000);
    polls.up.set("us", true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(monitor.generation()).toBe(before + 1);
    expect(seen).toEqual(["us true"]);
  });

  it("calls it reached again at its first answer, and counts a generation", async () => {
    await monitor.start();
    const before = monitor.generation();
    polls.up.set("us", false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(monitor.generation()).toBe(before);
    polls.up.set("us", true);
    await vi.advanceTimersByTimeAsync(2000);
    expect([monitor.reachable("us"), monitor.generation()]).toEqual([true, before + 1]);
    expect(seen).toEqual(["us true", "us false", "us true"]);
  });

  it("polls a new member at once, counts a generation, and forgets one that was removed", async () => {
    await monitor.start();
    const before = monitor.generation();
    await membership.announce("ap", {});
    await vi.advanceTimersByTimeAsync(0);
    expect(polls.polls).toEqual(["us", "ap"]);
    expect(monitor.generation()).toBe(before + 1);
    await membership.remove("ap");
    expect(monitor.generation()).toBe(before + 2);
    expect(monitor.reachable("ap")).toBe(false);
    expect(seen.at(-1)).toBe("ap forgotten");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(polls.polls.filter((region) => region === "ap")).toHaveLength(1);
  });

  it("announces itself to a region that does not know it, until it does, and again if it forgot", async () => {
    polls.lists.set("us", { us: MEMBER });
    polls.up.set("us", false);
    await monitor.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(polls.announced).toEqual([]);
    polls.up.set("us", true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(polls.announced).toEqual(["us"]);
    polls.lists.set("us", {});
    await vi.advanceTimersByTimeAsync(2000);
    expect(polls.announced).toEqual(["us", "us"]);
  });

  it("learns of other regions from any answer, and from other pods through the store", async () => {
    polls.lists.set("us", { eu: MEMBER, us: MEMBER, ap: MEMBER });
    await monitor.start();
    expect(membership.members()).toEqual(["ap", "us"]);
    expect(JSON.parse(store.text ?? "")).toMatchObject({ ap: MEMBER });
    store.text = JSON.stringify({ ap: { version: 9, state: "removed" }, sa: MEMBER });
    await vi.advanceTimersByTimeAsync(2000);
    expect(membership.members()).toEqual(["sa", "us"]);
    expect(JSON.parse(store.text)).toMatchObject({ us: MEMBER, ap: { version: 9 } });
  });

  it("goes on while the store is away or holds what nobody can read", async () => {
    store.text = "{broken";
    await monitor.start();
    expect(JSON.parse(store.text)).toEqual({
      eu: { ...MEMBER, primaryEpoch: 1 },
      us: MEMBER,
    });
    store.load = () => Promise.reject(new StoreAway("away"));
    polls.lists.set("us", { eu: MEMBER, us: MEMBER, ap: MEMBER });
    await vi.advanceTimersByTimeAsync(4000);
    expect(membership.members()).toEqual(["ap", "us"]);
    await expect(membership.remove("ap")).rejects.toThrow(StoreAway);
  });

  it("goes on after a fault of its own, and tells the log", async () => {
    await monitor.start();
    const poll = polls.poll.bind(polls);
    polls.poll = () => Promise.reject(new Error("a fault"));
    await vi.advanceTimersByTimeAsync(2000);
    expect(log.lines).toContainEqual({
      level: "error",
      message: "a poll failed",
      fields: { reason: "a fault" },
    });
    polls.poll = poll;
    polls.polls = [];
    await vi.advanceTimersByTimeAsync(4000);
    expect(polls.polls).toEqual(["us", "us"]);
  });

  it("tells a log who joined and who left", async () => {
    await membership.announce("ap", {});
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "the members changed",
        fields: { members: ["ap", "us"], before: ["us"] },
      },
    ]);
  });
});

describe("five regions over HTTP, of which three are known only by announcement", () => {
  it("all know each other, and all know of a removal, and of a region admitted again", async () => {
    vi.useRealTimers();
    const urls: Record<string, string> = {};
    const nodes = ["eu", "us", "ap", "sa", "me"].map((it) => new PeerNode(it, urls, ["eu", "us"]));
    try {
      await Promise.all(nodes.map((node) => node.listen()));
      await Promise.all(nodes.map((node) => node.monitor.start()));
      const all = { timeout: 15_000, interval: 50 };
      const views = () => nodes.map((node) => [node.region, ...node.membership.members()].sort());
      await vi.waitFor(() => {
        expect(views()).toEqual(nodes.map(() => ["ap", "eu", "me", "sa", "us"]));
      }, all);
      const [eu] = nodes;
      await eu?.membership.remove("sa");
      await vi.waitFor(() => {
        expect(nodes.map(({ membership: it }) => it.isWelcome("sa"))).toEqual(
          nodes.map(() => false),
        );
      }, all);
      await eu?.membership.readmit("sa");
      await vi.waitFor(() => {
        expect(views()).toEqual(nodes.map(() => ["ap", "eu", "me", "sa", "us"]));
      }, all);
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  });
});
