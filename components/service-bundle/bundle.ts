import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { gzipSync } from "fflate";

/** A ConfigMap holds 1 MiB (Kubernetes documentation, ConfigMap); the rest is for its metadata and for growth. */
export const MAX_BUNDLE_BYTES = 900 * 1024;

/** Name of the bundle in its ConfigMap, and of the file it is unpacked to. */
export const BUNDLE_FILE = "main.cjs.gz";

/** Where the ConfigMap is mounted, and the directory the pod may write to. */
export const BUNDLE_PATHS = { bundle: "/bundle", scratch: "/tmp" } as const;

/** A service as one compressed file. */
export interface Bundle {
  /** The gzip file in base64, as `binaryData` wants it. */
  readonly gzipBase64: string;
  /** Ten digits of the hash of the code. */
  readonly hash: string;
  /** Size of the gzip file: what counts against the ConfigMap's limit. */
  readonly bytes: number;
}

const projectRoot = fileURLToPath(new URL("../..", import.meta.url));
const built = new Map<string, Bundle>();

/**
 * Bundles `services/<service>/main.ts` and all it imports into one minified CommonJS file for Node 20, with its source
 * map inside, so that stack traces name the sources. The same sources give the same bytes on every machine: no
 * absolute path is in it, and the compressor is fflate, written in JavaScript, because zlib's output differs between
 * Node's own zlib and a distribution's. Built once per process.
 */
export function buildBundle(service: string): Bundle {
  const known = built.get(service);
  if (known !== undefined) {
    return known;
  }
  const code = bundleCode(service);
  const gzip = gzipSync(code, { level: 9, mtime: 0 });
  const bundle = {
    gzipBase64: Buffer.from(gzip).toString("base64"),
    hash: createHash("sha256").update(code).digest("hex").slice(0, 10),
    bytes: gzip.byteLength,
  };
  built.set(service, bundle);
  return bundle;
}

function bundleCode(service: string): Uint8Array {
  const { outputFiles } = esbuild.buildSync({
    absWorkingDir: projectRoot,
    entryPoints: [`services/${service}/main.ts`],
    outfile: "main.cjs",
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    minify: true,
    keepNames: true,
    legalComments: "none",
    charset: "utf8",
    sourcemap: "inline",
    sourcesContent: false,
    write: false,
    // The bundle carries module paths; a linked node_modules (npm run plan -- --base) must give the same ones.
    preserveSymlinks: true,
    logLevel: "silent",
    // Not the project's tsconfig.json: what is only about type checking must not change what is deployed.
    tsconfigRaw: "{}",
  });
  const [file] = outputFiles;
  if (file === undefined) {
    throw new Error(`esbuild made no output for services/${service}/main.ts.`);
  }
  return file.contents;
}

/**
 * The command of a bundle's container on a stock Node image. Node unpacks the file to the scratch directory, since the
 * root file system is read-only, and requires it: in the same process, which is the container's first, so SIGTERM
 * reaches the service itself.
 */
export function bundleCommand(
  paths: { readonly bundle: string; readonly scratch: string } = BUNDLE_PATHS,
): string[] {
  const packed = JSON.stringify(`${paths.bundle}/${BUNDLE_FILE}`);
  const unpacked = JSON.stringify(`${paths.scratch}/main.cjs`);
  const script = [
    `const { readFileSync, writeFileSync } = require("node:fs")`,
    `const { gunzipSync } = require("node:zlib")`,
    `writeFileSync(${unpacked}, gunzipSync(readFileSync(${packed})))`,
    `require(${unpacked})`,
  ].join("; ");
  return ["node", "--enable-source-maps", "--eval", script];
}
