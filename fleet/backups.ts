import { z } from "zod";
import type { Aws } from "./aws.ts";
import { EXIT, FleetError, sentenceOf } from "./exit.ts";

/** Backups that a database can be restored from, as one region has them. */
export interface Backups {
  /** What a restore is made from: a resource id in the instance's own region, an ARN of copies elsewhere. */
  readonly from: string;
  /** Milliseconds since 1970. */
  readonly earliest: number;
  readonly latest: number;
}

const time = z.union([z.string(), z.number().transform((seconds) => seconds * 1000)]);

const answerSchema = z.object({
  DBInstanceAutomatedBackups: z.array(
    z.object({
      DBInstanceIdentifier: z.string(),
      DbiResourceId: z.string(),
      /** Where the instance is, not its backups. */
      Region: z.string(),
      DBInstanceAutomatedBackupsArn: z.string().optional(),
      RestoreWindow: z
        .object({ EarliestTime: time.optional(), LatestTime: time.optional() })
        .default({}),
    }),
  ),
});

/**
 * The backups of an instance that a region has, also once the instance is gone: they are kept when it is deleted, and
 * copies outlive what they were copied from (RDS user guide, USER_WorkingWithAutomatedBackups-Deleting).
 * @throws FleetError when there are none, or AWS does not say
 */
export async function askBackups(
  aws: Aws,
  awsRegion: string,
  identifier: string,
): Promise<Backups> {
  const subject = `Backups of "${identifier}" in ${awsRegion}`;
  let answer: unknown;
  try {
    answer = await aws.call(awsRegion, ["rds", "describe-db-instance-automated-backups"]);
  } catch (error) {
    throw new FleetError(
      `${subject}: AWS does not name them (${sentenceOf(error)}). Nothing was changed; call the command again when it does.`,
    );
  }
  const usable = answerSchema
    .parse(answer)
    .DBInstanceAutomatedBackups.filter((each) => each.DBInstanceIdentifier === identifier)
    .flatMap((each): readonly Backups[] => {
      const { EarliestTime, LatestTime } = each.RestoreWindow;
      const from =
        each.Region === awsRegion ? each.DbiResourceId : each.DBInstanceAutomatedBackupsArn;
      return EarliestTime === undefined || LatestTime === undefined || from === undefined
        ? []
        : [{ from, earliest: millisecondsOf(EarliestTime), latest: millisecondsOf(LatestTime) }];
    })
    // One identifier may have been used again: the newest is what was in use.
    .sort((one, other) => other.latest - one.latest);
  const [newest] = usable;
  if (newest === undefined) {
    throw new FleetError(
      `${subject}: there are none that can be restored. Look with aws rds describe-db-instance-automated-backups --region ${awsRegion}, and for snapshots with aws rds describe-db-snapshots.`,
    );
  }
  return newest;
}

/**
 * The time that is meant by `latest` or an ISO 8601 time with its zone.
 * @throws FleetError when it is none, or the backups do not reach it
 */
export function restoreTime(asked: string, { earliest, latest }: Backups): string {
  const hasZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(asked);
  const at = asked === "latest" ? latest : hasZone ? Date.parse(asked) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new FleetError(
      `Time "${asked}": it is neither latest nor a time with its zone. Write it like 2026-11-23T03:00:00Z.`,
      EXIT.wrongUse,
    );
  }
  if (at < earliest || at > latest) {
    throw new FleetError(
      `Time "${asked}": the backups reach from ${inUtc(earliest)} to ${inUtc(latest)}. Choose a time between.`,
      EXIT.wrongUse,
    );
  }
  return inUtc(at);
}

/** Whole seconds, as RDS takes them; later than meant by none. */
export function inUtc(milliseconds: number): string {
  return `${new Date(Math.floor(milliseconds / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

function millisecondsOf(value: string | number): number {
  return typeof value === "number" ? value : Date.parse(value);
}
