import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Claim } from "../../services/rooms/placement/claim.ts";
import { StoreAway } from "../../services/rooms/placement/ports.ts";
import { newConnection } from "../../services/rooms/store/connection.ts";
import { Changes } from "../../services/rooms/store/changes.ts";
import { EgressRegions } from "../../services/rooms/store/egress-regions.ts";
import { MembersStore } from "../../services/rooms/store/members-store.ts";
import { PinsStore, type Pin, type PinnedBy } from "../../services/rooms/store/pins-store.ts";
import { ValkeyRoomStore } from "../../services/rooms/store/room-store.ts";
import { SeenTokens } from "../../services/rooms/store/seen-tokens.ts";
import { Valkey } from "../../services/rooms/store/valkey.ts";
import { startRedis, type Redis } from "../../rehearsal/processes/redis.ts";
import { storeLog } from "../support/rooms/store-log.ts";

const EPOCH = 1_795_000_000_000;

let redis: Redis;
const open: { stop(): void }[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown): void => {
  unhandled.push(reason);
};

async function connect(server: Redis, region = "eu") {
  const address = {
    url: `${server.url}/1`,
    ...(server.certificate === undefined ? {} : { ca: readFileSync(server.certificate, "utf8") }),
  };
  const valkey = new Valkey(address, storeLog());
  const changes = new Changes(address);
  open.push(valkey, changes);
  await Promise.all([valkey.start(), changes.start()]);
  return { valkey, changes, store: new ValkeyRoomStore(valkey, changes, region) };
}

function claim(room: string, epoch: number, region = "eu", more: Partial<Claim> = {}): Claim {
  return {
    room,
    epoch,
    region,
    tenure: epoch,
    state: "open",
    cause: "join",
    confirmed: false,
    fresh: true,
    ...more,
  };
}

beforeAll(async () => {
  process.on("unhandledRejection", note);
  redis = await startRedis({ password: "p:@/ss" });
});

afterEach(async () => {
  for (const it of open.splice(0)) {
    it.stop();
  }
  await sleep(0);
  expect(unhandled).toEqual([]);
});

afterAll(async () => {
  await redis.stop();
  process.off("unhandledRejection", note);
});

