import { readFile, writeFile } from "node:fs/promises";
import { Command } from "commander";
import { parseExport, pendingCreates, resolvePendingCreates } from "./pending-creates.ts";

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const command = new Command("script/resolve-pending")
  .description(
    "Decides the creates that were under way when an update was killed; docs/runbooks/interrupted-update.md says when. " +
      "Without --exists and --missing it lists them.",
  )
  .argument("<state>", "what pulumi stack export --file wrote; the decided state is written there")
  .option("--exists <urn=id>", "it exists in the cloud, with this id", collect, [])
  .option("--missing <urn>", "it does not exist", collect, [])
  .parse();
const [file = ""] = command.args;
const { exists, missing } = command.opts<{ exists: string[]; missing: string[] }>();

/** A URN holds no equals sign, an id may. */
function split(pair: string): [urn: string, id: string] {
  const at = pair.indexOf("=");
  if (at < 1 || at === pair.length - 1) {
    throw new Error(`Option "--exists ${pair}": it is not URN=ID. Put the id after the URN.`);
  }
  return [pair.slice(0, at), pair.slice(at + 1)];
}

try {
  const state = parseExport(file, await readFile(file, "utf8"));
  if (exists.length + missing.length === 0) {
    process.stdout.write(
      pendingCreates(state)
        .map((urn) => `${urn}\n`)
        .join(""),
    );
  } else {
    const findings = { exists: new Map(exists.map(split)), missing };
    const resolved = resolvePendingCreates(state, findings);
    await writeFile(file, `${JSON.stringify(resolved, null, 2)}\n`, { mode: 0o600 });
    process.stdout.write(`${exists.length} adopted, ${missing.length} forgotten: import ${file}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
