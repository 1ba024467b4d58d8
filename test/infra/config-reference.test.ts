import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { listSettings, settingsTable } from "../../infra/config-reference.ts";
import { readFleetFiles } from "../../infra/fleet-files.ts";

function keysOf(value: unknown, key: string): string[] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([name, inner]) =>
        keysOf(inner, key === "" ? name : `${key}.${name}`),
      )
    : [key];
}

describe("the table of settings", () => {
  const keys = listSettings().map(({ key }) => key);

  it("lists each key once, every one with a form", () => {
    expect(new Set(keys).size).toBe(keys.length);
    expect(listSettings().filter(({ form }) => form.length < 5)).toEqual([]);
  });

  it("knows every key that this repository's stack files use", () => {
    const used = [...readFleetFiles(`${import.meta.dirname}/../..`).values()].flatMap((source) => {
      const content: unknown = parse(source);
      return keysOf(content, "").map((key) => key.replace(/^config\./, ""));
    });
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((key) => !keys.includes(key))).toEqual([]);
  });

  it("shows one default where all sizes agree, and three where they differ", () => {
    const table = settingsTable();
    expect(table).toContain(
      "| `meet:media.min` | every stack | a whole number from 1 to 100 | `1 / 2 / 3` |",
    );
    expect(table).toContain(
      "| `meet:rooms.minReplicas` | every stack | a whole number from 2 to 100 | `2 / 2 / 3` |",
    );
    expect(table).toContain(
      "| `meet:versions.meet` | primary | an exact version (no latest, no range, no digest) | `v1.27.0` |",
    );
    expect(table).toContain("| `meet:dns.provider` | primary | route53, cloudflare |  |");
    expect(table).toContain("| `meet:network.cidr` | every stack | an IPv4 range |  |");
  });
});
