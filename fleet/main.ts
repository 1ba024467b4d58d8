import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXIT } from "./exit.ts";
import { runFleet } from "./program.ts";
import { realWorld } from "./world.ts";

/** The nearest folder from here upward that has a Pulumi.yaml; this checkout if none has. */
function projectFolder(): string {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "Pulumi.yaml"))) {
      return folder;
    }
    if (folder === dirname(folder)) {
      return dirname(import.meta.dirname);
    }
  }
}

/**
 * The first signal lets what is under way end; the second ends this program at once. A terminal sends Ctrl-C to the
 * engine as well, and the engine drops everything at a second one: so it is passed on only where there is none.
 */
function onSignals(engine: AbortController, operator: AbortController): void {
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (operator.signal.aborted) {
        process.exit(EXIT.notFinished);
      }
      say("Interrupted: what is under way is ended properly. Once more ends it at once.");
      operator.abort();
      if (signal === "SIGTERM" || !process.stdin.isTTY) {
        engine.abort();
      }
    });
  }
}

const engine = new AbortController();
const operator = new AbortController();
onSignals(engine, operator);
const status = await runFleet(
  process.argv.slice(2),
  (options) => realWorld(options, { engine: engine.signal, operator: operator.signal }),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  projectFolder(),
);
// The engine's event server may keep the process; what was written is flushed by exitCode on pipes, by exit on files.
process.exitCode = status;
setTimeout(() => process.exit(status), 2000).unref();
