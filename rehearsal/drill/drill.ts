import { availableParallelism, loadavg } from "node:os";
import { Gateways } from "../../fleet/gateways.ts";
import { locationOf } from "../names/answer.ts";
import type { Listed } from "../cloud/inventory.ts";
import { Resolver } from "../names/resolver.ts";
import type { RunningFleet } from "../processes/running-fleet.ts";
import { Crowd, PLACES, RESIDENTS, type Meeting } from "./crowd.ts";
import type {
  CostLine,
  DrillResult,
  Guarantee,
  Mark,
  ParticipantResult,
  Recovery,
  ScenarioResult,
} from "./result.ts";
import { HOST, REGIONS, type Scenario, type Stage } from "./scenario.ts";
import { recoveryOf } from "./statistics.ts";

/** What a drill is run with. */
export interface DrillOptions {
  readonly fleet: RunningFleet;
  /** What is deployed now: the records and health checks of the geo name are in it. */
  readonly inventory: () => readonly Listed[];
  readonly scenarios: readonly Scenario[];
  readonly isQuick: boolean;
  /** Whether people meet in real browsers as well. */
  readonly hasBrowsers: boolean;
  /** Role of each region, for the report. */
  readonly roles: Readonly<Record<string, string>>;
  readonly costs: readonly CostLine[];
  readonly notProven: readonly string[];
  readonly say: (text: string) => void;
  /** Deploys one more region; absent where nothing can be deployed. */
  readonly deployThird?: () => Promise<string>;
}

/** Rooms in each scenario, with somebody in Europe and somebody in America; browsers cost a processor more. */
const ROOMS = { node: 3, browser: 1 } as const;

/** Milliseconds between two looks at whether rooms are split, and looks in a row that make it so: a move takes less. */
const LOOK_MS = 500;
const LOOKS = 8;

/** Seconds in which health checks have asked everything, and the gateways have found each other. */
const SETTLE_SECONDS = 120;

/** Seconds after a scenario within which no room is left in two regions. */
const LEFTOVERS_SECONDS = 45;

/** Goes through the scenarios one after another, each with people of its own, and gives what was found. */
export async function runDrill(options: DrillOptions): Promise<DrillResult> {
  const { fleet, say } = options;
  const began = Date.now();
  const resolver = Resolver.start(options.inventory(), {
    locate: (check) => entryOf(fleet, check.host),
  });
  const crowd = await Crowd.start(fleet, resolver, options);
  const access = fleet.access();
  const gateways = new Gateways({
    endpoints: new Map(Object.entries(access.endpoints)),
    secret: access.operatorSecret,
    operator: "drill",
  });
  const results: ScenarioResult[] = [];
  const loads: number[] = [];
  try {
    await until(() => resolver.isSettled && crowd.ledTo("europe") === HOST, SETTLE_SECONDS);
    for (const [index, scenario] of options.scenarios.entries()) {
      say(`drill ${index + 1} of ${options.scenarios.length}: ${scenario.title}`);
      const result = await runScenario(scenario, { ...options, crowd, gateways, resolver });
      results.push(result);
      loads.push(load());
      say(sentence(result));
    }
  } finally {
    await crowd.stop();
    resolver.stop();
  }
  const { intervalSeconds, ttlSeconds } = resolver.budgetOf(
    crowd.geoName(),
    locationOf(PLACES.europe),
  );
  return {
    startedAt: new Date(began).toISOString(),
    seconds: (Date.now() - began) / 1000,
    fleet: `meet.${access.domain}`,
    isQuick: options.isQuick,
    regions: [...fleet.regions.values()].map((region) => ({
      name: region.name,
      awsRegion: region.awsRegion,
      role: options.roles[region.name] ?? "media",
      ...locationOf(region.awsRegion),
      pods: countOf(region.pods.map(({ workload }) => workload)),
    })),
    places: RESIDENTS.map((name) => ({ name, ...locationOf(PLACES[name]) })),
    scenarios: results,
    setting: {
      network: fleet.network,
      delays: fleet.delays,
      checkIntervalSeconds: intervalSeconds,
      ttlSeconds,
      cores: availableParallelism(),
      loadPerCore: Math.max(0, ...loads),
    },
    costs: options.costs,
    rewrites: fleet.rewrites,
    notProven: options.notProven,
  };
}

interface Setting extends DrillOptions {
  readonly crowd: Crowd;
  readonly gateways: Gateways;
  readonly resolver: Resolver;
}

