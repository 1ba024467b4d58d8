import { nextEpoch, type Cause, type Claim } from "./claim.ts";
import { canHost } from "./health.ts";
import { standing, type Survey } from "./proposer.ts";

/** Rounds that an unconfirmed claim above a confirmed one is given: its proposer is probably still writing. */
const PATIENCE_ROUNDS = 3;

/** What a decision needs beside the survey. */
export interface Deciding {
  readonly room: string;
  readonly round: number;
  readonly nowMs: number;
  /** Regions in the order in which the one who joins would have them. */
  readonly preferred: readonly string[];
  /** Whether the host of a claim is lost. */
  readonly isLost: (claim: Claim) => Promise<boolean>;
}

/** A claim of a new tenure. */
export function newTenure(
  room: string,
  region: string,
  cause: Cause,
  known: Claim | undefined,
  nowMs: number,
): Claim {
  const epoch = nextEpoch(known, nowMs);
  const fresh = cause === "join";
  return { room, epoch, region, tenure: epoch, state: "open", cause, confirmed: false, fresh };
}

/** The claim of a tenure that goes on, at an epoch above what was found. */
export function sameTenure(claim: Claim, known: Claim, nowMs: number): Claim {
  return { ...claim, epoch: nextEpoch(known, nowMs), confirmed: false, fresh: false };
}

/**
 * Decides where a room is for somebody who joins: where it is, if that region can host; where the nearest region is
 * otherwise. Undefined if somebody else's claim is on its way, or if no region can host it.
 */
export async function decideForJoin(
  survey: Survey,
  deciding: Deciding,
): Promise<Claim | undefined> {
  const { highest, confirmed } = standing(survey);
  if (highest === undefined) {
    return placed(survey, deciding, "join", highest);
  }
  const isAhead = confirmed === undefined || highest.epoch > confirmed.epoch;
  if (isAhead && !highest.confirmed && confirmed?.state === "open") {
    return aheadOfHost(survey, deciding, highest, confirmed);
  }
  if (highest.state === "closed") {
    return placed(survey, deciding, "join", highest);
  }
  if (await deciding.isLost(highest)) {
    return placed(survey, deciding, "failover", highest);
  }
  return highest;
}

/**
 * A claim that not all hold yet, above one under which people may be in the room. Somebody is moving the room, or began
 * to and is gone: after some patience the host stays what it was.
 */
async function aheadOfHost(
  survey: Survey,
  deciding: Deciding,
  ahead: Claim,
  host: Claim,
): Promise<Claim | undefined> {
  if (ahead.region === host.region && ahead.tenure === host.tenure) {
    return ahead;
  }
  if (await deciding.isLost(host)) {
    return (await deciding.isLost(ahead)) ? placed(survey, deciding, "failover", ahead) : ahead;
  }
  if (deciding.round < PATIENCE_ROUNDS) {
    return undefined;
  }
  return sameTenure(host, ahead, deciding.nowMs);
}

/** A new claim for the first region of the wish that answered, can host and takes rooms. */
function placed(
  survey: Survey,
  deciding: Deciding,
  cause: Cause,
  known: Claim | undefined,
): Claim | undefined {
  const region = bestRegion(survey, deciding.preferred);
  return region === undefined
    ? undefined
    : newTenure(deciding.room, region, cause, known, deciding.nowMs);
}

/** Draining regions come last: a meeting there is better than none. */
export function bestRegion(survey: Survey, preferred: readonly string[]): string | undefined {
  const able = preferred.filter((region) => {
    const status = survey.statuses.get(region);
    return status !== undefined && canHost(status) && survey.held.has(region);
  });
  return able.find((region) => survey.statuses.get(region)?.draining !== true) ?? able[0];
}
