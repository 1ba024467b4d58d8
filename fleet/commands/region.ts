import { parseDocument } from "yaml";
import * as z from "zod";
import { DATABASE_URL_KEY } from "../../infra/external-stores.ts";
import type { Registry } from "../command.ts";
import { createMissing, deployStacks, outcomesExit, outcomesText } from "../deploy-stacks.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { freeRange, hasFile, regionFile, writeChecked, type NewRegion } from "../file-edits.ts";
import { anySchema } from "../gateway-answers.ts";
import { GatewayFault, type Gateways } from "../gateways.ts";
import { statusOf } from "../region-status.ts";
import {
  checkedFleet,
  chosenRegions,
  readFleet,
  regionOf,
  stackFileName,
  type FleetFiles,
} from "../stack-files.ts";
import { safeAtOnce } from "../waves.ts";
import type { World } from "../world.ts";
import { addRegionRemove } from "./remove-region.ts";

const addSchema = z.object({
  awsRegion: z.string().optional(),
  cidr: z.string().optional(),
  role: z.enum(["media", "standby", "active"]).default("media"),
  size: z.string().optional(),
  residency: z.string().optional(),
  wait: z.boolean().default(true),
  dryRun: z.boolean().default(false),
});

/** Options of `fleet region add`. */
export type AddOptions = z.output<typeof addSchema>;

