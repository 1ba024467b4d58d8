import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MediaKey } from "../../../services/recordings/media-key.ts";

const ID = "0190e5c4-7a3b-4d1e-9f00-0123456789ab";

describe("the path of a medium", () => {
  it.each([
    [`/media/recordings/${ID}.mp4`, "recordings", `recordings/${ID}.mp4`, "mp4"],
    [`/media/recordings/${ID}.ogg`, "recordings", `recordings/${ID}.ogg`, "ogg"],
    [`/media/files/${ID}.PNG`, "files", `files/${ID}.PNG`, "PNG"],
    [`/media/recordings/${ID}.mp4?download=1&x=../`, "recordings", `recordings/${ID}.mp4`, "mp4"],
  ])("%s names a key", (target, kind, text, extension) => {
    expect(MediaKey.parse(target)).toMatchObject({ kind, text, id: ID, extension });
  });

  it.each([
    `/media/recordings/${ID}.mp4/`,
    `/media/recordings/${ID}.mp4/../${ID}.ogg`,
    `/media//recordings/${ID}.mp4`,
    `/media/recordings//${ID}.mp4`,
    `/media/./recordings/${ID}.mp4`,
    `/media/files/../recordings/${ID}.mp4`,
    `/media/recordings/%2e%2e/recordings/${ID}.mp4`,
    `/media/recordings%2F${ID}.mp4`,
    `/media/recordings%252F${ID}.mp4`,
    `/media/recordings\\${ID}.mp4`,
    `/media/recordings/${ID}.mp4%00.ogg`,
    `/media/recordings/${ID}.mp4\n`,
    `/media/recordings/${ID}.mp4#`,
    `/media/recordings/${ID}.mp4;x`,
    `/media/recordings/${ID}.mp\u0664`,
    `/media/recordings/${ID.replace("a", "\u0430")}.mp4`,
    `/media/recordings/${ID.toUpperCase()}.mp4`,
    `/media/recordings/${ID}`,
    `/media/recordings/${ID}.`,
    `/media/recordings/${ID}.mp4.json`,
    `/media/recordings/${ID}.abcdefghijk`,
    `/media/tmp/files/${ID}.png`,
    `/media/other/${ID}.mp4`,
    `/MEDIA/recordings/${ID}.mp4`,
    `/x/media/recordings/${ID}.mp4`,
    `https://meet.example.org/media/recordings/${ID}.mp4`,
    `?/media/recordings/${ID}.mp4`,
    "/media/",
    "",
  ])("%j names none", (target) => {
    expect(MediaKey.parse(target)).toBeUndefined();
  });

  it("is the same before and after, to the letter, for whatever names a key", () => {
    const piece = fc.constantFrom(
      ...["/", "//", "..", ".", "%2e", "%2F", "%25", "\\", "\0", "\n", "?", "#", "@", "é", "／"],
      ...["/media/", "media", "recordings", "files", ID, ".mp4", ".ogg", "mp4", "s3.example.org"],
    );
    const target = fc.oneof(
      fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join("")),
      fc.tuple(fc.nat(70), piece).map(([at, it]) => {
        const path = `/media/recordings/${ID}.mp4`;
        return path.slice(0, at) + it + path.slice(at);
      }),
      fc.string({ unit: "binary" }).map((text) => `/media/${text}`),
    );
    fc.assert(
      fc.property(target, (text) => {
        const key = MediaKey.parse(text);
        if (key !== undefined) {
          expect(key.path()).toBe(text.split("?", 1)[0]);
          expect(new URL(`https://meet.example.org${key.path()}`).pathname).toBe(key.path());
          expect(key.text).toMatch(/^(recordings|files)\/[0-9a-f-]{36}\.[A-Za-z0-9]{1,10}$/);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
