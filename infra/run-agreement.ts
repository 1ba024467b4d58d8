import { ENCRYPTED, show } from "./config-fields.ts";
import { faultLine } from "./config-faults.ts";
import { SECRET_KEYS } from "./fleet-rules.ts";
import { readStackFile } from "./stack-file.ts";

/** A value with every scalar as text and keys sorted, so that the engine's and the file's spelling compare. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(canonical);
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]);
  }
  return String(value);
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : text;
  } catch {
    return text;
  }
}

/**
 * Where the configuration the engine runs with is not what the stack's file says (`--config-file`, the project's own
 * defaults, a file changed meanwhile). The other stacks read the file, so a difference would make the fleet disagree
 * with itself. Keys the engine does not know are let pass only when it knows none at all, as under test mocks.
 */
export function runFaults(
  stack: string,
  source: string,
  running: Readonly<Record<string, string>>,
): string[] {
  const file = `Pulumi.${stack}.yaml`;
  const written = readStackFile(file, source, [])?.config ?? new Map<string, unknown>();
  const isOurs = (key: string) =>
    (key === "aws:region" || key.startsWith("meet:")) && !SECRET_KEYS.includes(key);
  const runs = Object.keys(running).filter(isOurs);
  const keys = new Set([...runs, ...(runs.length === 0 ? [] : [...written.keys()].filter(isOurs))]);
  return [...keys].sort().flatMap((key) => {
    const inFile = written.get(key);
    const inRun = running[key];
    const agrees =
      inFile === ENCRYPTED ||
      (inRun !== undefined &&
        written.has(key) &&
        JSON.stringify(canonical(parsed(inRun))) === JSON.stringify(canonical(inFile)));
    return agrees
      ? []
      : [
          faultLine({
            file,
            key,
            sentence: `${inFile === undefined ? "not set" : show(inFile)}, but Pulumi runs with ${inRun === undefined ? "nothing" : show(inRun)}. Set it in the file: the other stacks read that.`,
          }),
        ];
  });
}
