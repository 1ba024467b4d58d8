import { setTimeout as sleep } from "node:timers/promises";
import { HOST, podsOf, startAgain, type Scenario } from "../scenario.ts";

/** Milliseconds for which Redis is away. */
const AWAY_MS = 60_000;

/** The Valkey of the hosting region answers nothing for a minute. */
export const redisAway: Scenario = {
  name: "redis-away",
  title: "Redis of a region is away for 60 s",
  done: `The Valkey of ${HOST} answered nothing for ${AWAY_MS / 1000} s, and then again.`,
  runbook: {
    file: "docs/runbooks/redis-lost.md",
    says: "Nothing has to be done for the meetings. Look at ElastiCache's events.",
  },
  targetMs: 2000,
  limitMs: 8000,
  act: async ({ fleet, mark }) => {
    const valkeys = podsOf(fleet, "valkey");
    for (const valkey of valkeys) {
      valkey.pause();
    }
    await sleep(AWAY_MS);
    for (const valkey of valkeys) {
      valkey.resume();
    }
    mark(`Valkey of ${HOST} answers again`);
  },
};

/** One of the hosting region's gateways dies. */
export const gatewayPod: Scenario = {
  name: "gateway-pod",
  title: "A gateway pod dies",
  done: `The first gateway of ${HOST} got SIGKILL; Kubernetes starts it again.`,
  runbook: {
    file: "docs/runbooks/region-lost.md",
    says: "Nothing has to be done: its connections are resumed through the other pods.",
  },
  targetMs: 2000,
  limitMs: 12_000,
  act: async ({ fleet }) => {
    await podsOf(fleet, "rooms")[0]?.kill();
  },
  mend: ({ fleet }) => startAgain(podsOf(fleet, "rooms")),
};
