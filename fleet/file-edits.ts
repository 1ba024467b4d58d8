import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRange, overlap } from "../infra/cidr.ts";
import { EXIT, FleetError } from "./exit.ts";
import { checkedFleet, readStackFiles, stackFileName, withSetting } from "./stack-files.ts";

/** A region as it is added: what its file says. */
export interface NewRegion {
  readonly name: string;
  readonly awsRegion: string;
  readonly cidr: string;
  readonly role: "media" | "standby" | "active";
  readonly size?: string | undefined;
  readonly residency?: string | undefined;
}

/** The file of a new region: no setting that is a default. */
export function regionFile(region: NewRegion): string {
  const lines = [
    "config:",
    `  aws:region: ${region.awsRegion}`,
    ...(region.role === "media" ? [] : [`  meet:role: ${region.role}`]),
    ...(region.residency === undefined ? [] : [`  meet:residency: ${region.residency}`]),
    ...(region.size === undefined ? [] : [`  meet:size: ${region.size}`]),
    "  meet:network:",
    `    cidr: ${region.cidr}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** A private /16 that overlaps none of these ranges. @throws FleetError when none is left */
export function freeRange(taken: readonly string[]): string {
  const ranges = taken.flatMap((cidr) => parseRange(cidr) ?? []);
  for (let second = 40; second < 256; second += 4) {
    const candidate = `10.${second}.0.0/16`;
    const range = parseRange(candidate);
    if (range !== undefined && !ranges.some((it) => overlap(it, range))) {
      return candidate;
    }
  }
  throw new FleetError(
    `Range: none of 10.40.0.0/16 to 10.252.0.0/16 is free. Give one with --cidr.`,
    EXIT.wrongUse,
  );
}

/** Writes a stack file in one step, after the whole fleet with it was checked. @throws FleetError with all faults */
export function writeChecked(folder: string, region: string, text: string): void {
  writeAllChecked(folder, new Map([[region, text]]));
}

/** Writes files of regions, one after another, after the whole fleet with all was checked. @throws FleetError */
export function writeAllChecked(folder: string, texts: ReadonlyMap<string, string>): void {
  const all = new Map(readStackFiles(folder));
  for (const [region, text] of texts) {
    all.set(stackFileName(region), text);
  }
  checkedFleet(all);
  for (const [region, text] of texts) {
    const name = stackFileName(region);
    const next = join(folder, `.${name}.new`);
    writeFileSync(next, text);
    renameSync(next, join(folder, name));
  }
}

/** Changes one setting of a region's file; `undefined` takes it out. @throws FleetError with all faults */
export function changeSetting(
  folder: string,
  region: string,
  path: readonly string[],
  value: unknown,
): void {
  const text = readStackFiles(folder).get(stackFileName(region)) ?? "";
  writeChecked(folder, region, withSetting(text, path, value));
}

/** Deletes a region's file. */
export function deleteFile(folder: string, region: string): void {
  rmSync(join(folder, stackFileName(region)), { force: true });
}

/** Whether a region has a file. */
export function hasFile(folder: string, region: string): boolean {
  return existsSync(join(folder, stackFileName(region)));
}
