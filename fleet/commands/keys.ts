import type { Command } from "commander";
import * as z from "zod";
import type { Registry } from "../command.ts";
import { deployStacks } from "../deploy-stacks.ts";
import { parseDuration, showDuration } from "../durations.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { changeSetting } from "../file-edits.ts";
import { rollingSteps, takeRoomsAgain } from "../rolling.ts";
import {
  deployedSince,
  makeOf,
  nextMake,
  overlapSeconds,
  phaseOf,
  replacesLiveKit,
  settingOf,
  type DeployedSince,
  type Make,
  type Rotated,
} from "../rotation.ts";
import { chosenRegions, readFleet, stackFileName, type FleetFiles } from "../stack-files.ts";
import { runSteps } from "../steps.ts";
import { safeAtOnce } from "../waves.ts";
import type { World } from "../world.ts";

/** What `fleet keys rotate` takes. */
export const rotateOptionsSchema = z
  .object({
    secret: z.enum(["livekit", "peer", "operator", "valkey"]).default("livekit"),
    inPlace: z.boolean().default(false),
    evacuate: z.boolean().default(false),
    deadline: z.string().default("2h"),
    dropNow: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  })
  .transform(({ secret, deadline, ...options }) => ({
    ...options,
    secret: secret === "livekit" ? ("livekitKeys" as const) : secret,
    deadlineSeconds: parseDuration(deadline),
  }));

/** Options of `fleet keys rotate`. */
export type RotateOptions = z.output<typeof rotateOptionsSchema>;

/** Updates that are looked at for when a phase was deployed. */
const HISTORY = 50;

/** The options of whatever replaces LiveKit region by region. */
export function rollingOptions(command: Command): Command {
  return command
    .option("--evacuate", "move meetings away at once, instead of letting them end")
    .option("--deadline <time>", "for a region's meetings to end", "2h")
    .option("--in-place", "do not empty regions: meetings are cut at LiveKit's drain deadline")
    .option(
      "--drop-now",
      "do not wait before the old one is dropped: whoever has it is turned away",
    );
}

