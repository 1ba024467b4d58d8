import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HealthProbe, lookAt, type Look } from "../../../services/rooms/livekit/health-probe.ts";
import { LiveKitApi } from "../../../services/rooms/livekit/livekit-api.ts";
import { RegionLiveKit } from "../../../services/rooms/livekit/local-livekit.ts";
import { StoreAway } from "../../../services/rooms/placement/ports.ts";
import { FakeTwirp } from "../../support/rooms/fake-twirp.ts";
import { StillClock } from "../../support/rooms/still-clock.ts";

function probeOf(clock: StillClock, looks: readonly Look[]): HealthProbe {
  const left = [...looks];
  return new HealthProbe(() => Promise.resolve(left.shift() ?? "ok"), clock);
}

describe("the health probe", () => {
  const clock = new StillClock();

  it("calls LiveKit down until it was seen", async () => {
    const probe = probeOf(clock, ["bad", "ok"]);
    expect(probe.up()).toBe(false);
    expect(await probe.check()).toBe(false);
    expect(await probe.check()).toBe(true);
  });

  it("calls it down after four refusals within 150 ms", async () => {
    const probe = probeOf(clock, ["ok", "refused", "refused", "refused", "refused", "ok"]);
    await probe.check();
    const begin = clock.ms;
    expect(await probe.check()).toBe(false);
    expect(clock.ms - begin).toBe(150);
    expect(await probe.check()).toBe(true);
  });

  it("bears three refusals: one node of several died", async () => {
    const probe = probeOf(clock, ["ok", "refused", "refused", "refused", "ok"]);
    await probe.check();
    expect(await probe.check()).toBe(true);
  });

  it("calls it down after 1.5 s of bad answers, and up at the first good one", async () => {
    const probe = probeOf(clock, ["ok", "bad", "bad", "bad", "bad", "ok"]);
    const seen: boolean[] = [];
    for (let look = 0; look < 6; look++) {
      seen.push(await probe.check());
      await clock.sleep(500);
    }
    expect(seen).toEqual([true, true, true, true, false, true]);
  });

  it("begins to count anew after a good answer", async () => {
    const probe = probeOf(clock, ["ok", "bad", "bad", "ok", "bad", "bad", "bad"]);
    for (let look = 0; look < 7; look++) {
      expect(await probe.check()).toBe(true);
      await clock.sleep(500);
    }
  });

  it("tells of each change once", async () => {
    const probe = probeOf(clock, ["ok", "ok", "refused", "refused", "refused", "refused", "ok"]);
    const told: boolean[] = [];
    probe.changed((isUp) => told.push(isUp));
    for (let look = 0; look < 4; look++) {
      await probe.check();
    }
    expect(told).toEqual([true, false, true]);
  });

  it("shares one look among those who ask at the same time", async () => {
    let looks = 0;
    const probe = new HealthProbe(() => {
      looks += 1;
      return Promise.resolve("ok");
    }, clock);
    await Promise.all([probe.check(), probe.check(), probe.check()]);
    expect(looks).toBe(1);
  });

  it("looks every half second until it is stopped", async () => {
    let looks = 0;
    const probe = new HealthProbe(() => {
      looks += 1;
      if (looks === 5) {
        probe.stop();
      }
      return Promise.resolve("ok");
    }, clock);
    const begin = clock.ms;
    await probe.run();
    expect([looks, clock.ms - begin]).toEqual([5, 2500]);
  });

  it("sees a 200, a 406 and a refusal for what they are", async () => {
    const liveKit = new FakeTwirp("eu");
    const look = lookAt(await liveKit.listen());
    expect(await look()).toBe("ok");
    liveKit.health = 406;
    expect(await look()).toBe("bad");
    liveKit.health = 0;
    expect(await look()).toBe("bad");
    await liveKit.close();
    expect(await look()).toBe("refused");
  });
});

describe("LiveKit of the region", () => {
  const marked: string[] = [];
  let fake: FakeTwirp;
  let api: LiveKitApi;
  let looks = 0;
  const probe = new HealthProbe(() => {
    looks += 1;
    return Promise.resolve("ok");
  }, new StillClock());
  const tokens = {
    mint: (video: object): string =>
      `h.${Buffer.from(JSON.stringify({ video })).toString("base64url")}.s`,
    signedByEach: (token: string) => [token],
  };

  beforeEach(async () => {
    marked.length = 0;
    looks = 0;
    fake = new FakeTwirp("eu");
    api = new LiveKitApi(await fake.listen(), tokens, 1000);
  });
  afterEach(async () => {
    api.close();
    await fake.close();
  });

  const deleted = {
    mark: (sid: string): Promise<void> => {
      marked.push(sid);
      return Promise.resolve();
    },
  };

  it("makes, finds and deletes a room, and marks what it deletes before it is gone", async () => {
    const liveKit = new RegionLiveKit(api, probe, {
      mark: (sid) => {
        expect(fake.rooms.has("a")).toBe(true);
        return deleted.mark(sid);
      },
    });
    const sid = await liveKit.createRoom("a");
    expect(await liveKit.findRoom("a")).toBe(sid);
    await liveKit.deleteRoom("a");
    expect(marked).toEqual([sid]);
    expect(await liveKit.findRoom("a")).toBeUndefined();
  });

  it("deletes nothing where there is no room", async () => {
    await new RegionLiveKit(api, probe, deleted).deleteRoom("a");
    expect(marked).toEqual([]);
    expect(fake.callsOf("RoomService/DeleteRoom").length).toBe(0);
  });

  it("deletes nothing that could not be marked", async () => {
    fake.addRoom("a");
    const liveKit = new RegionLiveKit(api, probe, {
      mark: () => Promise.reject(new StoreAway("away")),
    });
    await expect(liveKit.deleteRoom("a")).rejects.toBeInstanceOf(StoreAway);
    expect(fake.rooms.has("a")).toBe(true);
  });

  it("lists and removes people", async () => {
    fake.addParticipant("a", "ada");
    const liveKit = new RegionLiveKit(api, probe, deleted);
    expect(await liveKit.identities("a")).toEqual(["ada"]);
    await liveKit.removeParticipant("a", "ada");
    expect(await liveKit.identities("a")).toEqual([]);
  });

  it("counts people in the rooms asked for, those too that LiveKit's list does not count yet", async () => {
    const liveKit = new RegionLiveKit(api, probe, deleted);
    fake.addRoom("old").numParticipants = 3;
    fake.addRoom("new");
    fake.addRoom("another's").numParticipants = 7;
    fake.addParticipant("new", "ada");
    fake.addParticipant("new", "bob");
    expect(await liveKit.participants(["old", "new"])).toBe(5);
    expect(await liveKit.participants([])).toBe(0);
    await fake.close();
    expect(await liveKit.participants(["old"])).toBeUndefined();
  });

  it("looks at LiveKit's health at once when a call fails", async () => {
    await fake.close();
    await expect(new RegionLiveKit(api, probe, deleted).createRoom("a")).rejects.toThrow(
      "No connection (ECONNREFUSED).",
    );
    expect(looks).toBe(1);
  });
});
