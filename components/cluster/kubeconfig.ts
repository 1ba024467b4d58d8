/** What a kubeconfig needs to know of a cluster. */
export interface ClusterAccess {
  readonly clusterName: string;
  readonly awsRegion: string;
  readonly endpoint: string;
  /** Base64, as EKS gives it. */
  readonly certificateAuthority: string;
}

/**
 * A kubeconfig whose tokens come from the AWS CLI: they live 15 minutes, so a token written down would end in the middle
 * of an update and be another one in every preview. The region is pinned and no profile is named: it works with whatever
 * AWS credentials the caller has, on a laptop and in CI. JSON, which is YAML.
 */
export function kubeconfig(access: ClusterAccess): string {
  const { clusterName, awsRegion, endpoint, certificateAuthority } = access;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: clusterName,
        cluster: { server: endpoint, "certificate-authority-data": certificateAuthority },
      },
    ],
    contexts: [{ name: clusterName, context: { cluster: clusterName, user: clusterName } }],
    "current-context": clusterName,
    users: [
      {
        name: clusterName,
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: [
              ...["--region", awsRegion, "eks", "get-token"],
              ...["--cluster-name", clusterName, "--output", "json"],
            ],
            interactiveMode: "Never",
          },
        },
      },
    ],
  });
}