describe("a claim", () => {
  it("is read back as it was written, with epochs up to 2^53", async () => {
    const { store } = await connect(redis);
    for (const epoch of [1, EPOCH, 1e14, 123_456_789_012_345, Number.MAX_SAFE_INTEGER]) {
      const written = claim(`room ${epoch}`, epoch, "us", { cause: "failover", fresh: false });
      expect(await store.put(written, undefined)).toEqual({ stored: true });
      expect(await store.read(written.room)).toEqual({ claim: written, hosting: {} });
    }
  });

  it("keeps any name apart from any other", async () => {
    const { store } = await connect(redis);
    const names = ["", "a:b", "a", "é\u0000\n'\"}{", "日本", "*", "[x", "0", "z".repeat(256)];
    for (const [at, name] of names.entries()) {
      await store.merge(claim(name, EPOCH + at));
    }
    for (const [at, name] of names.entries()) {
      expect((await store.read(name)).claim).toMatchObject({ room: name, epoch: EPOCH + at });
    }
  });

  it("is put only on what was expected, and only if it is higher", async () => {
    const { store } = await connect(redis);
    const first = claim("put", EPOCH);
    const second = claim("put", EPOCH + 1, "us");
    expect(await store.put(second, first)).toEqual({ stored: false, found: undefined });
    expect(await store.put(first, undefined)).toEqual({ stored: true });
    expect(await store.put(first, undefined)).toEqual({ stored: true });
    expect(await store.put(second, undefined)).toEqual({ stored: false, found: first });
    expect(await store.put(second, claim("put", EPOCH, "ap"))).toEqual({
      stored: false,
      found: first,
    });
    expect(await store.put(second, { ...first, state: "closed" })).toMatchObject({ stored: false });
    expect(await store.put(claim("put", EPOCH - 1), first)).toMatchObject({ stored: false });
    expect(await store.put(second, first)).toEqual({ stored: true });
    expect(await store.read("put")).toEqual({ claim: second, hosting: {} });
  });

  it("is ordered by epoch as a number, then by region byte by byte, then closed above open", async () => {
    const { store } = await connect(redis);
    const rising = [
      claim("order", 999),
      claim("order", 1000, "eu-a"),
      claim("order", 1000, "eu1"),
      claim("order", 1000, "eua"),
      claim("order", 1000, "euab"),
      claim("order", 1000, "euab", { state: "closed" }),
      claim("order", 10_000, "a"),
    ];
    for (const [at, next] of rising.entries()) {
      expect(await store.merge(next)).toEqual(next);
      for (const lower of rising.slice(0, at)) {
        expect(await store.merge(lower)).toEqual(next);
        expect(await store.put(lower, next)).toEqual({ stored: false, found: next });
      }
    }
  });

  it("is confirmed by the same claim, and not unconfirmed", async () => {
    const { store } = await connect(redis);
    const first = claim("confirm", EPOCH);
    await store.put(first, undefined);
    expect(await store.merge({ ...first, confirmed: true })).toEqual({ ...first, confirmed: true });
    expect(await store.put(first, undefined)).toEqual({ stored: true });
    expect(await store.merge(first)).toEqual({ ...first, confirmed: true });
  });

  it("is taken by exactly one of fifty that are put at once by two pods", async () => {
    const [one, two] = [(await connect(redis)).store, (await connect(redis)).store];
    for (let round = 0; round < 10; round++) {
      const room = `race ${round}`;
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          (at % 2 === 0 ? one : two).put(claim(room, EPOCH + at, `r${at}`), undefined),
        ),
      );
      const won = results.flatMap((result, at) => (result.stored ? [at] : []));
      expect(won).toHaveLength(1);
      const held = (await one.read(room)).claim;
      expect(held?.epoch).toBe(EPOCH + (won[0] ?? -1));
      for (const result of results) {
        expect(result.stored ? held : result.found).toEqual(held);
      }
    }
  });

  it("stays without a limit while it is open, and a week once it is closed", async () => {
    const { store, valkey } = await connect(redis);
    const key = "rooms:claim:ttl";
    await store.merge(claim("ttl", EPOCH, "us"));
    expect(await valkey.command("PTTL", key)).toBe(-1);
    await store.merge(claim("ttl", EPOCH, "us", { state: "closed" }));
    expect(await valkey.command("PTTL", key)).toBeGreaterThan(604_790_000);
    await store.merge(claim("ttl", EPOCH + 1));
    expect(await valkey.command("PTTL", key)).toBe(-1);
  });

  it("of a cause that this version does not know is read as the one taken most carefully", async () => {
    const { store, valkey } = await connect(redis);
    await store.merge(claim("newer", EPOCH));
    await valkey.command("HSET", "rooms:claim:newer", "cause", "teleport");
    expect((await store.read("newer")).claim?.cause).toBe("failover");
  });
});