/** Registers `fleet region add` and `fleet region remove`. */
export function addRegionCommands(registry: Registry): void {
  const parent = registry.group("region", "Add a region to the fleet, or remove one");
  registry.add({
    parent,
    usage: "add <name>",
    description:
      "Writes the region's stack file, checks it with all others, creates the stack and deploys it.\n" +
      "Meetings that run are not disturbed. A file that is there already is used as it is.",
    examples: [
      "fleet region add ap --aws-region ap-southeast-1",
      "fleet region add ap --aws-region ap-southeast-1 --cidr 10.48.0.0/16 --dry-run",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      command
        .option("--aws-region <region>", "such as ap-southeast-1; needed unless the file is there")
        .option("--cidr <range>", "a private range of its own; a free /16 unless given")
        .option(
          "--role <role>",
          "media, standby, or active in a fleet with external stores",
          "media",
        )
        .option("--size <size>", "small, medium or large; medium unless given")
        .option("--residency <group>", "residency group; the jurisdiction's unless given")
        .option("--no-wait", "do not wait until its gateway is one of the fleet"),
    run: (world, [name = ""], options) => addRegion(world, name, addSchema.parse(options)),
  });
  addRegionRemove(registry, parent);
}

/** Adds a region. Called again, it goes on with what is not done. */
export async function addRegion(
  world: World,
  name: string,
  options: AddOptions,
): Promise<ExitStatus> {
  const isNew = !hasFile(world.project, name);
  if (isNew && readFleet(world.project).fleet.secrets.valkey.keepPrevious) {
    // Its Valkey would begin with the new password alone, and ElastiCache drops an old one only where there is one.
    throw new FleetError(
      `Region "${name}": the passwords of the Valkeys are being made anew. Finish that with fleet secrets rotate valkey first.`,
      EXIT.wrongUse,
    );
  }
  const text = isNew ? newFile(readFleet(world.project), name, options) : undefined;
  if (options.dryRun) {
    world.output.result(
      { region: name, file: text ?? null },
      text === undefined
        ? `${stackFileName(name)} is there. Would create its stack and deploy it.`
        : `Would write ${stackFileName(name)}:\n\n${text}\nthen create its stack and deploy it.`,
    );
    return EXIT.done;
  }
  if (text !== undefined) {
    if (options.role === "standby") {
      await world.confirm.ask(
        `Region "${name}": a standby gets a replica of the database and copies of all recordings, and every region is updated.`,
      );
    }
    writeChecked(world.project, name, text);
    world.output.say(`${stackFileName(name)}: written`);
  }
  const fleet = readFleet(world.project);
  const region = regionOf(fleet, name);
  if (
    text === undefined &&
    options.awsRegion !== undefined &&
    options.awsRegion !== region.awsRegion
  ) {
    throw new FleetError(
      `Region "${name}": its file says ${region.awsRegion}, not ${options.awsRegion}. Leave out --aws-region, or change the file.`,
      EXIT.wrongUse,
    );
  }
  await createMissing(world, fleet, [...fleet.regions.values()]);
  if (region.role === "active" && !hasSetting(fleet, name, DATABASE_URL_KEY)) {
    world.output.result(
      { region: name, deployed: false, member: null },
      `Region ${name} needs the address of its database. Run pulumi config set --stack ${name} --secret ${DATABASE_URL_KEY}, which asks for it, then fleet region add ${name} again: it goes on.`,
    );
    return EXIT.notFinished;
  }
  // A standby changes every region; another none, but for Cloudflare's pools, which the primary lists.
  const isShared = fleet.fleet.dns.provider === "cloudflare";
  const first = await deployStacks(
    world,
    region.role === "standby" ? chosenRegions(fleet, []) : [region],
    safeAtOnce(),
  );
  const second =
    isShared && region.role !== "standby" && first.every(({ outcome }) => outcome === "done")
      ? await deployStacks(world, chosenRegions(fleet, [fleet.fleet.primary.stack]), 1)
      : [];
  const outcomes = [...first, ...second];
  const wasInterrupted = world.interrupted.aborted;
  const deployed = outcomesText(outcomes, `fleet region add ${name}`, wasInterrupted);
  const exit = outcomesExit(outcomes, wasInterrupted);
  if (exit !== EXIT.done || !options.wait) {
    world.output.result({ region: name, deployed: exit === EXIT.done, member: null }, deployed);
    return exit;
  }
  const trouble = await untilMember(world, fleet, name);
  world.output.result(
    { region: name, deployed: true, member: trouble === undefined },
    [deployed, trouble ?? `Region ${name} is one of the fleet and takes rooms.`].join("\n"),
  );
  return trouble === undefined ? EXIT.done : EXIT.notFinished;
}

function hasSetting({ files }: FleetFiles, name: string, key: string): boolean {
  return parseDocument(files.get(stackFileName(name)) ?? "").hasIn(["config", key]);
}

/** The text of the file, checked with all others. @throws FleetError with all faults */
function newFile(fleet: FleetFiles, name: string, options: AddOptions): string {
  const { awsRegion } = options;
  if (awsRegion === undefined) {
    throw new FleetError(
      `Region "${name}": where it is, is not given. Add --aws-region, such as ap-southeast-1.`,
      EXIT.wrongUse,
    );
  }
  const taken = [...fleet.regions.values()].map(({ network }) => network.cidr);
  const region: NewRegion = { ...options, name, awsRegion, cidr: options.cidr ?? freeRange(taken) };
  const text = regionFile(region);
  checkedFleet(new Map(fleet.files).set(stackFileName(name), text));
  return text;
}

/** Milliseconds between two looks, and for how long a new gateway is waited for: pods start and announce themselves. */
const LOOK_MS = 5_000;
const PATIENCE_MS = 300_000;

/** Waits until another region's gateway reaches the new one. Undefined then, else what is missing. */
async function untilMember(
  world: World,
  fleet: FleetFiles,
  name: string,
): Promise<string | undefined> {
  const gateways = await world.gateways(fleet);
  const others = [...fleet.regions.keys()].filter((other) => other !== name);
  const until = world.clock.now() + PATIENCE_MS;
  let missing = "";
  while (world.clock.now() < until && !world.interrupted.aborted) {
    try {
      missing = await admit(gateways, others, name);
      if (missing === "") {
        return undefined;
      }
    } catch (error) {
      if (!(error instanceof GatewayFault)) {
        throw error;
      }
      missing = error.message;
    }
    await world.clock.sleep(LOOK_MS);
  }
  return `Not one of the fleet yet: ${missing} Run fleet region add ${name} again: it goes on.`;
}

/** What is missing, or nothing. A region that was removed once is let in again. */
async function admit(gateways: Gateways, others: readonly string[], name: string): Promise<string> {
  await statusOf(gateways, name);
  for (const other of others) {
    const status = await statusOf(gateways, other).catch((error: unknown) => {
      if (error instanceof GatewayFault && error.isSilent) {
        return undefined;
      }
      throw error;
    });
    if (status?.members[name]?.state === "removed") {
      await gateways.ask(other, { method: "POST", path: `members/${name}/admit` }, anySchema);
    }
    if (status?.peers.some((peer) => peer.region === name && peer.reachable) === true) {
      return "";
    }
  }
  return others.length === 0 ? "" : `Region "${name}": no other region's gateway reaches it.`;
}
