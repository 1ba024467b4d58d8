import type { ChildProcess } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { meetPython } from "../../../tools/programs.ts";
import type { ApiKey } from "./local-config.ts";
import { localPlace, type Place } from "../../../rehearsal/network/place.ts";

/** The 16 server calls that Meet makes; their order is that of a meeting's life. */
export const MEET_CALLS = [
  "RoomService/ListRooms",
  "RoomService/SendData",
  "RoomService/UpdateRoomMetadata",
  "RoomService/GetParticipant",
  "RoomService/UpdateParticipant",
  "RoomService/MutePublishedTrack",
  "RoomService/RemoveParticipant",
  "AgentDispatchService/CreateDispatch",
  "AgentDispatchService/DeleteDispatch",
  "Egress/StartRoomCompositeEgress",
  "Egress/ListEgress",
  "Egress/StopEgress",
  "SIP/CreateSIPDispatchRule",
  "SIP/ListSIPDispatchRule",
  "SIP/DeleteSIPDispatchRule",
  "RoomService/DeleteRoom",
] as const;

/** One of the server calls that Meet makes. */
export type MeetCall = (typeof MEET_CALLS)[number];

/** What the library made of an answer: exactly one of the three. */
export interface MeetAnswer {
  /** The message, its fields named as in the protocol. */
  readonly response?: Record<string, unknown>;
  /** An error of LiveKit's, the only kind that Meet expects. */
  readonly twirp?: { readonly code: string; readonly message: string; readonly status: number };
  /** What Meet would answer with a 500: a refused connection, a timeout; for a webhook, why it is not believed. */
  readonly broken?: string;
  readonly ms?: number;
}

/** The first line of the program. */
interface Hello {
  readonly version: string;
  readonly calls: readonly string[];
}

const PROGRAM = fileURLToPath(new URL("meet.py", import.meta.url));

/** Meet's server calls and its check of webhooks, by the library that Meet uses, in a process of its own. */
export class MeetLibrary {
  /** Of livekit-api. */
  readonly version: string;
  /** Names of the calls that it can make. */
  readonly calls: readonly string[];
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  /** One request at a time; answers come in order. */
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, first: Hello) {
    this.child = child;
    this.lines = lines;
    this.version = first.version;
    this.calls = first.calls;
  }

  /** Starts it. @throws if Python or the library is not there */
  static async start(place: Place = localPlace): Promise<MeetLibrary> {
    const child = place.spawn(meetPython(), [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    if (child.stdout === null) {
      throw new Error("no standard output");
    }
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    return new MeetLibrary(child, lines, (await readLine(lines)) as Hello);
  }

  /** Makes one call against a LiveKit or a gateway, with a token as Meet mints it. */
  call(
    url: string,
    key: ApiKey,
    name: MeetCall,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<MeetAnswer> {
    const { apiKey, apiSecret } = key;
    return this.ask({ do: "call", url, key: apiKey, secret: apiSecret, name, with: fields });
  }

  /** What Meet makes of a webhook. */
  verify(key: ApiKey, body: string, authorization: string): Promise<MeetAnswer> {
    const { apiKey, apiSecret } = key;
    return this.ask({ do: "webhook", key: apiKey, secret: apiSecret, body, authorization });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill("SIGKILL");
      await ended;
    }
  }

  private ask(job: Readonly<Record<string, unknown>>): Promise<MeetAnswer> {
    const answer = this.queue.then(async () => {
      this.child.stdin?.write(`${JSON.stringify(job)}\n`);
      return (await readLine(this.lines)) as MeetAnswer;
    });
    this.queue = answer.catch(() => undefined);
    return answer;
  }
}

async function readLine(lines: AsyncIterator<string>): Promise<unknown> {
  const next = await lines.next();
  if (next.done === true) {
    throw new Error("meet.py has ended");
  }
  return JSON.parse(next.value) as unknown;
}