describe("hosting", () => {
  it("admits under the open, confirmed and clean tenure only, and remembers LiveKit's id", async () => {
    const { store } = await connect(redis);
    const held = claim("host", EPOCH);
    await store.put(held, undefined);
    const attempt = () => store.admit("host", "eu", EPOCH, "RM_1");
    expect(await attempt()).toEqual({ admitted: false, found: { claim: held, hosting: {} } });
    await store.merge({ ...held, confirmed: true });
    expect(await attempt()).toMatchObject({ admitted: false });
    expect(await store.lockCleaning("host", "pod-1", 10_000)).toBe(true);
    expect(await store.finishCleaning("host", "pod-1", EPOCH)).toBe(true);
    expect(await attempt()).toEqual({ admitted: true });
    expect((await store.read("host")).hosting).toEqual({
      cleanTenure: EPOCH,
      sid: "RM_1",
      // By the attempts that were refused.
      askedTenure: EPOCH,
    });
    expect(await store.admit("host", "us", EPOCH, "RM_2")).toMatchObject({ admitted: false });
    expect(await store.admit("host", "eu", EPOCH + 1, "RM_2")).toMatchObject({ admitted: false });
  });

  it("closes the room of the id under way, once", async () => {
    const { store } = await connect(redis);
    const held = claim("close", EPOCH, "eu", { confirmed: true });
    await store.put(held, undefined);
    await store.merge(held);
    await store.lockCleaning("close", "pod-1", 10_000);
    await store.finishCleaning("close", "pod-1", EPOCH);
    await store.admit("close", "eu", EPOCH, "RM_1");
    expect(await store.close("close", "eu", "RM_0")).toBeUndefined();
    expect(await store.close("close", "us", "RM_1")).toBeUndefined();
    expect(await store.close("close", "eu", "RM_1")).toEqual({ ...held, state: "closed" });
    expect(await store.close("close", "eu", "RM_1")).toBeUndefined();
    expect(await store.admit("close", "eu", EPOCH, "RM_1")).toMatchObject({ admitted: false });
  });

  it("is cleaned by one at a time, even of the same pod, and recorded by the one with the right", async () => {
    const { store } = await connect(redis);
    expect(await store.lockCleaning("clean", "pod-1", 10_000)).toBe(true);
    expect(await store.lockCleaning("clean", "pod-1", 10_000)).toBe(false);
    expect(await store.lockCleaning("clean", "pod-2", 10_000)).toBe(false);
    expect(await store.finishCleaning("clean", "pod-2", EPOCH)).toBe(false);
    await store.unlockCleaning("clean", "pod-2");
    expect(await store.lockCleaning("clean", "pod-2", 10_000)).toBe(false);
    await store.unlockCleaning("clean", "pod-1");
    expect(await store.lockCleaning("clean", "pod-2", 50)).toBe(true);
    await sleep(80);
    expect(await store.finishCleaning("clean", "pod-2", EPOCH)).toBe(false);
  });

  it("forgets LiveKit's id with a new tenure, and refuses one that a higher claim has ended", async () => {
    const { store } = await connect(redis);
    await store.put(claim("tenures", EPOCH, "eu", { confirmed: true }), undefined);
    const clean = async (tenure: number) => {
      await store.lockCleaning("tenures", "pod-1", 10_000);
      return store.finishCleaning("tenures", "pod-1", tenure);
    };
    expect(await clean(EPOCH)).toBe(true);
    await store.admit("tenures", "eu", EPOCH, "RM_1");
    expect(await clean(EPOCH)).toBe(true);
    expect((await store.read("tenures")).hosting).toEqual({ cleanTenure: EPOCH, sid: "RM_1" });
    expect(await clean(EPOCH + 5)).toBe(true);
    expect((await store.read("tenures")).hosting).toEqual({ cleanTenure: EPOCH + 5 });
    await store.merge(claim("tenures", EPOCH + 5));
    expect([await clean(EPOCH), await clean(EPOCH + 4)]).toEqual([false, false]);
    expect((await store.read("tenures")).hosting).toEqual({ cleanTenure: EPOCH + 5 });
    expect(await store.lockCleaning("tenures", "pod-2", 10)).toBe(true);
  });

  it("leaves over the rooms that were claimed elsewhere later, until they are forgotten", async () => {
    const { store, valkey } = await connect(redis);
    const clean = async (room: string, tenure: number) => {
      await store.lockCleaning(room, "pod-1", 10_000);
      await store.finishCleaning(room, "pod-1", tenure);
    };
    for (const room of ["left 1", "left 2", "gone"]) {
      await store.put(claim(room, EPOCH), undefined);
      await clean(room, EPOCH);
      await store.merge(claim(room, EPOCH + 1, "us"));
    }
    await store.put(claim("stays", EPOCH), undefined);
    await clean("stays", EPOCH);
    // Made clean for a claim that is about to hold here: no left-over.
    await store.put(claim("coming", EPOCH, "us"), undefined);
    await clean("coming", EPOCH + 1);
    await valkey.command("DEL", "rooms:claim:gone");
    expect([...(await store.leftovers(10))].sort()).toEqual(["left 1", "left 2"]);
    expect(await store.leftovers(1)).toHaveLength(1);
    await store.forgetHosting("left 1");
    await store.forgetHosting("coming");
    expect(await store.leftovers(10)).toEqual(["left 2"]);
    expect((await store.read("left 1")).hosting).toEqual({});
    expect((await store.read("coming")).hosting).toEqual({ cleanTenure: EPOCH + 1 });
    await store.merge(claim("left 2", EPOCH + 2));
    expect(await store.leftovers(10)).toEqual([]);
  });
});

