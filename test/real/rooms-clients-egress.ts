import { EgressStatus, RoomCompositeEgressRequest } from "@livekit/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TEST } from "../../rehearsal/network/partition.ts";
import { apiToken } from "../../rehearsal/clients/tokens.ts";
import { EgressWorker } from "../support/livekit/egress-worker.ts";
import type { MeetAnswer } from "../support/livekit/meet.ts";
import { fields } from "../support/livekit/psrpc.ts";
import type { SignalClient } from "../support/livekit/signalling.ts";
import { becomes, fleet, hosts, joinRaw, meet, webhooks } from "../support/rooms/client-world.ts";
import { KEY } from "../support/rooms/rooms-fleet.ts";

/** Seconds for Meet's slowest call and for all others. */
const START_SECONDS = 9.5;
const QUICK_SECONDS = 5;

/** A field that no version of the protocol has. */
const UNKNOWN = { number: 1900, text: "of a later version" };

/** Part of rooms-clients.test.ts: recordings as Meet asks for them, on a worker that takes them from Redis. */
export function recordingsRun(): void {
  describe("a recording that Meet starts", () => {
    const room = "recorded";
    const people: SignalClient[] = [];
    const workers: EgressWorker[] = [];
    let worker: EgressWorker;

    const hire = async (): Promise<EgressWorker> => {
      const { redis } = fleet.region("eu");
      const { host, port } = await fleet.network.reach(TEST, "eu", redis.port);
      const hired = await EgressWorker.start({ host, port, password: redis.password });
      workers.push(hired);
      return hired;
    };

    beforeAll(async () => {
      people.push(await joinRaw({ via: "eu", room, identity: "anna" }));
      expect(await hosts(room)).toEqual(["eu"]);
      worker = await hire();
    });

    afterEach(() => {
      worker.answers = true;
    });

    afterAll(async () => {
      for (const one of workers) {
        one.kill();
      }
      await Promise.all(people.map((person) => person.leaveRoom()));
    });

    /** As Meet asks (suitenumerique/meet core/recording/worker/services.py and factories.py). */
    const asked = (): Readonly<Record<string, unknown>> => ({
      room_name: room,
      layout: "speaker-light",
      file_outputs: [
        {
          filepath: "recordings/0190e5c4-7a3b-4d1e-9f00-0123456789ab.mp4",
          s3: { bucket: "meet", access_key: "key", secret: "secret", force_path_style: true },
        },
      ],
    });

    const call = (
      name: "StartRoomCompositeEgress" | "StopEgress" | "ListEgress",
      body: Readonly<Record<string, unknown>>,
      via: string,
    ): Promise<MeetAnswer> => meet.call(fleet.region(via).testUrl, KEY, `Egress/${name}`, body);

    const start = async (via: string): Promise<string> => {
      const { response, twirp } = await call("StartRoomCompositeEgress", asked(), via);
      expect(twirp).toBeUndefined();
      return String(response?.["egress_id"]);
    };

    /** What Meet was told of a recording, in order. */
    const told = (egressId: string): string[] =>
      webhooks.received.flatMap(({ event }) =>
        event?.egress_info?.egress_id === egressId ? [event.event] : [],
      );

    it("runs in its room's region without Meet's bucket, and is stopped and listed through another", async () => {
      const egressId = await start("us");
      expect(worker.started.map((one) => one.egressId)).toEqual([egressId]);
      const [{ bytes } = { bytes: new Uint8Array() }] = worker.started;
      const seen = RoomCompositeEgressRequest.fromBinary(bytes);
      expect(seen.fileOutputs.map(({ filepath, output }) => [filepath, output.case])).toEqual([
        ["recordings/0190e5c4-7a3b-4d1e-9f00-0123456789ab.mp4", undefined],
      ]);
      expect(seen.fileOutputs.map(({ disableManifest }) => disableManifest)).toEqual([true]);
      expect([seen.roomName, seen.layout]).toEqual([room, "speaker-light"]);
      expect(Buffer.from(bytes).toString("latin1")).not.toContain("secret");
      await worker.report(egressId, EgressStatus.EGRESS_ACTIVE);
      for (const via of ["eu", "us"]) {
        for (const by of [{ egress_id: egressId }, { room_name: room, active: true }]) {
          const { response } = await call("ListEgress", by, via);
          expect(response?.["items"]).toMatchObject([
            { egress_id: egressId, status: "EGRESS_ACTIVE" },
          ]);
        }
      }
      const stop = await call("StopEgress", { egress_id: egressId }, "us");
      expect(stop.response).toMatchObject({ egress_id: egressId, status: "EGRESS_ENDING" });
      expect(worker.stopped).toEqual([egressId]);
      await becomes(
        () => Promise.resolve(told(egressId)),
        ["egress_started", "egress_updated", "egress_updated", "egress_ended"],
      );
    });

    it("keeps what a later version of Meet may say, to the byte", async () => {
      const request = RoomCompositeEgressRequest.fromJson({ roomName: room, layout: "grid" });
      const { number, text } = UNKNOWN;
      const tag = number * 8 + 2;
      const unknown = [(tag & 0x7f) | 0x80, tag >> 7, text.length, ...Buffer.from(text)];
      const token = await apiToken(KEY, { roomRecord: true });
      const url = `${fleet.region("us").testUrl}/twirp/livekit.Egress/StartRoomCompositeEgress`;
      const { status } = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/protobuf", authorization: `Bearer ${token}` },
        body: Buffer.concat([request.toBinary(), Buffer.from(unknown)]),
      });
      expect(status).toBe(200);
      const { egressId, bytes } = worker.started.at(-1) ?? { egressId: "", bytes: Buffer.of() };
      expect(Buffer.from(fields(bytes).get(number) ?? []).toString()).toBe(text);
      await call("StopEgress", { egress_id: egressId }, "eu");
      await becomes(() => Promise.resolve(told(egressId).at(-1)), "egress_ended");
    });

    it("and never hears of is answered as an error before Meet gives up, found, and stopped", async () => {
      worker.answers = false;
      const { twirp, broken, ms } = await call("StartRoomCompositeEgress", asked(), "us");
      expect(broken).toBeUndefined();
      expect(["unavailable", "canceled", "deadline_exceeded"]).toContain(twirp?.code);
      expect(ms).toBeLessThan(START_SECONDS * 1000);
      const late = worker.started.at(-1)?.egressId ?? "";
      await becomes(() => Promise.resolve(worker.stopped.includes(late)), true, 20);
      await becomes(() => Promise.resolve(told(late).at(-1)), "egress_ended");
    });

    it("is lost with its worker: stopping it is an error in time, and the next one records again", async () => {
      const lost = await start("eu");
      await worker.report(lost, EgressStatus.EGRESS_ACTIVE);
      worker.kill();
      const stop = await call("StopEgress", { egress_id: lost }, "us");
      expect(stop.broken).toBeUndefined();
      expect(stop.twirp?.code).toMatch(/^(unavailable|deadline_exceeded|canceled)$/);
      expect(stop.ms).toBeLessThan((QUICK_SECONDS + 0.5) * 1000);
      worker = await hire();
      const next = await start("us");
      expect(next).not.toBe(lost);
      const { response } = await call("ListEgress", { room_name: room, active: true }, "us");
      const items = response?.["items"];
      const ids = Array.isArray(items)
        ? items.map((item: { egress_id?: string }) => item.egress_id).sort()
        : [];
      expect(ids).toEqual([lost, next].sort());
      await call("StopEgress", { egress_id: next }, "us");
      await becomes(() => Promise.resolve(told(next).at(-1)), "egress_ended");
    });
  });
}
