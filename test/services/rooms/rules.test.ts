import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { PeerUnreachable, StoreAway } from "../../../services/rooms/placement/ports.ts";
import { Countries, CountryDatabase } from "../../../services/rooms/rules/countries.ts";
import { Pins, type OwnPins } from "../../../services/rooms/rules/pins.ts";
import { RegionPreference } from "../../../services/rooms/rules/region-preference.ts";
import { RegionRules } from "../../../services/rooms/rules/region-rules.ts";
import type { Pin, PinnedBy } from "../../../services/rooms/store/pins-store.ts";
import { countryDatabase } from "../../support/country-database.ts";

const rules = new RegionRules([
  { countries: ["DE", "FR"], region: "eu" },
  { rooms: ["team-*", "team-us-*"], region: "us" },
  { rooms: ["team-asia", "daily"], region: "ap" },
  { rooms: ["team-*", "daily"], region: "sa" },
  { countries: ["FR", "BR"], region: "sa" },
]);

describe("the rules of a deployment", () => {
  it.each([
    [{ room: "daily" }, "ap"],
    [{ room: "daily", country: "DE" }, "ap"],
    [{ room: "daily-2", country: "DE" }, "eu"],
    [{ room: "team-asia" }, "ap"],
    [{ room: "team-us-7" }, "us"],
    [{ room: "team-", country: "BR" }, "us"],
    [{ room: "other", country: "FR" }, "eu"],
    [{ room: "other", country: "BR" }, "sa"],
    [{ room: "other", country: "JP" }, undefined],
    [{ room: "other" }, undefined],
  ])("give %j the region %s", (wish, region) => {
    expect(rules.regionFor(wish)).toBe(region);
  });

  it("let an owner choose where no rule speaks of the room, and what the rule says where one does", () => {
    expect(rules.allows("other", "us")).toBe(true);
    expect(rules.allows("daily", "us")).toBe(false);
    expect(rules.allows("daily", "ap")).toBe(true);
  });

  it("send every room somewhere by *", () => {
    const all = new RegionRules([{ rooms: ["*"], region: "us" }]);
    fc.assert(fc.property(fc.string(), (room) => all.regionFor({ room }) === "us"));
  });
});

/** A region's pins in memory, by the rule of the store: the later one holds. */
class MemoryPins implements OwnPins {
  readonly held = new Map<string, Pin>();
  isAway = false;
  async put(pin: Pin): Promise<Pin> {
    this.check();
    const key = `${pin.by}:${pin.room}`;
    const held = this.held.get(key);
    if (held === undefined || held.at < pin.at) {
      this.held.set(key, pin);
    }
    return Promise.resolve(this.held.get(key) ?? pin);
  }
  async get(room: string): Promise<Partial<Record<PinnedBy, Pin>>> {
    this.check();
    const own = [...this.held.values()].filter((pin) => pin.room === room);
    return Promise.resolve(Object.fromEntries(own.map((pin) => [pin.by, pin])));
  }
  async list(cursor: string): Promise<{ pins: readonly Pin[]; next?: string }> {
    this.check();
    const at = Number(cursor);
    const pins = [...this.held.values()].slice(at, at + 1);
    return Promise.resolve(at + 1 < this.held.size ? { pins, next: String(at + 1) } : { pins });
  }
  private check(): void {
    if (this.isAway) {
      throw new StoreAway("away");
    }
  }
}

function twoRegions(): { eu: MemoryPins; us: MemoryPins; pins: Pins } {
  const eu = new MemoryPins();
  const us = new MemoryPins();
  const peers = {
    members: () => ["us", "ap"],
    putPin: (region: string, pin: Pin) =>
      region === "us" ? us.put(pin) : Promise.reject(new PeerUnreachable(region, "test")),
    pins: (region: string, cursor: string) =>
      region === "us" ? us.list(cursor) : Promise.reject(new PeerUnreachable(region, "test")),
  };
  return { eu, us, pins: new Pins(eu, peers, () => 1000) };
}

describe("a pin", () => {
  it("is written to all regions that answer, and those that do not are named", async () => {
    const { us, pins } = twoRegions();
    expect(await pins.set("daily", "operator", "us")).toEqual(["ap"]);
    expect(await pins.get("daily")).toMatchObject({ operator: { region: "us", at: 1000 } });
    expect(us.held.get("operator:daily")).toMatchObject({ region: "us", at: 1000 });
    us.isAway = true;
    expect(await pins.set("daily", "operator", undefined)).toEqual(["us", "ap"]);
    expect(await pins.get("daily")).toMatchObject({ operator: { region: undefined, at: 1001 } });
  });

  it("replaces one that was set by a clock ahead of this one", async () => {
    const { eu, pins } = twoRegions();
    await eu.put({ room: "daily", by: "owner", region: "eu", at: 9_000, nonce: "n" });
    await pins.set("daily", "owner", "us");
    expect(await pins.get("daily")).toMatchObject({ owner: { region: "us", at: 9_001 } });
  });

  it("is not set where the own store is away", async () => {
    const { eu, us, pins } = twoRegions();
    eu.isAway = true;
    await expect(pins.set("daily", "owner", "us")).rejects.toThrow(StoreAway);
    expect(us.held.size).toBe(0);
  });

  it("reaches both regions when one was away, whichever has the later one", async () => {
    const { eu, us, pins } = twoRegions();
    const pin = { by: "operator", nonce: "n" } as const;
    await eu.put({ ...pin, room: "a", region: "eu", at: 5 });
    await us.put({ ...pin, room: "a", region: "us", at: 6 });
    await us.put({ ...pin, room: "b", region: "us", at: 1 });
    await eu.put({ ...pin, room: "c", region: undefined, at: 1 });
    expect(await pins.exchange("us")).toBe(true);
    for (const region of [eu, us]) {
      expect([...region.held].map(([key, { region: to }]) => `${key} ${to ?? "-"}`).sort()).toEqual(
        ["operator:a us", "operator:b us", "operator:c -"],
      );
    }
    expect(await pins.exchange("ap")).toBe(false);
    us.isAway = true;
    expect(await pins.exchange("us")).toBe(false);
  });
});

