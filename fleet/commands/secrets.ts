import * as z from "zod";
import type { Registry } from "../command.ts";
import { sayProgress, showChanges } from "../deploy-stacks.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { changeSetting } from "../file-edits.ts";
import { readFleet, stackFileName } from "../stack-files.ts";
import type { StackUpdate } from "../stacks.ts";
import type { World } from "../world.ts";
import { rotate, rotateOptionsSchema } from "./keys.ts";

/** Secrets that can be rotated, by the names the command takes. */
const NAMES = ["livekit", "peer", "operator", "django"] as const;

const nameSchema = z.enum(NAMES);

/** Updates that are looked at for what is deployed. */
const HISTORY = 50;

/** Registers `fleet secrets rotate`. */
export function addSecrets(registry: Registry): void {
  const parent = registry.group("secrets", "Each secret by its name");
  registry.add({
    parent,
    usage: "rotate <name>",
    description:
      "Makes livekit, peer, operator or django anew. The first three as fleet keys rotate does, which has more options.\n" +
      "django: Meet takes one key at a time, so everybody has to sign in to Meet again. Meetings go on.",
    examples: ["fleet secrets rotate peer", "fleet secrets rotate django --dry-run"],
    changes: true,
    asks: true,
    run: (world, [name = ""], options) => {
      const secret = nameSchema.safeParse(name);
      if (!secret.success) {
        throw new FleetError(
          `Secret "${name}": it is none of ${NAMES.join(", ")}. Use one of them.`,
          EXIT.wrongUse,
        );
      }
      return secret.data === "django"
        ? rotateDjango(world, options["dryRun"] === true)
        : rotate(world, rotateOptionsSchema.parse({ ...options, secret: secret.data }));
    },
  });
}

/** Makes Django's key anew and deploys the primary, which alone has it. Called again after a failure, it goes on. */
export async function rotateDjango(world: World, isDryRun: boolean): Promise<ExitStatus> {
  const { fleet } = readFleet(world.project);
  const { stack } = fleet.primary;
  const now = fleet.djangoKeyGeneration;
  const updates = await world.stacks.updates(stack, HISTORY);
  const last = updates.find(({ kind, succeeded }) => kind === "update" && succeeded);
  if (last === undefined) {
    throw new FleetError(
      `Stack "${stack}": it was never deployed, so there is no key to replace. Run fleet up first.`,
      EXIT.wrongUse,
    );
  }
  const isUnderWay = deployedGeneration(last) !== now;
  const next = isUnderWay ? now : now + 1;
  const plan = `generation ${next} of django in ${stackFileName(stack)}, then fleet up ${stack}`;
  if (isDryRun) {
    world.output.result({ secret: "django", generation: next }, `Would set ${plan}.`);
    return EXIT.done;
  }
  if (!isUnderWay) {
    await world.confirm.ask(
      "Secret django: everybody has to sign in to Meet again. Meetings go on.",
    );
    changeSetting(world.project, stack, ["meet:secrets", "django", "generation"], next);
  }
  world.output.say(plan);
  const changes = await world.stacks.up(stack, sayProgress(world, stack));
  world.output.result(
    { secret: "django", generation: next },
    `${stack}: ${showChanges(changes)}\nDjango's key is of generation ${next}. Commit ${stackFileName(stack)}.`,
  );
  return EXIT.done;
}

const settingSchema = z.object({ django: z.object({ generation: z.number() }).optional() });

/** The make that an update ran with. */
function deployedGeneration({ config }: StackUpdate): number {
  const text = config.get("meet:secrets");
  const found = settingSchema.safeParse(text === undefined ? {} : JSON.parse(text));
  return found.data?.django?.generation ?? 1;
}
