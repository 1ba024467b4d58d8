import { describe, expect, it } from "vitest";
import type { Draining, OwnStatus } from "../../../../services/rooms/admin/operations.ts";
import { RegionOperations } from "../../../../services/rooms/operations/region-operations.ts";
import type { Mover } from "../../../../services/rooms/placement/mover.ts";
import { StoreAway } from "../../../../services/rooms/placement/ports.ts";

class Region {
  held: Draining | undefined;
  away = false;
  now = 1_000_000;
  holder: string | undefined;
  readonly evacuations: string[] = [];
  rooms = ["one", "two"];
  /** Set, an evacuation waits for as long as its order stands, as for a recording that does not end. */
  hangs = false;

  pod(name: string): RegionOperations {
    const mover = {
      evacuate: (progress: (done: number, of: number) => void, calledOff: AbortSignal) => {
        this.evacuations.push(name);
        if (this.hangs) {
          return new Promise<readonly string[]>((resolve) => {
            calledOff.addEventListener("abort", () => {
              resolve(this.rooms);
            });
          });
        }
        for (const [index] of this.rooms.entries()) {
          progress(index + 1, this.rooms.length);
        }
        const left = this.rooms.filter((room) => room === "stuck");
        this.rooms = left;
        return Promise.resolve(left);
      },
    } as unknown as Mover;
    return new RegionOperations({
      pod: name,
      mover,
      drains: {
        load: () =>
          this.away ? Promise.reject(new StoreAway("away")) : Promise.resolve(this.held),
        save: (draining) => {
          if (this.away) {
            return Promise.reject(new StoreAway("away"));
          }
          this.held = draining;
          return Promise.resolve();
        },
      },
      locks: {
        take: (_, holder) => {
          this.holder ??= holder;
          return Promise.resolve(this.holder === holder);
        },
      },
      clock: {
        now: () => this.now,
        monotonic: () => this.now,
        sleep: () => Promise.resolve(),
      },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      ownStatus: (draining) => Promise.resolve({ draining } as unknown as OwnStatus),
      onDraining: () => undefined,
    });
  }
}

/** The first look that an order begins by itself. */
function begun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("an operator's word to a region", () => {
  it("is told by every pod at once, and as last seen while the store is away", async () => {
    const region = new Region();
    const [asked, other] = [region.pod("a"), region.pod("b")];
    await asked.drain(600, "alice");
    expect((await other.status()).draining).toMatchObject({ kind: "drain", by: "alice" });
    region.away = true;
    expect((await other.status()).draining).toMatchObject({ kind: "drain" });
    region.away = false;
    await asked.undrain();
    expect((await other.status()).draining).toBeUndefined();
    expect(other.isDraining()).toBe(false);
  });

  it("to evacuate is carried out at once, by one pod", async () => {
    const region = new Region();
    const [asked, other] = [region.pod("a"), region.pod("b")];
    await asked.evacuate(600, "alice");
    await begun();
    await asked.step();
    await other.step();
    expect(new Set(region.evacuations)).toEqual(new Set(["a"]));
    expect(other.isDraining()).toBe(true);
    expect(region.held).toMatchObject({ kind: "evacuation", done: 2, of: 2, left: [] });
  });

  it("to drain moves nobody before its deadline, and everybody after", async () => {
    const region = new Region();
    const pod = region.pod("a");
    await pod.drain(600, "alice");
    await begun();
    await pod.step();
    expect([region.evacuations, pod.isDraining()]).toEqual([[], true]);
    region.now += 600_000;
    await pod.step();
    expect(region.evacuations).toEqual(["a"]);
  });

  it("is known to a pod that was not asked, and taken back for all", async () => {
    const region = new Region();
    const [asked, other] = [region.pod("a"), region.pod("b")];
    await asked.drain(600, "alice");
    await begun();
    await other.step();
    expect(other.isDraining()).toBe(true);
    await other.undrain();
    await asked.step();
    expect([asked.isDraining(), region.held]).toEqual([false, undefined]);
  });

  it("ends what was begun by an earlier one, and is then carried out itself", async () => {
    const region = new Region();
    region.hangs = true;
    const [asked, other] = [region.pod("a"), region.pod("b")];
    await asked.evacuate(600, "alice");
    await begun();
    await asked.step();
    expect(region.evacuations).toEqual(["a"]);
    await other.undrain();
    await asked.step();
    await begun();
    region.hangs = false;
    region.now += 1;
    await other.evacuate(600, "alice");
    await begun();
    await asked.step();
    expect(region.evacuations).toEqual(["a", "a"]);
    expect(region.held).toMatchObject({ kind: "evacuation", done: 2, left: [] });
  });

  it("names the rooms that nobody could take, and tries them again", async () => {
    const region = new Region();
    region.rooms = ["one", "stuck"];
    const pod = region.pod("a");
    await pod.evacuate(600, "alice");
    await begun();
    await pod.step();
    expect(region.held?.left).toEqual(["stuck"]);
    await pod.step();
    expect(region.evacuations.length).toBeGreaterThan(1);
  });

  it("is refused where the store is away, and what was known stays", async () => {
    const region = new Region();
    const pod = region.pod("a");
    await pod.drain(600, "alice");
    await begun();
    region.away = true;
    await expect(pod.undrain()).rejects.toThrow(StoreAway);
    await pod.step();
    expect(pod.isDraining()).toBe(true);
  });
});
