/** The EKS add-ons of every cluster. */
export type AddOn =
  "vpc-cni" | "kube-proxy" | "eks-pod-identity-agent" | "coredns" | "metrics-server";

/**
 * Without these a node stays NotReady ("cni plugin not initialized") and its node group fails to be made
 * (terraform-aws-modules/terraform-aws-eks issues 3446 and 3160); pods ask the agent for their credentials.
 */
export const ADD_ONS_BEFORE_NODES: readonly AddOn[] = [
  "vpc-cni",
  "kube-proxy",
  "eks-pod-identity-agent",
];

/** These are Deployments: their add-on is healthy only once a node runs their pods. */
export const ADD_ONS_AFTER_NODES: readonly AddOn[] = ["coredns", "metrics-server"];

/**
 * Settings that differ from an add-on's own, as JSON in the schema of the add-on. Network policies are accepted by every
 * cluster and enforced by none unless the CNI is told to (Amazon EKS user guide, cni-network-policy-configure).
 */
const CONFIGURATION: Partial<Record<AddOn, object>> = {
  "vpc-cni": { enableNetworkPolicy: "true" },
};

/** `configurationValues` of an add-on; nothing when its defaults are right. */
export function addOnConfiguration(addOn: AddOn): string | undefined {
  const values = CONFIGURATION[addOn];
  return values === undefined ? undefined : JSON.stringify(values);
}
