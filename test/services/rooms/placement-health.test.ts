import { beforeEach, describe, expect, it } from "vitest";
import { Health, type HealthPeers } from "../../../services/rooms/placement/health.ts";
import { PeerUnreachable, type RegionStatus } from "../../../services/rooms/placement/ports.ts";
import type { Survey } from "../../../services/rooms/placement/proposer.ts";
import { StillClock } from "../../support/rooms/still-clock.ts";

const WELL: RegionStatus = { region: "eu", liveKitUp: true, storeUp: true, draining: false };

/** What a survey brings where eu is not asked: this region does not know yet that it is back. */
const WITHOUT_EU: Survey = { held: new Map(), statuses: new Map() };

let clock: StillClock;
let health: Health;
/** What eu answers whoever asks; undefined while it is cut off. */
let eu: RegionStatus | undefined;
let looks: number;
/** Runs while eu is asked. */
let meanwhile: () => void;

beforeEach(() => {
  clock = new StillClock();
  clock.ms = 1_000_000;
  [eu, looks, meanwhile] = [undefined, 0, () => undefined];
  const peers: HealthPeers = {
    isRemoved: () => false,
    lastStatus: () => undefined,
    members: () => ["ap", "eu"],
    reachable: (region) => region === "ap",
    probe: () => Promise.resolve(eu),
    status: async (region) => {
      looks++;
      const answer = eu;
      clock.ms += 1000;
      await Promise.resolve();
      meanwhile();
      if (answer === undefined) {
        throw new PeerUnreachable(region, "no answer");
      }
      return answer;
    },
  };
  const liveKit = { up: () => true, check: () => Promise.resolve(true) };
  health = new Health("us", peers, liveKit, clock);
});

const isLost = (epoch: number): Promise<boolean> =>
  health.isLost({ region: "eu", epoch }, WITHOUT_EU);

describe("a region that nobody reached", () => {
  it("is called lost at once for a while, of whatever was claimed before that was found", async () => {
    expect(await isLost(clock.ms)).toBe(true);
    expect(looks).toBe(2);
    expect(await isLost(1_000_500)).toBe(true);
    expect(looks).toBe(2);
    clock.ms += 5000;
    expect(await isLost(1_000_500)).toBe(true);
    expect(looks).toBe(4);
  });

  it("is asked again about a claim that was made since, and keeps its room when it is back", async () => {
    expect(await isLost(clock.ms)).toBe(true);
    eu = WELL;
    const healedAt = clock.ms + 1;
    expect(await isLost(healedAt)).toBe(false);
    // What was known is over for all.
    expect(await isLost(1_000_000)).toBe(false);
    expect(looks).toBe(4);
  });

  it("is asked again by who has a later claim than the look that is under way", async () => {
    const early = isLost(clock.ms);
    meanwhile = () => {
      eu = looks === 2 ? WELL : eu;
    };
    const late = isLost(clock.ms + 60_000);
    expect([await early, await late]).toEqual([true, false]);
    expect(looks).toBe(3);
  });

  it("is lost of a later claim as well while it stays away", async () => {
    expect(await isLost(clock.ms)).toBe(true);
    expect(await isLost(clock.ms + 60_000)).toBe(true);
    expect(looks).toBe(4);
  });

  it("is lost where it answers that it can not host", async () => {
    eu = { ...WELL, liveKitUp: false };
    expect(await isLost(clock.ms)).toBe(true);
    expect(looks).toBe(1);
  });
});
