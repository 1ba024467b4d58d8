import Table from "cli-table3";
import type { Known } from "./aws.ts";
import { showDuration } from "./durations.ts";
import type { DeletionFacts, Pile } from "./deletion-facts.ts";
import type { DrainState, GatewayStatus } from "./gateway-answers.ts";
import type { ReplicationFacts } from "./region-facts.ts";
import type { FleetStatus, RegionStatus, StackFacts } from "./region-status.ts";

/** One line of the table: its name, and what a region has there. */
interface Row {
  readonly name: string;
  readonly of: (region: RegionStatus, notes: Notes, now: number) => string;
}

/** Why values are not known, each reason once and under a number, so that the table stays narrow. */
class Notes {
  private readonly reasons: string[] = [];

  /** The value as text, or the number of the reason why there is none. */
  show<T>(fact: Known<T>, text: (value: T) => string = String): string {
    if (fact.known) {
      return text(fact.value);
    }
    if (!this.reasons.includes(fact.why)) {
      this.reasons.push(fact.why);
    }
    return `not known [${this.reasons.indexOf(fact.why) + 1}]`;
  }

  lines(): readonly string[] {
    return this.reasons.map((reason, index) => `[${index + 1}] ${reason}`);
  }
}

const ROWS: readonly Row[] = [
  { name: "role", of: ({ role, awsRegion }) => `${role}, ${awsRegion}` },
  { name: "deployed", of: ({ stack }, notes) => notes.show(stack, deployed) },
  { name: "last update", of: ({ stack }, notes) => notes.show(stack, lastUpdate) },
  gatewayRow("gateway", ({ version }) => `version ${version}`),
  gatewayRow("LiveKit", ({ liveKitUp }) => upOrDown(liveKitUp)),
  gatewayRow("Valkey", ({ storeUp }) => upOrDown(storeUp)),
  {
    name: "media nodes",
    of: ({ aws }, notes) =>
      notes.show(aws.mediaNodes, ({ inService, wanted }) => `${inService} of ${wanted} in service`),
  },
  gatewayRow("rooms", ({ rooms }) => String(rooms)),
  gatewayRow("participants", ({ participants }) => String(participants ?? "not known")),
  gatewayRow("drain", ({ draining }, now) => drainText(draining, now)),
  gatewayRow("split rooms", ({ splitRooms }) => String(splitRooms.length)),
  gatewayRow("reaches", ({ peers }) =>
    peers.length === 0
      ? "no other region"
      : peers.map(({ region, reachable }) => `${region}${reachable ? "" : " NOT"}`).join(", "),
  ),
  gatewayRow("webhooks", ({ webhooks: { waiting, oldestSeconds, setAside } }) => {
    const since = waiting === 0 ? "" : ` since ${showDuration(oldestSeconds)}`;
    return `${waiting} waiting${since}, ${setAside} set aside`;
  }),
  { name: "recordings", of: ({ aws }, notes) => copies(aws.replication, notes) },
  {
    name: "deletions",
    of: ({ aws: { deletions } }, notes) =>
      deletions === undefined ? "none here" : notes.show(deletions, deletionsText),
  },
  {
    name: "database replica",
    of: ({ aws: { databaseLagSeconds: lag } }, notes) =>
      lag === undefined
        ? "none here"
        : notes.show(lag, (seconds) => `${showDuration(seconds)} behind`),
  },
  {
    name: "certificates",
    of: ({ aws }, notes) => notes.show(aws.certificateDays, (days) => `${days} days`),
  },
];

/** The status as a table without form: for the terminal, and for pages. */
export interface StatusTable {
  /** Names of the regions. */
  readonly head: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly string[] }[];
  /** Why values are not known, by their number. */
  readonly notes: readonly string[];
}

/** Lays the status out, a column per region. */
export function statusTable(status: FleetStatus): StatusTable {
  const now = Date.parse(status.at);
  const notes = new Notes();
  const rows = ROWS.map(({ name, of }) => ({
    name,
    cells: status.regions.map((region) => of(region, notes, now)),
  }));
  return { head: status.regions.map(({ region }) => region), rows, notes: notes.lines() };
}

/** What `fleet status` prints: the table, and what is not well. */
export function statusText(status: FleetStatus, troubles: readonly string[]): string {
  const { head, rows, notes } = statusTable(status);
  const table = new Table({
    style: { head: [], border: [] },
    head: ["", ...head],
    wordWrap: true,
    colWidths: [18, ...head.map(() => 34)],
  });
  table.push(...rows.map(({ name, cells }) => [name, ...cells]));
  return [
    `Fleet of ${status.domain} at ${status.at}`,
    table.toString(),
    ...notes,
    ...(troubles.length === 0 ? ["All is well."] : ["Not well:", ...troubles]),
  ].join("\n");
}

/** What a region does about its rooms on an operator's word. */
export function drainText(draining: DrainState | undefined, now: number): string {
  if (draining === undefined) {
    return "takes rooms";
  }
  const { kind, deadline, done, of, left, by } = draining;
  const time =
    deadline > now ? `deadline in ${showDuration((deadline - now) / 1000)}` : "deadline is over";
  const moved = of === undefined ? "" : `, ${done ?? 0} of ${of} rooms moved`;
  const stuck = left === undefined || left.length === 0 ? "" : `, ${left.length} cannot be moved`;
  const giver = by === undefined ? "" : ` by ${by}`;
  return `${kind}${giver}, ${time}${moved}${stuck}`;
}

function gatewayRow(name: string, text: (status: GatewayStatus, now: number) => string): Row {
  return {
    name,
    of: ({ gateway }, notes, now) => notes.show(gateway, (status) => text(status, now)),
  };
}

function copies(replication: readonly ReplicationFacts[], notes: Notes): string {
  const lines = replication.map(({ home, waitingObjects, lagSeconds }) => {
    const waiting = notes.show(waitingObjects, (objects) => `${objects} waiting`);
    const lag = notes.show(lagSeconds, (seconds) => `${showDuration(seconds)} behind`);
    return `to ${home}: ${waiting === lag ? waiting : `${waiting}, ${lag}`}`;
  });
  return lines.length === 0 ? "not copied" : lines.join("\n");
}

function deletionsText({ waiting, unsettled }: DeletionFacts): string {
  return `${pileText(waiting, "waiting")}\n${pileText(unsettled, "not settled")}`;
}

function pileText({ objects, oldestSeconds }: Pile, what: string): string {
  return `${objects} ${what}${objects === 0 ? "" : ` since ${showDuration(oldestSeconds)}`}`;
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
