import { withMember, withoutKeys, type KeyPath } from "./json-cut.ts";
import { jsonNames, type TwirpBody } from "./twirp-body.ts";
import { withNumber, withoutFields, type FieldNumbers } from "./wire.ts";

/** A path by number and name, as in livekit/protocol, protobufs/livekit_egress.proto. */
type NamedPath = readonly (readonly [number, string])[];

const FILE: readonly [number, string] = [3, "s3"];
const SEGMENTS: readonly [number, string] = [5, "s3"];
const IMAGES: readonly [number, string] = [8, "s3"];
const STORAGE: readonly [number, string] = [1, "s3"];

/** Where a request may say in which S3 bucket the recording goes. */
const S3_PATHS: ReadonlyMap<string, readonly NamedPath[]> = new Map([
  [
    "Egress/StartRoomCompositeEgress",
    [
      [[6, "file"], FILE],
      [[10, "segments"], SEGMENTS],
      [[11, "file_outputs"], FILE],
      [[13, "segment_outputs"], SEGMENTS],
      [[14, "image_outputs"], IMAGES],
    ],
  ],
  [
    "Egress/StartEgress",
    [
      [[8, "storage"], STORAGE],
      [[7, "outputs"], [6, "storage"], STORAGE],
      [[7, "outputs"], [3, "segments"], SEGMENTS],
      [[7, "outputs"], [4, "images"], IMAGES],
    ],
  ],
]);

/** Where a request may say that no manifest is to be written beside a file. */
const MANIFEST_PATHS: ReadonlyMap<string, readonly NamedPath[]> = new Map([
  [
    "Egress/StartRoomCompositeEgress",
    [
      [
        [6, "file"],
        [6, "disable_manifest"],
      ],
      [
        [11, "file_outputs"],
        [6, "disable_manifest"],
      ],
    ],
  ],
  [
    "Egress/StartEgress",
    [
      [
        [7, "outputs"],
        [1, "file"],
        [3, "disable_manifest"],
      ],
    ],
  ],
]);

/**
 * The body of a call as Egress is to have it. Without a manifest: Egress writes `<egress id>.json` beside each file
 * (livekit/egress, pkg/pipeline/controller.go, uploadManifest), which Meet never reads and no deletion of the recording
 * would find. Where each region has storage of its own, without the bucket that it names, as `withoutS3` says.
 * @throws Malformed
 */
export function forEgress(
  method: string,
  body: TwirpBody,
  hasRegionalStorage: boolean,
): Uint8Array {
  const bytes = hasRegionalStorage ? withoutS3(method, body) : body.bytes;
  const paths = MANIFEST_PATHS.get(method);
  if (paths === undefined) {
    return bytes;
  }
  if (body.codec === "protobuf") {
    return paths.map(numbersOf).reduce((kept, path) => withNumber(kept, path, 1), bytes);
  }
  const text = Buffer.from(bytes).toString("utf8");
  return Buffer.from(withMember(text, paths.map(namesOf), '"disable_manifest":true'));
}

/**
 * The body of a call without the S3 bucket that it names, so that Egress uses the storage of its own region
 * (livekit/egress, pkg/config/storage.go). File paths and every other field stay, unknown ones too.
 * @throws Malformed
 */
export function withoutS3(method: string, body: TwirpBody): Uint8Array {
  const paths = S3_PATHS.get(method);
  if (paths === undefined) {
    return body.bytes;
  }
  if (body.codec === "protobuf") {
    return withoutFields(body.bytes, paths.map(numbersOf));
  }
  return Buffer.from(withoutKeys(body.bytes.toString("utf8"), paths.map(namesOf)));
}

function numbersOf(path: NamedPath): FieldNumbers {
  return path.map(([number]) => number);
}

function namesOf(path: NamedPath): KeyPath {
  return path.map(([, name]) => jsonNames(name));
}
