import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  Egress,
  EGRESS_TYPE,
  egressImage,
  scratchGib,
  uploadPolicy,
  type EgressArgs,
} from "../../../components/egress/egress.ts";
import { record, value } from "../../support/record.ts";

const SECRET = "a-secret-of-at-least-thirty-two-characters";
/** What a caller passes who hands over a whole component. */
class Store extends pulumi.ComponentResource {
  readonly host = pulumi.output("store.internal");
  readonly port = pulumi.output(6379);
  readonly authToken = pulumi.secret("valkey-password");

  constructor() {
    super("test:data:Store", "store");
    this.registerOutputs({});
  }
}

const ARGS: EgressArgs = {
  namespace: "media",
  version: "v1.14.1",
  clusterName: "meet-eu",
  roleName: "meet-eu-egress",
  bucket: {
    kind: "aws" as const,
    name: "recordings",
    arn: "arn:aws:s3:::recordings",
    awsRegion: "eu-west-3",
  },
  valkey: { host: "valkey.internal", port: 6379, authToken: pulumi.secret("valkey-password") },
  keys: { apiKey: "APIkey", apiSecret: pulumi.secret(SECRET) },
  livekitHost: "livekit.media.svc.cluster.local:7880",
  maxDurationMinutes: 240,
  vpcCidr: "10.0.0.0/16",
  minReplicas: 1,
  tags: { "meet:stack": "eu" },
};

const ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation";
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const SECRET_TYPE = "kubernetes:core/v1:Secret";

async function recordEgress(change: Partial<EgressArgs> = {}) {
  return record(() => new Egress("egress", { ...ARGS, ...change }));
}

