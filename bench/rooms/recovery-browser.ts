import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "../../rehearsal/processes/redis.ts";
import { BrowserClients, type BrowserTab } from "../../rehearsal/clients/browser.ts";
import { startLiveKit } from "../../test/support/livekit/livekit.ts";
import { createRoom } from "../../rehearsal/clients/server-api.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import { CLIENTS } from "../../rehearsal/network/partition.ts";
import { Meetings } from "../../test/support/rooms/meetings.ts";
import { operate } from "../../test/support/rooms/operator.ts";
import { KEY } from "../../test/support/rooms/rooms-fleet.ts";
import { median } from "../result.ts";
import { figure, percentile95, spread, type Figure } from "./figure.ts";

/** Seconds within which a tab is back, even without a gateway. */
const BACK_SECONDS = 40;

/** A gap is noticed in the notes once it is over by this many milliseconds. */
const SETTLED_MS = 1600;

/** How long two tabs of a browser are out with the gateway, beside one plain LiveKit that is killed and started at once. */
export async function measureBrowserRecovery(
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const fleet = await Meetings.start({ regions: ["eu", "us"] });
  const place = fleet.network.place("us");
  const redis = await startRedis({ place });
  const plain = await startLiveKit({ place, region: "plain", redis, key: KEY });
  const browser = await BrowserClients.start(fleet.network.place(CLIENTS));
  const outs = { plain: [] as number[], killed: [] as number[], evacuated: [] as number[] };
  const eu = fleet.region("eu");
  const viaGateways = [eu.url, fleet.region("us").url];
  try {
    for (let round = 0; round < rounds; round++) {
      note(`browser, round ${round + 1} of ${rounds}: a plain LiveKit`);
      await createRoom(plain.url, KEY, `plain-${round}`);
      outs.plain.push(
        ...(await interrupt(browser, `plain-${round}`, [plain.url, plain.url], async () => {
          await plain.process.kill();
          await plain.process.start();
        })),
      );
      note(`browser, round ${round + 1} of ${rounds}: the hosting LiveKit`);
      outs.killed.push(
        ...(await interrupt(browser, `killed-${round}`, viaGateways, () => eu.liveKit.kill())),
      );
      await eu.liveKit.start();
      // A LiveKit that is back within five seconds still finds its dead self in Redis.
      await sleep(8000);
      note(`browser, round ${round + 1} of ${rounds}: an evacuation`);
      const body = { deadlineSeconds: 600 };
      outs.evacuated.push(
        ...(await interrupt(browser, `evacuated-${round}`, viaGateways, () =>
          operate(eu, { method: "POST", path: "evacuate", body }),
        )),
      );
      await operate(eu, { method: "POST", path: "undrain" });
      await sleep(3000);
    }
    const beside = (what: string, values: readonly number[]): Figure =>
      figure({
        what: `${what} / a plain LiveKit killed and started at once (browser)`,
        value: median(values) / median(outs.plain),
        unit: "×",
        target: 0.4,
        from: `${spread(values)}; plain: ${spread(outs.plain)}; 95th percentiles ${(percentile95(values) / percentile95(outs.plain)).toFixed(2)} ×`,
      });
    return [beside("hosting LiveKit killed", outs.killed), beside("evacuation", outs.evacuated)];
  } finally {
    await browser.stop();
    await plain.process.kill();
    await redis.process.kill();
    await fleet.stop();
  }
}

/** Interrupts a meeting of two tabs, and gives how long each was out. The first address is the first joiner's. */
async function interrupt(
  browser: BrowserClients,
  room: string,
  urls: readonly string[],
  how: () => Promise<unknown>,
): Promise<readonly number[]> {
  const names = urls.map((_, index) => `${room}-${index}`);
  const others = (index: number): readonly string[] => names.filter((_, at) => at !== index);
  const tabs: BrowserTab[] = [];
  for (const [index, url] of urls.entries()) {
    const identity = names[index] ?? "";
    tabs.push(
      await browser.join({ identity, url, token: await joinToken({ key: KEY, room, identity }) }),
    );
  }
  await Promise.all(tabs.map((tab, index) => tab.untilSees(others(index))));
  await sleep(1000);
  const since = Date.now();
  await how();
  await Promise.all(
    tabs.map(async (tab, index) => {
      const after = await backAt(tab, since);
      await tab.untilSees(others(index), { after, seconds: BACK_SECONDS });
    }),
  );
  await sleep(SETTLED_MS);
  const outs = await Promise.all(tabs.map((tab, index) => tab.outage(others(index), since)));
  await Promise.all(tabs.map((tab) => tab.leave()));
  return outs.map(({ outMs }) => outMs);
}

/** When a tab said that it was back. @throws if it does not in time */
async function backAt(tab: BrowserTab, since: number): Promise<number> {
  const deadline = since + BACK_SECONDS * 1000;
  while (Date.now() < deadline) {
    const last = (await tab.notes())
      .filter(
        ({ at, what }) => at >= since && /^(reconnecting|reconnected|disconnected)$/.test(what),
      )
      .at(-1);
    if (last?.what === "reconnected") {
      return last.at;
    }
    await sleep(50);
  }
  throw new Error(`Benchmark "browser": ${tab.identity} was not back after ${BACK_SECONDS} s.`);
}