/** Registers `fleet keys rotate`. */
export function addKeys(registry: Registry): void {
  const parent = registry.group("keys", "Keys and secrets that all regions share");
  registry.add({
    parent,
    usage: "rotate",
    description:
      "Replaces LiveKit's keys, or the gateways' or the operators' secret, in steps that turn nobody away:\n" +
      "1. the new one is accepted everywhere; 2. the new one signs everywhere; then the old one's last token has to\n" +
      "end (six hours for LiveKit's keys, two minutes for the others); 3. the old one is dropped everywhere.\n" +
      "Goes as far as it can and ends with 3 where it has to wait: call it again then. For LiveKit's keys each region is\n" +
      "emptied before step 2 and takes rooms again after, because LiveKit reads its key only when it starts.",
    examples: [
      "fleet keys rotate",
      "fleet keys rotate --evacuate --yes",
      "fleet keys rotate --secret operator",
      "fleet keys rotate --dry-run",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      rollingOptions(command.option("--secret <which>", "livekit, peer or operator", "livekit")),
    run: (world, _, options) => rotate(world, rotateOptionsSchema.parse(options)),
  });
}

/** Who uses the old make until the overlap is over. */
const WHO_HAS_THE_OLD = {
  livekitKeys: "Tokens of the old one live",
  peer: "Tokens of the old one live",
  operator: "Tokens of the old one live",
  valkey: "Pods of LiveKit and Egress that drain may use the old one",
} as const satisfies Record<Rotated, string>;

/** What it means to drop it before. */
const WHO_IS_TURNED_AWAY = {
  livekitKeys: "whoever holds a token of the old one is turned away",
  peer: "whoever holds a token of the old one is turned away",
  operator: "whoever holds a token of the old one is turned away",
  valkey: "meetings and recordings in pods that still drain may break off",
} as const satisfies Record<Rotated, string>;

/** How often every region is deployed. */
const DEPLOYED = {
  livekitKeys: "three times, the second time while it is empty,",
  peer: "three times",
  operator: "three times",
  valkey: "twice, the first time while it is empty,",
} as const satisfies Record<Rotated, string>;

/** What is called again to go on. */
function commandOf(secret: Rotated): string {
  return secret === "livekitKeys" ? "fleet keys rotate" : `fleet secrets rotate ${secret}`;
}

/** Goes on with a rotation, or begins one. */
export async function rotate(world: World, options: RotateOptions): Promise<ExitStatus> {
  const { secret } = options;
  const begin = readFleet(world.project);
  const { fenced, primary } = begin.fleet;
  if (fenced !== undefined) {
    throw new FleetError(
      `Keys: ${fenced.stack} is fenced and cannot be deployed, and its gateways could not learn any more that ${primary.stack} was promoted. Run fleet return ${fenced.stack} first.`,
      EXIT.wrongUse,
    );
  }
  const atFirst = makeOf(begin.fleet.secrets, secret);
  const wasSettled = phaseOf(atFirst) === "settled";
  if (options.dryRun) {
    return sayPlan(world, begin, secret);
  }
  const hasDeployed = await deployPhase(world, options);
  if (wasSettled && hasDeployed && atFirst.generation > 1) {
    world.output.result(
      { secret, phase: "settled", waitUntil: null },
      "The rotation before this one is finished now. Call the command again to begin another.",
    );
    return EXIT.done;
  }
  if (wasSettled) {
    await askToBegin(world, begin, secret);
    writeNext(world, secret);
    await deployPhase(world, options);
  }
  if (phaseOf(makeNow(world, secret)) === "both accepted") {
    writeNext(world, secret);
    await deployPhase(world, options);
  }
  const since = await deployedIn(world, secret);
  const overlap = overlapSeconds(secret, begin.regions.values());
  const until = Math.max(...times(since)) + overlap * 1000;
  const left = until - world.clock.now();
  if (left > 0 && !options.dropNow) {
    const at = new Date(until).toISOString();
    world.output.result(
      { secret, phase: "new in use", waitUntil: at },
      `The new one is in use everywhere. ${WHO_HAS_THE_OLD[secret]} until ${at} (${showDuration(left / 1000)}).\nRun ${commandOf(secret)} again then: it drops the old one.`,
    );
    return EXIT.notFinished;
  }
  if (left > 0) {
    await world.confirm.ask(
      `Keys: ${WHO_IS_TURNED_AWAY[secret]}, for up to ${showDuration(left / 1000)}.`,
    );
  }
  writeNext(world, secret);
  await deployPhase(world, options);
  world.output.result(
    { secret, phase: "settled", waitUntil: null },
    `The old one is dropped everywhere. Commit ${stackFileName(begin.fleet.primary.stack)}.`,
  );
  return EXIT.done;
}

async function askToBegin(world: World, { fleet }: FleetFiles, secret: Rotated): Promise<void> {
  const { stack } = fleet.primary;
  const [last] = await world.stacks.updates(stack, 1);
  if (last === undefined) {
    throw new FleetError(
      `Stack "${stack}": it was never deployed, so there are no keys to replace. Run fleet up first.`,
      EXIT.wrongUse,
    );
  }
  await world.confirm.ask(
    `Keys: a new ${secret} is made, and every region is deployed ${DEPLOYED[secret]} in the course of it.`,
  );
}

function sayPlan(world: World, fleet: FleetFiles, secret: Rotated): ExitStatus {
  const phases: { readonly phase: string; readonly make: Make }[] = [];
  let make = makeOf(fleet.fleet.secrets, secret);
  const now = phaseOf(make);
  do {
    make = nextMake(secret, make);
    phases.push({ phase: phaseOf(make), make });
  } while (phaseOf(make) !== "settled");
  world.output.result(
    { secret, phase: now, next: phases },
    [
      `${secret} is ${now}. Would set in ${stackFileName(fleet.fleet.primary.stack)}, and deploy every region after each:`,
      ...phases.map(
        ({ make: { generation, keepPrevious, signWith }, phase }) =>
          `  ${phase}: generation ${generation}, keepPrevious ${keepPrevious}${secret === "valkey" ? "" : `, signWith ${signWith}`}`,
      ),
    ].join("\n"),
  );
  return EXIT.done;
}

/** Deploys the settings of the file wherever they are not deployed yet. False if they were everywhere. */
async function deployPhase(world: World, options: RotateOptions): Promise<boolean> {
  const { secret } = options;
  const fleet = readFleet(world.project);
  const make = makeOf(fleet.fleet.secrets, secret);
  const since = await deployedIn(world, secret);
  const regions = chosenRegions(fleet, []);
  const missing = regions.filter(({ stack }) => since.get(stack) === undefined);
  const mayBeEmptied = replacesLiveKit(secret, make) && regions.length > 1;
  const isRolling = mayBeEmptied && !options.inPlace;
  const leftEmpty =
    mayBeEmptied &&
    (await takeRoomsAgain(
      world,
      fleet,
      isRolling ? regions.filter((region) => !missing.includes(region)) : regions,
    ));
  if (missing.length === 0) {
    return leftEmpty;
  }
  world.output.say(
    `${secret}: ${phaseOf(make)}; to deploy in ${missing.map((it) => it.stack).join(", ")}`,
  );
  if (isRolling) {
    const kind = options.evacuate ? "evacuation" : "drain";
    const rolling = { kind, seconds: options.deadlineSeconds } as const;
    await runSteps(world, commandOf(secret), rollingSteps(world, fleet, missing, rolling));
    return true;
  }
  const outcomes = await deployStacks(world, missing, safeAtOnce());
  const notDone = outcomes.filter(({ outcome }) => outcome !== "done");
  if (notDone.length > 0) {
    const faults = notDone.flatMap((it) => (it.outcome === "failed" ? [it.error] : []));
    throw new FleetError(
      [
        ...faults.map(sentenceOf),
        `Not done in ${notDone.map(({ stack }) => stack).join(", ")}. Both makes are in use as before; run ${commandOf(secret)} again: it goes on.`,
      ].join("\n"),
      world.interrupted.aborted ? EXIT.notFinished : EXIT.failed,
    );
  }
  return true;
}

async function deployedIn(world: World, secret: Rotated): Promise<DeployedSince> {
  const { fleet, regions } = readFleet(world.project);
  const histories = new Map<string, Awaited<ReturnType<World["stacks"]["updates"]>>>();
  for (const stack of regions.keys()) {
    histories.set(stack, await world.stacks.updates(stack, HISTORY));
  }
  return deployedSince(secret, makeOf(fleet.secrets, secret), fleet.primary.stack, histories);
}

function makeNow(world: World, secret: Rotated): Make {
  return makeOf(readFleet(world.project).fleet.secrets, secret);
}

function writeNext(world: World, secret: Rotated): void {
  const { fleet } = readFleet(world.project);
  const next = nextMake(secret, makeOf(fleet.secrets, secret));
  const setting = settingOf(secret, next);
  changeSetting(world.project, fleet.primary.stack, ["meet:secrets", secret], setting);
  world.output.say(`${stackFileName(fleet.primary.stack)}: ${secret} ${phaseOf(next)}`);
}

function times(since: DeployedSince): readonly number[] {
  return [...since.values()].map((at) => at ?? Number.POSITIVE_INFINITY);
}
