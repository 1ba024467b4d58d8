import * as z from "zod";
import {
  backfillPlan,
  hasEnded,
  jobNow,
  jobsOf,
  startJob,
  type BackfillJob,
  type BackfillPlace,
  type BackfillPlan,
} from "../backfill.ts";
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
}

/** Registers `fleet recordings backfill`. */
export function addRecordings(registry: Registry): void {
  const parent = registry.group("recordings", "Recordings in the regions' buckets");
  registry.add({
    parent,
    usage: "backfill [region]",
    description:
      "Copies recordings that are older than a home to it, by S3 Batch Replication. Shows first what is missing where.\n" +
      "A job goes on without this command; called again, it follows the job that is under way.",
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
    outcomes.push({ plan, job: await run(world, place, region, plan) });
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
    outcomes.map(({ plan, job }) => `${plan.region}: ${jobText(job)}`).join("\n"),
  );
  if (outcomes.some(({ job }) => job === undefined || !hasEnded(job))) {
    return EXIT.notFinished;
  }
  const isWell = outcomes.every(({ job }) => job?.status === "Complete" && job.failed === 0);
  return isWell ? EXIT.done : EXIT.failed;
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

function planText({ region, objects, missing, statuses }: BackfillPlan): string {
  const left = Object.entries(missing)
    .filter(([, { objects: count }]) => count > 0)
    .map(
      ([home, { objects: count, bytes }]) =>
        `${count} are not in ${home} (${(bytes / 1e9).toFixed(1)} GB)`,
    );
  return left.length === 0
    ? `${region}: ${objects} recordings, all of them in its homes`
    : `${region}: ${objects} recordings, ${left.join(", ")}; S3 looks at those whose replication is ${statuses.join(", ")}`;
}

function jobText(job: BackfillJob | undefined): string {
  return job === undefined
    ? "no job"
    : `job ${job.id} is ${job.status}: ${job.succeeded} of ${job.total} copied, ${job.failed} failed`;
}

function resultOf({ plan, job }: Outcome) {
  const { region, bucket, objects, missing, statuses } = plan;
  return { region, bucket, objects, missing, statuses, job: job ?? null };
}
