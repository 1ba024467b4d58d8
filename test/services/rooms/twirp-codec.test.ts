import {
  DirectFileOutput,
  EncodedFileOutput,
  GCPUpload,
  ImageOutput,
  RoomCompositeEgressRequest,
  S3Upload,
  SegmentedFileOutput,
  StreamOutput,
  TrackEgressRequest,
} from "@livekit/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutS3 } from "../../../services/rooms/twirp/egress-storage.ts";
import { withoutKeys } from "../../../services/rooms/twirp/json-cut.ts";
import { outputNames, sameNames } from "../../../services/rooms/twirp/output-names.ts";
import { jsonNames, TwirpBody } from "../../../services/rooms/twirp/twirp-body.ts";
import {
  delimited,
  Malformed,
  textOf,
  valuesAt,
  withoutFields,
} from "../../../services/rooms/twirp/wire.ts";

const START = "Egress/StartRoomCompositeEgress";
const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
const s3 = { case: "s3", value: new S3Upload({ bucket: "meet", secret: "s3cr3t" }) } as const;
const gcp = { case: "gcp", value: new GCPUpload({ bucket: "other" }) } as const;

/** Everything that a request may hold, each output with a bucket, or those that had one in S3 without. */
function fullRequest(output: typeof s3 | { case: undefined } = s3): RoomCompositeEgressRequest {
  return new RoomCompositeEgressRequest({
    roomName: "standup",
    layout: "speaker",
    audioOnly: true,
    customBaseUrl: "https://example.org",
    output: { case: "file", value: new EncodedFileOutput({ filepath: "old.mp4", output }) },
    fileOutputs: [
      new EncodedFileOutput({ filepath: "a.mp4", output }),
      new EncodedFileOutput({ filepath: "b.mp4", output: gcp }),
    ],
    segmentOutputs: [new SegmentedFileOutput({ filenamePrefix: "seg", output })],
    imageOutputs: [new ImageOutput({ filenamePrefix: "img", captureInterval: 5, output })],
    streamOutputs: [new StreamOutput({ urls: ["rtmp://example.org/key"] })],
  });
}

/** The same as it has to be afterwards. */
function expectedRequest(): RoomCompositeEgressRequest {
  return fullRequest({ case: undefined });
}

describe("a request to record without its bucket", () => {
  it("keeps everything else in protobuf, and in the same order", () => {
    const body = new TwirpBody("protobuf", Buffer.from(fullRequest().toBinary()));
    expect(Buffer.from(withoutS3(START, body))).toEqual(Buffer.from(expectedRequest().toBinary()));
  });

  it("keeps everything else in JSON, under either name", () => {
    const request = fullRequest();
    for (const useProtoFieldName of [false, true]) {
      const text = request.toJsonString({ useProtoFieldName });
      const cut = Buffer.from(withoutS3(START, new TwirpBody("json", Buffer.from(text))));
      expect(cut.toString()).toBe(expectedRequest().toJsonString({ useProtoFieldName }));
    }
  });

  it("takes the old segments off as well", () => {
    const value = new SegmentedFileOutput({ filenamePrefix: "seg", output: s3 });
    const request = new RoomCompositeEgressRequest({ output: { case: "segments", value } });
    const body = new TwirpBody("protobuf", Buffer.from(request.toBinary()));
    expect(Buffer.from(withoutS3(START, body)).toString()).not.toContain("meet");
  });

  it("keeps fields that nobody knows, at every depth", () => {
    // Field 3000 as a number, a fixed one, and a group with the number of s3 in it.
    const unknown = bytes(0xc0, 0xbb, 0x01, 0x2a, 0x5d, 1, 2, 3, 4, 0x63, 0x1a, 1, 0x41, 0x64);
    const output = Buffer.concat([unknown, delimited(3, Buffer.from("bucket")), unknown]);
    const body = Buffer.concat([unknown, delimited(11, output), unknown]);
    const kept = Buffer.concat([
      unknown,
      delimited(11, Buffer.concat([unknown, unknown])),
      unknown,
    ]);
    expect(withoutS3(START, new TwirpBody("protobuf", body))).toEqual(kept);
  });

  it("keeps JSON as it is written, with numbers that no double holds", () => {
    const text =
      '{ "room_name" : "a\\u0022b", "future": {"s3": 12345678901234567890.10},\n' +
      '"file_outputs":[ {"filepath":"x","s3":{"secret":"}]\\""},"more":[1,{"s3":1}]}, {"s3":1}, 7 ],' +
      '"empty":{}, "none":null}';
    const cut = withoutS3(START, new TwirpBody("json", Buffer.from(text)));
    expect(Buffer.from(cut).toString()).toBe(
      '{"room_name":"a\\u0022b","future":{"s3": 12345678901234567890.10},' +
        '"file_outputs":[{"filepath":"x","more":[1,{"s3":1}]},{},7],"empty":{},"none":null}',
    );
  });

  it("finds a key that is written with escapes", () => {
    const text = '{"file_outputs":[{"\\u00733":{}}]}';
    const cut = withoutS3(START, new TwirpBody("json", Buffer.from(text)));
    expect(Buffer.from(cut).toString()).toBe('{"file_outputs":[{}]}');
  });

  it("cuts the storage of the newer StartEgress", () => {
    const text =
      '{"storage":{"s3":1,"x":2},"outputs":[{"storage":{"s3":1},"file":{"filepath":"f"}},' +
      '{"segments":{"s3":1}},{"images":{"s3":1}}]}';
    const cut = withoutS3("Egress/StartEgress", new TwirpBody("json", Buffer.from(text)));
    expect(Buffer.from(cut).toString()).toBe(
      '{"storage":{"x":2},"outputs":[{"storage":{},"file":{"filepath":"f"}},' +
        '{"segments":{}},{"images":{}}]}',
    );
  });

  it("leaves other calls alone, byte for byte", () => {
    const body = new TwirpBody("protobuf", Buffer.from(fullRequest().toBinary()));
    expect(withoutS3("Egress/StopEgress", body)).toBe(body.bytes);
  });
});

