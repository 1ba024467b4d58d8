import { EgressStatus } from "@livekit/protocol";
import type { LiveKitApi } from "../livekit/livekit-api.ts";
import type { Carrier } from "../placement/mover.ts";
import { LiveKitDown, type Carried, type Clock } from "../placement/ports.ts";

/** Milliseconds that a recording is given to end and to be written down, and between two looks at it. */
const RECORDING_MS = 60_000;
const LOOK_MS = 500;

/** The calls to LiveKit that carrying needs. */
export type CarrierApi = Pick<
  LiveKitApi,
  | "listEgress"
  | "stopEgress"
  | "listRooms"
  | "listDispatch"
  | "updateRoomMetadata"
  | "createDispatch"
>;

const ACTIVE: ReadonlySet<EgressStatus> = new Set([
  EgressStatus.EGRESS_STARTING,
  EgressStatus.EGRESS_ACTIVE,
  EgressStatus.EGRESS_ENDING,
]);

/** Takes along what a room has beside its people: its metadata and its agents. Its recordings end before. */
export class RoomCarrier implements Carrier {
  private readonly api: CarrierApi;
  private readonly clock: Clock;

  constructor(api: CarrierApi, clock: Clock) {
    this.api = api;
    this.clock = clock;
  }

  /** @throws LiveKitDown */
  async pack(room: string, calledOff?: AbortSignal): Promise<Carried> {
    await this.endRecordings(room, calledOff);
    const [found] = await this.api.listRooms([room]);
    const dispatches = await this.api.listDispatch(room);
    return {
      metadata: found?.metadata ?? "",
      dispatches: dispatches.map(({ agentName, metadata }) => ({ agentName, metadata })),
    };
  }

  /** Gives a new room what it brought along. Told twice, it does it once. @throws LiveKitDown */
  async unpack(room: string, { metadata, dispatches }: Carried): Promise<void> {
    if (metadata !== "") {
      await this.api.updateRoomMetadata(room, metadata);
    }
    const there = await this.api.listDispatch(room);
    for (const { agentName, metadata: task } of dispatches) {
      if (!there.some((it) => it.agentName === agentName && it.metadata === task)) {
        await this.api.createDispatch(room, agentName, task);
      }
    }
  }

  /** Stops what is being recorded, so that it is saved, and waits for it. */
  private async endRecordings(room: string, calledOff: AbortSignal | undefined): Promise<void> {
    const begin = this.clock.monotonic();
    const stopped = new Set<string>();
    while (calledOff?.aborted !== true && this.clock.monotonic() - begin < RECORDING_MS) {
      const all = await this.api.listEgress({ roomName: room });
      const active = all.filter(({ status }) => ACTIVE.has(status));
      if (active.length === 0) {
        return;
      }
      for (const { egressId } of active.filter((it) => !stopped.has(it.egressId))) {
        stopped.add(egressId);
        await this.stop(egressId);
      }
      await this.clock.sleep(LOOK_MS);
    }
  }

  /** Egress answers when it has begun to stop, which may take longer than a call: the next look tells. */
  private async stop(egressId: string): Promise<void> {
    try {
      await this.api.stopEgress(egressId);
    } catch (error) {
      if (!(error instanceof LiveKitDown)) {
        throw error;
      }
    }
  }
}
