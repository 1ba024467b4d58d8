import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RtcNodeClients, type RtcNodeParticipant } from "../../rehearsal/clients/rtc-node.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import type { Pod, RunningFleet, Workload } from "../../rehearsal/processes/running-fleet.ts";
import { holdMeeting } from "../../rehearsal/smoke.ts";

const PATIENT = { timeout: 60_000, interval: 100 };

/** Status of a region's health check as the rehearsal reaches it; what went wrong if nothing answers. */
async function health(fleet: RunningFleet, region: string): Promise<number | "refused" | "silent"> {
  const { host, port } = await fleet.reachDirectly(region);
  try {
    // A connection of its own each time, as health checkers make them.
    const response = await fetch(`http://${host}:${port}/region-health`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(2000),
    });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "silent" : "refused";
  }
}

/**
 * What is deployed runs: real clients meet in it through both regions, and what the rehearsal does to its processes
 * happens. For the file that has such a fleet of eu and us; it is left as it was.
 */
export function fleetProcesses(running: () => RunningFleet): void {
  let europe: RtcNodeClients;
  let america: RtcNodeClients;
  let anna: RtcNodeParticipant;
  let ben: RtcNodeParticipant;

  const join = async (clients: RtcNodeClients, place: string, region: string, identity: string) => {
    const fleet = running();
    const { host, port } = await fleet.reach(place, region);
    const token = await joinToken({ key: fleet.access().key, room: "processes", identity });
    return clients.join({ identity, url: `http://${host}:${port}`, token, audio: true });
  };
  const pods = (region: string, workload: Workload): readonly Pod[] => {
    const found = running().regions.get(region)?.pods ?? [];
    return found.filter((pod) => pod.workload === workload);
  };
  const eachHearsTheOther = async (after: number): Promise<void> => {
    const options = { after, seconds: 60 };
    await Promise.all([anna.untilHears(["ben"], options), ben.untilHears(["anna"], options)]);
  };
  const isWell = (region: string): Promise<void> =>
    expect.poll(() => health(running(), region), PATIENT).toBe(200);

  describe("the processes of what is deployed", () => {
    beforeAll(() => {
      europe = RtcNodeClients.start(running().clients.get("europe"));
      america = RtcNodeClients.start(running().clients.get("america"));
    });

    afterAll(async () => {
      await Promise.all([europe.stop(), america.stop()]);
    });

    it("are as many as the objects say, and every difference is listed without a secret", () => {
      const fleet = running();
      for (const region of ["eu", "us"]) {
        const counts = (["valkey", "livekit", "rooms"] as const).map(
          (workload) => pods(region, workload).length,
        );
        expect(counts).toEqual([1, 2, 2]);
      }
      expect(fleet.rewrites.length).toBeGreaterThan(30);
      const { key, operatorSecret } = fleet.access();
      const listed = JSON.stringify(fleet.rewrites);
      expect(listed).not.toContain(key.apiSecret);
      expect(listed).not.toContain(operatorSecret);
      expect(fleet.notRun.map(({ object }) => object)).toContain("eu Deployment media/egress");
    });

    it("hold a meeting of people who come in through each region, and tell Meet", async () => {
      const meeting = await holdMeeting(running(), "smoke");
      expect(meeting.joined.map(({ region }) => region)).toEqual(["eu", "us"]);
      expect(meeting.roomSids).toEqual([expect.stringMatching(/^RM_/)]);
      expect(meeting.webhooks).toContain("room_started");
      expect(running().refusedWebhooks()).toEqual([]);
    });

    it("serve on when one gateway is killed, and take it back when it is started", async () => {
      anna = await join(europe, "europe", "eu", "anna");
      ben = await join(america, "america", "us", "ben");
      await eachHearsTheOther(0);
      const [one] = pods("eu", "rooms");
      await one?.kill();
      expect(one?.running()).toBe(false);
      await isWell("eu");
      await eachHearsTheOther(Date.now());
      await one?.start();
      expect(one?.running()).toBe(true);
    });

    it("take a region out of the DNS while its LiveKit answers nothing", async () => {
      for (const pod of pods("us", "livekit")) {
        pod.pause();
      }
      await expect.poll(() => health(running(), "us"), PATIENT).toBe(503);
      for (const pod of pods("us", "livekit")) {
        pod.resume();
      }
      await isWell("us");
    });

    it("end a gateway as the kubelet does, and the region serves on", async () => {
      const [, other] = pods("us", "rooms");
      await other?.stop(10);
      expect(other?.running()).toBe(false);
      expect(await health(running(), "us")).toBe(200);
      await other?.start();
    });

    it("are brought together elsewhere when LiveKit is lost where they meet", async () => {
      const lostAt = Date.now();
      await Promise.all(pods("eu", "livekit").map((pod) => pod.kill()));
      await eachHearsTheOther(lostAt + 1000);
      await Promise.all(pods("eu", "livekit").map((pod) => pod.start()));
      await isWell("eu");
    });

    it("do not hear each other through a cut, and do once it is healed", async () => {
      const fleet = running();
      await fleet.partition([
        ["eu", "europe"],
        ["us", "america"],
      ]);
      // On the loopback address only TCP is cut.
      if (fleet.network === "namespaces") {
        await expect
          .poll(() => anna.outage(["ben"], Date.now() - 2000).outMs, PATIENT)
          .toBe(Infinity);
      }
      await fleet.heal();
      await eachHearsTheOther(Date.now());
      expect([anna.disconnected, ben.disconnected]).toEqual([undefined, undefined]);
    });

    it("are refused, silent, and back, a region at a time", async () => {
      const us = running().regions.get("us");
      await us?.refuse();
      expect(await health(running(), "us")).toBe("refused");
      expect(us?.pods.some((pod) => pod.running())).toBe(false);
      await us?.restore();
      await isWell("us");
      await us?.silence();
      expect(await health(running(), "us")).toBe(
        running().network === "namespaces" ? "silent" : "refused",
      );
      expect(await health(running(), "eu")).toBe(200);
      await us?.restore();
      await isWell("us");
    });
  });
}
