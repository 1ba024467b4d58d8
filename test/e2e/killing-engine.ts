import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { runCommand, type CommandEnd, type CommandFleet } from "./fleet-commands.ts";

/** Says in a command's environment where the kills are noted; without it nothing is killed. */
const NOTES = "MEET_KILLS";

/**
 * The first `pulumi` of the PATH. Once a call has ended that changed a state, a stack or a secret of a file, it kills
 * the command that it was for, and notes that. The same call is let through the next time; an update is the same
 * while its stack's file is.
 */
const ENGINE = `#!/bin/sh
PATH=\${PATH#*:} pulumi "$@"
status=$?
stack=$(expr "$*" : '.*--stack \\([^ ]*\\)')
case "$1 $2" in
  "stack import") call="stack import $stack" ;;
  "config set") call="config set $3 $stack" ;;
  "up "*) call="up $stack $(cksum < "Pulumi.$stack.yaml")" ;;
  *) exit $status ;;
esac
if [ "\${${NOTES}:+set}" = set ] && [ $status -eq 0 ] && ! grep -qxF "$call" "$${NOTES}"; then
  echo "$call" >> "$${NOTES}"
  kill -9 $PPID
fi
exit $status
`;

/** How a command went that was killed again and again. */
export interface KilledCommand {
  readonly end: CommandEnd;
  /** After which calls of the engine it was killed, in their order, such as `config set meet:mailPassword us`. */
  readonly kills: readonly string[];
}

/**
 * Calls a command until it ends by itself: it is killed once after each call of the engine that changes anything, also
 * where one step makes several.
 * @param folder of the kills' notes and of the engine that kills; for one command only
 */
export async function killedAfterEachChange(
  fleet: CommandFleet,
  folder: string,
  ...args: readonly string[]
): Promise<KilledCommand> {
  const [engine, notes] = [join(folder, "pulumi"), join(folder, "kills")];
  await writeFile(engine, ENGINE);
  await chmod(engine, 0o755);
  await writeFile(notes, "");
  const path = [folder, fleet.environment["PATH"] ?? ""].join(delimiter);
  const killing = { ...fleet, environment: { ...fleet.environment, PATH: path, [NOTES]: notes } };
  for (;;) {
    const end = await runCommand(killing, ...args);
    // SIGKILL gives no status. Every kill is noted once, so this ends.
    if (end.status !== null) {
      const calls = (await readFile(notes, "utf8")).split("\n").filter((call) => call !== "");
      return { end, kills: calls.map((call) => call.replace(/ \d+ \d+$/, "")) };
    }
  }
}
