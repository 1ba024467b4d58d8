import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** What a pod of the API asks before it says that it is ready. */
export interface Readiness {
  /** Meet's host: Django refuses any other. */
  readonly host: string;
  /** Address of the region's room gateway, inside the cluster. @default its word is not asked for */
  readonly gatewayUrl?: pulumi.Input<string>;
}

/** Path on which the gateway says whether its region is the primary (services/rooms/server.ts). */
const PRIMARY_PATH = "/primary";

/**
 * Meet's own heartbeat, and then the gateway's word that no other region was promoted. Only its 503 counts as a no: a
 * gateway that is away must not take Meet with it, and one that is older knows no such path.
 */
export const READINESS_SCRIPT = `
import sys, urllib.error, urllib.request
heartbeat, host, primary = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(heartbeat, headers={"Host": host}), timeout=5)
try:
    urllib.request.urlopen(primary, timeout=2)
except urllib.error.HTTPError as answer:
    if answer.code == 503:
        sys.exit("another region was promoted")
except Exception:
    pass
`.trim();

/**
 * Ends with 0 only if the gateway says that its region is the primary. For what may as well not happen: a gateway that
 * is away is no yes.
 */
export const IS_PRIMARY_SCRIPT = `
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5)
`.trim();

/** What a pod runs before it cleans up: its region is the primary, or nothing is deleted. */
export function isPrimaryArguments(gatewayUrl: pulumi.Input<string>): pulumi.Input<string>[] {
  const primary = pulumi.interpolate`${gatewayUrl}${PRIMARY_PATH}`;
  return ["python", "-c", IS_PRIMARY_SCRIPT, primary];
}

/**
 * The fence of a primary that comes back after another region was promoted. An exec probe because a pod has one
 * readiness probe, and a httpGet asks the pod alone; a balancer's check is none, for a balancer whose targets are all
 * unwell sends requests to all of them (ALB user guide, target-group-health-checks).
 */
export function readinessProbe(
  { host, gatewayUrl }: Readiness,
  port: number,
): k8s.types.input.core.v1.Probe {
  const often = { timeoutSeconds: 10, periodSeconds: 10, failureThreshold: 3 };
  if (gatewayUrl === undefined) {
    const httpHeaders = [{ name: "Host", value: host }];
    return { httpGet: { path: "/__heartbeat__", port: "http", httpHeaders }, ...often };
  }
  const heartbeat = `http://127.0.0.1:${port}/__heartbeat__`;
  const primary = pulumi.interpolate`${gatewayUrl}${PRIMARY_PATH}`;
  return {
    exec: { command: ["python", "-c", READINESS_SCRIPT, heartbeat, host, primary] },
    ...often,
  };
}
