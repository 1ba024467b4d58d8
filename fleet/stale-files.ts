import { parseDocument } from "yaml";
import * as z from "zod";
import { EXIT, FleetError } from "./exit.ts";
import { readFleet, readStackFiles, stackFileName } from "./stack-files.ts";
import type { StackUpdate } from "./stacks.ts";
import type { World } from "./world.ts";

/** Updates of a stack that are looked at: enough to look past some that failed after a promotion. */
const LOOKED_AT = 10;

/** Of a fleet in which no region was promoted, as in the gateways' status (infra/media-region.ts). */
const FIRST_EPOCH = 1;

const EPOCH = ["meet:promotion", "epoch"] as const;

const promotionSchema = z.object({ epoch: z.coerce.number().int() });

/** An update that ran with a promotion. */
interface Promoted {
  readonly stack: string;
  readonly epoch: number;
  readonly update: StackUpdate;
}

/**
 * Refuses stack files from before a promotion that the stacks have seen, such as those of a checkout that nobody pulled
 * since: deployed, they would make the region before the primary again, and the promoted one a replica. An epoch only
 * grows, so an update with a higher one than the files have ran with newer files; one that failed may have promoted the
 * database all the same. The histories are in the backend, and no region is asked. Stacks without a file here are looked
 * at as well, because the files may be older than a region; but those of another domain are another fleet's.
 * @throws FleetError with the stack, the epoch and what to do, before anything is changed
 */
export async function refuseStaleFiles({
  project,
  stacks,
}: Pick<World, "project" | "stacks">): Promise<void> {
  const files = readStackFiles(project);
  const inFiles = Math.max(
    FIRST_EPOCH,
    ...settings(files, EPOCH).map(Number).filter(Number.isInteger),
  );
  const domains = settings(files, ["meet:domain"]);
  let last: Promoted | undefined;
  for (const stack of await stacks.names()) {
    const updates = await stacks.updates(stack, LOOKED_AT);
    const isOurs = ({ config }: StackUpdate): boolean =>
      files.has(stackFileName(stack)) || domains.includes(config.get("meet:domain"));
    const found = lastPromotion(stack, updates.filter(isOurs));
    if (found !== undefined && found.epoch > (last?.epoch ?? inFiles)) {
      last = found;
    }
  }
  if (last === undefined) {
    return;
  }
  // Whatever else is wrong with the files is said first: an epoch with a slip of the pen is no old one.
  const { primary } = readFleet(project).fleet;
  const { stack, epoch, update } = last;
  const commit = update.commit === undefined ? "" : `, from a checkout of ${update.commit}`;
  throw new FleetError(
    `Stack "${stack}": its update of ${new Date(update.startedAt).toISOString()}${commit}, ran with meet:promotion.epoch ${epoch}, and the files here have ${inFiles === FIRST_EPOCH ? "none" : inFiles}, with ${primary.stack} as the primary: they are older than that promotion, and to deploy them would undo it. Nothing was changed. Get the files of now: git pull, or from whoever promoted ${stack} if they are not committed. If the promotion was undone on purpose, meet:promotion.epoch in ${stackFileName(primary.stack)} has to be ${epoch + 1}: docs/runbooks/promote.md, "Undo a promotion".`,
    EXIT.wrongUse,
  );
}

/**
 * What the files say under a path, also where they are faulty: between the two files of a promotion that was killed
 * there are two primaries, and that promotion is to go on.
 */
function settings(files: ReadonlyMap<string, string>, path: readonly string[]): readonly unknown[] {
  const found = [...files.values()].map((text) => parseDocument(text).getIn(["config", ...path]));
  return found.filter((value) => value !== undefined);
}

/** The update with the highest epoch, the newest of them; none before the stack was last deleted. */
function lastPromotion(stack: string, updates: readonly StackUpdate[]): Promoted | undefined {
  const end = updates.findIndex(({ kind, succeeded }) => kind === "destroy" && succeeded);
  return updates
    .slice(0, end < 0 ? undefined : end)
    .filter(({ kind }) => kind === "update")
    .flatMap((update) => {
      const epoch = epochOfUpdate(update);
      return epoch === undefined ? [] : [{ stack, epoch, update }];
    })
    .reduce<Promoted | undefined>(
      (highest, each) => (each.epoch > (highest?.epoch ?? 0) ? each : highest),
      undefined,
    );
}

function epochOfUpdate({ config }: StackUpdate): number | undefined {
  const text = config.get("meet:promotion");
  try {
    return text === undefined ? undefined : promotionSchema.parse(JSON.parse(text)).epoch;
  } catch {
    // Not one that this program's files could hold.
    return undefined;
  }
}
