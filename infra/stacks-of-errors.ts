import { findSourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Makes the stacks of errors: right for the program, and free where nobody reads them.
 *
 * The SDK loads `source-map-support` (`cmd/run/index.js`), which does not know the maps that tsx hands to Node, so a
 * crash would point to `deploy.ts:1:554`. It also takes a stack for each promise it makes (`debuggablePromise` in
 * `runtime/debuggable.js`), thousands for one region, and looking up the maps of all their frames was a fifth of the
 * program's processor time (docs/benchmarks.md). Only PULUMI_DEBUG_PROMISE_LEAKS prints those.
 *
 * @param promises Whether the stacks of promises are wanted.
 */
export function stackWriter(
  promises: boolean,
): (error: Error, frames: readonly NodeJS.CallSite[]) => string {
  return (error, frames) =>
    !promises && frames[0]?.getFunctionName() === "debuggablePromise"
      ? error.name
      : [headOf(error), ...frames.map((frame) => `    at ${withSource(frame)}`)].join("\n");
}

/** What V8 writes before the frames; an error whose message cannot be read still gets its frames. */
function headOf(error: Error): string {
  try {
    return String(error);
  } catch {
    return "Error";
  }
}

/** The frame as V8 writes it, in the program's own files with the place in the TypeScript. */
function withSource(frame: NodeJS.CallSite): string {
  // eslint-disable-next-line @typescript-eslint/no-base-to-string -- its type does not tell that V8's has its own
  const text = frame.toString();
  const [file, line, column] = [
    frame.getScriptNameOrSourceURL(),
    frame.getLineNumber(),
    frame.getColumnNumber(),
  ];
  if (!file || line === null || column === null || file.includes("/node_modules/")) {
    return text;
  }
  const source = findSourceMap(file)?.findEntry(line - 1, column - 1);
  if (source === undefined || !("originalSource" in source)) {
    return text;
  }
  const { originalSource, originalLine, originalColumn } = source;
  const path = originalSource.startsWith("file:") ? fileURLToPath(originalSource) : originalSource;
  return text.replace(
    `${file}:${line}:${column}`,
    `${path}:${originalLine + 1}:${originalColumn + 1}`,
  );
}

// eslint-disable-next-line no-restricted-properties -- the SDK's own switch, nothing of this program's configuration
Error.prepareStackTrace = stackWriter(process.env["PULUMI_DEBUG_PROMISE_LEAKS"] !== undefined);
