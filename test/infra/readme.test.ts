import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import * as z from "zod";
import { settingsTable } from "../../infra/config-reference.ts";
import { resolveFleet } from "../../infra/config.ts";
import { replicationsOf } from "../../infra/scope.ts";
import { repositoryFiles } from "../support/fleets.ts";

const readme = readFileSync(`${import.meta.dirname}/../../README.md`, "utf8");
const fileSchema = z.object({ config: z.record(z.string(), z.unknown()) });

/** The stack files that a section shows; one that says "as the sample, but" is put over the repository's own. */
function filesShownIn(heading: string): Map<string, string> {
  const section = readme.split(/^### /m).find((part) => part.startsWith(heading)) ?? "";
  const samples = repositoryFiles();
  return new Map(
    [...section.matchAll(/```yaml\n# (Pulumi\.\w+\.yaml)(.*)\n([\s\S]*?)```/g)].map(
      ([, name = "", note = "", text = ""]) => {
        const sample = samples.get(name) ?? "";
        const base = note.includes("as the sample") ? fileSchema.parse(parse(sample)).config : {};
        return [name, stringify({ config: { ...base, ...fileSchema.parse(parse(text)).config } })];
      },
    ),
  );
}

const SET_BY_COMMANDS = `  meet:databaseUrl: { secure: "v1:abc" }\n  meet:valkeyUrl: { secure: "v1:abc" }\n`;

describe("the README", () => {
  it("has the table of settings as the schema gives it", () => {
    expect(readme).toContain(settingsTable().trim());
  });

  it("shows a fleet whose Meet is active in two regions", () => {
    const fleet = resolveFleet(
      new Map(
        [...filesShownIn("Meet active in several regions")].map(([file, text]) => [
          file,
          // The addresses are set by commands, and are in the files then.
          file === "Pulumi.eu.yaml"
            ? text.replace("config:\n", `config:\n${SET_BY_COMMANDS}`)
            : text,
        ]),
      ),
    );
    expect([...fleet.values()].map(({ stack, role }) => `${stack}: ${role}`)).toEqual([
      "eu: primary",
      "us: active",
    ]);
    expect(fleet.get("us")?.fleet.actives.map(({ stack }) => stack)).toEqual(["us"]);
  });

  it("shows a fleet with two residency groups that copies only as it says", () => {
    const fleet = resolveFleet(filesShownIn("A fleet with two residency groups"));
    expect([...fleet.values()].map(({ stack, residency }) => `${stack}: ${residency}`)).toEqual([
      "ca: america",
      "de: eu",
      "eu: eu",
      "us: america",
    ]);
    const copies = [...fleet.values()].flatMap((config) =>
      replicationsOf(config).map(
        ({ source, destinations }) =>
          `${source.stack} > ${destinations.map((to) => to.stack).join()}`,
      ),
    );
    expect(copies).toEqual(["de > eu", "eu > de"]);
  });
});
