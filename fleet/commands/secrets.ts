import * as z from "zod";
import type { Registry } from "../command.ts";
import { sayProgress, showChanges } from "../deploy-stacks.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { changeSetting } from "../file-edits.ts";
import { deployedSecrets } from "../rotation.ts";
import { readFleet, stackFileName } from "../stack-files.ts";
import type { World } from "../world.ts";
import { rollingOptions, rotate, rotateOptionsSchema } from "./keys.ts";

/** Secrets that can be rotated, by the names the command takes. */
const NAMES = ["livekit", "peer", "operator", "valkey", "django", "database"] as const;

const nameSchema = z.enum(NAMES);

/** Updates that are looked at for what is deployed. */
const HISTORY = 50;

/** A secret of the primary alone, of which only one make is taken at a time. */
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
 * Makes a secret of the primary anew and deploys the primary, which alone has it. Called again after a failure, it goes
 * on with the same make.
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
  const isUnderWay = (deployedSecrets(last.config)?.[secret].generation ?? 1) !== now;
  const next = isUnderWay ? now : now + 1;
  const plan = `generation ${next} of ${secret} in ${stackFileName(stack)}, then fleet up ${stack}`;
  if (isDryRun) {
    world.output.result({ secret, generation: next }, `Would set ${plan}.`);
    return EXIT.done;
  }
  if (!isUnderWay) {
    await world.confirm.ask(`Secret ${secret}: ${DISTURBANCE[secret]}`);
    changeSetting(world.project, stack, ["meet:secrets", secret, "generation"], next);
  }
  world.output.say(plan);
  const changes = await world.stacks.up(stack, sayProgress(world, stack));
  world.output.result(
    { secret, generation: next },
    `${stack}: ${showChanges(changes)}\nSecret ${secret} is of generation ${next}. Commit ${stackFileName(stack)}.`,
  );
  return EXIT.done;
}
