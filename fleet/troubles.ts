import { isBehind } from "./deployed.ts";
import type { DeletionFacts } from "./deletion-facts.ts";
import { showDuration } from "./durations.ts";
import type { GatewayStatus } from "./gateway-answers.ts";
import type { FleetStatus, RegionStatus } from "./region-status.ts";

/** A certificate is renewed 60 days before its end (ACM user guide, managed-renewal): at 30 something is wrong. */
const CERTIFICATE_DAYS = 30;

/** S3 copies nearly everything within 15 minutes (Amazon S3 user guide, replication-time-control). */
const REPLICATION_SECONDS = 15 * 60;

/** What a promotion would lose. */
const DATABASE_LAG_SECONDS = 60;

/** A deletion is gone over again for 20 minutes after it was asked for (services/recordings, SETTLE_MS), then it is done. */
const DELETION_SECONDS = 60 * 60;

/** Meet takes an event within seconds; older ones mean that it is away. */
const WEBHOOK_SECONDS = 60;

/** What is not well in the fleet, a sentence each with what to do; none if all is well. */
export function troublesOf(status: FleetStatus): readonly string[] {
  const splits = status.splitRooms.map(
    (room) => `Room "${room}": it is in two regions. See docs/runbooks/split-rooms.md.`,
  );
  return [...splits, ...status.regions.flatMap((region) => troublesOfRegion(region, status))];
}

function troublesOfRegion(region: RegionStatus, fleet: FleetStatus): readonly string[] {
  const faults = [...stackTroubles(region), ...awsTroubles(region)];
  const { gateway } = region;
  if (gateway.known) {
    faults.push(...gatewayTroubles(gateway.value, fleet));
  } else {
    faults.push(`nothing is known from its gateway: ${gateway.why}`);
  }
  return faults.map((fault) => `Region "${region.region}": ${fault}`);
}

function stackTroubles({ region, stack }: RegionStatus): readonly string[] {
  if (!stack.known) {
    return [`nothing is known of its stack: ${stack.why}`];
  }
  const { versions, pending, lastUpdate } = stack.value;
  return [
    ...versions
      .filter(isBehind)
      .map(
        ({ what, files, deployed = "" }) =>
          `${what} is ${deployed}, the files say ${files}. Run fleet up ${region}.`,
      ),
    ...(lastUpdate === undefined ? [`it was never deployed. Run fleet up ${region}.`] : []),
    ...(lastUpdate?.succeeded === false
      ? [
          `its last ${lastUpdate.kind} (${lastUpdate.endedAt}) did not succeed. Run fleet up ${region}.`,
        ]
      : []),
    ...(pending === 0
      ? []
      : [
          `${pending} operations of a killed update are open. See docs/runbooks/interrupted-update.md.`,
        ]),
  ];
}

function gatewayTroubles(gateway: GatewayStatus, fleet: FleetStatus): readonly string[] {
  const { liveKitUp, storeUp, webhooks, peers, members, region } = gateway;
  const known = fleet.regions.map((it) => it.region);
  const strangers = Object.entries(members)
    .filter(([name, { state }]) => state === "member" && !known.includes(name))
    .map(([name]) => name);
  const away = peers.filter(({ reachable }) => !reachable).map((peer) => peer.region);
  return [
    ...(liveKitUp ? [] : ["its LiveKit does not answer. See docs/runbooks/region-lost.md."]),
    ...(storeUp ? [] : ["its Valkey does not answer. See docs/runbooks/redis-lost.md."]),
    ...(members[region]?.state === "removed"
      ? [`it was taken out of the fleet. Run fleet region add ${region} if it is to be back.`]
      : []),
    ...strangers.map(
      (name) =>
        `it counts ${name} as a member, which has no file. Run fleet region remove ${name}.`,
    ),
    ...away
      .filter((name) => known.includes(name))
      .map((name) => `it does not reach ${name}. See docs/runbooks/region-lost.md.`),
    ...(webhooks.oldestSeconds > WEBHOOK_SECONDS
      ? [
          `${webhooks.waiting} webhooks wait for Meet, the oldest for ${Math.round(webhooks.oldestSeconds)} s. Look whether Meet answers.`,
        ]
      : []),
    ...(webhooks.setAside > 0
      ? [
          `${webhooks.setAside} webhooks were refused by Meet and set aside. Look at Meet's log, then have them sent again (docs/room-gateway.md).`,
        ]
      : []),
  ];
}

function awsTroubles({ aws }: RegionStatus): readonly string[] {
  const { mediaNodes, certificateDays, databaseLagSeconds, replication, deletions } = aws;
  return [
    ...(mediaNodes.known && mediaNodes.value.inService < mediaNodes.value.wanted
      ? [
          `${mediaNodes.value.inService} of ${mediaNodes.value.wanted} media nodes are in service. Look at the autoscaling group's activities.`,
        ]
      : []),
    ...(certificateDays.known && certificateDays.value < CERTIFICATE_DAYS
      ? [
          `a certificate ends in ${certificateDays.value} days. See docs/runbooks/certificate-trouble.md.`,
        ]
      : []),
    ...(databaseLagSeconds?.known === true && databaseLagSeconds.value > DATABASE_LAG_SECONDS
      ? [
          `its database is ${Math.round(databaseLagSeconds.value)} s behind the primary's. Look at the replica's load.`,
        ]
      : []),
    ...replication.flatMap(({ home, lagSeconds }) =>
      lagSeconds.known && lagSeconds.value > REPLICATION_SECONDS
        ? [
            `its recordings reach ${home} ${Math.round(lagSeconds.value)} s late. Look at the bucket's replication metrics.`,
          ]
        : [],
    ),
    ...(deletions?.known === true ? deletionTroubles(deletions.value) : []),
  ];
}

function deletionTroubles({ waiting, unsettled }: DeletionFacts): readonly string[] {
  return [
    ...(waiting.oldestSeconds > DELETION_SECONDS
      ? [
          `${waiting.objects} deletions of recordings wait, the oldest for ${showDuration(waiting.oldestSeconds)}: a bucket does not do them. Look at the log of the downloads' pods (docs/recordings.md, "Deleting a recording everywhere").`,
        ]
      : []),
    ...(unsettled.objects > 0
      ? [
          `${unsettled.objects} deletions of recordings are not settled, the oldest for ${showDuration(unsettled.oldestSeconds)}: nobody knows whether Meet made them. Settle them (docs/recordings.md, "Deletions that are not settled").`,
        ]
      : []),
  ];
}
