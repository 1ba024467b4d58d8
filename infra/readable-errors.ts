/**
 * Lets an error of the program be printed at once. With source maps the SDK's frames look like
 * `node_modules/@pulumi/config.ts:301`, the SDK prints every uncaught error with `util.inspect(error, { colors: true })`
 * (`cmd/run/error.ts`), and Node 20 loops on a scope without a package behind it until a string is too long
 * (`markNodeModules` in `lib/internal/util/inspect.js`): half a minute and gigabytes for one sentence.
 */
export function withoutScopedFrames(stack: string): string {
  return stack.replace(/node_modules\/(?=@[^/\s]+\/[^/\s]*:\d)/g, "");
}

function shorten(error: unknown): void {
  if (error instanceof Error && error.stack !== undefined) {
    error.stack = withoutScopedFrames(error.stack);
  }
}

process.prependListener("uncaughtException", shorten);
process.prependListener("unhandledRejection", shorten);
