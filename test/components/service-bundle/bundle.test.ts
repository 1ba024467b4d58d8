import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  buildBundle,
  bundleCommand,
  MAX_BUNDLE_BYTES,
} from "../../../components/service-bundle/bundle.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const SERVICES = ["rooms", "recordings"] as const;

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function codeOf(service: string): string {
  return gunzipSync(Buffer.from(buildBundle(service).gzipBase64, "base64")).toString("utf8");
}

describe("the bundle of a service", () => {
  it.each(SERVICES)("of %s fits a ConfigMap", (service) => {
    const { bytes, gzipBase64 } = buildBundle(service);
    expect(bytes).toBe(Buffer.from(gzipBase64, "base64").byteLength);
    expect(bytes).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
    expect(MAX_BUNDLE_BYTES).toBe(921_600);
  });

  it.each(SERVICES)("of %s contains no path of the machine that built it", (service) => {
    const code = codeOf(service);
    const [, map = ""] = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(code) ?? [];
    const { sources } = z
      .object({ sources: z.array(z.string()) })
      .parse(JSON.parse(Buffer.from(map, "base64").toString("utf8")));
    expect(sources).toContain(`services/${service}/main.ts`);
    expect(sources.filter((path) => path.startsWith("/") || path.startsWith(".."))).toEqual([]);
    expect(code).not.toContain(root);
  });

  it.each(SERVICES)("of %s contains nothing of Pulumi", (service) => {
    expect(codeOf(service)).not.toMatch(/pulumi/i);
  });

  it("is built once per process", () => {
    expect(buildBundle("rooms")).toBe(buildBundle("rooms"));
  });

  it("has another hash for other code", () => {
    expect(buildBundle("rooms").hash).toMatch(/^[0-9a-f]{10}$/);
    expect(buildBundle("rooms").hash).not.toBe(buildBundle("recordings").hash);
  });

  it("has the same bytes when it is built in another directory", () => {
    const copy = mkdtempSync(join(tmpdir(), "meet-elsewhere-"));
    try {
      for (const path of ["package.json", "services", "components/service-bundle/bundle.ts"]) {
        cpSync(resolve(root, path), join(copy, path), { recursive: true });
      }
      symlinkSync(resolve(root, "node_modules"), join(copy, "node_modules"));
      const bundle = pathToFileURL(join(copy, "components/service-bundle/bundle.ts")).href;
      const script = `const { buildBundle } = await import(${JSON.stringify(bundle)}); const { createHash } = await import("node:crypto"); const { hash, gzipBase64 } = buildBundle("rooms"); process.stdout.write(hash + " " + createHash("sha256").update(gzipBase64).digest("hex"));`;
      const printed = execFileSync(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "--eval", script],
        { cwd: root, encoding: "utf8" },
      );
      expect(printed).toBe(
        `${buildBundle("rooms").hash} ${sha256(buildBundle("rooms").gzipBase64)}`,
      );
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  it("fails on a service that does not exist, naming its file", () => {
    expect(() => buildBundle("nowhere")).toThrow("services/nowhere/main.ts");
  });
});

describe("the command of a bundle", () => {
  it("is one Node process that unpacks to the scratch directory and requires from there", () => {
    const [node, maps, evaluate, script] = bundleCommand();
    expect([node, maps, evaluate]).toEqual(["node", "--enable-source-maps", "--eval"]);
    expect(script).toContain(`readFileSync("/bundle/main.cjs.gz")`);
    expect(script).toContain(`require("/tmp/main.cjs")`);
  });
});
