import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The stack files of a directory, by file name; `Pulumi.yaml` is the project's and not among them. */
export function readFleetFiles(directory: string): Map<string, string> {
  const names = readdirSync(directory).filter((name) => /^Pulumi\..+\.ya?ml$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}
