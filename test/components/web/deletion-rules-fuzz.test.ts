import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOST, route } from "./route.ts";

const ID = "0190e5c4-7a3b-4d1e-9f00-012345678901";

/** Percent signs as Gunicorn decodes them, once (gunicorn `http/wsgi.py`, `unquote_to_wsgi_str`). */
function decoded(path: string): string {
  return path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Whether Django deletes a recording at a path: DRF's DefaultRouter makes these two expressions (rest_framework
 * `routers.py`, `urlpatterns.py`), and Django looks at the decoded path (django `core/handlers/wsgi.py`). Tried with
 * Gunicorn 27.0.1, Django 5.2.19 and DRF 3.18.3: all of SPELLINGS reach the view.
 */
function deletes(path: string): boolean {
  return /^\/api\/v1\.0\/recordings\/([^/.]+)(\/|\.[a-z0-9]+\/?)$/.test(decoded(path));
}

/** Addresses of one recording that reach Meet's view if they reach Meet. */
const SPELLINGS = [
  `/api/v1.0/recordings/${ID}/`,
  `/api/v1.0/%72ecordings/${ID}/`,
  `/api/v1%2E0/recordings/${ID}/`,
  `/api/v1.0%2Frecordings/${ID}/`,
  `/api/v1.0%2frecordings%2f${ID}%2f`,
  `/api/%76%31.0/recordings/${ID}/`,
  `/%61pi/v1.0/recordings/${ID}/`,
  `/api/v1.0/recordings/${ID}.json`,
  `/api/v1.0/recordings/${ID}.json/`,
  `/api/v1.0/recordings/${ID.replaceAll("-", "").toUpperCase()}/`,
];

/** Those that reach nothing, in the same trial. */
const DEAD_ENDS = [
  `//api/v1.0/recordings/${ID}/`,
  `/api/./v1.0/recordings/${ID}/`,
  `/api/v1.0/rooms/../recordings/${ID}/`,
  `/api/v1.0/rooms/%2e%2e/recordings/${ID}/`,
  `/API/v1.0/recordings/${ID}/`,
  `/api/v1.0/%2572ecordings/${ID}/`,
  `/api/v1.0/recordings;x/${ID}/`,
];

/** Where a DELETE goes, if the balancer compares the path as it was sent, and if it decodes it before. */
function targets(path: string): readonly string[] {
  return [path, decoded(path)].map((seen) => route({ serves: true }, HOST, seen, "DELETE"));
}

const hex = (char: string, isUpper: boolean): string => {
  const code = char.charCodeAt(0).toString(16).padStart(2, "0");
  return `%${isUpper ? code.toUpperCase() : code}`;
};

/** A spelling of which every character may be encoded, once or twice, with things put in between. */
const spelling = fc
  .record({
    base: fc.constantFrom(...SPELLINGS, ...DEAD_ENDS),
    fates: fc.array(
      fc.oneof(
        { weight: 24, arbitrary: fc.constant("as it is") },
        { weight: 4, arbitrary: fc.constantFrom("encoded", "ENCODED") },
        { weight: 1, arbitrary: fc.constantFrom("twice", "upper", "gone") },
        {
          weight: 1,
          arbitrary: fc.constantFrom("/", "./", "../", "//", ";", "?", "%", "%00", "%0A"),
        },
      ),
      { minLength: 1, maxLength: 80 },
    ),
    isMild: fc.boolean(),
  })
  .map(({ base, fates, isMild }) =>
    Array.from(base)
      .map((char, index) => {
        const fate = fates[index % fates.length] ?? "as it is";
        switch (fate) {
          case "as it is":
            return char;
          case "encoded":
          case "ENCODED":
            return char === "%" ? char : hex(char, fate === "ENCODED");
          default:
            break;
        }
        if (isMild) {
          return char;
        }
        switch (fate) {
          case "twice":
            return `%25${hex(char, false).slice(1)}`;
          case "upper":
            return char.toUpperCase();
          case "gone":
            return "";
          default:
            return char + fate;
        }
      })
      .join(""),
  );

describe("a DELETE that would have Meet delete a recording", () => {
  it.each(SPELLINGS)("never goes straight to Meet: %s", (path) => {
    expect(deletes(path)).toBe(true);
    expect(targets(path)).not.toContain("backend");
  });

  it("is none where Meet finds no recording", () => {
    expect(DEAD_ENDS.filter(deletes)).toEqual([]);
  });

  it("never goes straight to Meet, however it is spelled", () => {
    let deleting = 0;
    let odd = 0;
    fc.assert(
      fc.property(spelling, (path) => {
        if (deletes(path)) {
          deleting++;
          odd += path.startsWith("/api/v1.0/recordings/") ? 0 : 1;
          expect(targets(path)).not.toContain("backend");
        }
      }),
      { numRuns: 5000 },
    );
    expect(deleting).toBeGreaterThan(500);
    expect(odd).toBeGreaterThan(300);
  });

  it("goes to the recordings route in the spelling that Meet's own pages use", () => {
    expect(targets(`/api/v1.0/recordings/${ID}/`)).toEqual(["downloads", "downloads"]);
  });
});
