import { EgressInfo, EgressStatus, FileInfo, RoomCompositeEgressRequest } from "@livekit/protocol";
import { fields, Psrpc, textOf } from "./psrpc.ts";

/** What a worker was told to record. */
export interface StartedEgress {
  readonly egressId: string;
  /** The request as it came: `livekit.RoomCompositeEgressRequest`. */
  readonly bytes: Uint8Array;
  readonly info: EgressInfo;
}

/**
 * An Egress without a browser: it takes work from the Redis of its region as the real one does, says how it goes, and
 * writes no file (livekit/egress pkg/server/server_rpc.go; livekit/protocol protobufs/rpc/egress.proto and io.proto).
 */
export class EgressWorker {
  readonly started: StartedEgress[] = [];
  /** Ids of what it was told to stop. */
  readonly stopped: string[] = [];
  /** False: it starts what it is told to, and its answer never comes. */
  answers = true;
  private readonly bus: Psrpc;

  private constructor(bus: Psrpc) {
    this.bus = bus;
  }

  static async start(redis: Parameters<typeof Psrpc.connect>[0]): Promise<EgressWorker> {
    const worker = new EgressWorker(await Psrpc.connect(redis));
    // An idle instance answers 0.5 in the real one, for which LiveKit waits half a second: 1 is taken at once.
    await worker.bus.offer(
      ["EgressInternal", "StartEgress"],
      () => 1,
      (request) => worker.record(request),
    );
    return worker;
  }

  /** Says how it goes with a recording. */
  async report(egressId: string, status: EgressStatus): Promise<void> {
    const info = this.of(egressId).info;
    info.status = status;
    info.updatedAt = nanoseconds();
    if (status === EgressStatus.EGRESS_COMPLETE) {
      info.endedAt = nanoseconds();
      info.fileResults = [
        new FileInfo({
          filename: info.request.value instanceof RoomCompositeEgressRequest ? "recording.mp4" : "",
          startedAt: info.startedAt,
          endedAt: info.endedAt,
          size: 1000n,
        }),
      ];
    }
    await this.bus.call("IOInfo", "UpdateEgress", info.toBinary());
  }

  /** At once, as its node dies: whatever it recorded is never reported again. */
  kill(): void {
    this.bus.kill();
  }

  private async record(request: Uint8Array): Promise<Uint8Array | undefined> {
    // StartEgressRequest { egress_id = 1, room_id = 3, room_composite = 5 }
    const asked = fields(request);
    const egressId = textOf(asked, 1);
    const bytes = asked.get(5) ?? new Uint8Array();
    const value = RoomCompositeEgressRequest.fromBinary(bytes);
    const info = new EgressInfo({
      egressId,
      roomId: textOf(asked, 3),
      roomName: value.roomName,
      status: EgressStatus.EGRESS_STARTING,
      startedAt: nanoseconds(),
      request: { case: "roomComposite", value },
    });
    this.started.push({ egressId, bytes, info });
    await this.bus.offer(
      ["EgressHandler", "StopEgress", egressId],
      () => 1,
      () => this.end(egressId),
    );
    await this.bus.call("IOInfo", "CreateEgress", info.toBinary());
    return this.answers ? info.toBinary() : undefined;
  }

  private async end(egressId: string): Promise<Uint8Array> {
    this.stopped.push(egressId);
    await this.report(egressId, EgressStatus.EGRESS_ENDING);
    const answer = this.of(egressId).info.toBinary();
    setTimeout(() => {
      this.report(egressId, EgressStatus.EGRESS_COMPLETE).catch(() => undefined);
    }, 200);
    return answer;
  }

  private of(egressId: string): StartedEgress {
    const found = this.started.find((one) => one.egressId === egressId);
    if (found === undefined) {
      throw new Error(`EgressWorker: it does not record ${egressId}.`);
    }
    return found;
  }
}

function nanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
