import {
  EncodedFileOutput,
  FileOutput,
  Output,
  RoomCompositeEgressRequest,
  StartEgressRequest,
  StreamOutput,
} from "@livekit/protocol";
import { describe, expect, it } from "vitest";
import { forEgress } from "../../../services/rooms/twirp/egress-storage.ts";
import { TwirpBody } from "../../../services/rooms/twirp/twirp-body.ts";
import { delimited } from "../../../services/rooms/twirp/wire.ts";

const START = "Egress/StartRoomCompositeEgress";
const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);

describe("a request to record without a manifest beside the file", () => {
  it("says so of every file in protobuf, whatever it said before, and keeps the rest", () => {
    const files = ["old.mp4", "a.mp4"].map((filepath) => new EncodedFileOutput({ filepath }));
    const [value = new EncodedFileOutput(), ...fileOutputs] = files;
    const request = new RoomCompositeEgressRequest({
      roomName: "standup",
      output: { case: "file", value },
      fileOutputs,
      streamOutputs: [new StreamOutput({ urls: ["rtmp://example.org/key"] })],
    });
    const body = new TwirpBody("protobuf", Buffer.from(request.toBinary()));
    for (const file of files) {
      file.disableManifest = true;
    }
    const seen = RoomCompositeEgressRequest.fromBinary(forEgress(START, body, false));
    expect(seen.toJson()).toEqual(request.toJson());
    request.fileOutputs.push(new EncodedFileOutput({ filepath: "c.mp4", disableManifest: true }));
    const again = new TwirpBody("protobuf", Buffer.from(request.toBinary()));
    expect(RoomCompositeEgressRequest.fromBinary(forEgress(START, again, false)).toJson()).toEqual(
      request.toJson(),
    );
  });

  it("says so in JSON under either name, and takes the bucket off where regions have their own", () => {
    for (const before of ["", ',"disableManifest":false', ',"disable_manifest":false']) {
      const text =
        `{"file":{"filepath":"o"${before}},"fileOutputs":[{"filepath":"a","s3":{}${before}},{}],` +
        '"segment_outputs":[{"x":12345678901234567890}],"room_name":"r"}';
      const seen = forEgress(START, new TwirpBody("json", Buffer.from(text)), true);
      expect(Buffer.from(seen).toString()).toBe(
        '{"file":{"filepath":"o","disable_manifest":true},' +
          '"fileOutputs":[{"filepath":"a","disable_manifest":true},{"disable_manifest":true}],' +
          '"segment_outputs":[{"x":12345678901234567890}],"room_name":"r"}',
      );
    }
  });

  it("makes no file where there is none, and keeps fields that nobody knows", () => {
    const unknown = bytes(0xc0, 0xbb, 0x01, 0x2a, 0x5d, 1, 2, 3, 4, 0x63, 0x1a, 1, 0x41, 0x64);
    const plain = new TwirpBody("protobuf", unknown);
    expect(Buffer.from(forEgress(START, plain, true))).toEqual(unknown);
    const text = '{"file":null,"file_outputs":[]}';
    const json = forEgress(START, new TwirpBody("json", Buffer.from(text)), true);
    expect(Buffer.from(json).toString()).toBe(text);
    const body = new TwirpBody("protobuf", Buffer.concat([unknown, delimited(11, unknown)]));
    expect(Buffer.from(forEgress(START, body, true))).toEqual(
      Buffer.concat([unknown, delimited(11, Buffer.concat([unknown, bytes(0x30, 1)]))]),
    );
  });

  it("says so of the newer StartEgress, and leaves other calls alone", () => {
    const request = new StartEgressRequest({
      outputs: [new Output({ config: { case: "file", value: new FileOutput({ filepath: "f" }) } })],
    });
    const body = new TwirpBody("protobuf", Buffer.from(request.toBinary()));
    const seen = StartEgressRequest.fromBinary(forEgress("Egress/StartEgress", body, true));
    expect(seen.outputs[0]?.config.value).toMatchObject({ filepath: "f", disableManifest: true });
    expect(forEgress("Egress/StopEgress", body, true)).toBe(body.bytes);
  });
});