describe("Egress", () => {
  it("makes exactly these resources, all below itself", async () => {
    const recording = await recordEgress();
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      `${ASSOCIATION} egress`,
      "aws:iam/role:Role egress-role",
      "aws:iam/rolePolicy:RolePolicy egress-upload",
      `${DEPLOYMENT} egress`,
      `${SECRET_TYPE} egress-config`,
      "kubernetes:core/v1:ServiceAccount egress",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy egress",
      "kubernetes:policy/v1:PodDisruptionBudget egress",
      `${EGRESS_TYPE} egress`,
    ]);
    const component = recording.one(EGRESS_TYPE);
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map((child) => child.parent)).toEqual(children.map(() => component.urn));
  });

  it("has a role that its pods alone assume, with its stack's tags", async () => {
    const recording = await recordEgress();
    expect(recording.one("aws:iam/role:Role").inputs).toMatchObject({
      name: "meet-eu-egress",
      tags: { "meet:stack": "eu", Name: "egress-role" },
    });
    const trust = recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"];
    expect(JSON.parse(String(trust))).toMatchObject({
      Statement: [{ Principal: { Service: "pods.eks.amazonaws.com" } }],
    });
    expect(recording.one(ASSOCIATION).inputs).toMatchObject({
      clusterName: "meet-eu",
      namespace: "media",
      serviceAccount: "egress",
      roleArn: await value(pulumi.output(recording.result.roleArn)),
      tags: { "meet:stack": "eu", Name: "egress" },
    });
    expect(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]).toBe(
      uploadPolicy("arn:aws:s3:::recordings"),
    );
  });

  it("starts no pod before its credentials can be put into it", async () => {
    const recording = await recordEgress();
    const { dependsOn } = recording.one(DEPLOYMENT);
    expect(dependsOn).toContain(recording.one(ASSOCIATION).urn);
    expect(dependsOn).toContain(recording.one("kubernetes:core/v1:ServiceAccount").urn);
  });

  it("lets the longest recording end before a pod goes, and lets nobody wait for it", async () => {
    const deployment = (await recordEgress()).one(DEPLOYMENT);
    expect(deployment.inputs).toMatchObject({
      metadata: { annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        replicas: 1,
        progressDeadlineSeconds: 240 * 60 + 600 + 1800,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: {
          metadata: {
            annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "false" },
          },
          spec: { terminationGracePeriodSeconds: 240 * 60 + 600 },
        },
      },
    });
    expect(deployment.ignoreChanges).toEqual(["spec.replicas"]);
  });

  it("has a recording node of four CPUs to itself, as a user that is not root", async () => {
    const { inputs } = (await recordEgress()).one(DEPLOYMENT);
    expect(inputs).toMatchObject({
      spec: {
        template: {
          spec: {
            nodeSelector: { "meet/role": "egress" },
            tolerations: [
              { key: "meet/role", operator: "Equal", value: "egress", effect: "NoSchedule" },
            ],
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 1001, fsGroup: 1001 },
            containers: [
              {
                image: "docker.io/livekit/egress:v1.14.1",
                env: [
                  { name: "EGRESS_CONFIG_FILE", value: "/etc/egress/egress.yaml" },
                  { name: "HOME", value: "/home/egress" },
                ],
                resources: {
                  requests: { cpu: "3000m", memory: "4Gi", "ephemeral-storage": "14Gi" },
                  limits: { memory: "6Gi" },
                },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ["ALL"] },
                },
                volumeMounts: [
                  { name: "config", mountPath: "/etc/egress", readOnly: true },
                  { name: "home", mountPath: "/home/egress" },
                  { name: "tmp", mountPath: "/tmp" },
                ],
              },
            ],
          },
        },
      },
    });
  });

  it("makes the directories that PulseAudio must own before it goes on as the image does", async () => {
    const { inputs } = (await recordEgress()).one(DEPLOYMENT);
    const text = JSON.stringify(inputs);
    expect(text).toContain("mkdir -p -m 0700 /home/egress/.cache/xdgr && exec /entrypoint.sh");
  });

  it("keeps its configuration in an immutable Secret and shows it nowhere else", async () => {
    const recording = await recordEgress();
    const { inputs } = recording.one(SECRET_TYPE);
    const name = (inputs["metadata"] as { name: string }).name;
    expect(name).toMatch(/^egress-config-[0-9a-f]{10}$/);
    expect(inputs["immutable"]).toBe(true);
    const { "[secret]": files } = inputs["stringData"] as { "[secret]": Record<string, string> };
    expect(parse(files["egress.yaml"] ?? "")).toMatchObject({
      ws_url: "ws://livekit.media.svc.cluster.local:7880",
      storage: { s3: { bucket: "recordings", region: "eu-west-3" } },
      redis: { password: "valkey-password" },
      cpu_cost: { max_memory: 5.5 },
    });
    const others = recording.all.filter(({ type }) => type !== SECRET_TYPE);
    expect(JSON.stringify(others)).not.toContain(SECRET);
    expect(JSON.stringify(others)).not.toContain("valkey-password");
  });

  it("is reached for its metrics alone, and cannot reach the node's own credentials", async () => {
    const recording = await recordEgress();
    expect(recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs).toMatchObject({
      spec: {
        podSelector: { matchLabels: { "app.kubernetes.io/name": "egress" } },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [{ ipBlock: { cidr: "10.0.0.0/16" } }],
            ports: [{ protocol: "TCP", port: 9090 }],
          },
        ],
        egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }] }],
      },
    });
    expect(recording.one("kubernetes:policy/v1:PodDisruptionBudget").inputs).toMatchObject({
      spec: { maxUnavailable: 1 },
    });
  });

  it("takes a whole component for its Valkey", async () => {
    const recording = await record(() => new Egress("egress", { ...ARGS, valkey: new Store() }));
    const { inputs } = recording.one(SECRET_TYPE);
    expect(JSON.stringify(inputs)).toContain("address: store.internal:6379");
    expect(JSON.stringify(inputs)).toContain("password: valkey-password");
  });

  it.each<[Partial<EgressArgs>, string]>([
    [
      { version: "latest" },
      'meet:media:Egress "egress": version latest is no exact version. Give one like v1.14.1.',
    ],
    [{ maxDurationMinutes: 0 }, "maxDurationMinutes 0 records nothing. Use a whole number from 1."],
    [
      { minReplicas: 0 },
      "minReplicas 0 records nothing. Use a whole number from 1, or leave Egress out.",
    ],
    [
      { roleName: "r".repeat(65) },
      `roleName ${"r".repeat(65)} has 65 characters, IAM allows 64. Shorten it.`,
    ],
  ])("refuses %o", async (change, sentence) => {
    await expect(recordEgress(change)).rejects.toThrow(sentence);
  });
});

describe("what Egress may do at S3", () => {
  it("is to write below the recordings' prefix and to clear away", () => {
    expect(JSON.parse(uploadPolicy("arn:aws:s3:::b"))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "WriteRecordings",
          Effect: "Allow",
          Action: ["s3:PutObject", "s3:AbortMultipartUpload"],
          Resource: "arn:aws:s3:::b/recordings/*",
        },
      ],
    });
  });
});

describe("the disk of a recording pod", () => {
  it.each([
    [1, 3],
    [60, 5],
    [240, 14],
    [600, 30],
  ])("that records %i minutes is %i GiB", (minutes, gib) => {
    expect(scratchGib(minutes)).toBe(gib);
  });
});

describe("the image", () => {
  it.each(["v1.14.1", "1.14.1"])("of version %s has a tag with a v", (version) => {
    expect(egressImage(version)).toBe("docker.io/livekit/egress:v1.14.1");
  });
});
