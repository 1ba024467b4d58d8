import { Command, InvalidArgumentError } from "commander";
import * as z from "zod";
import type { ExitStatus } from "./exit.ts";
import { refuseStaleFiles } from "./stale-files.ts";
import type { CommonOptions, World } from "./world.ts";

/** Starts what a command works with, from the options that every command has. */
export type Start = (options: CommonOptions) => World;

/** What commands are registered with. */
export interface Registry {
  readonly program: Command;
  /**
   * A command with the options that all have. Its body gets the arguments and options as commander read them.
   * @param examples complete command lines, for the help
   */
  add(spec: {
    readonly parent?: Command;
    /** Name and arguments, such as `drain <region>`. */
    readonly usage: string;
    readonly description: string;
    readonly examples: readonly string[];
    /** Has `--dry-run`. @default false */
    readonly changes?: boolean;
    /** Has `--yes` and `--confirm`. @default false */
    readonly asks?: boolean;
    /** Deploys stacks, or says what that would change: refuses files from before a promotion. @default false */
    readonly deploys?: boolean;
    readonly options?: (command: Command) => Command;
    readonly run: (
      world: World,
      words: readonly string[],
      options: Readonly<Record<string, unknown>>,
    ) => Promise<ExitStatus>;
  }): Command;
  /** A command that only holds others, such as `room`. */
  group(name: string, description: string): Command;
}

const commonSchema = z.object({
  project: z.string(),
  json: z.boolean().default(false),
  yes: z.boolean().default(false),
  confirm: z.array(z.string()).default([]),
});

/** Makes a registry; `ended` is told how each command ended. */
export function createRegistry(
  program: Command,
  start: Start,
  defaultProject: string,
  ended: (status: ExitStatus) => void,
): Registry {
  return {
    program,
    group: (name, description) => program.command(name).description(description),
    add: (spec) => {
      const command = (spec.parent ?? program)
        .command(spec.usage)
        .description(spec.description)
        .option("--json", "write the result as JSON to standard output")
        .option(
          "-C, --project <folder>",
          "folder of Pulumi.yaml and the stack files",
          defaultProject,
        )
        .addHelpText(
          "after",
          `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join("\n")}`,
        );
      if (spec.changes === true) {
        command.option("--dry-run", "say what would be done, and do nothing");
      }
      if (spec.asks === true) {
        command.option("-y, --yes", "answer questions with yes");
        command.option(
          "--confirm <word...>",
          "answer the questions that want this word, such as the name of what is destroyed",
        );
      }
      spec.options?.(command);
      return command.action(async (...received: unknown[]) => {
        const options = command.opts();
        const words = received.slice(0, -2).flatMap(wordsOf);
        const world = start(commonSchema.parse(options));
        if (spec.deploys === true) {
          await refuseStaleFiles(world);
        }
        ended(await spec.run(world, words, options));
      });
    },
  };
}

function wordsOf(received: unknown): readonly string[] {
  return z
    .union([z.string().transform((word) => [word]), z.array(z.string())])
    .parse(received ?? []);
}

/** Reads a whole number from 1 on, for an option. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) {
    throw new InvalidArgumentError("It is no whole number from 1.");
  }
  return number;
}
