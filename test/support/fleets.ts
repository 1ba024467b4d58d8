import { readFleetFiles } from "../../infra/fleet-files.ts";
import { resolveFleet, type StackConfig } from "../../infra/config.ts";
import { recordStack } from "../../plan/record-stack.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** The stack files of this repository, by file name. */
export function repositoryFiles(): Map<string, string> {
  return new Map(readFleetFiles(ROOT));
}

/** The files of this repository with a third region, as somebody would add it. */
export function filesWithThirdRegion(): Map<string, string> {
  return repositoryFiles().set("Pulumi.ap.yaml", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));
}

/** The smallest stack file there is: what a new media region needs. */
export function mediaRegionFile(awsRegion: string, cidr: string): string {
  return `config:\n  aws:region: ${awsRegion}\n  meet:network:\n    cidr: ${cidr}\n`;
}

/** The resolved configuration of one stack. @throws Error when the fleet has no such stack */
export function stackOf(files: ReadonlyMap<string, string>, stack: string): StackConfig {
  const config = resolveFleet(files).get(stack);
  if (config === undefined) {
    throw new Error(`the fleet has no stack "${stack}"`);
  }
  return config;
}

/** Every stack of a fleet, recorded under mocks one after another. */
export async function recordFleet(
  files: ReadonlyMap<string, string>,
): Promise<Map<string, readonly Recorded[]>> {
  const recordings = new Map<string, readonly Recorded[]>();
  for (const [stack, config] of resolveFleet(files)) {
    recordings.set(stack, await recordStack(config));
  }
  return recordings;
}

/** Of which makes the shared secrets are before the first rotation. */
export const FIRST_MAKES = {
  ...{ livekitKeys: [1], peer: [1], operator: [1] },
  ...{ django: [1], database: [1] },
};

/** The repository's eu and us on stores of the user's, with Meet in both (ADR 0017). */
export function activeFiles(): Map<string, string> {
  const authority = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";
  const files = repositoryFiles();
  const eu = (files.get("Pulumi.eu.yaml") ?? "").replace(
    "  meet:domain:",
    `  meet:stores: { kind: external, databaseAuthority: "${authority}" }\n  meet:domain:`,
  );
  const us = (files.get("Pulumi.us.yaml") ?? "").replace("role: standby", "role: active");
  return files.set("Pulumi.eu.yaml", eu).set("Pulumi.us.yaml", us);
}
