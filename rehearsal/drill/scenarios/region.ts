import { setTimeout as sleep } from "node:timers/promises";
import { anySchema } from "../../../fleet/gateway-answers.ts";
import { HOST, REGIONS, regionOf, type Scenario, type Stage } from "../scenario.ts";

/** Seconds until a region that returned is asked by everybody again: health checks, and the other regions' polls. */
const RETURN_SECONDS = 25;

async function comeBack({ fleet, mark }: Stage): Promise<void> {
  await regionOf(fleet).restore();
  mark(`${HOST} is back`);
  await sleep(RETURN_SECONDS * 1000);
}

async function takeRoomsAgain({ gateways }: Stage): Promise<void> {
  await gateways.ask(HOST, { method: "POST", path: "undrain" }, anySchema);
  await sleep(3000);
}

/** The whole hosting region is lost, and its address refuses connections; then it returns. */
export const regionLost: Scenario = {
  name: "region-lost",
  title: "A whole region is lost: its address refuses",
  done: `Everything of ${HOST} died, its store too; its balancer's address refuses connections.`,
  runbook: {
    file: "docs/runbooks/region-lost.md",
    says: "Meetings go on by themselves. Drain the region before it returns half; see region-returns.md for its return.",
  },
  // Detection 10 s and up to 8 s, TTL 5 s, and a client's next try up to 8 s later.
  targetMs: 40_000,
  limitMs: 40_000,
  backSeconds: 70,
  mayGiveUp: true,
  act: ({ fleet }) => regionOf(fleet).refuse(),
  mend: comeBack,
};

/** The whole hosting region is lost, and packets to it vanish; then it returns. */
export const regionSilent: Scenario = {
  name: "region-silent",
  title: "A whole region is lost: packets to it vanish",
  done: `Everything of ${HOST} died, its store too; nothing that is sent there is answered.`,
  runbook: {
    file: "docs/runbooks/region-lost.md",
    says: "As where the address refuses; browsers notice 14 s later, when their pings are not answered.",
  },
  // As above, and 14 s until livekit-client misses its pings.
  targetMs: 65_000,
  limitMs: 65_000,
  backSeconds: 100,
  // The Node library of 1.1.0 waits two minutes for a connection to end that is silent.
  browsersOnly: true,
  act: ({ fleet }) => regionOf(fleet).silence(),
  mend: comeBack,
};

/** A region that was lost returns while meetings run elsewhere. */
export const regionReturns: Scenario = {
  name: "region-returns",
  title: "A lost region returns while people meet elsewhere",
  done: `${HOST} was lost before the meetings began; it came back, its store empty, while they ran.`,
  runbook: {
    file: "docs/runbooks/region-returns.md",
    says: "Meetings stay where they are. Look at fleet status until the region is healthy and in DNS.",
  },
  targetMs: 0,
  isUnnoticed: true,
  prepare: async ({ fleet }) => {
    await regionOf(fleet).refuse();
    await sleep(RETURN_SECONDS * 1000);
  },
  act: comeBack,
};

/** The hosting region is drained: its meetings go on, new ones begin elsewhere. */
export const drain: Scenario = {
  name: "drain",
  title: "A region is drained, and takes rooms again",
  done: `The operator drained ${HOST}: its meetings go on, new ones begin elsewhere.`,
  runbook: {
    file: "docs/runbooks/drain-for-maintenance.md",
    says: `npx fleet drain ${HOST}, wait until it is empty, the maintenance, npx fleet undrain ${HOST}.`,
  },
  targetMs: 0,
  isUnnoticed: true,
  act: async ({ gateways, mark, tryNewRoom }) => {
    const body = { deadlineSeconds: 3600 };
    await gateways.ask(HOST, { method: "POST", path: "drain", body }, anySchema);
    const region = await tryNewRoom("europe");
    if (region === HOST) {
      throw new Error(`Region "${HOST}": it is drained, and took a new room.`);
    }
    mark(`a new room begins in ${region}`);
    await sleep(5000);
  },
  mend: takeRoomsAgain,
};

/** The hosting region is drained and evacuated, as an operator does it. */
export const evacuation: Scenario = {
  name: "evacuation",
  title: "A region is evacuated and takes rooms again",
  done: `The operator evacuated ${HOST}; its rooms were moved live.`,
  runbook: {
    file: "docs/runbooks/drain-for-maintenance.md",
    says: `npx fleet evacuate ${HOST}, the maintenance, npx fleet undrain ${HOST}.`,
  },
  isQuick: true,
  targetMs: 2000,
  act: async ({ gateways }) => {
    const body = { deadlineSeconds: 600 };
    await gateways.ask(HOST, { method: "POST", path: "evacuate", body }, anySchema);
  },
  mend: takeRoomsAgain,
};

/** Milliseconds of a partition: long enough for both sides to have made up their minds. */
const PARTITION_MS = 20_000;

/** The regions do not reach each other for a while; people reach both. */
export const partition: Scenario = {
  name: "partition",
  title: "A partition splits the regions, and heals",
  done: `${REGIONS.join(" and ")} did not reach each other for ${PARTITION_MS / 1000} s.`,
  runbook: {
    file: "docs/runbooks/split-rooms.md",
    says: "Nothing has to be done once the line is back: splits are found and healed within 10 s.",
  },
  targetMs: PARTITION_MS + 12_000,
  limitMs: PARTITION_MS + 20_000,
  maySplit: true,
  backSeconds: 40,
  act: async ({ fleet, mark }) => {
    await fleet.partition(REGIONS.map((name) => [name]));
    await sleep(PARTITION_MS);
    await fleet.heal();
    mark("the line is back");
  },
};

/** Seconds until people near a new region meet there: health checks, resolvers' caches, the gateways' announcements. */
const KNOWN_SECONDS = 60;

/** One more region is deployed and started while meetings run. */
export const regionAdded: Scenario = {
  name: "region-added",
  title: "A region is added while meetings run",
  done: "One more stack file, pulumi up, and its workloads started; then somebody near it begins a room.",
  runbook: { file: "docs/runbooks/add-a-region.md", says: "npx fleet region add; nobody notices." },
  targetMs: 0,
  isUnnoticed: true,
  needsThird: true,
  act: async ({ fleet, deployThird, mark, tryNewRoom }) => {
    const name = await deployThird?.();
    if (name === undefined) {
      throw new Error('Scenario "region-added": nothing can be deployed here.');
    }
    mark(`${name} is deployed`);
    await fleet.add(name);
    mark(`${name} runs`);
    // Health checks, resolvers and the other gateways take a moment to know it.
    const deadline = Date.now() + KNOWN_SECONDS * 1000;
    for (;;) {
      const region = await tryNewRoom("asia");
      if (region === name) {
        mark(`somebody in Asia begins a room in ${name}`);
        break;
      }
      if (Date.now() > deadline) {
        throw new Error(
          `Region "${name}": after ${KNOWN_SECONDS} s people in Asia still meet in ${region}.`,
        );
      }
      await sleep(2000);
    }
    await sleep(5000);
  },
};
