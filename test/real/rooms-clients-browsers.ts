import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { BrowserTab } from "../../rehearsal/clients/browser.ts";
import { becomes, browser, fleet, hosts, REGIONS, ticket } from "../support/rooms/client-world.ts";
import { outLimitMs } from "../support/rooms/meetings.ts";
import { operate } from "../support/rooms/operator.ts";

/** Part of rooms-clients.test.ts: two tabs of a real browser, before and after their room is moved. */
export function browsersMeet(): void {
  describe("browsers in two regions", () => {
    const room = "browsers";
    let tabs: readonly BrowserTab[];

    /** Waits until both see and hear each other anew, and tells for how long they did not. */
    async function times(what: string, since: number, before: string | undefined): Promise<void> {
      const sids = (): Promise<readonly (string | undefined)[]> =>
        Promise.all(tabs.map((tab) => tab.roomSid()));
      await expect.poll(sids, { timeout: 20_000, interval: 50 }).not.toContain(before);
      const after = Date.now();
      await Promise.all(tabs.map((tab, index) => tab.untilSees([other(index)], { after })));
      await sleep(1600);
      const outs = await Promise.all(tabs.map((tab, index) => tab.outage([other(index)], since)));
      const heard = await Promise.all(tabs.map((tab, index) => tab.heard(other(index))));
      console.log(
        `${what}: out for ${outs.map(({ outMs }) => outMs).join(" and ")} ms; looks with new video and audio so far ${JSON.stringify(heard)}`,
      );
      expect(new Set(await sids()).size).toBe(1);
      for (const { outMs } of outs) {
        expect(outMs).toBeLessThanOrEqual(outLimitMs());
      }
    }

    const names = ["tab-eu", "tab-us"] as const;
    const other = (index: number): string => names[1 - index] ?? "";

    it("see and hear each other", async () => {
      tabs = await Promise.all(
        REGIONS.map(async (via) => {
          const identity = `tab-${via}`;
          return browser.join({ identity, ...(await ticket({ via, room, identity })) });
        }),
      );
      await Promise.all(tabs.map((tab, index) => tab.untilSees([other(index)])));
      const sids = await Promise.all(tabs.map((tab) => tab.roomSid()));
      expect(new Set(sids).size).toBe(1);
    });

    it("go on after the hosting region was evacuated", async () => {
      const [from = ""] = await hosts(room);
      const to = from === "eu" ? "us" : "eu";
      const before = await tabs[0]?.roomSid();
      const since = Date.now();
      const body = { deadlineSeconds: 60 };
      const order = { method: "POST", path: "evacuate", body } as const;
      expect((await operate(fleet.region(from), order)).status).toBe(202);
      await becomes(() => hosts(room), [to]);
      await operate(fleet.region(from), { method: "POST", path: "undrain" });
      await times(`evacuation of ${from}`, since, before);
    });

    it("go on after the region that took them is lost right behind it", async () => {
      const [from = ""] = await hosts(room);
      const to = from === "eu" ? "us" : "eu";
      const before = await tabs[0]?.roomSid();
      const since = Date.now();
      await fleet.region(from).liveKit.kill();
      await becomes(() => hosts(room), [to]);
      await fleet.region(from).liveKit.start();
      await times(`LiveKit of ${from} killed`, since, before);
      await Promise.all(tabs.map((tab) => tab.leave()));
    });
  });
}
