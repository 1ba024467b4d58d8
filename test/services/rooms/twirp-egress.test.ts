import {
  EgressStatus,
  EncodedFileOutput,
  ListEgressRequest,
  RoomCompositeEgressRequest,
  S3Upload,
  StopEgressRequest,
} from "@livekit/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RememberedEgress } from "../../../services/rooms/twirp/egress-regions.ts";
import { StoreAway } from "../../../services/rooms/placement/ports.ts";
import {
  apiToken,
  errorOf,
  TwirpFleet,
  type TwirpRegion,
} from "../../support/rooms/twirp-fleet.ts";

const ROOM = "standup";
const START = "Egress/StartRoomCompositeEgress";
const STOP = "Egress/StopEgress";
const LIST = "Egress/ListEgress";

/** What Meet asks for: a file by the recording's id, in its bucket. */
function recording(file: string): RoomCompositeEgressRequest {
  return new RoomCompositeEgressRequest({
    roomName: ROOM,
    fileOutputs: [
      new EncodedFileOutput({
        filepath: file,
        output: { case: "s3", value: new S3Upload({ bucket: "meet", secret: "s3cr3t" }) },
      }),
    ],
  });
}

async function until(condition: () => boolean, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition() && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("recordings by their id", () => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;
  let us: TwirpRegion;

  beforeEach(async () => {
    fleet = await new TwirpFleet({ times: { callMs: 1500, startMs: 2500 } }).start();
    ({ eu, us } = fleet);
    fleet.addRoom(ROOM, us);
  });
  afterEach(() => fleet.stop());

  const stop = (egressId: string): Uint8Array => new StopEgressRequest({ egressId }).toBinary();

  it("remembers where a recording was started, and asks no other region about it", async () => {
    await eu.call(START, recording("a.mp4").toBinary());
    const [egressId = ""] = us.liveKit.egress.keys();
    expect(eu.recordings.get(egressId)).toBe("us");
    await eu.call(STOP, stop(egressId));
    expect(us.liveKit.callsOf(STOP).length).toBe(1);
    expect(eu.liveKit.calls).toEqual([]);
  });

  it("searches all regions for one that it did not start, once", async () => {
    const { egressId } = us.liveKit.addEgress(recording("a.mp4"));
    expect((await eu.call(STOP, stop(egressId))).status).toBe(200);
    expect((await eu.call(STOP, stop(egressId))).status).toBe(200);
    expect(eu.liveKit.callsOf(LIST).length).toBe(1);
    expect(us.liveKit.callsOf(LIST).length).toBe(1);
    expect(us.liveKit.callsOf(STOP).length).toBe(2);
  });

  it("says that nobody knows an id, without a stop sent anywhere", async () => {
    const answer = await eu.call(STOP, stop("EG_unknown"));
    expect(errorOf(answer)).toEqual({ code: "not_found", msg: "egress does not exist" });
    const listed = await eu.call(LIST, JSON.stringify({ egressId: "EG_unknown" }));
    expect([listed.status, errorOf(listed).code]).toEqual([404, "not_found"]);
    expect([...eu.liveKit.callsOf(STOP), ...us.liveKit.callsOf(STOP)]).toEqual([]);
  });

  it("does not call an id unknown while a region is away", async () => {
    await us.stopGateway();
    const begin = performance.now();
    const answer = await eu.call(STOP, stop("EG_unknown"));
    expect(errorOf(answer).code).toBe("unavailable");
    expect(performance.now() - begin).toBeLessThan(1500);
  });

  it("finds one while another region is silent", async () => {
    const { egressId } = eu.liveKit.addEgress(recording("a.mp4"));
    us.liveKit.misdeeds.set(LIST, { kind: "silence" });
    const begin = performance.now();
    expect((await eu.call(STOP, stop(egressId))).status).toBe(200);
    expect(performance.now() - begin).toBeLessThan(800);
  });

  it("passes on that a token may not record", async () => {
    const token = apiToken({ roomAdmin: true, room: ROOM });
    const answer = await eu.call(STOP, stop("EG_1"), { token });
    expect(errorOf(answer)).toEqual({ code: "unauthenticated", msg: "permissions denied" });
  });

  it("refuses an id of any length", async () => {
    const answer = await eu.call(STOP, stop("E".repeat(201)));
    expect(errorOf(answer).code).toBe("malformed");
  });

  it("puts the recordings of all regions together, by room and all", async () => {
    eu.liveKit.addEgress(recording("a.mp4"));
    us.liveKit.addEgress(recording("b.mp4"));
    for (const request of [{ roomName: ROOM }, {}]) {
      const answer = await eu.call(LIST, new ListEgressRequest(request).toBinary());
      const text = answer.body.toString();
      expect([text.includes("a.mp4"), text.includes("b.mp4")]).toEqual([true, true]);
      const json = await eu.call(LIST, JSON.stringify(request));
      const { items } = JSON.parse(json.body.toString()) as { items: unknown[] };
      expect(items.length).toBe(2);
    }
  });
});

