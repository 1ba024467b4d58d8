import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { outage, type Beat, type Diary, type Outage } from "./outage.ts";
import { localPlace, type Place } from "../network/place.ts";
import type { RtcNodeNote, RtcNodeRequest } from "./rtc-node-messages.ts";

/** How a participant joins. */
export interface RtcNodeJoin {
  readonly identity: string;
  /** `ws://` or `http://` address of a LiveKit or a gateway. */
  readonly url: string;
  readonly token: string;
  /** Publishes a tone and notes that of the others. @default false */
  readonly audio?: boolean;
}

const PROGRAM = fileURLToPath(new URL("rtc-node-process.ts", import.meta.url));
const JOIN_SECONDS = 30;

/** Participants by @livekit/rtc-node that live in one process in a place, and send a message every 100 ms. */
export class RtcNodeClients {
  private readonly child: ChildProcess;
  private readonly notes: RtcNodeNote[] = [];
  private readonly waiting = new Set<() => void>();
  private errors = "";

  private constructor(child: ChildProcess) {
    this.child = child;
    child.on("message", (notes: RtcNodeNote[]) => {
      this.notes.push(...notes);
      this.wake();
    });
    child.stderr?.on("data", (chunk: Buffer) => (this.errors += chunk.toString()));
    child.once("exit", () => {
      this.wake();
    });
  }

  /** Starts the process. @default on this machine */
  static start(place: Place = localPlace): RtcNodeClients {
    const child = place.spawn(process.execPath, ["--import", "tsx", PROGRAM], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    return new RtcNodeClients(child);
  }

  /** Joins, and is in the room when it resolves. @throws what the library said */
  async join(join: RtcNodeJoin): Promise<RtcNodeParticipant> {
    const { identity, url, token, audio = false } = join;
    const participant = new RtcNodeParticipant(this, identity);
    // Somebody who could not join before may try again.
    const before = participant.notes("connected", "failed").length;
    this.tell({ do: "join", identity, url: url.replace(/^http/, "ws"), token, audio });
    const answer = await this.until(
      () => participant.notes("connected", "failed")[before],
      `${identity} to join`,
      JOIN_SECONDS,
    );
    if (answer.what === "failed") {
      throw new Error(`${identity} could not join: ${answer.detail}`);
    }
    return participant;
  }

  /** Everything noted about a participant. */
  notesOf(identity: string): RtcNodeNote[] {
    return this.notes.filter((note) => note.identity === identity);
  }

  /** What a participant went through, and whom it heard last, in seconds before now; for a person to read. */
  storyOf(identity: string): string {
    const ago = (at: number): string => `-${((Date.now() - at) / 1000).toFixed(1)} s`;
    const notes = this.notesOf(identity);
    const heard = new Map(
      notes
        .filter(({ what }) => what === "data" || what === "audio")
        .map(({ what, detail, at }) => [`${what} of ${detail}`, at]),
    );
    const events = notes
      .filter(({ what }) => what !== "data" && what !== "audio")
      .map(({ what, detail, at }) => `${what} ${detail}`.trim() + ` ${ago(at)}`);
    const last = [...heard].map(([what, at]) => `last ${what} ${ago(at)}`);
    return `${identity}: ${[...events, ...last].join(", ")}`;
  }

  tell(request: RtcNodeRequest): void {
    this.child.send(request);
  }

  /** Waits until something has been noted. @throws after the seconds */
  async until<T>(look: () => T | undefined, what: string, seconds: number): Promise<T> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const found = look();
      if (found !== undefined) {
        return found;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`waited ${seconds} s for ${what}\n${this.errors.slice(-2000)}`);
      }
      await new Promise<void>((resolve) => {
        const { waiting } = this;
        const timer = setTimeout(wake, left);
        waiting.add(wake);
        function wake(): void {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        }
      });
    }
  }

  /** Ends the process with everybody in it, as a crash does. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill("SIGKILL");
      await ended;
    }
  }

  private wake(): void {
    for (const wake of [...this.waiting]) {
      wake();
    }
  }
}

/** One participant: whom it hears, and when it did not. */
export class RtcNodeParticipant {
  readonly identity: string;
  private readonly clients: RtcNodeClients;

  constructor(clients: RtcNodeClients, identity: string) {
    this.clients = clients;
    this.identity = identity;
  }

  /** What was noted of these kinds. */
  notes(...kinds: readonly RtcNodeNote["what"][]): RtcNodeNote[] {
    return this.clients.notesOf(this.identity).filter(({ what }) => kinds.includes(what));
  }

  /** Sid of the room it is in, as it was told last. */
  get roomSid(): string | undefined {
    return this.notes("sid").at(-1)?.detail;
  }

  /** Why it was disconnected for good, if it was. */
  get disconnected(): string | undefined {
    return this.notes("disconnected").at(-1)?.detail;
  }

  /** Waits until something has come from each of the others after a moment. */
  async untilHears(
    others: readonly string[],
    options: {
      readonly after?: number;
      readonly kind?: "data" | "audio";
      readonly seconds?: number;
    } = {},
  ): Promise<void> {
    const { after = 0, kind = "data", seconds = 15 } = options;
    const look = (): true | undefined => {
      const heard = new Set(
        this.beats(kind)
          .filter(({ at }) => at >= after)
          .map(({ from }) => from),
      );
      return others.every((other) => heard.has(other)) ? true : undefined;
    };
    try {
      await this.clients.until(look, `${this.identity} to hear ${others.join(", ")}`, seconds);
    } catch (error) {
      const stories = [this.identity, ...others].map((one) => this.clients.storyOf(one));
      throw new Error([String(error), ...stories].join("\n"), { cause: error });
    }
  }

  /** How long it was out, from a moment on until now. */
  outage(others: readonly string[], since: number, kind: "data" | "audio" = "data"): Outage {
    return outage(this.diary(kind), others, since, Date.now());
  }

  /** Leaves as a person does. */
  async leave(): Promise<void> {
    this.clients.tell({ do: "leave", identity: this.identity });
    await this.clients.until(() => this.notes("left").at(-1), `${this.identity} to leave`, 10);
  }

  private diary(kind: "data" | "audio"): Diary {
    return {
      beats: this.beats(kind),
      lost: this.notes("reconnecting", "disconnected").map(({ at }) => at),
      back: this.notes("reconnected").map(({ at }) => at),
    };
  }

  private beats(kind: "data" | "audio"): Beat[] {
    return this.notes(kind).map(({ at, detail }) => ({ at, from: detail }));
  }
}
