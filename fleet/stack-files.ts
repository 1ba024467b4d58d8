import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isNode, parseDocument, visit, type Document } from "yaml";
import { ConfigError } from "../infra/config-faults.ts";
import { resolveFleet, type FleetConfig, type StackConfig } from "../infra/config.ts";
import { readFleetFiles } from "../infra/fleet-files.ts";
import { EXIT, FleetError, sentenceOf } from "./exit.ts";

/** The fleet as its stack files describe it. */
export interface FleetFiles {
  /** Folder of Pulumi.yaml. */
  readonly folder: string;
  /** Name of the Pulumi project, a part of physical names. */
  readonly project: string;
  /** The files' text, by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** By stack name. */
  readonly regions: ReadonlyMap<string, StackConfig>;
  readonly fleet: FleetConfig;
}

/** Name of a region's stack file. */
export function stackFileName(region: string): string {
  return `Pulumi.${region}.yaml`;
}

/** Reads and checks the stack files of a folder, or what they are to be. @throws FleetError with all faults */
export function readFleet(folder: string, files = readStackFiles(folder)): FleetFiles {
  return { folder, project: projectName(folder), ...checkedFleet(files) };
}

/** The text of the stack files of a folder, by file name. @throws FleetError if there is no such folder */
export function readStackFiles(folder: string): ReadonlyMap<string, string> {
  try {
    return readFleetFiles(folder);
  } catch (error) {
    throw new FleetError(
      `Folder "${folder}": it cannot be read (${sentenceOf(error)}). Give the folder of Pulumi.yaml with --project.`,
      EXIT.wrongUse,
    );
  }
}

/** Checks files as the program itself does. @throws FleetError with all faults */
export function checkedFleet(
  files: ReadonlyMap<string, string>,
): Pick<FleetFiles, "files" | "regions" | "fleet"> {
  try {
    const regions = resolveFleet(files);
    const [first] = regions.values();
    if (first === undefined) {
      throw new FleetError("Fleet: no stack file was found. Run fleet init.", EXIT.wrongUse);
    }
    return { files, regions, fleet: first.fleet };
  } catch (error) {
    throw error instanceof ConfigError ? new FleetError(error.message, EXIT.wrongUse) : error;
  }
}

/** The region's configuration. @throws FleetError naming the regions there are */
export function regionOf({ regions }: Pick<FleetFiles, "regions">, name: string): StackConfig {
  const region = regions.get(name);
  if (region === undefined) {
    const known = [...regions.keys()].sort().join(", ");
    throw new FleetError(
      `Region "${name}": it has no ${stackFileName(name)}. Use one of ${known}.`,
      EXIT.wrongUse,
    );
  }
  return region;
}

/** The names of the regions that an operator named, all if none, the primary first, then the standby. */
export function chosenRegions(fleet: FleetFiles, names: readonly string[]): readonly StackConfig[] {
  const order = ["primary", "standby", "active", "fenced", "media"];
  const chosen =
    names.length === 0 ? [...fleet.regions.values()] : names.map((name) => regionOf(fleet, name));
  return [...new Set(chosen)].sort(
    (one, other) =>
      order.indexOf(one.role) - order.indexOf(other.role) || (one.stack < other.stack ? -1 : 1),
  );
}

/**
 * A stack file with a setting changed and everything else, comments included, as it was; `undefined` takes it out.
 * @param path such as ["meet:protection"] or ["meet:secrets", "livekitKeys", "generation"]
 */
export function withSetting(text: string, path: readonly string[], value: unknown): string {
  const document = parseDocument(text);
  const place = ["config", ...path];
  if (value === undefined) {
    document.deleteIn(place);
  } else {
    makeMaps(document, place.slice(0, -1));
    const node: unknown = document.createNode(value);
    quoteTimes(node);
    document.setIn(place, node);
  }
  return document.toString({ lineWidth: 0 });
}

/** A top-level key that Pulumi wrote into a stack file, such as `secretsprovider`. */
export function engineKey(text: string, key: string): string | undefined {
  const value: unknown = parseDocument(text).get(key);
  return typeof value === "string" ? value : undefined;
}

/** Without quotes a time is one to the engine, which reads YAML 1.1: it writes it back in Go's form. */
function quoteTimes(node: unknown): void {
  if (!isNode(node)) {
    return;
  }
  visit(node, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "string" && /^\d{4}-\d/.test(scalar.value)) {
        scalar.type = "QUOTE_DOUBLE";
      }
    },
  });
}

/** `setIn` fails below a key that is missing or empty. */
function makeMaps(document: Document, path: readonly string[]): void {
  for (let depth = 1; depth <= path.length; depth++) {
    const part = path.slice(0, depth);
    if (!isMap(document.getIn(part))) {
      document.setIn(part, document.createNode({}));
    }
  }
}

function projectName(folder: string): string {
  let text: string;
  try {
    text = readFileSync(join(folder, "Pulumi.yaml"), "utf8");
  } catch {
    throw new FleetError(
      `Folder "${folder}": it has no Pulumi.yaml. Give the folder of the program with --project.`,
      EXIT.wrongUse,
    );
  }
  const name: unknown = parseDocument(text).get("name");
  if (typeof name !== "string") {
    throw new FleetError(
      `File "Pulumi.yaml": it names no project. Write name: meet into it.`,
      EXIT.wrongUse,
    );
  }
  return name;
}
