import Table from "cli-table3";
import { show, type Known } from "./aws.ts";
import { showDuration } from "./durations.ts";
import type { DrainState } from "./gateway-answers.ts";
import type { FleetStatus, RegionStatus, StackFacts } from "./region-status.ts";

/** The lines of the table: a name, and what a region has there. */
export const STATUS_ROWS: readonly {
  readonly name: string;
  readonly of: (region: RegionStatus, now: number) => string;
}[] = [
  { name: "role", of: ({ role, awsRegion }) => `${role}, ${awsRegion}` },
  { name: "deployed", of: ({ stack }) => show(stack, deployed) },
  { name: "last update", of: ({ stack }) => show(stack, lastUpdate) },
  { name: "gateway", of: ({ gateway }) => show(gateway, ({ version }) => `version ${version}`) },
  { name: "LiveKit", of: (region) => fromGateway(region, (it) => upOrDown(it.liveKitUp)) },
  { name: "Valkey", of: (region) => fromGateway(region, (it) => upOrDown(it.storeUp)) },
  {
    name: "media nodes",
    of: ({ aws }) =>
      show(aws.mediaNodes, ({ inService, wanted }) => `${inService} of ${wanted} in service`),
  },
  { name: "rooms", of: (region) => fromGateway(region, ({ rooms }) => String(rooms)) },
  {
    name: "participants",
    of: (region) => fromGateway(region, ({ participants }) => String(participants ?? "not known")),
  },
  {
    name: "drain",
    of: (region, now) => fromGateway(region, ({ draining }) => drainText(draining, now)),
  },
  {
    name: "split rooms",
    of: (region) => fromGateway(region, ({ splitRooms }) => String(splitRooms.length)),
  },
  {
    name: "reaches",
    of: (region) =>
      fromGateway(region, ({ peers }) =>
        peers.length === 0
          ? "no other region"
          : peers.map((peer) => `${peer.region}${peer.reachable ? "" : " NOT"}`).join(", "),
      ),
  },
  {
    name: "webhooks",
    of: (region) =>
      fromGateway(
        region,
        ({ webhooks }) =>
          `${webhooks.waiting} waiting${webhooks.waiting === 0 ? "" : ` since ${showDuration(webhooks.oldestSeconds)}`}, ${webhooks.setAside} set aside`,
      ),
  },
  {
    name: "recordings",
    of: ({ aws }) =>
      aws.replication.length === 0
        ? "not copied"
        : aws.replication
            .map(
              ({ home, waitingObjects, lagSeconds }) =>
                `to ${home}: ${bothOrWhy(waitingObjects, lagSeconds)}`,
            )
            .join("\n"),
  },
  {
    name: "database replica",
    of: ({ aws: { databaseLagSeconds } }) =>
      databaseLagSeconds === undefined
        ? "none here"
        : show(databaseLagSeconds, (seconds) => `${showDuration(seconds)} behind`),
  },
  { name: "certificates", of: ({ aws }) => show(aws.certificateDays, (days) => `${days} days`) },
];

/** The table that `fleet status` prints, and what is not well. */
export function statusText(status: FleetStatus, troubles: readonly string[]): string {
  const now = Date.parse(status.at);
  const table = new Table({
    style: { head: [], border: [] },
    head: ["", ...status.regions.map(({ region }) => region)],
    wordWrap: true,
    colWidths: [18, ...status.regions.map(() => 34)],
  });
  for (const { name, of } of STATUS_ROWS) {
    table.push([name, ...status.regions.map((region) => of(region, now))]);
  }
  return [
    `Fleet of ${status.domain} at ${status.at}`,
    table.toString(),
    ...(troubles.length === 0 ? ["All is well."] : ["Not well:", ...troubles]),
  ].join("\n");
}

/** What a region does about its rooms on an operator's word. */
export function drainText(draining: DrainState | undefined, now: number): string {
  if (draining === undefined) {
    return "takes rooms";
  }
  const { kind, deadline, done, of, left } = draining;
  const time =
    deadline > now ? `deadline in ${showDuration((deadline - now) / 1000)}` : "deadline is over";
  const moved = of === undefined ? "" : `, ${done ?? 0} of ${of} rooms moved`;
  const stuck = left === undefined || left.length === 0 ? "" : `, ${left.length} cannot be moved`;
  return `${kind}, ${time}${moved}${stuck}`;
}

/** The region's line says once why nothing is known of its gateway. */
function fromGateway(
  { gateway }: RegionStatus,
  text: (status: Extract<RegionStatus["gateway"], { known: true }>["value"]) => string,
): string {
  return gateway.known ? text(gateway.value) : "not known";
}

function bothOrWhy(waiting: Known<number>, lag: Known<number>): string {
  if (!waiting.known && !lag.known) {
    return show(waiting);
  }
  return `${show(waiting)} waiting, ${show(lag, showDuration)} behind`;
}

function upOrDown(isUp: boolean): string {
  return isUp ? "answers" : "DOES NOT ANSWER";
}

function deployed({ versions }: StackFacts): string {
  return versions
    .map(({ what, files, deployed: found }) =>
      found === undefined ? `${what} none, files: ${files}` : `${what} ${found}`,
    )
    .join("\n");
}

function lastUpdate({ lastUpdate: last }: StackFacts): string {
  if (last === undefined) {
    return "never";
  }
  const commit = last.commit === undefined ? "" : `, commit ${last.commit.slice(0, 8)}`;
  return `${last.endedAt.slice(0, 16).replace("T", " ")}, ${last.kind} ${last.succeeded ? "succeeded" : "FAILED"}${commit}`;
}
