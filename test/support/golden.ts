import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SECRET_KEY, type Recorded } from "../../plan/recorded.ts";

const GOLDEN_DIR = join(import.meta.dirname, "..", "golden");

/** Whether this run writes the golden files (`npm run golden:update`). CI never does. */
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

/** What differs between the recorded resources of a stack and its golden files; empty lists when nothing does. */
export interface GoldenDifference {
  readonly missing: string[];
  readonly stale: string[];
  readonly changed: string[];
}

/**
 * Compares every resource of a stack with its golden file, `test/golden/<stack>/<name>.<type>.json`, one file per
 * resource, so that a review shows which resource changes. Secrets and bundles are left out of the files.
 * @throws Error when two resources would share a file
 */
export function compareGolden(stack: string, resources: readonly Recorded[]): GoldenDifference {
  const directory = join(GOLDEN_DIR, stack);
  const wanted = goldenFiles(resources);
  if (UPDATE) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    for (const [file, content] of wanted) {
      writeFileSync(join(directory, file), content);
    }
  }
  const present = new Set(readdirSync(directory));
  const common = [...wanted.keys()].filter((file) => present.has(file));
  return {
    missing: [...wanted.keys()].filter((file) => !present.has(file)),
    stale: [...present].filter((file) => !wanted.has(file)),
    changed: common.filter(
      (file) => readFileSync(join(directory, file), "utf8") !== wanted.get(file),
    ),
  };
}

/** The golden files of a recording: name to content. */
export function goldenFiles(resources: readonly Recorded[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const resource of resources) {
    const file = `${resource.name}.${resource.type.replace(/[:/]+/g, "_")}.json`;
    if (files.has(file)) {
      throw new Error(`two resources would share the golden file ${file}: give one another name`);
    }
    files.set(file, `${JSON.stringify(sorted(goldenForm(resource)), null, 2)}\n`);
  }
  return files;
}

/** The resource without what changes by itself or must not be written down. */
function goldenForm(resource: Recorded): unknown {
  const short = (urn: string): string => urn.split("::").slice(2).join("::");
  const { parent, dependsOn, provider } = resource;
  return normalised({
    ...resource,
    urn: short(resource.urn),
    ...(parent === undefined ? {} : { parent: short(parent) }),
    ...(provider === undefined
      ? {}
      : { provider: short(provider.split("::").slice(0, 4).join("::")) }),
    dependsOn: dependsOn.map(short),
  });
}

/** Digests of content, as in the names of content-hashed ConfigMaps and Secrets. */
const DIGEST = /\b[0-9a-f]{10,64}\b/g;

function normalised(value: unknown, key = ""): unknown {
  if (key === "binaryData") {
    return Object.fromEntries(Object.keys(value as object).map((name) => [name, "[bundle]"]));
  }
  if (typeof value === "string") {
    return value.replace(DIGEST, "[digest]");
  }
  if (Array.isArray(value)) {
    return value.map((item) => normalised(item));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (SECRET_KEY in value) {
    return SECRET_KEY;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, normalised(item, name)]),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
