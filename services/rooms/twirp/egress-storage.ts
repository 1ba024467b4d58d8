import { jsonNames, type TwirpBody } from "./twirp-body.ts";
import { withoutFields, type FieldNumbers } from "./wire.ts";
import { withoutKeys } from "./json-cut.ts";

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
    const numbers: readonly FieldNumbers[] = paths.map((path) => path.map(([number]) => number));
    return withoutFields(body.bytes, numbers);
  }
  const keys = paths.map((path) => path.map(([, name]) => jsonNames(name)));
  return Buffer.from(withoutKeys(body.bytes.toString("utf8"), keys));
}
