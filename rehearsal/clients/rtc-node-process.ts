import {
  AudioFrame,
  AudioSource,
  AudioStream,
  DisconnectReason,
  LocalAudioTrack,
  type RemoteParticipant,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from "@livekit/rtc-node";
import type { RtcNodeNote, RtcNodeRequest } from "./rtc-node-messages.ts";

/**
 * Holds participants by @livekit/rtc-node in a process of its own, so that they can be in a network namespace and a
 * crash of the native library is not the test's. Told by messages what to do, it answers with notes.
 */
const BEAT_MS = 100;
const SAMPLE_RATE = 48_000;
const AUDIBLE = 500;

interface Person {
  readonly room: Room;
  readonly timer: NodeJS.Timeout;
}

const people = new Map<string, Person>();
let notes: RtcNodeNote[] = [];

function note(identity: string, what: RtcNodeNote["what"], detail = ""): void {
  notes.push({ identity, at: Date.now(), what, detail });
}

function flush(): void {
  if (notes.length > 0 && process.connected) {
    process.send?.(notes);
    notes = [];
  }
}

async function join(request: Extract<RtcNodeRequest, { do: "join" }>): Promise<void> {
  const { identity, url, token, audio } = request;
  const room = new Room();
  const noteSid = (): void => {
    void room.getSid().then((sid) => {
      note(identity, "sid", sid);
    });
  };
  room.on(RoomEvent.Reconnecting, () => {
    note(identity, "reconnecting");
  });
  room.on(RoomEvent.Reconnected, () => {
    note(identity, "reconnected");
    noteSid();
  });
  room.on(RoomEvent.Disconnected, (reason) => {
    note(identity, "disconnected", DisconnectReason[reason]);
  });
  room.on(RoomEvent.DataReceived, (payload) => {
    // The sender is in the payload: a message may come before its participant is known.
    note(identity, "data", new TextDecoder().decode(payload));
  });
  room.on(RoomEvent.TrackSubscribed, (track, _publication, from) => {
    if (track.kind === TrackKind.KIND_AUDIO) {
      void listen(identity, track, from);
    }
  });
  try {
    await room.connect(url, token, { autoSubscribe: true, dynacast: false });
  } catch (error) {
    note(identity, "failed", String(error));
    return;
  }
  const payload = new TextEncoder().encode(identity);
  const timer = setInterval(() => {
    // Not sent while it reconnects: that is what the others' diaries are about.
    room.localParticipant
      ?.publishData(payload, { reliable: false, topic: "beat" })
      .catch(() => undefined);
  }, BEAT_MS);
  people.set(identity, { room, timer });
  note(identity, "connected");
  noteSid();
  if (audio) {
    await speak(room);
  }
}

/** Publishes a tone for as long as the participant is there. */
async function speak(room: Room): Promise<void> {
  const source = new AudioSource(SAMPLE_RATE, 1);
  const track = LocalAudioTrack.createAudioTrack("tone", source);
  const options = new TrackPublishOptions();
  options.source = TrackSource.SOURCE_MICROPHONE;
  await room.localParticipant?.publishTrack(track, options);
  const samples = new Int16Array(SAMPLE_RATE / 10).map((_, index) =>
    Math.round(8000 * Math.sin((2 * Math.PI * 440 * index) / SAMPLE_RATE)),
  );
  const isHere = (): boolean => [...people.values()].some((person) => person.room === room);
  while (isHere()) {
    await source.captureFrame(new AudioFrame(samples, SAMPLE_RATE, 1, samples.length));
  }
}

/** Notes sound from another participant; silence that fills a gap is not noted. */
async function listen(
  identity: string,
  track: RemoteTrack,
  from: RemoteParticipant,
): Promise<void> {
  const stream = new AudioStream(track, { sampleRate: 8000, numChannels: 1, frameSizeMs: BEAT_MS });
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    if (value.data.some((sample) => Math.abs(sample) > AUDIBLE)) {
      note(identity, "audio", from.identity);
    }
  }
}

async function leave(identity: string): Promise<void> {
  const person = people.get(identity);
  people.delete(identity);
  if (person !== undefined) {
    clearInterval(person.timer);
    await person.room.disconnect();
  }
  note(identity, "left");
}

process.on("message", (request: RtcNodeRequest) => {
  void (request.do === "join" ? join(request) : leave(request.identity));
});
// The test has ended, however it did.
process.on("disconnect", () => process.exit(0));
setInterval(flush, 20);
