import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { NAMESPACES } from "../shared/names.ts";

/** Pod Security Standards (kubernetes.io, pod-security-standards). */
type SecurityLevel = "restricted" | "privileged";

/**
 * The two namespaces. `meet` admits only pods of the "restricted" standard, and lets nothing in that no policy names;
 * `media` is for LiveKit on its node's network, which no standard but "privileged" allows and no network policy binds.
 */
export function makeNamespaces(
  name: string,
  opts: pulumi.CustomResourceOptions,
): { meet: pulumi.Output<string>; media: pulumi.Output<string> } {
  const meet = namespace(`${name}-meet`, NAMESPACES.meet, "restricted", opts);
  const media = namespace(`${name}-media`, NAMESPACES.media, "privileged", opts);
  new k8s.networking.v1.NetworkPolicy(
    `${name}-meet-default`,
    {
      metadata: { name: "default-deny-ingress", namespace: meet.metadata.name },
      spec: { podSelector: {}, policyTypes: ["Ingress"] },
    },
    opts,
  );
  return { meet: meet.metadata.name, media: media.metadata.name };
}

function namespace(
  logicalName: string,
  namespaceName: string,
  level: SecurityLevel,
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Namespace {
  return new k8s.core.v1.Namespace(
    logicalName,
    {
      metadata: {
        name: namespaceName,
        labels: {
          "pod-security.kubernetes.io/enforce": level,
          "pod-security.kubernetes.io/audit": level,
          "pod-security.kubernetes.io/warn": level,
          "app.kubernetes.io/part-of": "meet",
          "app.kubernetes.io/managed-by": "pulumi",
        },
      },
    },
    opts,
  );
}
