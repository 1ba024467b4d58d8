import type * as k8s from "@pulumi/kubernetes";

/** The labels every object carries; `app.kubernetes.io/name` is also what Services and policies select by. */
export function labels(app: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": app,
    "app.kubernetes.io/part-of": "meet",
    "app.kubernetes.io/managed-by": "pulumi",
  };
}

/** What Services, spreads and policies select an app's pods by. */
export function selector(app: string): Record<string, string> {
  return { "app.kubernetes.io/name": app };
}

/** Pod settings of the "restricted" pod security standard, for the user id that an image runs as. */
export function restrictedPod(userId: number): k8s.types.input.core.v1.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    fsGroup: userId,
    seccompProfile: { type: "RuntimeDefault" },
  };
}

/** Container settings of the "restricted" standard, with a root file system that nobody can write. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} satisfies k8s.types.input.core.v1.SecurityContext;

/** Spreads an app's pods over zones first and nodes second; a lost zone must not keep the rest from running. */
export function spreadOverZones(app: string): k8s.types.input.core.v1.TopologySpreadConstraint[] {
  return ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selector(app) },
  }));
}
