import * as z from "zod";
import type { Registry } from "../command.ts";
import { sayProgress, showChanges } from "../deploy-stacks.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { changeSetting } from "../file-edits.ts";
import { deployedSecrets } from "../rotation.ts";
import { readFleet, stackFileName } from "../stack-files.ts";
import type { StackUpdate } from "../stacks.ts";
import { runSteps } from "../steps.ts";
import type { World } from "../world.ts";
import { rollingOptions, rotate, rotateOptionsSchema } from "./keys.ts";

/** Secrets that can be rotated, by the names the command takes. */
const NAMES = ["livekit", "peer", "operator", "valkey", "django", "database"] as const;

const nameSchema = z.enum(NAMES);

/** Updates that are looked at for what is deployed. */
const HISTORY = 50;

/** A secret of Meet, of which only one make is taken at a time. */
export type Single = "django" | "database";

/** What those who use Meet notice of it. */
const DISTURBANCE = {
  django: "everybody has to sign in to Meet again. Meetings go on.",
  database:
    "Meet answers nobody for a few minutes, from when the database takes the new password until Meet's new pods are ready. Meetings and recordings go on.",
} as const satisfies Record<Single, string>;

/** Registers `fleet secrets rotate`. */
export function addSecrets(registry: Registry): void {
  const parent = registry.group("secrets", "Each secret by its name");
  registry.add({
    parent,
    usage: "rotate <name>",
    description:
      "Makes livekit, peer, operator, valkey, django or database anew. The first three as fleet keys rotate does.\n" +
      "valkey: the password of every Valkey. Each region is emptied before and takes rooms again after, because LiveKit\n" +
      "reads it only when it starts. Ends with 3 while pods that drain may use the old one: call it again then.\n" +
      "django: Meet takes one key at a time, so everybody has to sign in to Meet again. Meetings go on.\n" +
      "database: Meet answers nobody for a few minutes. Meetings go on. The options are for the others.",
    examples: [
      "fleet secrets rotate peer",
      "fleet secrets rotate valkey --evacuate",
      "fleet secrets rotate database --dry-run",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: rollingOptions,
    run: (world, [name = ""], options) => {
      const secret = nameSchema.safeParse(name);
      if (!secret.success) {
        throw new FleetError(
          `Secret "${name}": it is none of ${NAMES.join(", ")}. Use one of them.`,
          EXIT.wrongUse,
        );
      }
      return secret.data === "django" || secret.data === "database"
        ? rotateSingle(world, secret.data, options["dryRun"] === true)
        : rotate(world, rotateOptionsSchema.parse({ ...options, secret: secret.data }));
    },
  });
}

/**
 * Makes a secret of Meet anew and deploys the primary, and after it all regions with Meet that have it too. Called again
 * after a failure, it goes on with the same make where it is missing.
 */
export async function rotateSingle(
  world: World,
  secret: Single,
  isDryRun: boolean,
): Promise<ExitStatus> {
  const { fleet } = readFleet(world.project);
  const { stack } = fleet.primary;
  if (secret === "database" && fleet.stores.kind === "external") {
    throw new FleetError(
      "Secret database: the fleet's database is external. Change the password there, then meet:databaseUrl in each region with Meet (pulumi config set --secret), and run fleet up.",
      EXIT.wrongUse,
    );
  }
  const now = fleet.secrets[secret].generation;
  const updates = await world.stacks.updates(stack, HISTORY);
  const last = updates.find(({ kind, succeeded }) => kind === "update" && succeeded);
  if (last === undefined) {
    throw new FleetError(
      `Stack "${stack}": it was never deployed, so there is nothing to replace. Run fleet up first.`,
      EXIT.wrongUse,
    );
  }
  // Sessions are signed by every Meet with the same key.
  const others = secret === "django" ? fleet.actives.map((active) => active.stack) : [];
  const missing = await notDeployed(world, secret, now, stack, others);
  const isUnderWay = missing.includes(stack) || (now > 1 && missing.length > 0);
  const next = isUnderWay ? now : now + 1;
  const stacks = isUnderWay ? missing : [stack, ...others];
  const plan = `generation ${next} of ${secret} in ${stackFileName(stack)}, then fleet up ${stacks.join(" ")}`;
  if (isDryRun) {
    world.output.result({ secret, generation: next }, `Would set ${plan}.`);
    return EXIT.done;
  }
  if (!isUnderWay) {
    await world.confirm.ask(`Secret ${secret}: ${DISTURBANCE[secret]}`);
    changeSetting(world.project, stack, ["meet:secrets", secret, "generation"], next);
  }
  world.output.say(plan);
  const lines: string[] = [];
  const steps = stacks.map((each) => ({
    name: `${each}: up`,
    run: async () => {
      const changes = await world.stacks.up(each, sayProgress(world, each));
      lines.push(`${each}: ${showChanges(changes)}`);
    },
  }));
  await runSteps(world, `fleet secrets rotate ${secret}`, steps);
  world.output.result(
    { secret, generation: next },
    [...lines, `Secret ${secret} is of generation ${next}. Commit ${stackFileName(stack)}.`].join(
      "\n",
    ),
  );
  return EXIT.done;
}

/**
 * The stacks that do not have this make yet: the primary by the settings of its last update, the others unless an
 * update of theirs succeeded that began after the primary had it.
 */
async function notDeployed(
  { stacks }: Pick<World, "stacks">,
  secret: Single,
  generation: number,
  primary: string,
  others: readonly string[],
): Promise<readonly string[]> {
  const succeeded = async (stack: string): Promise<readonly StackUpdate[]> =>
    (await stacks.updates(stack, HISTORY)).filter((it) => it.kind === "update" && it.succeeded);
  const hasIt = ({ config }: StackUpdate): boolean =>
    (deployedSecrets(config)?.[secret].generation ?? 1) === generation;
  const updates = await succeeded(primary);
  const before = updates.findIndex((update) => !hasIt(update));
  const since = updates.slice(0, before < 0 ? undefined : before).at(-1)?.endedAt;
  if (since === undefined) {
    return [primary, ...others];
  }
  const missing: string[] = [];
  for (const stack of others) {
    if (!(await succeeded(stack)).some(({ startedAt }) => startedAt >= since)) {
      missing.push(stack);
    }
  }
  return missing;
}