describe("a room that LiveKit was asked to make", () => {
  it("is a left-over once another region is the host, though nobody heard that it was made", async () => {
    const { store } = await connect(redis);
    await store.put(claim("asked", EPOCH, "eu", { confirmed: true }), undefined);
    await store.ask("asked", EPOCH);
    expect((await store.read("asked")).hosting).toEqual({ askedTenure: EPOCH });
    expect(await store.leftovers(10)).not.toContain("asked");
    await store.merge(claim("asked", EPOCH + 1, "us"));
    expect(await store.leftovers(10)).toContain("asked");
    // The region is about to be the host again: what it asks for now is to stay.
    await store.ask("asked", EPOCH + 2);
    expect(await store.leftovers(10)).not.toContain("asked");
    await store.merge(claim("asked", EPOCH + 3, "us"));
    await store.forgetHosting("asked");
    expect((await store.read("asked")).hosting).toEqual({});
    expect(await store.leftovers(10)).not.toContain("asked");
  });

  it("is one, too, if it was made again for somebody who came after it had been deleted", async () => {
    const { store } = await connect(redis);
    await store.put(claim("late", EPOCH, "eu", { confirmed: true }), undefined);
    await store.merge(claim("late", EPOCH + 1, "us", { confirmed: true }));
    expect(await store.admit("late", "eu", EPOCH, "RM_1")).toMatchObject({ admitted: false });
    expect(await store.leftovers(10)).toContain("late");
    await store.forgetHosting("late");
    expect(await store.leftovers(10)).not.toContain("late");
  });
});

describe("what goes with a room", () => {
  it("takes each of those who come from a split once, in time", async () => {
    const { store } = await connect(redis);
    await store.expectRejoin("split", ["ann", "bob"], 300);
    expect(await store.takeRejoin("split", "ann")).toBe(true);
    expect(await store.takeRejoin("split", "ann")).toBe(false);
    expect(await store.takeRejoin("split", "eve")).toBe(false);
    await sleep(350);
    expect(await store.takeRejoin("split", "bob")).toBe(false);
  });

  it("is present through any pod, until the pod says otherwise or is silent for 30 s", async () => {
    const { store, valkey } = await connect(redis);
    await store.setPresent("who", "pod-1", ["ann", "b b"]);
    await store.setPresent("who", "pod-2", ["ann", "cy"]);
    expect([...(await store.present("who"))].sort()).toEqual(["ann", "b b", "cy"]);
    await store.setPresent("who", "pod-1", []);
    expect(await store.present("who")).toEqual(["ann", "cy"]);
    await valkey.command("HSET", "rooms:presence:who", "pod-2", `${Date.now() - 31_000} ["cy"]`);
    expect(await store.present("who")).toEqual([]);
    expect(await store.present("nobody")).toEqual([]);
  });

  it("lets one pod at a time do a job, which may renew its right", async () => {
    const { store } = await connect(redis);
    expect(await store.lock("tidy", "pod-1", 200)).toBe(true);
    expect(await store.lock("tidy", "pod-1", 200)).toBe(true);
    expect(await store.lock("tidy", "pod-2", 200)).toBe(false);
    await store.unlock("tidy", "pod-2");
    expect(await store.lock("tidy", "pod-2", 200)).toBe(false);
    await sleep(230);
    expect(await store.lock("tidy", "pod-2", 200)).toBe(true);
    await store.unlock("tidy", "pod-2");
    expect(await store.lock("tidy", "pod-1", 200)).toBe(true);
  });
});

describe("all claims", () => {
  it("come in pages, each once, without those that are gone", async () => {
    const own = await startRedis();
    try {
      const { store, valkey } = await connect(own);
      const names = Array.from({ length: 1203 }, (_, at) => `room ${at}`);
      await Promise.all(names.map((name, at) => store.merge(claim(name, EPOCH + at))));
      await valkey.command("DEL", "rooms:claim:room 7");
      const found: Claim[] = [];
      let cursor: string | undefined = "0";
      let pages = 0;
      while (cursor !== undefined) {
        const page: { readonly claims: readonly Claim[]; readonly next?: string } =
          await store.claims(cursor);
        found.push(...page.claims);
        cursor = page.next;
        pages++;
      }
      expect(pages).toBe(3);
      expect(found.map(({ room }) => room).sort()).toEqual(
        names.filter((name) => name !== "room 7").sort(),
      );
      expect(found.every(({ room, epoch }) => epoch === EPOCH + Number(room.slice(5)))).toBe(true);
      expect(await valkey.command("ZCARD", "rooms:index")).toBe(1202);
    } finally {
      await own.stop();
    }
  });
});