function stringsAt(message: Buffer, path: readonly number[]): readonly string[] {
  return valuesAt(message, path).map(textOf);
}

describe("reading protobuf", () => {
  it("takes the last of a string that occurs twice, and joins messages that do", () => {
    const twice = Buffer.concat([delimited(1, Buffer.from("a")), delimited(1, Buffer.from("b"))]);
    expect(new TwirpBody("protobuf", twice).string([{ number: 1, name: "room" }])).toBe("b");
    const inner = Buffer.concat([delimited(4, twice), delimited(4, twice)]);
    expect(stringsAt(inner, [4, 1])).toEqual(["a", "b", "a", "b"]);
  });

  it("does not look into groups", () => {
    const group = Buffer.concat([bytes(0x13), delimited(1, Buffer.from("no")), bytes(0x14)]);
    const body = Buffer.concat([group, delimited(1, Buffer.from("yes"))]);
    expect(stringsAt(body, [1])).toEqual(["yes"]);
  });

  it.each([
    ["a length beyond the end", bytes(0x0a, 5, 0x61), "ends within a field"],
    ["a number that does not end", bytes(0x08, 0xff), "ends within a number"],
    ["eleven bytes of a number", Buffer.alloc(11, 0xff), "more than ten bytes"],
    ["an end of no group", bytes(0x0c), "a group ends that did not begin"],
    ["a group that does not end", bytes(0x0b), "ends within a number"],
    ["field 0", bytes(0x00, 0x01), "no valid number"],
    ["type 7", bytes(0x0f), "unknown type 7"],
    ["a fixed field that is cut", bytes(0x09, 1, 2), "ends within a field"],
    ["twenty thousand fields and one", Buffer.alloc(40_002, 0x08), "more than 20000 fields"],
    ["a string that is no UTF-8", bytes(0x0a, 1, 0xff), "not UTF-8"],
  ])("%s is malformed", (_, body, sentence) => {
    expect(() => stringsAt(body, [1])).toThrow(Malformed);
    expect(() => stringsAt(body, [1])).toThrow(sentence);
  });

  it("counts the fields within others, too", () => {
    const inner = delimited(1, Buffer.alloc(2000, 0x08));
    const body = Buffer.concat(Array.from({ length: 30 }, () => inner));
    expect(() => stringsAt(body, [1, 1])).toThrow("more than 20000 fields");
    expect(() => withoutFields(body, [[1, 2]])).toThrow("more than 20000 fields");
  });

  it("bears groups within each other, and does not count a million of them", () => {
    const deep = Buffer.concat([Buffer.alloc(9000, 0x0b), Buffer.alloc(9000, 0x0c)]);
    expect(stringsAt(deep, [1])).toEqual([]);
    const deeper = Buffer.concat([Buffer.alloc(1_000_000, 0x0b), Buffer.alloc(1_000_000, 0x0c)]);
    expect(() => stringsAt(deeper, [1])).toThrow("more than 20000 fields");
  });

  it("gives back what protobuf itself wrote", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 300 });
    fc.assert(
      fc.property(text, text, text, (roomName, layout, filepath) => {
        const request = new RoomCompositeEgressRequest({
          roomName,
          layout,
          fileOutputs: [new EncodedFileOutput({ filepath, output: s3 })],
        });
        const body = new TwirpBody("protobuf", Buffer.from(request.toBinary()));
        expect(body.string([{ number: 1, name: "room_name" }])).toBe(roomName);
        const cut = RoomCompositeEgressRequest.fromBinary(withoutS3(START, body));
        expect(cut.fileOutputs[0]?.output.case).toBeUndefined();
        expect([cut.roomName, cut.layout, cut.fileOutputs[0]?.filepath]).toEqual([
          roomName,
          layout,
          filepath,
        ]);
      }),
    );
  });

  it("changes nothing where there is nothing to cut, and fails on nothing but what is malformed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        try {
          expect(Buffer.from(withoutFields(body, [[0, 1]]))).toEqual(Buffer.from(body));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("cutting JSON", () => {
  it("gives what deleting the keys gives, for any JSON", () => {
    const paths = [
      [["a", "b"], ["s3"]],
      [["c"], ["d"], ["s3"]],
    ];
    const key = fc.constantFrom("a", "b", "c", "d", "s3", "é\n");
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, "\t "), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(JSON.parse(withoutKeys(text, paths))).toEqual(deleted(JSON.parse(text), paths));
      }),
      { numRuns: 2000 },
    );
  });

  it("bears any depth", () => {
    const deep = `{"x":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)},"s3":1}`;
    expect(withoutKeys(deep, [[["s3"]]]).length).toBe(deep.length - ',"s3":1'.length);
  });
});

