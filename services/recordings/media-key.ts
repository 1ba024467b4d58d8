/** Kinds of media that Meet gives out, by the first part of their keys (suitenumerique/meet core/enums.py). */
export const MEDIA_KINDS = ["recordings", "files"] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** Extensions of recordings (suitenumerique/meet core/recording/enums.py, FileExtension). */
export const RECORDING_EXTENSIONS = ["mp4", "ogg"] as const;

/** Where media are served below `meet.<domain>` (suitenumerique/meet settings.py, MEDIA_URL). */
export const MEDIA_PATH = "/media/";

/**
 * All that a path may look like: a UUID as Meet writes it, in small letters, and an extension. Meet's own expression for
 * recordings is not anchored and finds a key inside a longer path (core/enums.py, RECORDING_STORAGE_URL_PATTERN), so
 * nothing but a whole match is ever shown to it: no percent sign, no second slash, no dots, no query is in one.
 */
const WHOLE_PATH = new RegExp(
  `^${MEDIA_PATH}((${MEDIA_KINDS.join("|")})/` +
    "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\\.([A-Za-z0-9]{1,10}))$",
);

/**
 * The key of an object, as Meet authorises it and S3 stores it. Only `parse` makes one, so that what is asked, looked
 * for and signed is the same string.
 */
export class MediaKey {
  readonly kind: MediaKind;
  /** The key at S3: `recordings/<uuid>.mp4`. */
  readonly text: string;
  readonly id: string;
  readonly extension: string;

  private constructor(kind: MediaKind, text: string, id: string, extension: string) {
    this.kind = kind;
    this.text = text;
    this.id = id;
    this.extension = extension;
  }

  /** The key that a request's target names, query or not; undefined for whatever is no medium's path to the letter. */
  static parse(target: string): MediaKey | undefined {
    const match = WHOLE_PATH.exec(target.split("?", 1)[0] ?? "");
    const [, text, prefix, id, extension] = match ?? [];
    const kind = MEDIA_KINDS.find((it) => it === prefix);
    return kind === undefined || text === undefined || id === undefined || extension === undefined
      ? undefined
      : new MediaKey(kind, text, id, extension);
  }

  /** The path it was parsed from. */
  path(): string {
    return MEDIA_PATH + this.text;
  }
}
