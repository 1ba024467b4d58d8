/**
 * Time for a node to end without ending what runs on it. The lifecycle hook keeps an instance waiting for one heartbeat
 * timeout; the termination handler renews it while the drain goes on.
 */

/** No instance waits longer, however many heartbeats it gets (EC2 Auto Scaling API, LifecycleHook.GlobalTimeout). */
export const MAX_WAIT_SECONDS = 172_800;

/**
 * How long an instance waits without a heartbeat. Half an hour, so that the handler may be away that long; a hundred of
 * them, the other half of the global limit, are more than `MAX_WAIT_SECONDS`.
 */
export const HEARTBEAT_TIMEOUT_SECONDS = 1800;

/** Well within the timeout, so that some may fail. The handler takes 30 to 3600 (aws-node-termination-handler README). */
export const HEARTBEAT_INTERVAL_SECONDS = 300;

/** What a drain needs beyond the longest grace period of a pod: eviction, the kill, reporting back. */
const MARGIN_SECONDS = 300;

/** How long the handler waits for a drain, for pods whose grace period is `drainSeconds` at most. */
export function waitSeconds(drainSeconds: number): number {
  return drainSeconds + MARGIN_SECONDS;
}

/** What is wrong with a drain time, a sentence each. */
export function drainFaults(drainSeconds: number): string[] {
  const most = MAX_WAIT_SECONDS - MARGIN_SECONDS;
  const fits = Number.isInteger(drainSeconds) && drainSeconds >= 60 && drainSeconds <= most;
  return fits
    ? []
    : [
        `drainSeconds ${drainSeconds} is outside 60-${most}: AWS keeps no ending instance longer than 48 hours. ` +
          "Choose a time inside.",
      ];
}
