/** Keys under which a request to record says what its files are called, in either way of writing them. */
const NAME_KEYS: ReadonlySet<string> = new Set([
  "filepath",
  "filename_prefix",
  "filenamePrefix",
  "playlist_name",
  "playlistName",
]);

/** What holds outputs, in any kind of request. */
const OUTPUT_KEYS: ReadonlySet<string> = new Set([
  "file",
  "segments",
  "images",
  "outputs",
  "file_outputs",
  "fileOutputs",
  "segment_outputs",
  "segmentOutputs",
  "image_outputs",
  "imageOutputs",
]);

/** Lists and objects from a request down to a name: outputs, one of them, its file. */
const MAX_DEPTH = 4;

/** The names of the files that a request to record asks for, from the JSON of the request. */
export function outputNames(request: unknown): ReadonlySet<string> {
  return new Set(namesIn(request));
}

/** True if both name the same files. */
export function sameNames(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && [...left].every((name) => right.has(name));
}

function namesIn(json: unknown, depth = 0): readonly string[] {
  if (depth > MAX_DEPTH) {
    return [];
  }
  if (Array.isArray(json)) {
    return json.flatMap((item) => namesIn(item, depth + 1));
  }
  if (typeof json !== "object" || json === null) {
    return [];
  }
  return Object.entries(json).flatMap(([key, value]: [string, unknown]) => {
    if (NAME_KEYS.has(key) && typeof value === "string" && value !== "") {
      return [value];
    }
    return OUTPUT_KEYS.has(key) ? namesIn(value, depth + 1) : [];
  });
}
