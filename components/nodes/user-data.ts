import { stringify } from "yaml";
import { SERVICE_CIDR } from "../network/subnets.ts";
import { portRange, type OpenPort } from "./open-port.ts";

/** What a node must know to join its cluster and to keep its role. */
export interface NodeFacts {
  readonly clusterName: string;
  readonly endpoint: string;
  /** Base64, as EKS gives it. */
  readonly certificateAuthority: string;
  readonly role: "media" | "egress";
  readonly openPorts: readonly OpenPort[];
}

/** Ends no line of any part. */
const BOUNDARY = "meet-node";

/**
 * Below this LiveKit warns that its receive buffer is too small for production (livekit/livekit, rtcconfig
 * minUDPBufferSize); it asks for 16 MiB and takes what it gets. Linux allows 208 KiB.
 */
const UDP_BUFFER_BYTES = 16_777_216;

/**
 * User data of a self-managed Amazon Linux 2023 node: several parts, read by `nodeadm` (the NodeConfig) and by cloud-init
 * (a script, which runs before the kubelet starts). Format: awslabs/amazon-eks-ami nodeadm/doc/examples.md.
 */
export function nodeUserData(facts: NodeFacts): string {
  const parts = [part("application/node.eks.aws", nodeConfig(facts))];
  if (facts.openPorts.length > 0) {
    parts.push(part('text/x-shellscript; charset="us-ascii"', kernelScript(facts.openPorts)));
  }
  return [
    "MIME-Version: 1.0",
    `Content-Type: multipart/mixed; boundary="${BOUNDARY}"`,
    "",
    ...parts,
    `--${BOUNDARY}--`,
    "",
  ].join("\n");
}

function part(contentType: string, body: string): string {
  return `--${BOUNDARY}\nContent-Type: ${contentType}\n\n${body}`;
}

function nodeConfig({ clusterName, endpoint, certificateAuthority, role }: NodeFacts): string {
  return stringify(
    {
      apiVersion: "node.eks.aws/v1alpha1",
      kind: "NodeConfig",
      spec: {
        cluster: {
          name: clusterName,
          apiServerEndpoint: endpoint,
          certificateAuthority,
          cidr: SERVICE_CIDR,
        },
        kubelet: {
          // As flags, so that the node is never seen without them: a pod placed in between would stay.
          flags: [
            `--node-labels=meet/role=${role}`,
            `--register-with-taints=meet/role=${role}:NoSchedule`,
          ],
        },
      },
    },
    { lineWidth: 0 },
  );
}

/**
 * Larger UDP buffers, and ports that Linux must not hand to an outgoing connection: they could lie in its range for
 * those, and LiveKit then fails to bind. The image reserves ports of its own add-ons (67-eks-reserved-ports.conf of
 * awslabs/amazon-eks-ami); the setting holds one list, so they are kept by adding to it.
 */
function kernelScript(openPorts: readonly OpenPort[]): string {
  const ranges = openPorts.map(portRange).join(",");
  return `#!/bin/bash
set -euo pipefail
reserved="$(sysctl --values net.ipv4.ip_local_reserved_ports)"
cat >/etc/sysctl.d/90-meet.conf <<END
net.ipv4.ip_local_reserved_ports = \${reserved:+\${reserved},}${ranges}
net.core.rmem_max = ${UDP_BUFFER_BYTES}
net.core.wmem_max = ${UDP_BUFFER_BYTES}
END
sysctl --load=/etc/sysctl.d/90-meet.conf
`;
}
