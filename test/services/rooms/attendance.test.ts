import { describe, expect, it } from "vitest";
import { Attendance } from "../../../services/rooms/placement/attendance.ts";
import { StoreAway } from "../../../services/rooms/placement/ports.ts";

/** Writes that end when the test says so. */
class SlowStore {
  readonly writes: string[] = [];
  readonly finish: ((error?: Error) => void)[] = [];

  setPresent(room: string, pod: string, identities: readonly string[]): Promise<void> {
    this.writes.push(`${room} ${pod} ${identities.join("+")}`);
    return new Promise((resolve, reject) => {
      this.finish.push((error) => {
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  }
}

const here: Record<string, readonly string[]> = {};
const attendants = { identities: (room: string): readonly string[] => here[room] ?? [] };

function attendance(store: SlowStore): Attendance {
  return new Attendance({ region: "eu", pod: "pod-1", store, attendants });
}

describe("who is connected", () => {
  it("is written as people come and go, the last word last", async () => {
    const store = new SlowStore();
    const written = attendance(store);
    here["daily"] = ["anna"];
    const first = written.changed("daily", "eu");
    here["daily"] = ["anna", "ben"];
    await written.changed("daily", "eu");
    here["daily"] = [];
    await written.changed("daily", "eu");
    expect(store.writes).toEqual(["daily pod-1 anna"]);
    store.finish[0]?.();
    await expect.poll(() => store.writes).toEqual(["daily pod-1 anna", "daily pod-1 "]);
    store.finish[1]?.();
    await first;
    expect(store.writes).toHaveLength(2);
  });

  it("in another region is that region's to write", async () => {
    const store = new SlowStore();
    await attendance(store).changed("daily", "us");
    expect(store.writes).toEqual([]);
  });

  it("is written when the store is back, where it was away", async () => {
    const store = new SlowStore();
    const written = attendance(store);
    here["daily"] = ["anna"];
    const lost = written.changed("daily", "eu");
    store.finish[0]?.(new StoreAway("away"));
    await lost;
    here["daily"] = [];
    const again = written.storeIsBack();
    store.finish[1]?.();
    await again;
    expect(store.writes).toEqual(["daily pod-1 anna", "daily pod-1 "]);
    await written.storeIsBack();
    expect(store.writes).toHaveLength(2);
  });
});