describe("changes", () => {
  it("are heard by every pod of the region, and any may have happened after a silence", async () => {
    const own = await startRedis();
    try {
      const one = await connect(own);
      const heard: (string | undefined)[] = [];
      (await connect(own)).store.onChange((room) => heard.push(room));
      await one.store.merge(claim("a b\u0000c", EPOCH));
      await one.store.merge(claim("a b\u0000c", EPOCH));
      await one.store.merge(claim("a b\u0000c", EPOCH, "eu", { confirmed: true }));
      await vi.waitFor(() => {
        expect(heard).toEqual(["a b\u0000c", "a b\u0000c"]);
      });
      await own.restartEmpty();
      await vi.waitFor(() => {
        expect(heard.at(-1)).toBeUndefined();
      }, 4000);
      await vi.waitFor(() => one.store.merge(claim("after", EPOCH)), 4000);
      await vi.waitFor(() => {
        expect(heard.at(-1)).toBe("after");
      });
    } finally {
      await own.stop();
    }
  });
});

describe("a store that is lost", () => {
  it("is away within a second, is back with another generation, and says what became of it", async () => {
    const own = await startRedis();
    try {
      const { store, valkey } = await connect(own);
      const states: string[] = [];
      valkey.onReconnect((state) => states.push(state));
      store.onBack(() => states.push(`generation ${store.generation()}, up ${store.up()}`));
      const marker = await valkey.runMarker();
      expect(marker.wasMissing).toBe(true);
      expect(await store.ageMs()).toBeLessThan(5000);
      await store.merge(claim("lost", EPOCH));

      const before = performance.now();
      const underWay = Array.from({ length: 50 }, () => store.read("lost"));
      const killed = own.kill();
      const outcomes = await Promise.allSettled(underWay);
      await killed;
      await expect(store.read("lost")).rejects.toBeInstanceOf(StoreAway);
      expect(performance.now() - before).toBeLessThan(1000);
      for (const outcome of outcomes) {
        expect(outcome.status === "fulfilled" || outcome.reason instanceof StoreAway).toBe(true);
      }
      expect([store.up(), store.generation()]).toEqual([false, 0]);

      await own.start();
      await vi.waitFor(() => {
        expect(store.up()).toBe(true);
      }, 3000);
      expect([store.generation(), states]).toEqual([1, ["emptied", "generation 1, up true"]]);
      expect((await valkey.runMarker()).id).not.toBe(marker.id);
      expect(await store.read("lost")).toEqual({ hosting: {} });
    } finally {
      await own.stop();
    }
  });

  it("is away long before its connection ends when it only falls silent, and is the same afterwards", async () => {
    const own = await startRedis();
    try {
      const { store, valkey } = await connect(own);
      const states: string[] = [];
      valkey.onReconnect((state) => states.push(state));
      await store.merge(claim("silent", EPOCH));
      own.pause();
      const before = performance.now();
      await expect(store.read("silent")).rejects.toBeInstanceOf(StoreAway);
      // A command's own limit is 1 s; a machine that was busy elsewhere meanwhile is no fault of the store.
      expect(performance.now() - before).toBeLessThan(5000);
      await vi.waitFor(() => {
        expect(store.up()).toBe(false);
      }, 5000);
      own.resume();
      await vi.waitFor(() => {
        expect(store.up()).toBe(true);
      }, 10_000);
      expect(new Set(states)).toEqual(new Set(["same"]));
      expect(store.generation()).toBe(states.length);
      expect((await store.read("silent")).claim?.epoch).toBe(EPOCH);
    } finally {
      await own.stop();
    }
  });

  it("is found emptied though no connection was lost", async () => {
    const own = await startRedis();
    try {
      const { valkey, store } = await connect(own);
      const states: string[] = [];
      valkey.onReconnect((state) => states.push(state));
      await valkey.command("FLUSHALL");
      await vi.waitFor(() => {
        expect(states).toEqual(["emptied"]);
      }, 3000);
      expect([store.generation(), store.up()]).toEqual([1, true]);
    } finally {
      await own.stop();
    }
  });

  it("is away while it is a replica, and is back as the same once it takes writes", async () => {
    const [primary, other] = [await startRedis(), await startRedis()];
    try {
      const { store, valkey } = await connect(primary);
      await store.merge(claim("replica", EPOCH));
      await valkey.command("REPLICAOF", other.host, other.port);
      await expect(store.merge(claim("replica", EPOCH + 1))).rejects.toBeInstanceOf(StoreAway);
      await vi.waitFor(() => {
        expect(store.up()).toBe(false);
      }, 3000);
      await expect(store.read("replica")).rejects.toBeInstanceOf(StoreAway);
    } finally {
      await primary.stop();
      await other.stop();
    }
  });

  it("that is not there yet at the start is awaited", async () => {
    const own = await startRedis();
    try {
      await own.kill();
      const { store } = await connect(own);
      await expect(store.read("early")).rejects.toBeInstanceOf(StoreAway);
      await own.start();
      await vi.waitFor(() => {
        expect(store.up()).toBe(true);
      }, 3000);
      expect(store.generation()).toBe(0);
    } finally {
      await own.stop();
    }
  });

  it("with a wrong password stays away", async () => {
    const valkey = new Valkey({ url: `redis://:wrong@127.0.0.1:${redis.port}/1` }, storeLog());
    open.push(valkey);
    await valkey.start();
    expect(valkey.up()).toBe(false);
    await expect(valkey.runMarker()).rejects.toBeInstanceOf(StoreAway);
  });

  it("whose password is made anew is never away, and a connection that is made anew takes the new one", async () => {
    const own = await startRedis({ password: "old" });
    const operator = newConnection({ url: own.url }, "operator");
    try {
      let url = `${own.url}/1`;
      const valkey = new Valkey({ url, latest: () => url }, storeLog());
      open.push(valkey);
      await Promise.all([valkey.start(), operator.connect()]);
      const before = await valkey.runMarker();
      await operator.call("ACL", "SETUSER", "default", ">new");
      url = url.replace("old", "new");
      await operator.call("ACL", "SETUSER", "default", "<old");
      expect((await valkey.runMarker()).id).toBe(before.id);
      await operator.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await vi.waitFor(async () => {
        expect((await valkey.runMarker()).id).toBe(before.id);
      }, 3000);
      const stale = new Valkey({ url: `${own.url}/1` }, storeLog());
      open.push(stale);
      await stale.start();
      expect(stale.up()).toBe(false);
    } finally {
      operator.disconnect();
      await own.stop();
    }
  });
});

