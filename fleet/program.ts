import { Command, CommanderError } from "commander";
import { createRegistry, type Registry, type Start } from "./command.ts";
import { addDestroy } from "./commands/destroy.ts";
import { addDrain } from "./commands/drain.ts";
import { addDrill } from "./commands/drill.ts";
import { addInit } from "./commands/init.ts";
import { addKeys } from "./commands/keys.ts";
import { addPromote } from "./commands/promote.ts";
import { addPreview } from "./commands/preview.ts";
import { addRecordings } from "./commands/recordings.ts";
import { addRegionCommands } from "./commands/region.ts";
import { addRestore } from "./commands/restore.ts";
import { addReturn } from "./commands/return.ts";
import { addReport } from "./commands/report.ts";
import { addRoom } from "./commands/room.ts";
import { addSecrets } from "./commands/secrets.ts";
import { addStatus } from "./commands/status.ts";
import { addUp } from "./commands/up.ts";
import { EXIT, EXIT_HELP, FleetError, sentenceOf, type ExitStatus } from "./exit.ts";
import { ENDPOINTS_VARIABLE } from "./gateways.ts";
import type { Streams } from "./output.ts";
import { SECRET_FILE_VARIABLE } from "./world.ts";

/** All commands, in the order in which the help shows them. */
const COMMANDS: readonly ((registry: Registry) => void)[] = [
  addUp,
  addPreview,
  addPromote,
  addReturn,
  addRestore,
  addStatus,
  addDrain,
  addRoom,
  addRegionCommands,
  addRecordings,
  addKeys,
  addSecrets,
  addDrill,
  addReport,
  addDestroy,
  addInit,
];

const ENVIRONMENT_HELP = `Environment:
  ${ENDPOINTS_VARIABLE}         JSON of region to base URL of its gateway, in place of the regional names
  ${SECRET_FILE_VARIABLE}   file with the operators' secret, for when the primary's state is out of reach
  Pulumi's own variables (PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, …) and those of the AWS CLI are used as they are.`;

/** Runs one command line. */
export async function runFleet(
  args: readonly string[],
  start: Start,
  streams: Streams,
  defaultProject: string,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  const program = new Command("fleet")
    .description(
      "The operators' command line over all regions of the fleet that the files Pulumi.<region>.yaml describe.\n" +
        "Progress goes to standard error, results to standard output.",
    )
    .addHelpText("after", `\n${EXIT_HELP}\n\n${ENVIRONMENT_HELP}`)
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });
  const registry = createRegistry(program, start, defaultProject, (ended) => {
    status = ended;
  });
  for (const add of COMMANDS) {
    add(registry);
  }
  inherit(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help that was asked for ends with 0; what commander found wrong it has written already.
      return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
    }
    const exit = error instanceof FleetError ? error.exit : EXIT.failed;
    const sentence = sentenceOf(error);
    streams.err(`${sentence}\n`);
    if (args.includes("--json")) {
      streams.out(`${JSON.stringify({ error: sentence, exit }, null, 2)}\n`);
    }
    return exit;
  }
}

/** commander copies these settings to commands made after they were set, but not to those of groups' groups. */
function inherit(command: Command): void {
  for (const inner of command.commands) {
    inner.copyInheritedSettings(command);
    inherit(inner);
  }
}
