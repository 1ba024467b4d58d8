import { setTimeout as sleep } from "node:timers/promises";
import { HOST, podsOf, startAgain, type Scenario, type Stage } from "../scenario.ts";

/** Milliseconds after a start in which a LiveKit still finds its dead self in Redis, and gives it rooms. */
const REMEMBERED_MS = 8000;

async function nodesAgain({ fleet }: Stage): Promise<void> {
  await startAgain(podsOf(fleet, "livekit"));
  await sleep(REMEMBERED_MS);
}

/** One of the hosting region's LiveKit nodes dies. */
export const livekitNode: Scenario = {
  name: "livekit-node",
  title: "A LiveKit node dies",
  done: `The first LiveKit of ${HOST} got SIGKILL and stayed down.`,
  runbook: {
    file: "docs/runbooks/region-lost.md",
    says: "Nothing has to be done: the node group replaces the node, and the rooms that were on it go on elsewhere.",
  },
  targetMs: 2000,
  // Where a second node is left, LiveKit keeps the room on the dead one for as long as that one's last word in Redis is
  // younger than 5 s (livekit/livekit, pkg/routing/selector/utils.go, IsAvailable), and CreateRoom does not change it
  // (pkg/service/roomallocator.go, SelectRoomNode). What is tried in between waits for the dead node, and a client waits
  // longer from try to try. Only another region would be faster, and a region with a node left is not to lose its rooms.
  limitMs: 20_000,
  act: async ({ fleet }) => {
    await podsOf(fleet, "livekit")[0]?.kill();
  },
  mend: nodesAgain,
};

/** All LiveKit of the hosting region dies. */
export const livekitLost: Scenario = {
  name: "livekit-lost",
  title: "All LiveKit of a region dies",
  done: `Every LiveKit of ${HOST} got SIGKILL and stayed down.`,
  runbook: {
    file: "docs/runbooks/region-lost.md",
    says: "Nothing has to be done for the meetings: they go on in the other region. Look at the nodes.",
  },
  isQuick: true,
  targetMs: 2000,
  act: async ({ fleet }) => {
    await Promise.all(podsOf(fleet, "livekit").map((pod) => pod.kill()));
  },
  mend: nodesAgain,
};