describe("TLS", () => {
  it("is verified against the given authority, and a store that is not of it is left alone", async () => {
    const own = await startRedis({ tls: true, password: "secret" });
    try {
      const { store } = await connect(own);
      expect(await store.merge(claim("tls", EPOCH))).toMatchObject({ epoch: EPOCH });
      const stranger = new Valkey({ url: `${own.url}/1` }, storeLog());
      open.push(stranger);
      await stranger.start();
      expect(stranger.up()).toBe(false);
    } finally {
      await own.stop();
    }
  });
});

describe("the smaller stores", () => {
  it("remember a recording's region for two days", async () => {
    const { valkey } = await connect(redis);
    const regions = new EgressRegions(valkey);
    expect(await regions.regionOf("EG_1")).toBeUndefined();
    await regions.remember("EG_1", "us");
    expect(await regions.regionOf("EG_1")).toBe("us");
    expect(await valkey.command("TTL", "rooms:egress:EG_1")).toBe(172_800);
  });

  it("see a token's id once over all pods, and once in each while the store is away", async () => {
    const own = await startRedis();
    try {
      const one = new SeenTokens((await connect(own)).valkey);
      const two = new SeenTokens((await connect(own)).valkey);
      expect(await one.isFirst("a", 30)).toBe(true);
      expect([await one.isFirst("a", 30), await two.isFirst("a", 30)]).toEqual([false, false]);
      await own.kill();
      expect([await one.isFirst("a", 30), await one.isFirst("b", 30)]).toEqual([false, true]);
      expect([await one.isFirst("b", 30), await two.isFirst("b", 30)]).toEqual([false, true]);
    } finally {
      await own.stop();
    }
  });

  it("forget a token's id when it has ended", async () => {
    let now = 0;
    const seen = new SeenTokens((await connect(redis)).valkey, () => now);
    expect(await seen.isFirst("short", 1)).toBe(true);
    now = 1001;
    await sleep(1100);
    expect(await seen.isFirst("short", 1)).toBe(true);
  });

  it("lose no change of the member list that two pods make at once", async () => {
    const stores = [(await connect(redis)).valkey, (await connect(redis)).valkey].map(
      (valkey) => new MembersStore(valkey),
    );
    expect(await stores[0]?.load()).toBeUndefined();
    const add = (name: string) => (held: string | undefined) =>
      [...new Set([...(held ?? "").split(",").filter(Boolean), name])].sort().join(",");
    await Promise.all(stores.map((store, at) => store.update(add(`r${at}`))));
    await Promise.all(stores.map((store, at) => store.update(add(`s${at}`))));
    expect(await stores[1]?.load()).toBe("r0,r1,s0,s1");
  });

  it("give up on a member list that does not stand still", async () => {
    const { valkey } = await connect(redis);
    const store = new MembersStore(valkey);
    vi.spyOn(store, "load").mockResolvedValue("what was there before");
    await expect(store.update((held) => `${held ?? ""}!`)).rejects.toThrow(
      "Member list: it changed 10 times while it was being changed.",
    );
  });

  it("keep the later pin of each kind, whichever came first", async () => {
    const pins = new PinsStore((await connect(redis)).valkey);
    const pin = (by: PinnedBy, at: number, region: string | undefined, nonce = "m"): Pin => ({
      room: "a:b",
      by,
      region,
      at,
      nonce,
    });
    expect(await pins.get("a:b")).toEqual({});
    expect(await pins.put(pin("owner", EPOCH, "eu"))).toEqual(pin("owner", EPOCH, "eu"));
    expect(await pins.put(pin("owner", EPOCH - 1, "us"))).toEqual(pin("owner", EPOCH, "eu"));
    expect(await pins.put(pin("owner", EPOCH, "us", "a"))).toEqual(pin("owner", EPOCH, "eu"));
    const later = pin("owner", EPOCH, "us", "z");
    expect(await pins.put(later)).toEqual(later);
    const away = pin("operator", EPOCH, undefined);
    expect(await pins.put(away)).toEqual(away);
    expect(await pins.get("a:b")).toEqual({ operator: away, owner: later });
  });

  it("keep an operator's pin, an owner's for thirty days, a removed one for seven", async () => {
    const { valkey } = await connect(redis);
    const pins = new PinsStore(valkey);
    const put = (by: PinnedBy, at: number, region: string | undefined) =>
      pins.put({ room: "lives", by, region, at, nonce: "" });
    await put("operator", 1, "eu");
    await put("owner", 1, "eu");
    expect(await valkey.command("TTL", "rooms:pin:operator:lives")).toBe(-1);
    expect(await valkey.command("TTL", "rooms:pin:owner:lives")).toBe(2_592_000);
    await put("operator", 2, undefined);
    expect(await valkey.command("TTL", "rooms:pin:operator:lives")).toBe(604_800);
  });

  it("list the pins in pages", async () => {
    const own = await startRedis();
    try {
      const { valkey } = await connect(own);
      const pins = new PinsStore(valkey);
      const rooms = Array.from({ length: 501 }, (_, at) => `room ${at}`);
      await Promise.all(
        rooms.map((room) => pins.put({ room, by: "owner", region: "eu", at: 1, nonce: "" })),
      );
      await valkey.command("DEL", "rooms:pin:owner:room 3");
      const first = await pins.list("0");
      const second = await pins.list(first.next ?? "none");
      expect([first.pins.length, second.pins.length, second.next]).toEqual([499, 1, undefined]);
      const names = [...first.pins, ...second.pins].map(({ room }) => room);
      expect(names.sort()).toEqual(rooms.filter((room) => room !== "room 3").sort());
    } finally {
      await own.stop();
    }
  });
});
