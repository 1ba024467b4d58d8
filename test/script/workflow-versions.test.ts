import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..", "..");
const packageSchema = z.object({ dependencies: z.object({ "@pulumi/pulumi": z.string() }) });

describe("the workflow", () => {
  it.each(["preview", "drift"])("%s installs the Pulumi CLI of the SDK's version", (name) => {
    const { dependencies } = packageSchema.parse(
      JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")),
    );
    const workflow = readFileSync(join(ROOT, ".github", "workflows", `${name}.yml`), "utf8");
    const versions = [...workflow.matchAll(/pulumi-version: (.*)/g)].map(([, version]) => version);
    expect(versions).toEqual([dependencies["@pulumi/pulumi"]]);
  });
});