async function runScenario(scenario: Scenario, setting: Setting): Promise<ScenarioResult> {
  const { crowd, fleet, gateways, inventory, resolver, say, deployThird } = setting;
  const began = Date.now();
  const marks: { readonly at: number; readonly what: string }[] = [];
  const deploy =
    deployThird === undefined
      ? undefined
      : async (): Promise<string> => {
          const name = await deployThird();
          resolver.refresh(inventory());
          return name;
        };
  const stage: Stage = {
    fleet,
    gateways,
    say,
    tryNewRoom: (place) => crowd.tryNewRoom(`${scenario.name}-new-${++tried}`, place),
    mark: (what) => {
      say(what);
      marks.push({ at: Date.now(), what });
    },
    ...(deploy === undefined ? {} : { deployThird: deploy }),
  };
  let tried = 0;
  let faultAt = began;
  let during = 0;
  let left: readonly string[] = [];
  let participants: readonly ParticipantResult[] = [];
  let failure: string | undefined;
  const looks = watchSplits(crowd, (rooms) => {
    during = Math.max(during, rooms);
  });
  try {
    await scenario.prepare?.(stage);
    await crowd.meet(meetingsOf(scenario, setting.hasBrowsers));
    faultAt = Date.now();
    during = 0;
    stage.mark(scenario.done);
    await scenario.act(stage);
    // What was broken has to have had its effect before anybody counts as back.
    await pause(2000);
    const away = await crowd.untilTogether(Date.now(), scenario.backSeconds ?? 30);
    if (away.length > 0) {
      say(`not back: ${away.join(", ")}`);
    }
    left = await untilNoneTwice(crowd);
    // Those who came together last have to be heard for a moment.
    const last = await crowd.untilTogether(Date.now(), LEFTOVERS_SECONDS);
    if (last.length > 0) {
      say(`not together: ${last.join(", ")}`);
    }
    await pause(500);
    participants = await crowd.results(faultAt);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    participants = await crowd.results(faultAt);
  } finally {
    looks.stop();
  }
  const after = left.length;
  await crowd.leave();
  try {
    await scenario.mend?.(stage);
    await until(() => crowd.ledTo("europe") === HOST, SETTLE_SECONDS);
  } catch (error) {
    failure ??= error instanceof Error ? error.message : String(error);
  }
  const checks = resolver.changes
    .filter(({ at }) => at >= faultAt)
    .map(({ at, host, isHealthy }) => ({
      at,
      what: `health check of ${host}: ${isHealthy ? "healthy" : "unhealthy"}`,
    }));
  return {
    name: scenario.name,
    title: scenario.title,
    done: scenario.done,
    faultAt: new Date(faultAt).toISOString(),
    seconds: (Date.now() - began) / 1000,
    participants,
    recovery: recoveryOf(participants, { node: scenario.targetMs, browser: scenario.targetMs }),
    marks: [...marks, ...checks]
      .map(({ at, what }): Mark => ({ atMs: at - faultAt, what }))
      .toSorted((one, other) => one.atMs - other.atMs),
    split: { during, after },
    lost: [],
    guarantees: guaranteesOf(scenario, participants, { during, after }, Math.max(1, load())),
    runbook: scenario.runbook,
    ...(failure === undefined ? {} : { failure }),
  };
}

/** What a busy machine may stretch a limit by: beyond it nothing would be shown. */
const MOST_STRETCH = 2;

/**
 * What is promised of a scenario, and what was found.
 * @param busy what the load stretches every time by, at least 1
 */
export function guaranteesOf(
  scenario: Pick<Scenario, "targetMs" | "limitMs" | "isUnnoticed" | "mayGiveUp" | "maySplit">,
  participants: readonly Pick<
    ParticipantResult,
    "client" | "outMs" | "gaveUp" | "lostSignalling"
  >[],
  split: { readonly during: number; readonly after: number },
  busy: number,
): readonly Guarantee[] {
  const limitMs = (scenario.limitMs ?? 2 * scenario.targetMs) * Math.min(busy, MOST_STRETCH);
  const bound = participants.filter((one) => scenario.mayGiveUp !== true || one.client !== "node");
  const gaveUp = bound.filter((one) => one.gaveUp).length;
  const counted = participants.filter((one) => bound.includes(one) || !one.gaveUp);
  const lost = counted.filter(({ outMs }) => outMs === null).length;
  const worst = Math.max(0, ...counted.map(({ outMs }) => outMs ?? 0));
  const broken = participants.filter((one) => one.lostSignalling).length;
  const unnoticed = {
    sentence: "Nobody's connection breaks.",
    found: `${broken} did.`,
    isKept: participants.length > 0 && broken === 0,
  };
  const inTime = {
    sentence: `Everybody is back within ${(limitMs / 1000).toFixed(1)} s.`,
    found: lost > 0 ? `${lost} never came back.` : `Worst: ${(worst / 1000).toFixed(1)} s.`,
    isKept: participants.length > 0 && lost === 0 && worst <= limitMs,
  };
  return [
    scenario.isUnnoticed === true ? unnoticed : inTime,
    ...(bound.length === 0
      ? []
      : [
          {
            sentence:
              scenario.mayGiveUp === true ? "No browser gives up." : "Nobody's client gives up.",
            found: `${gaveUp} did.`,
            isKept: gaveUp === 0,
          },
        ]),
    {
      sentence: scenario.maySplit === true ? "No room stays split." : "No room is split.",
      found: `${split.during} at most during it, ${split.after} after.`,
      isKept: split.after === 0 && (scenario.maySplit === true || split.during === 0),
    },
  ];
}

