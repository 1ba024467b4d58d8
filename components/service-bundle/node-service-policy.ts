import type * as k8s from "@pulumi/kubernetes";
import { NAMESPACES } from "../shared/names.ts";
import { SERVICE_PORT } from "./node-service-pod.ts";

type EgressRule = k8s.types.input.networking.v1.NetworkPolicyEgressRule;
type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;

/** Addresses of the instance metadata service: no pod has any business there (Amazon EC2 user guide, IMDS). */
const INSTANCE_METADATA = "169.254.169.254/32";

/** The EKS Pod Identity agent on every node (Amazon EKS user guide, pod-id-agent-setup). */
const POD_IDENTITY_AGENT = "169.254.170.23/32";

function tcp(...ports: readonly number[]): k8s.types.input.networking.v1.NetworkPolicyPort[] {
  return ports.map((port) => ({ protocol: "TCP", port }));
}

/** Pods of another namespace, by the label every namespace has; covers the cluster address of their Service too. */
function podsOf(namespace: string, app: string): Peer {
  return {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    podSelector: { matchLabels: { "app.kubernetes.io/name": app } },
  };
}

/** Name resolution, over both protocols: an answer that does not fit into a datagram is asked for again over TCP. */
export const DNS_RULE: EgressRule = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

/** HTTPS anywhere but to the metadata service: peers, Meet and AWS. */
export const HTTPS_RULE: EgressRule = {
  to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [INSTANCE_METADATA] } }],
  ports: tcp(443),
};

/** Credentials of the pod's own role. */
export const POD_IDENTITY_RULE: EgressRule = {
  to: [{ ipBlock: { cidr: POD_IDENTITY_AGENT } }],
  ports: tcp(80),
};

/**
 * The region's LiveKit, by its Service and by its nodes' addresses: its pods are on the host network, and whether a
 * policy sees the Service's address or the node's depends on where the data path translates.
 */
export function livekitRule(vpcCidr: string, port: number): EgressRule {
  return {
    to: [podsOf(NAMESPACES.media, "livekit"), { ipBlock: { cidr: vpcCidr } }],
    ports: tcp(port),
  };
}

/** Something in the VPC that is no pod, such as Valkey. */
export function vpcRule(vpcCidr: string, port: number): EgressRule {
  return { to: [{ ipBlock: { cidr: vpcCidr } }], ports: tcp(port) };
}

/** Another service of the same namespace. */
export function neighbourRule(app: string, port: number): EgressRule {
  return {
    to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": app } } }],
    ports: tcp(port),
  };
}

/**
 * What a bundled service is reached from: the VPC, which is where the balancers' requests, host-network pods and
 * Prometheus come from, and nothing beyond it. No NodePort leads to the port of its metrics.
 */
export function ingressFromVpc(
  vpcCidr: string,
  metricsPort?: number,
): k8s.types.input.networking.v1.NetworkPolicyIngressRule {
  const ports = metricsPort === undefined ? [SERVICE_PORT] : [SERVICE_PORT, metricsPort];
  return { from: [{ ipBlock: { cidr: vpcCidr } }], ports: tcp(...ports) };
}
