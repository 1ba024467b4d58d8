import type { StackConfig } from "../infra/config.ts";
import { EXIT, FleetError } from "./exit.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { World } from "./world.ts";

/**
 * The regions without the one that is fenced, which is said: to deploy it would delete what it has, and may fail for as
 * long as it is lost.
 * @param named what the operator named, none for all
 * @throws FleetError where he named the fenced region
 */
export function withoutFenced(
  { output }: Pick<World, "output">,
  { fleet }: Pick<FleetFiles, "fleet">,
  regions: readonly StackConfig[],
  named: readonly string[],
): readonly StackConfig[] {
  const fenced = regions.find(({ role }) => role === "fenced");
  if (fenced === undefined) {
    return regions;
  }
  const why = `it is fenced, because ${fleet.primary.stack} was promoted instead of it. When it is back, run fleet return ${fenced.stack}.`;
  if (named.includes(fenced.stack)) {
    throw new FleetError(`Region "${fenced.stack}": ${why}`, EXIT.wrongUse);
  }
  output.say(`${fenced.stack}: skipped, ${why}`);
  return regions.filter((region) => region !== fenced);
}
