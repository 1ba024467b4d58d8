import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { ConfigError } from "../infra/config-faults.ts";
import { readFleetFiles } from "../infra/fleet-files.ts";
import { BaselineError, SNAPSHOT_FORMAT, snapshotOf, type Snapshot } from "./baseline.ts";
import { maskSecrets } from "./compare.ts";
import { differencesOf } from "./difference.ts";
import { recordFleet, RecordingError } from "./fleet-recording.ts";
import type { Progress, StackRecording } from "./fleet-recording.ts";
import { planFleet } from "./plan.ts";
import { loadPrices, PriceFileError } from "./prices.ts";
import { differenceMarkdown, planMarkdown } from "./report-markdown.ts";
import { textReport } from "./report-text.ts";

/** The options of `npm run plan`, as commander gives them. */
interface Options {
  readonly stack?: string;
  readonly base?: string;
  readonly prices?: string;
  readonly json?: true;
  readonly markdown?: true;
  readonly snapshot?: true;
}

/** A wrong argument: one sentence for the user. */
class ArgumentError extends Error {}

const ROOT = join(import.meta.dirname, "..");

const program = new Command("npm run plan --")
  .description(
    "Shows what pulumi up would create in every region, what it costs and what it withstands.\n" +
      "Runs the program of every stack without engine, account or credential.",
  )
  .option("--stack <name>", "only this stack, for example eu")
  .option("--base <revision>", "what this checkout changes against another git revision")
  .option("--markdown", "as Markdown, fit for a comment on a pull request (default with --base)")
  .option("--json", "as JSON, an object keyed by stack")
  .option("--prices <file>", "prices that win over plan/prices.json, a file of the same form")
  .helpOption("-h, --help", "what the options mean")
  .addHelpText(
    "after",
    "\nExamples:\n  npm run plan\n  npm run plan -- --stack eu --json\n  npm run plan -- --base main",
  )
  .exitOverride()
  .configureOutput({
    outputError: (text, write) => {
      write(text.replace(/^error: /, "plan: "));
    },
  });
program.addOption(program.createOption("--snapshot", "recorded resources, for --base").hideHelp());

async function main(): Promise<void> {
  program.parse();
  // The SDK notes a stack for every promise; mapping those to TypeScript costs a fifth of the run.
  process.setSourceMapsEnabled(false);
  const options = program.opts<Options>();
  if (options.json === true && options.markdown === true) {
    throw new ArgumentError("--json and --markdown exclude each other. Choose one.");
  }
  const prices = loadPrices(options.prices);
  const files = readFleetFiles(ROOT);
  if (options.base !== undefined) {
    // First, because a revision may be wrong, and this checkout takes as long to record as that one.
    const before = await recordBase(options.base);
    const recordings = await record(files, options);
    printDifference(before, options.base, recordings, options, prices);
    return;
  }
  const recordings = await record(files, options);
  if (options.snapshot === true) {
    print(JSON.stringify(snapshot(recordings)));
    return;
  }
  const plans = planFleet(recordings.fleet, { files, prices });
  const wanted = [...plans].filter(([stack]) => recordings.wants(stack));
  if (options.json === true) {
    print(JSON.stringify(Object.fromEntries(wanted), undefined, 2));
  } else if (options.markdown === true) {
    print(planMarkdown(wanted.map(([, plan]) => plan)));
  } else {
    const [first] = recordings.fleet.values();
    print(
      textReport(
        wanted.map(([, plan]) => plan),
        first?.config.fleet.domain ?? "",
      ),
    );
  }
}

/** All recordings, because quotas and availability are the fleet's, and which of them to show. */
interface Chosen {
  readonly fleet: ReadonlyMap<string, StackRecording>;
  readonly wants: (stack: string) => boolean;
}

async function record(files: ReadonlyMap<string, string>, options: Options): Promise<Chosen> {
  const { stack } = options;
  // With --base a stack may be one that only the other revision has; that is checked there.
  if (stack !== undefined && options.base === undefined && !files.has(`Pulumi.${stack}.yaml`)) {
    const names = [...files.keys()].map((file) => file.replace(/^Pulumi\.|\.ya?ml$/g, ""));
    throw new ArgumentError(
      `--stack ${stack}: there is no Pulumi.${stack}.yaml. Choose one of ${names.join(", ")}.`,
    );
  }
  const fleet = await recordFleet(files, progress(options));
  return { fleet, wants: (name) => stack === undefined || name === stack };
}

async function recordBase(revision: string): Promise<Snapshot> {
  note(`plan: recording revision ${revision}`);
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort();
  };
  // Not once: a second Ctrl-C must not leave the work tree behind either.
  process.on("SIGINT", abort).on("SIGTERM", abort);
  try {
    return await snapshotOf(revision, ROOT, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) {
      throw new ArgumentError(
        `--base ${revision}: interrupted. Nothing was changed, and the work tree of ${revision} is removed.`,
      );
    }
    throw error;
  } finally {
    process.off("SIGINT", abort).off("SIGTERM", abort);
  }
}

function printDifference(
  before: Snapshot,
  revision: string,
  recordings: Chosen,
  options: Options,
  prices: ReturnType<typeof loadPrices>,
): void {
  const all = differencesOf(before.stacks, snapshot(recordings).stacks, prices);
  const wanted = [...all].filter(([stack]) => recordings.wants(stack));
  if (options.stack !== undefined && wanted.length === 0) {
    throw new ArgumentError(
      `--stack ${options.stack}: neither this checkout nor ${revision} has it. Choose one of ${[...all.keys()].join(", ")}.`,
    );
  }
  const differences = wanted.map(([, difference]) => difference);
  print(
    options.json === true
      ? JSON.stringify(Object.fromEntries(wanted), undefined, 2)
      : differenceMarkdown(differences, revision),
  );
}

function snapshot({ fleet }: Chosen) {
  return {
    format: SNAPSHOT_FORMAT,
    stacks: Object.fromEntries(
      [...fleet].map(([stack, { config, resources }]) => [
        stack,
        {
          awsRegion: config.awsRegion,
          resources: resources.map((resource) => ({
            ...resource,
            inputs: Object.fromEntries(
              Object.entries(resource.inputs).map(([key, value]) => [key, maskSecrets(value)]),
            ),
          })),
        },
      ]),
    ),
  } as const;
}

function progress(options: Options): Progress {
  return (stack, index, count) => {
    if (options.snapshot !== true) {
      note(`plan: ${stack} (${index} of ${count})`);
    }
  };
}

/** Progress, for a person at a terminal only. */
function note(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`${text}\n`);
  }
}

function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

try {
  await main();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else {
    const expected =
      error instanceof ConfigError ||
      error instanceof RecordingError ||
      error instanceof BaselineError ||
      error instanceof PriceFileError ||
      error instanceof ArgumentError;
    const text = error instanceof Error ? (expected ? error.message : error.stack) : String(error);
    process.stderr.write(`${text ?? "plan: unknown fault"}\n`);
    process.exitCode = 1;
  }
}
