import * as z from "zod";
import {
  databaseIdentifier,
  livekitHost,
  meetHost,
  recordingsBucketName,
  regionalLivekitHost,
  regionalMeetHost,
  turnHost,
} from "../components/shared/names.ts";
import type { Sibling, StackConfig } from "../infra/config.ts";
import { known, type Aws, type Known } from "./aws.ts";
import { askDeletions, type DeletionFacts } from "./deletion-facts.ts";

/** How far a bucket's copy at one home is behind. */
export interface ReplicationFacts {
  /** The home that the recordings are copied to. */
  readonly home: string;
  readonly waitingObjects: Known<number>;
  readonly lagSeconds: Known<number>;
}

/** What AWS says of a region. */
export interface RegionFacts {
  /** Media nodes in service, of how many that are wanted. */
  readonly mediaNodes: Known<{ readonly inService: number; readonly wanted: number }>;
  readonly replication: readonly ReplicationFacts[];
  /** Only of the primary, in whose bucket deletions of recordings are written down. */
  readonly deletions?: Known<DeletionFacts>;
  /** Only of a standby: how far its database is behind the primary's. */
  readonly databaseLagSeconds?: Known<number>;
  /** Days until the first of the region's certificates expires. */
  readonly certificateDays: Known<number>;
}

/** What the questions are about. */
export interface Asked {
  readonly project: string;
  readonly region: StackConfig;
  readonly now: number;
}

/** Milliseconds back for which metrics are looked at: S3 writes them every minute, and some minutes late. */
const METRIC_WINDOW_MS = 15 * 60_000;

const DAY_MS = 86_400_000;

/** The account that the AWS CLI works in. */
export async function accountId(aws: Aws): Promise<Known<string>> {
  return known(async () => {
    const answer = await aws.call(undefined, ["sts", "get-caller-identity"]);
    return z.object({ Account: z.string() }).parse(answer).Account;
  });
}

/** Asks AWS about a region. Never throws: what is not known says why. */
export async function regionFacts(
  aws: Aws,
  account: Known<string>,
  asked: Asked,
): Promise<RegionFacts> {
  const { region } = asked;
  const isStandby = region.role === "standby";
  const ifAccount = async <T>(ask: (id: string) => Promise<T>): Promise<Known<T>> =>
    account.known ? known(() => ask(account.value)) : account;
  const [mediaNodes, replication, certificateDays, databaseLagSeconds, deletions] =
    await Promise.all([
      ifAccount(() => askMediaNodes(aws, region)),
      Promise.all(
        copiesOf(region).map(async (home): Promise<ReplicationFacts> => {
          const metric = (name: string) =>
            ifAccount((id) => askReplication(aws, { ...asked, account: id, home }, name));
          const [waitingObjects, lagSeconds] = await Promise.all([
            metric("OperationsPendingReplication"),
            metric("ReplicationLatency"),
          ]);
          return { home: home.stack, waitingObjects, lagSeconds };
        }),
      ),
      ifAccount(() => askCertificates(aws, asked)),
      isStandby ? ifAccount(() => askDatabaseLag(aws, asked)) : undefined,
      region.role === "primary"
        ? ifAccount((id) => askDeletions(aws, { ...asked, account: id }))
        : undefined,
    ]);
  return {
    mediaNodes,
    replication,
    certificateDays,
    ...(databaseLagSeconds === undefined ? {} : { databaseLagSeconds }),
    ...(deletions === undefined ? {} : { deletions }),
  };
}

/** The homes that hold a copy of the region's recordings: those of its residency group (infra/scope.ts). */
export function copiesOf({ fleet, stack, residency }: StackConfig): readonly Sibling[] {
  const { primary, standby, recordings } = fleet;
  if (recordings.storage.kind !== "regional") {
    return [];
  }
  return [primary, ...(standby === undefined ? [] : [standby])].filter(
    (home) => home.stack !== stack && home.residency === residency,
  );
}

const groupsSchema = z.object({
  AutoScalingGroups: z.array(
    z.object({
      DesiredCapacity: z.number(),
      Instances: z.array(z.object({ LifecycleState: z.string(), HealthStatus: z.string() })),
    }),
  ),
});

async function askMediaNodes(
  aws: Aws,
  { stack, awsRegion }: StackConfig,
): Promise<{ readonly inService: number; readonly wanted: number }> {
  const answer = await aws.call(awsRegion, [
    "autoscaling",
    "describe-auto-scaling-groups",
    "--filters",
    `Name=tag:meet:stack,Values=${stack}`,
    "Name=tag:Name,Values=media-nodes",
  ]);
  const [group] = groupsSchema.parse(answer).AutoScalingGroups;
  if (group === undefined) {
    throw new Error("no autoscaling group has its tags");
  }
  const inService = group.Instances.filter(
    (node) => node.LifecycleState === "InService" && node.HealthStatus === "Healthy",
  );
  return { inService: inService.length, wanted: group.DesiredCapacity };
}

