import { EgressStatus } from "@livekit/protocol";
import { describe, expect, it } from "vitest";
import {
  RoomCarrier,
  type CarrierApi,
} from "../../../../services/rooms/operations/room-carrier.ts";
import { LiveKitDown, type Clock } from "../../../../services/rooms/placement/ports.ts";

/** A clock that moves only when somebody sleeps. */
function steppingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
}

interface Recording {
  readonly egressId: string;
  status: EgressStatus;
}

function liveKit(
  recordings: Recording[],
  stop: (id: string) => void,
): { readonly api: CarrierApi; readonly done: string[] } {
  const done: string[] = [];
  const dispatches: { agentName: string; metadata: string }[] = [
    { agentName: "subtitles", metadata: "fr" },
  ];
  const api = {
    listEgress: () => Promise.resolve(recordings.map((it) => ({ ...it }))),
    stopEgress: (id: string) => {
      done.push(`stop ${id}`);
      stop(id);
      return Promise.resolve(undefined);
    },
    listRooms: () => Promise.resolve([{ metadata: '{"recording":true}' }]),
    listDispatch: () => Promise.resolve(dispatches),
    updateRoomMetadata: (room: string, metadata: string) => {
      done.push(`metadata of ${room}: ${metadata}`);
      return Promise.resolve(true);
    },
    createDispatch: (room: string, agentName: string, metadata: string) => {
      done.push(`dispatch ${agentName} ${metadata} to ${room}`);
      return Promise.resolve({});
    },
  };
  return { api: api as unknown as CarrierApi, done };
}

describe("what a room takes along", () => {
  it("is its metadata and its agents, once its recordings have ended", async () => {
    const recording: Recording = { egressId: "EG_1", status: EgressStatus.EGRESS_ACTIVE };
    const { api, done } = liveKit([recording], () => {
      recording.status = EgressStatus.EGRESS_COMPLETE;
    });
    const carried = await new RoomCarrier(api, steppingClock()).pack("daily");
    expect(done).toEqual(["stop EG_1"]);
    expect(carried).toEqual({
      metadata: '{"recording":true}',
      dispatches: [{ agentName: "subtitles", metadata: "fr" }],
    });
  });

  it("is no longer waited for once the move is called off", async () => {
    const clock = steppingClock();
    const calledOff = new AbortController();
    const recording: Recording = { egressId: "EG_1", status: EgressStatus.EGRESS_ACTIVE };
    const { api } = liveKit([recording], () => {
      calledOff.abort();
    });
    await new RoomCarrier(api, clock).pack("daily", calledOff.signal);
    expect(clock.monotonic()).toBeLessThan(1000);
  });

  it("does not wait for ever for a recording that does not end, and stops it once", async () => {
    const clock = steppingClock();
    const recording: Recording = { egressId: "EG_1", status: EgressStatus.EGRESS_ENDING };
    const { api, done } = liveKit([recording], () => {
      throw new LiveKitDown("no answer in time");
    });
    await new RoomCarrier(api, clock).pack("daily");
    expect(done).toEqual(["stop EG_1"]);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(60_000);
    expect(clock.monotonic()).toBeLessThan(62_000);
  });

  it("is given to the new room, without what is there already", async () => {
    const { api, done } = liveKit([], () => undefined);
    await new RoomCarrier(api, steppingClock()).unpack("daily", {
      metadata: "{}",
      dispatches: [
        { agentName: "subtitles", metadata: "fr" },
        { agentName: "subtitles", metadata: "de" },
      ],
    });
    expect(done).toEqual(["metadata of daily: {}", "dispatch subtitles de to daily"]);
  });
});
