import * as z from "zod";
import { roomPath } from "../../services/rooms/admin/admin-request.ts";
import { canaryRoom, liveKitKey, startCanaries, type StartCanaries } from "../canaries.ts";
import type { Registry } from "../command.ts";
import { giveOrder, untilEmpty } from "../draining.ts";
import { drillStep, mustBeWell, TARGET_MS, type DrilledStep } from "../drilling.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { anySchema, moveSchema } from "../gateway-answers.ts";
import type { Gateways } from "../gateways.ts";
import { readFleet, regionOf } from "../stack-files.ts";
import type { World } from "../world.ts";

/** What may be rehearsed where people meet; everything else is script/rehearse's. */
const SCENARIOS = {
  "room-move": "canaries' own room is moved to another region and back",
  evacuation: "a region is evacuated with all its meetings, and takes rooms again",
} as const;

type ScenarioName = keyof typeof SCENARIOS;

/** Options of `fleet drill`. */
export interface DrillOptions {
  /** The region that canaries meet in, and that is evacuated. @default the primary */
  readonly region?: string | undefined;
  /** The other region by which one of them joins. @default the first that is left */
  readonly to?: string | undefined;
  readonly dryRun: boolean;
}

const DEADLINE_SECONDS = 600;

const optionsSchema = z.object({
  region: z.string().optional(),
  to: z.string().optional(),
  dryRun: z.boolean().default(false),
});

/** Registers `fleet drill`. */
export function addDrill(registry: Registry): void {
  registry.add({
    usage: "drill <scenario>",
    description:
      "Rehearses on the fleet itself what does no harm, with two canaries in a room of their own:\n" +
      Object.entries(SCENARIOS)
        .map(([name, what]) => `  ${name.padEnd(11)} ${what}\n`)
        .join("") +
      "Nothing is done unless every region is well. It stops at the first guarantee that is broken.\n" +
      "Losses are rehearsed by script/rehearse, without an account.",
    examples: [
      "fleet drill room-move",
      "fleet drill evacuation --region us --yes",
      "fleet drill evacuation --dry-run",
    ],
    changes: true,
    asks: true,
    options: (command) =>
      command
        .option("--region <region>", "where the canaries meet; the primary unless given")
        .option("--to <region>", "the other region that takes part"),
    run: (world, [scenario = ""], options) => drill(world, scenario, optionsSchema.parse(options)),
  });
}

/** Goes through one scenario. A region that it has emptied takes rooms again, however the drill ends. */
export async function drill(
  world: World,
  scenario: string,
  options: DrillOptions,
  start: StartCanaries = startCanaries,
): Promise<ExitStatus> {
  const name = scenarioOf(scenario);
  const fleet = readFleet(world.project);
  const { from, to } = chosen([...fleet.regions.keys()], fleet.fleet.primary.stack, options);
  regionOf(fleet, from);
  regionOf(fleet, to);
  const gateways = await world.gateways(fleet);
  const before = await mustBeWell(gateways, gateways.regions());
  const { rooms = 0, participants } = before.get(from) ?? {};
  const crowd = `${rooms} rooms${participants === undefined ? "" : ` with ${participants} people`}`;
  if (options.dryRun) {
    const what =
      name === "evacuation"
        ? `${from} would be evacuated with its ${crowd}, and take rooms again`
        : `a room of two canaries would be moved from ${from} to ${to} and back`;
    world.output.result({ scenario: name, region: from, to, rooms }, `Drill ${name}: ${what}.`);
    return EXIT.done;
  }
  if (name === "evacuation") {
    await world.confirm.ask(
      `Region "${from}": ${crowd} are moved now, for a drill. Everybody is away for a second or so, and recordings end.`,
    );
  }
  const key = await liveKitKey(fleet, world.stacks);
  const entries = [from, to].map((region) => ({ region, url: gateways.addressOf(region) }));
  const room = canaryRoom();
  const canaries = await start(key, room, entries);
  const setting = { world, gateways, canaries };
  const steps: DrilledStep[] = [];
  const move = async (source: string, target: string): Promise<void> => {
    const act = async (): Promise<void> => {
      const path = roomPath(room, "move");
      const body = { region: target };
      await gateways.ask(source, { method: "POST", path, body }, moveSchema);
    };
    steps.push(
      await drillStep(setting, { step: `move from ${source} to ${target}`, to: target, act }),
    );
  };
  try {
    await drillStep(setting, {
      step: `canaries meet in ${from}`,
      to: from,
      act: () => Promise.resolve(),
    });
    if (name === "room-move") {
      await move(from, to);
      stopIfInterrupted(world);
      await move(to, from);
    } else {
      steps.push(await evacuate(setting, from));
    }
  } finally {
    await canaries.leave();
  }
  const worstOutMs = Math.max(...steps.map((step) => step.worstOutMs));
  world.output.result(
    { scenario: name, region: from, to, room, steps, targetMs: TARGET_MS, worstOutMs },
    `Drill ${name}: every guarantee was kept; canaries were out for ${(worstOutMs / 1000).toFixed(1)} s at worst.`,
  );
  return EXIT.done;
}

async function evacuate(
  setting: Parameters<typeof drillStep>[0] & { readonly world: World },
  region: string,
): Promise<DrilledStep> {
  const { world, gateways } = setting;
  let step: DrilledStep;
  try {
    step = await drillStep(setting, {
      step: `evacuation of ${region}`,
      act: async () => {
        await giveOrder(world, gateways, region, { kind: "evacuation", seconds: DEADLINE_SECONDS });
        await untilEmpty(world, gateways, region);
      },
    });
  } catch (error) {
    await takeRoomsAgain(setting, region, [sentenceOf(error)]);
    throw error;
  }
  await takeRoomsAgain(setting, region);
  return step;
}

/** Ends the drain. @throws FleetError if it cannot, with what was wrong before */
async function takeRoomsAgain(
  { world, gateways }: { readonly world: World; readonly gateways: Gateways },
  region: string,
  before: readonly string[] = [],
): Promise<void> {
  try {
    await gateways.ask(region, { method: "POST", path: "undrain" }, anySchema);
  } catch (error) {
    throw new FleetError(
      [
        ...before,
        `Region "${region}": it still takes no rooms. ${sentenceOf(error)} Then run fleet undrain ${region}.`,
      ].join(" "),
    );
  }
  world.output.say(`${region}: takes rooms again`);
}

function scenarioOf(text: string): ScenarioName {
  for (const name of ["room-move", "evacuation"] as const) {
    if (name === text) {
      return name;
    }
  }
  throw new FleetError(
    `Scenario "${text}": it is none of ${Object.keys(SCENARIOS).join(", ")}. Losses are rehearsed by script/rehearse.`,
    EXIT.wrongUse,
  );
}

/** The two regions that take part. @throws FleetError where there are no two */
function chosen(
  regions: readonly string[],
  primary: string,
  { region: from = primary, to }: DrillOptions,
): { readonly from: string; readonly to: string } {
  const other = to ?? regions.find((region) => region !== from);
  if (other === undefined || other === from) {
    throw new FleetError(
      `Region "${from}": a drill needs another one beside it. Name two of ${regions.join(", ")}.`,
      EXIT.wrongUse,
    );
  }
  return { from, to: other };
}

function stopIfInterrupted({ interrupted }: World): void {
  if (interrupted.aborted) {
    throw new FleetError(
      "Drill: interrupted; its canaries have left, nothing else was changed.",
      EXIT.notFinished,
    );
  }
}
