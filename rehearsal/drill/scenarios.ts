import type { Scenario } from "./scenario.ts";
import { livekitLost, livekitNode } from "./scenarios/livekit.ts";
import {
  drain,
  evacuation,
  partition,
  regionAdded,
  regionLost,
  regionReturns,
  regionSilent,
} from "./scenarios/region.ts";
import { gatewayPod, redisAway } from "./scenarios/stores-and-gateways.ts";

/** All scenarios, in the order in which a drill goes through them. */
export const SCENARIOS: readonly Scenario[] = [
  livekitNode,
  livekitLost,
  redisAway,
  gatewayPod,
  drain,
  evacuation,
  regionLost,
  regionSilent,
  regionReturns,
  partition,
  regionAdded,
];

/** Those of these names, the quick ones, or all. @throws for a name that is none's, with those there are */
export function chooseScenarios(
  names: readonly string[],
  options: {
    readonly isQuick: boolean;
    readonly canDeploy: boolean;
    readonly hasBrowsers: boolean;
  },
): readonly Scenario[] {
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(
      `Scenario "${unknown.join(", ")}": there is none of that name. Choose from ${known.join(", ")}.`,
    );
  }
  const forBrowsers = SCENARIOS.find(
    ({ name, browsersOnly }) => names.includes(name) && browsersOnly === true,
  );
  if (forBrowsers !== undefined && !options.hasBrowsers) {
    throw new Error(
      `Scenario "${forBrowsers.name}": only people in browsers can take part. Add --browser.`,
    );
  }
  const wanted = SCENARIOS.filter(({ name, isQuick }) =>
    names.length > 0 ? names.includes(name) : !options.isQuick || isQuick === true,
  );
  return wanted
    .filter(({ needsThird }) => needsThird !== true || options.canDeploy)
    .filter(({ browsersOnly }) => browsersOnly !== true || options.hasBrowsers);
}