const metricSchema = z.object({
  Datapoints: z.array(z.object({ Timestamp: z.string(), Maximum: z.number() })),
});

/** A metric of CloudWatch. */
interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** The newest value of a metric. */
async function newest(aws: Aws, awsRegion: string, now: number, metric: Metric): Promise<number> {
  const [last] = await valuesOf(aws, awsRegion, now, metric);
  return last;
}

/** The values of the last 15 minutes, the newest first. @throws Error when there is none */
async function valuesOf(
  aws: Aws,
  awsRegion: string,
  now: number,
  metric: Metric,
): Promise<readonly [number, ...number[]]> {
  const answer = await aws.call(awsRegion, [
    "cloudwatch",
    "get-metric-statistics",
    ...["--namespace", metric.namespace, "--metric-name", metric.name],
    "--dimensions",
    ...Object.entries(metric.dimensions).map(([name, value]) => `Name=${name},Value=${value}`),
    ...["--start-time", new Date(now - METRIC_WINDOW_MS).toISOString()],
    ...["--end-time", new Date(now).toISOString()],
    ...["--period", "60", "--statistics", "Maximum"],
  ]);
  const [last, ...before] = metricSchema
    .parse(answer)
    .Datapoints.sort((one, other) => Date.parse(other.Timestamp) - Date.parse(one.Timestamp))
    .map(({ Maximum }) => Maximum);
  if (last === undefined) {
    throw new Error("CloudWatch has no value of the last 15 minutes");
  }
  return [last, ...before];
}

/** Published in the region of the destination bucket (Amazon S3 user guide, repl-metrics). */
function askReplication(
  aws: Aws,
  asked: Asked & { readonly account: string; readonly home: Sibling },
  name: string,
): Promise<number> {
  const { project, account, region, home, now } = asked;
  return newest(aws, home.awsRegion, now, {
    namespace: "AWS/S3",
    name,
    dimensions: {
      SourceBucket: recordingsBucketName(project, account, region.awsRegion),
      DestinationBucket: recordingsBucketName(project, account, home.awsRegion),
      // Rules are named after their home: components/recordings/replication.ts.
      RuleId: `to-${home.stack}`,
    },
  });
}

/** Seconds that a replica is behind its source. @throws Error with a short reason */
export async function askDatabaseLag(aws: Aws, asked: Asked): Promise<number> {
  const [last] = await lagsOf(aws, asked);
  return last;
}

/** Seconds that a replica was behind its source at most in the last 15 minutes. @throws Error with a short reason */
export async function askLargestDatabaseLag(aws: Aws, asked: Asked): Promise<number> {
  return Math.max(...(await lagsOf(aws, asked)));
}

async function lagsOf(aws: Aws, { project, region, now }: Asked) {
  const generation = region.home?.database.generation ?? 1;
  const lags = await valuesOf(aws, region.awsRegion, now, {
    namespace: "AWS/RDS",
    name: "ReplicaLag",
    dimensions: { DBInstanceIdentifier: databaseIdentifier(project, region.stack, generation) },
  });
  // -1: replication is not active (Amazon RDS user guide, USER_ReadRepl.Monitoring).
  if (lags.some((lag) => lag < 0)) {
    throw new Error("RDS says that replication was not active in the last 15 minutes");
  }
  return lags;
}

const certificatesSchema = z.object({
  CertificateSummaryList: z.array(
    z.object({
      DomainName: z.string(),
      NotAfter: z.union([z.string(), z.number()]).optional(),
    }),
  ),
});

async function askCertificates(aws: Aws, { region, now }: Asked): Promise<number> {
  const { domain } = region.fleet;
  const { stack } = region;
  const names = [
    regionalLivekitHost(stack, domain),
    turnHost(stack, domain),
    livekitHost(domain),
    regionalMeetHost(stack, domain),
    meetHost(domain),
  ];
  const answer = await aws.call(region.awsRegion, [
    ...["acm", "list-certificates", "--certificate-statuses", "ISSUED", "EXPIRED"],
  ]);
  const days = certificatesSchema
    .parse(answer)
    .CertificateSummaryList.filter(({ DomainName }) => names.includes(DomainName))
    .flatMap(({ NotAfter }) => (NotAfter === undefined ? [] : [millisecondsOf(NotAfter)]))
    .map((end) => Math.floor((end - now) / DAY_MS));
  if (days.length === 0) {
    throw new Error("ACM has no issued certificate of its names");
  }
  return Math.min(...days);
}

/** The CLI writes times as ISO 8601, or as seconds where it is configured so. */
function millisecondsOf(time: string | number): number {
  return typeof time === "number" ? time * 1000 : Date.parse(time);
}
