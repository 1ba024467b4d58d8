import { describe, expect, it } from "vitest";
import {
  linearParameters,
  ProportionalAutoscaler,
  type ProportionalAutoscalerArgs,
} from "../../../components/nodes/proportional-autoscaler.ts";
import { record } from "../../support/record.ts";

const ARGS: ProportionalAutoscalerArgs = {
  namespace: "media",
  deployment: "livekit",
  role: "media",
  version: "v1.10.3",
};

const made = (changes: Partial<ProportionalAutoscalerArgs> = {}) =>
  record(() => new ProportionalAutoscaler("livekit-autoscaler", { ...ARGS, ...changes }));

describe("the proportional autoscaler", () => {
  it("wants one pod per node, drained nodes included, and one at least", () => {
    expect(JSON.parse(linearParameters())).toEqual({
      nodesPerReplica: 1,
      min: 1,
      preventSinglePointFailure: false,
      includeUnschedulableNodes: true,
    });
  });

  it("has exactly these parts", async () => {
    const recording = await made();
    expect(recording.all.map(({ type }) => type).sort()).toEqual([
      "kubernetes:apps/v1:Deployment",
      "kubernetes:core/v1:ConfigMap",
      "kubernetes:core/v1:ServiceAccount",
      "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
      "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
      "kubernetes:rbac.authorization.k8s.io/v1:Role",
      "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
      "meet:compute:ProportionalAutoscaler",
    ]);
  });

  it("reads settings whose name changes with them", async () => {
    const settings = (await made()).one("kubernetes:core/v1:ConfigMap");
    expect(settings.inputs).toMatchObject({
      metadata: { name: expect.stringMatching(/^livekit-autoscaler-[0-9a-f]{10}$/) as string },
      immutable: true,
      data: { linear: linearParameters() },
    });
  });

  it("scales its own Deployment by nodes of its role, and runs on a system node", async () => {
    const recording = await made();
    const settings = recording.one("kubernetes:core/v1:ConfigMap").inputs["metadata"];
    const { name } = settings as { name: string };
    expect(recording.one("kubernetes:apps/v1:Deployment").inputs["spec"]).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
      template: {
        spec: {
          nodeSelector: { "meet/role": "system" },
          securityContext: { runAsNonRoot: true, runAsUser: 65_535 },
          containers: [
            {
              image: "registry.k8s.io/cpa/cluster-proportional-autoscaler:v1.10.3",
              args: [
                "--namespace=media",
                `--configmap=${name}`,
                "--target=deployment/livekit",
                "--nodelabels=meet/role=media",
                "--poll-period-seconds=10",
                "--logtostderr=true",
                "--v=2",
              ],
            },
          ],
        },
      },
    });
  });

  it("may count nodes, read its settings and resize one Deployment", async () => {
    const recording = await made();
    const rules = (kind: string) =>
      recording.one(`kubernetes:rbac.authorization.k8s.io/v1:${kind}`).inputs["rules"];
    expect(rules("ClusterRole")).toEqual([
      { apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] },
    ]);
    expect(rules("Role")).toEqual([
      {
        apiGroups: ["apps"],
        resources: ["deployments/scale"],
        resourceNames: ["livekit"],
        verbs: ["get", "update"],
      },
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: [expect.stringMatching(/^livekit-autoscaler-/) as string],
        verbs: ["get"],
      },
    ]);
  });

  it("reports all faults at once", async () => {
    await expect(made({ deployment: "LiveKit", version: "1.8.6" })).rejects.toThrow(
      'meet:compute:ProportionalAutoscaler "livekit-autoscaler": 2 faults.\n' +
        ' - deployment "LiveKit" is no name of at most 40 lower-case letters, digits and hyphens. Correct it.\n' +
        ' - version "1.8.6" is no exact image tag. Write one such as v1.10.3.',
    );
  });
});