/** The same by parsing; what is on no path is not looked into. */
function deleted(
  value: unknown,
  paths: readonly (readonly (readonly string[])[])[],
  isInList = false,
): unknown {
  if (Array.isArray(value)) {
    return isInList ? value : value.map((one) => deleted(one, paths, true));
  }
  if (typeof value !== "object" || value === null || paths.length === 0) {
    return value;
  }
  const kept = Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const inside = paths.filter(([names]) => names?.includes(key)).map((path) => path.slice(1));
    return inside.some((path) => path.length === 0)
      ? []
      : [[key, inside.length === 0 ? inner : deleted(inner, inside)] as const];
  });
  return Object.fromEntries(kept);
}

describe("names", () => {
  it.each([
    ["room", ["room"]],
    ["room_name", ["room_name", "roomName"]],
    ["dispatch_rule_direct", ["dispatch_rule_direct", "dispatchRuleDirect"]],
    ["s3", ["s3"]],
  ])("%s may be written %j", (name, names) => {
    expect(jsonNames(name)).toEqual(names);
  });

  it("null is a field that is not there", () => {
    const body = new TwirpBody("json", Buffer.from('{"room":null}'));
    expect(body.string([{ number: 1, name: "room" }])).toBe("");
  });

  it("of files are found in every kind of output, and nowhere else", () => {
    const names = [...outputNames(fullRequest().toJson())];
    expect(names.sort()).toEqual(["a.mp4", "b.mp4", "img", "old.mp4", "seg"]);
    const track = new TrackEgressRequest({
      output: { case: "file", value: new DirectFileOutput({ filepath: "t.ogg" }) },
    });
    expect([...outputNames(track.toJson())]).toEqual(["t.ogg"]);
    expect([...outputNames({ metadata: { filepath: "x" } })]).toEqual([]);
  });

  it("are the same only if all are", () => {
    expect(sameNames(new Set(["a", "b"]), new Set(["b", "a"]))).toBe(true);
    expect(sameNames(new Set(["a"]), new Set(["a", "b"]))).toBe(false);
    expect(sameNames(new Set(["a"]), new Set(["b"]))).toBe(false);
  });
});
