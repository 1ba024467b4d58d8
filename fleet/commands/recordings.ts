import * as z from "zod";
import {
  backfillPlan,
  COPIED_STATUSES,
  hasEnded,
  jobNow,
  jobsOf,
  startJob,
  type BackfillJob,
  type BackfillPlace,
  type BackfillPlan,
} from "../backfill.ts";
import { known, type Known } from "../aws.ts";
import type { Registry } from "../command.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { accountId, copiesOf } from "../region-facts.ts";
import { chosenRegions, readFleet } from "../stack-files.ts";
import type { StackConfig } from "../../infra/config.ts";
import type { World } from "../world.ts";

const backfillSchema = z.object({ dryRun: z.boolean().default(false) });

/** Milliseconds between two looks at a job. */
const LOOK_MS = 10_000;

/** What became of one region's backfill. */
interface Outcome {
  readonly plan: BackfillPlan;
  readonly job?: BackfillJob;
  /** The same comparison again once the job is Complete: a job copies what its filter matches, not what is missing. */
  readonly after?: Known<BackfillPlan>;
}

/** Registers `fleet recordings backfill`. */
export function addRecordings(registry: Registry): void {
  const parent = registry.group("recordings", "Recordings in the regions' buckets");
  registry.add({
    parent,
    usage: "backfill [region]",
    description:
      "Copies recordings that are older than a home to it, by S3 Batch Replication. Shows first what is missing where.\n" +
      "A job goes on without this command; called again, it follows the job that is under way.\n" +
      "Compares once more after the job, and ends with 3 if a home still lacks something.",
    examples: ["fleet recordings backfill --dry-run", "fleet recordings backfill ap --yes"],
    changes: true,
    asks: true,
    run: (world, words, options) => backfill(world, words, backfillSchema.parse(options)),
  });
}

/** Copies what homes have not. Nothing missing counts as done. */
export async function backfill(
  world: World,
  names: readonly string[],
  { dryRun }: { readonly dryRun: boolean },
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  const account = await accountId(world.aws);
  if (!account.known) {
    throw new FleetError(`AWS: ${account.why}. Sign in to the fleet's account.`);
  }
  const { project, regions: all } = fleet;
  const place = { aws: world.aws, project, account: account.value, regions: all };
  const copied = chosenRegions(fleet, names).filter((region) => copiesOf(region).length > 0);
  const regions = withoutLost(world, copied, names);
  if (regions.length === 0) {
    throw new FleetError(
      `${names.length === 0 ? "Fleet" : `Region "${names.join(", ")}"`}: no home has copies of its recordings. See meet:residency and meet:recordings.storage.`,
    );
  }
  const works = await Promise.all(
    regions.map(async (region) => ({ region, plan: await backfillPlan(place, region) })),
  );
  const needed = works.filter(({ plan }) => isMissing(plan));
  const text = works.map(({ plan }) => planText(plan)).join("\n");
  if (dryRun || needed.length === 0) {
    world.output.result({ regions: works.map(({ plan }) => resultOf({ plan })) }, text);
    return EXIT.done;
  }
  world.output.say(text);
  await world.confirm.ask(
    "Recordings: S3 copies these between regions, which is charged by the gigabyte and by the job.",
  );
  const outcomes: Outcome[] = [];
  for (const { region, plan } of needed) {
    const job = await run(world, place, region, plan);
    outcomes.push(
      job.status === "Complete"
        ? { plan, job, after: await known(() => backfillPlan(place, region)) }
        : { plan, job },
    );
  }
  return report(world, outcomes);
}

/** A fenced region may not answer, and a backfill of all regions does not wait for it. */
function withoutLost(
  { output }: Pick<World, "output">,
  regions: readonly StackConfig[],
  names: readonly string[],
): readonly StackConfig[] {
  return regions.filter(({ stack, role }) => {
    const isLeftOut = role === "fenced" && !names.includes(stack);
    if (isLeftOut) {
      output.say(
        `${stack}: left out, it is fenced. When it answers, copy what it has: fleet recordings backfill ${stack}.`,
      );
    }
    return !isLeftOut;
  });
}

function report(world: World, outcomes: readonly Outcome[]): ExitStatus {
  world.output.result(
    { regions: outcomes.map(resultOf) },
    outcomes.flatMap(outcomeLines).join("\n"),
  );
  const hasFailed = outcomes.some(
    ({ job }) =>
      job !== undefined && hasEnded(job) && (job.status !== "Complete" || job.failed > 0),
  );
  if (hasFailed) {
    return EXIT.failed;
  }
  const isDone = outcomes.every(({ after }) => after?.known === true && !isMissing(after.value));
  return isDone ? EXIT.done : EXIT.notFinished;
}

function outcomeLines({ plan: { region }, job, after }: Outcome): readonly string[] {
  const line = `${region}: ${jobText(job)}`;
  if (after?.known === false) {
    return [
      line,
      `${region}: whether its homes have everything now is not known (${after.why}). Run fleet recordings backfill ${region} --dry-run.`,
    ];
  }
  return after === undefined || !isMissing(after.value)
    ? [line]
    : [
        line,
        `${region}: the job is over, and still ${missingText(after.value)}. What was being copied meanwhile comes by itself: run fleet recordings backfill ${region} again in a quarter of an hour. If it is the same then, look at ReplicationStatus of an object (aws s3api head-object) and at the job in the S3 console.`,
      ];
}

/** Follows the job under way, or starts one; ends with it, or when the operator wants to. */
async function run(
  world: World,
  place: BackfillPlace,
  region: StackConfig,
  plan: BackfillPlan,
): Promise<BackfillJob> {
  const jobs = await jobsOf(place, plan);
  const running = jobs.find((job) => !hasEnded(job));
  const id = running?.id ?? (await startJob(place, plan, region, jobs[0]));
  world.output.say(
    `${plan.region}: ${running === undefined ? "started" : "goes on with"} job ${id}`,
  );
  for (;;) {
    const job = await jobNow(place, plan.awsRegion, id);
    world.output.say(`${plan.region}: ${jobText(job)}`);
    if (hasEnded(job) || world.interrupted.aborted) {
      return job;
    }
    await world.clock.sleep(LOOK_MS);
  }
}

function isMissing({ missing }: BackfillPlan): boolean {
  return Object.values(missing).some(({ objects }) => objects > 0);
}

function planText(plan: BackfillPlan): string {
  const { region, objects } = plan;
  return isMissing(plan)
    ? `${region}: ${objects} recordings, ${missingText(plan)}; S3 looks at those whose replication is ${COPIED_STATUSES.join(", ")}`
    : `${region}: ${objects} recordings, all of them in its homes`;
}

function missingText({ missing }: BackfillPlan): string {
  return Object.entries(missing)
    .filter(([, { objects }]) => objects > 0)
    .map(
      ([home, { objects, bytes }]) =>
        `${objects} are not in ${home} (${(bytes / 1e9).toFixed(1)} GB)`,
    )
    .join(", ");
}

function jobText(job: BackfillJob | undefined): string {
  return job === undefined
    ? "no job"
    : `job ${job.id} is ${job.status}: ${job.succeeded} of ${job.total} copied, ${job.failed} failed`;
}

function resultOf({ plan, job, after }: Outcome) {
  const { region, bucket, objects, missing } = plan;
  return {
    region,
    bucket,
    objects,
    missing,
    statuses: COPIED_STATUSES,
    job: job ?? null,
    missingAfter: after?.known === true ? after.value.missing : null,
  };
}