describe("the order of regions for a new meeting", () => {
  const NONE = new RegionRules([]);
  function preference(
    pinned: Partial<Record<PinnedBy, string>>,
    options: { rules?: RegionRules; order?: readonly string[]; isAway?: boolean } = {},
  ): RegionPreference {
    const pins = new MemoryPins();
    for (const by of ["operator", "owner"] as const) {
      if (by in pinned) {
        void pins.put({ room: "daily", by, region: pinned[by], at: 1, nonce: "" });
      }
    }
    pins.isAway = options.isAway ?? false;
    return new RegionPreference({
      region: "eu",
      members: () => ["us", "ap", "sa"],
      rules: options.rules ?? NONE,
      pins,
      order: options.order ?? [],
    });
  }
  const daily = { room: "daily" };

  it("is this region, then the deployment's order, then the others by name", async () => {
    expect(await preference({}).forWish(daily)).toEqual(["eu", "ap", "sa", "us"]);
    const ordered = preference({}, { order: ["mars", "us", "eu"] });
    expect(await ordered.forWish(daily)).toEqual(["eu", "us", "ap", "sa"]);
  });

  it("begins with an operator's pin, then a rule, then the owner's pin within the rules", async () => {
    expect(await preference({ owner: "us" }).forWish(daily)).toEqual(["us", "eu", "ap", "sa"]);
    const all = preference({ operator: "sa", owner: "us" }, { rules });
    expect(await all.forWish(daily)).toEqual(["sa", "ap", "eu", "us"]);
    const byCountry = preference(
      { owner: "us" },
      { rules: new RegionRules([{ countries: ["BR"], region: "sa" }]) },
    );
    expect(await byCountry.forWish({ ...daily, country: "BR" })).toEqual(["sa", "us", "eu", "ap"]);
  });

  it("passes over pins that were taken away or name no member, and pins that cannot be read", async () => {
    const plain = ["eu", "ap", "sa", "us"];
    expect(await preference({ operator: "mars" }).forWish(daily)).toEqual(plain);
    const away = preference({ operator: "us" }, { isAway: true });
    expect(await away.forWish(daily)).toEqual(plain);
  });

  it("leaves this region out for a room that leaves it, and keeps to a rule", () => {
    expect(preference({}).elsewhere("daily")).toEqual(["ap", "sa", "us"]);
    const ruled = new RegionRules([{ rooms: ["daily"], region: "us" }]);
    expect(preference({}, { rules: ruled }).elsewhere("daily")).toEqual(["us", "ap", "sa"]);
  });
});

describe("the country of a request", () => {
  const folder = mkdtempSync(join(tmpdir(), "meet-countries-"));
  const path = join(folder, "countries.mmdb");
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const none = { countryOf: () => undefined };

  it("is what the trusted header says, if it says a country", () => {
    const countries = new Countries("cf-ipcountry", { countryOf: () => "FR" });
    expect(countries.countryOf({ "cf-ipcountry": "DE" }, "192.0.2.1")).toBe("DE");
    for (const value of ["XX", "T1", "de", "Germany", ""]) {
      expect(countries.countryOf({ "cf-ipcountry": value }, "192.0.2.1")).toBe("FR");
    }
    expect(new Countries(undefined, none).countryOf({ "cf-ipcountry": "DE" }, "")).toBeUndefined();
    expect(new Countries("x-country", undefined).countryOf({}, "192.0.2.1")).toBeUndefined();
  });

  it("is else what the database says of the address, and is looked up in a new database", () => {
    vi.useFakeTimers();
    writeFileSync(path, countryDatabase({ "192.0.2.0/24": "DE", "2001:db8::/32": "FR" }));
    const faults: string[] = [];
    const database = new CountryDatabase(path, (reason) => faults.push(reason));
    const countries = new Countries(undefined, database);
    const of = (address: string) => countries.countryOf({}, address);
    expect(["192.0.2.77", "2001:db8:1::5", "198.51.100.1", "no address"].map(of)).toEqual([
      "DE",
      "FR",
      undefined,
      undefined,
    ]);
    database.watch();
    writeFileSync(path, countryDatabase({ "192.0.2.0/24": "JP" }));
    utimesSync(path, 1, 1);
    vi.advanceTimersByTime(60_000);
    expect(of("192.0.2.77")).toBe("JP");
    writeFileSync(path, "no database");
    vi.advanceTimersByTime(60_000);
    expect(of("192.0.2.77")).toBe("JP");
    expect(faults).toEqual([
      expect.stringMatching(/^Country database ".*countries.mmdb": it cannot be read \(.+\)\.$/),
    ]);
    database.stop();
    rmSync(path);
    vi.advanceTimersByTime(120_000);
    expect(faults).toHaveLength(1);
  });
});
