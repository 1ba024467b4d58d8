import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { settingsTable } from "../../infra/config-reference.ts";

describe("the README", () => {
  it("has the table of settings as the schema gives it", () => {
    const readme = readFileSync(`${import.meta.dirname}/../../README.md`, "utf8");
    expect(readme).toContain(settingsTable().trim());
  });
});