/** Load of the machine for each of its cores. */
function load(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** Tells how many rooms have been in two regions for longer than a move takes, whenever that changes. */
function watchSplits(crowd: Crowd, tell: (rooms: number) => void): { stop(): void } {
  const seen = new Map<string, number>();
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const twice = new Set(await crowd.hostedTwice());
      for (const room of [...seen.keys()].filter((one) => !twice.has(one))) {
        seen.delete(room);
      }
      for (const room of twice) {
        seen.set(room, (seen.get(room) ?? 0) + 1);
      }
      tell([...seen.values()].filter((looks) => looks >= LOOKS).length);
      await pause(LOOK_MS);
    }
  };
  void watch();
  return {
    stop: () => {
      isOver = true;
    },
  };
}

/** Rooms that more than one region still has people in, once everybody had the time to come together. */
async function untilNoneTwice(crowd: Crowd): Promise<readonly string[]> {
  const deadline = Date.now() + LEFTOVERS_SECONDS * 1000;
  for (;;) {
    const twice = await crowd.hostedTwice();
    if (twice.length === 0 || Date.now() > deadline) {
      return twice;
    }
    await pause(LOOK_MS);
  }
}

function sentence({ name, recovery, split, guarantees, failure }: ScenarioResult): string {
  const outs = recovery.some(({ worstMs }) => worstMs !== undefined)
    ? recovery.map(outsOf).join("; ")
    : "nobody interrupted";
  const broken = guarantees.filter(({ isKept }) => !isKept).length;
  const verdict = failure ?? (broken === 0 ? "kept" : `${broken} guarantees BROKEN`);
  return `${name}: ${outs}; rooms split ${split.during} during, ${split.after} after; ${verdict}`;
}

function outsOf({ client, affected, participants, gaveUp, worstMs }: Recovery): string {
  const worst =
    worstMs === undefined
      ? ""
      : worstMs === null
        ? ", never all back"
        : `, worst ${seconds(worstMs)}`;
  const gone = gaveUp === 0 ? "" : `, ${gaveUp} gave up`;
  return `${client}: ${affected} of ${participants} out${worst}${gone}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The rooms of a scenario, and what is used in each. */
function meetingsOf(scenario: Scenario, hasBrowsers: boolean): readonly Meeting[] {
  const rooms = (kind: Meeting["kind"], count: number): Meeting[] =>
    Array.from({ length: count }, (_, index) => ({
      room: `${scenario.name}-${kind}-${index}`,
      kind,
    }));
  return [
    ...rooms("node", scenario.browsersOnly === true ? 0 : ROOMS.node),
    ...rooms("browser", hasBrowsers ? ROOMS.browser : 0),
  ];
}

/** Where the endpoint of a health check is on this machine: the regional name leads to the region's entry. */
function entryOf(
  fleet: RunningFleet,
  host: string,
): { readonly host: string; readonly port: number; readonly isTls: boolean } | undefined {
  const { domain, endpoints } = fleet.access();
  const region = Object.keys(endpoints).find((name) => host === `livekit.${name}.${domain}`);
  const url = region === undefined ? undefined : endpoints[region];
  return url === undefined
    ? undefined
    : { host: new URL(url).hostname, port: Number(new URL(url).port), isTls: false };
}

function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) {
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

async function until(isSo: () => boolean, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!isSo()) {
    if (Date.now() > deadline) {
      throw new Error(
        `Drill of ${REGIONS.join(" and ")}: the geo name did not lead people in Europe to ${HOST} within ${seconds} s.`,
      );
    }
    await pause(200);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