describe("what is remembered of recordings", () => {
  it("is asked of the store once, and kept while the store is away", async () => {
    let reads = 0;
    let isAway = false;
    const memory = new RememberedEgress(
      {
        regionOf: () => {
          reads += 1;
          return isAway ? Promise.reject(new StoreAway("away")) : Promise.resolve("us");
        },
        remember: () => Promise.reject(new StoreAway("away")),
      },
      2,
    );
    expect(await memory.regionOf("EG_1")).toBe("us");
    isAway = true;
    expect(await memory.regionOf("EG_1")).toBe("us");
    expect(reads).toBe(1);
    await memory.remember("EG_2", "eu");
    expect(await memory.regionOf("EG_2")).toBe("eu");
    expect(await memory.regionOf("EG_3")).toBeUndefined();
    await memory.remember("EG_4", "eu");
    // Two are kept: the first one was used longest ago.
    expect(await memory.regionOf("EG_1")).toBeUndefined();
  });
});

describe("starting a recording", () => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;
  let us: TwirpRegion;

  /** A minute passes in a second and a half. */
  beforeEach(async () => {
    const times = { callMs: 600, startMs: 1000 };
    fleet = await new TwirpFleet({ hasRegionalStorage: true, times, clockFactor: 40 }).start();
    ({ eu, us } = fleet);
    fleet.addRoom(ROOM, us);
  });
  afterEach(() => fleet.stop());

  it("leaves out the bucket where regions have storage of their own, and nothing else", async () => {
    fleet.addRoom("here", eu);
    for (const [roomName, host] of [
      ["here", eu],
      [ROOM, us],
    ] as const) {
      const request = recording("a.mp4");
      request.roomName = roomName;
      await eu.call(START, request.toBinary());
      const sent = host.liveKit.callsOf(START)[0]?.body ?? Buffer.alloc(0);
      const [output] = RoomCompositeEgressRequest.fromBinary(sent).fileOutputs;
      expect(output?.filepath).toBe("a.mp4");
      expect(output?.output.case).toBeUndefined();
      expect(sent.toString()).not.toContain("s3cr3t");
    }
  });

  it("says that nothing was started when it can not see what runs already", async () => {
    us.liveKit.misdeeds.set(LIST, { kind: "answer", status: 500, body: "{}" });
    const answer = await eu.call(START, recording("a.mp4").toBinary());
    expect(errorOf(answer)).toEqual({
      code: "unavailable",
      msg: 'Region "us": it does not say what is being recorded. Nothing was started; try again.',
    });
    expect(us.liveKit.callsOf(START)).toEqual([]);
  });

  it("refuses a request that is no message", async () => {
    const body = Buffer.concat([recording("a.mp4").toBinary(), Buffer.from([0x5a, 2, 0xff, 0xff])]);
    const answer = await eu.call(START, body);
    expect(errorOf(answer).code).toBe("malformed");
    expect(us.liveKit.callsOf(START)).toEqual([]);
  });

  it.each([
    ["protobuf", (request: RoomCompositeEgressRequest) => request.toBinary()],
    ["JSON", (request: RoomCompositeEgressRequest) => request.toJsonString()],
  ])("finds and stops what begins after the client was told no, in %s", async (_, encode) => {
    const before = us.liveKit.addEgress(recording("before.mp4"));
    us.liveKit.misdeeds.set(START, { kind: "delay", ms: 1300, isLate: true });
    const begin = performance.now();
    const answer = await eu.call(START, encode(recording("late.mp4")));
    expect(errorOf(answer).code).toBe("deadline_exceeded");
    expect(performance.now() - begin).toBeLessThan(1400);
    expect(eu.api.late.size()).toBe(1);
    // Somebody else's, and the next try of the same person, which was answered.
    us.liveKit.misdeeds.clear();
    await eu.call(START, encode(recording("again.mp4")));
    const direct = us.liveKit.addEgress(recording("direct.mp4"));
    await until(() => [...us.liveKit.egress.values()].some(isEnding));
    await pause(300);
    const ending = [...us.liveKit.egress.values()].filter(isEnding);
    expect(ending.map(fileOf)).toEqual(["late.mp4"]);
    expect([before, direct].map(isEnding)).toEqual([false, false]);
    expect(us.liveKit.callsOf(START).length).toBe(2);
    expect(us.liveKit.callsOf(STOP).length).toBe(1);
    expect(eu.metrics).toContain("late");
    await until(() => eu.api.late.size() === 0);
    expect(eu.api.late.size()).toBe(0);
  });

  it("finds what was started by a call whose answer was cut off", async () => {
    us.liveKit.misdeeds.set(START, { kind: "cut" });
    const answer = await us.call(START, recording("cut.mp4").toBinary());
    expect(errorOf(answer).code).toBe("unavailable");
    await until(() => [...us.liveKit.egress.values()].some(isEnding));
    expect([...us.liveKit.egress.values()].map(fileOf)).toEqual(["cut.mp4"]);
    expect(us.liveKit.callsOf(START).length).toBe(1);
  });

  it("watches after LiveKit said that it does not know, too", async () => {
    const body = '{"code":"deadline_exceeded","msg":"request timed out"}';
    us.liveKit.misdeeds.set(START, { kind: "answer", status: 408, body });
    const answer = await eu.call(START, recording("slow.mp4").toBinary());
    expect(errorOf(answer).msg).toBe("request timed out");
    us.liveKit.addEgress(recording("slow.mp4"));
    await until(() => [...us.liveKit.egress.values()].every(isEnding));
    expect(us.liveKit.callsOf(STOP).length).toBe(1);
  });

  it("does not watch after LiveKit refused", async () => {
    const body = '{"code":"resource_exhausted","msg":"no egress available"}';
    us.liveKit.misdeeds.set(START, { kind: "answer", status: 429, body });
    await eu.call(START, recording("a.mp4").toBinary());
    expect(eu.api.late.size()).toBe(0);
  });

  it("leaves a recording of the same file alone that somebody was told of", async () => {
    us.liveKit.misdeeds.set(START, { kind: "silence" });
    await eu.call(START, recording("same.mp4").toBinary());
    us.liveKit.misdeeds.clear();
    await eu.call(START, recording("same.mp4").toBinary());
    await pause(500);
    expect([...us.liveKit.egress.values()].map(isEnding)).toEqual([false]);
  });

  it("stops one that writes no file only when nobody can still be told of it", async () => {
    const request = new RoomCompositeEgressRequest({ roomName: ROOM });
    us.liveKit.misdeeds.set(START, { kind: "silence" });
    await eu.call(START, request.toBinary());
    const begin = performance.now();
    us.liveKit.addEgress(request);
    await until(() => [...us.liveKit.egress.values()].some(isEnding));
    // Twelve seconds of the quick clock.
    expect(performance.now() - begin).toBeGreaterThan(250);
    expect([...us.liveKit.egress.values()].map(isEnding)).toEqual([true]);
  });

  it("stops a recording whose client hung up before it was answered", async () => {
    us.liveKit.misdeeds.set(START, { kind: "delay", ms: 500 });
    const call = us.call(START, recording("gone.mp4").toBinary(), { timeoutMs: 250 });
    await expect(call).rejects.toThrow("250 ms");
    await until(() => [...us.liveKit.egress.values()].some(isEnding));
    expect([...us.liveKit.egress.values()].map(isEnding)).toEqual([true]);
    expect(us.liveKit.callsOf(STOP).length).toBe(1);
  });

  it("goes on looking while the region does not answer", async () => {
    us.liveKit.misdeeds.set(START, { kind: "cut" });
    const answer = await us.call(START, recording("away.mp4").toBinary());
    expect(errorOf(answer).code).toBe("unavailable");
    us.liveKit.misdeeds.set(LIST, { kind: "answer", status: 500, body: "{}" });
    await pause(200);
    us.liveKit.misdeeds.clear();
    await until(() => [...us.liveKit.egress.values()].some(isEnding));
    expect([...us.liveKit.egress.values()].map(isEnding)).toEqual([true]);
  });

  it("ends its watches when the gateway stops", async () => {
    us.liveKit.misdeeds.set(START, { kind: "silence" });
    await eu.call(START, recording("a.mp4").toBinary());
    expect(eu.api.late.size()).toBe(1);
    await eu.api.close();
    expect(eu.api.late.size()).toBe(0);
  });
});

function isEnding(info: { readonly status: EgressStatus }): boolean {
  return info.status === EgressStatus.EGRESS_ENDING;
}

function fileOf(info: { readonly request: { readonly value?: unknown } }): string | undefined {
  const request = info.request.value;
  return request instanceof RoomCompositeEgressRequest
    ? request.fileOutputs[0]?.filepath
    : undefined;
}
