import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  LIVEKIT_TYPE,
  LiveKit,
  livekitImage,
  type LiveKitArgs,
} from "../../../components/livekit/livekit.ts";
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

const ARGS: LiveKitArgs = {
  namespace: "media",
  version: "v1.13.5",
  region: "eu",
  valkey: { host: "valkey.internal", port: 6379, authToken: pulumi.secret("valkey-password") },
  keys: { apiKey: "APIkey", apiSecret: pulumi.secret(SECRET) },
  turnHost: "turn.eu.example.org",
  udpPorts: { from: 7882, to: 7913 },
  webhookUrl: "http://rooms.meet.svc.cluster.local:8080/webhooks/livekit",
  drainDeadlineMinutes: 240,
  minReplicas: 2,
};

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const SECRET_TYPE = "kubernetes:core/v1:Secret";
const LABELS = {
  "app.kubernetes.io/name": "livekit",
  "app.kubernetes.io/part-of": "meet",
  "app.kubernetes.io/managed-by": "pulumi",
};

async function recordLiveKit(change: Partial<LiveKitArgs> = {}) {
  return record(() => new LiveKit("livekit", { ...ARGS, ...change }));
}

describe("LiveKit", () => {
  it("makes exactly these resources, all below itself", async () => {
    const recording = await recordLiveKit();
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      `${DEPLOYMENT} livekit`,
      `${SECRET_TYPE} livekit-config`,
      "kubernetes:core/v1:Service livekit",
      "kubernetes:core/v1:ServiceAccount livekit",
      "kubernetes:policy/v1:PodDisruptionBudget livekit",
      `${LIVEKIT_TYPE} livekit`,
    ]);
    const component = recording.one(LIVEKIT_TYPE);
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map((child) => child.parent)).toEqual(children.map(() => component.urn));
  });

  it("rolls out one node at a time without a surge, and lets nobody wait for it", async () => {
    const recording = await recordLiveKit();
    const deployment = recording.one(DEPLOYMENT);
    expect(deployment.inputs).toMatchObject({
      metadata: {
        namespace: "media",
        name: "livekit",
        labels: LABELS,
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: {
        replicas: 2,
        progressDeadlineSeconds: 240 * 60 + 1800,
        selector: { matchLabels: { "app.kubernetes.io/name": "livekit" } },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      },
    });
  });

  it("leaves the number of pods to the proportional autoscaler", async () => {
    const { ignoreChanges } = (await recordLiveKit()).one(DEPLOYMENT);
    expect(ignoreChanges).toEqual(["spec.replicas"]);
  });

  it("puts its pod on the network of a media node, for as long as a drain may last", async () => {
    const recording = await recordLiveKit();
    const { inputs } = recording.one(DEPLOYMENT);
    expect(inputs).toMatchObject({
      spec: {
        template: {
          metadata: { labels: LABELS },
          spec: {
            hostNetwork: true,
            dnsPolicy: "ClusterFirstWithHostNet",
            nodeSelector: { "meet/role": "media" },
            tolerations: [
              { key: "meet/role", operator: "Equal", value: "media", effect: "NoSchedule" },
            ],
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  {
                    topologyKey: "kubernetes.io/hostname",
                    labelSelector: { matchLabels: { "app.kubernetes.io/name": "livekit" } },
                  },
                ],
              },
            },
            serviceAccountName: "livekit",
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 240 * 60,
            securityContext: { runAsNonRoot: true, runAsUser: 65532 },
            containers: [
              {
                name: "livekit",
                image: "docker.io/livekit/livekit-server:v1.13.5",
                args: ["--config", "/etc/livekit/livekit.yaml"],
                ports: [
                  { name: "signal", containerPort: 7880, hostPort: 7880, protocol: "TCP" },
                  { name: "ice-tcp", containerPort: 7881, hostPort: 7881, protocol: "TCP" },
                  { name: "turn-udp", containerPort: 3478, hostPort: 3478, protocol: "UDP" },
                  { name: "turn-tls", containerPort: 5349, hostPort: 5349, protocol: "TCP" },
                  { name: "metrics", containerPort: 6789, hostPort: 6789, protocol: "TCP" },
                ],
                resources: { requests: { cpu: "1000m", memory: "1024Mi" } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ["ALL"] },
                },
                volumeMounts: [{ name: "config", mountPath: "/etc/livekit", readOnly: true }],
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(inputs)).not.toContain('"limits"');
  });

  it("is restarted only when its port refuses for a minute, and asked for readiness at /", async () => {
    const { inputs } = (await recordLiveKit()).one(DEPLOYMENT);
    expect(inputs).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                startupProbe: { tcpSocket: { port: "signal" } },
                livenessProbe: {
                  tcpSocket: { port: "signal" },
                  periodSeconds: 10,
                  failureThreshold: 6,
                },
                readinessProbe: { httpGet: { path: "/", port: "signal" } },
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(inputs)).not.toMatch(/livenessProbe":\{[^}]*httpGet/);
  });

  it("keeps its configuration in an immutable Secret that is named by its content", async () => {
    const recording = await recordLiveKit();
    const { inputs } = recording.one(SECRET_TYPE);
    const name = (inputs["metadata"] as { name: string }).name;
    expect(name).toMatch(/^livekit-config-[0-9a-f]{10}$/);
    expect(inputs["immutable"]).toBe(true);
    const { "[secret]": files } = inputs["stringData"] as { "[secret]": Record<string, string> };
    expect(parse(files["livekit.yaml"] ?? "")).toMatchObject({
      region: "eu",
      redis: { address: "valkey.internal:6379", password: "valkey-password" },
      keys: { APIkey: SECRET },
      rtc: { udp_port: "7882-7913" },
    });
    expect(recording.one(DEPLOYMENT).inputs).toMatchObject({
      spec: {
        template: {
          spec: { volumes: [{ name: "config", secret: { secretName: name, defaultMode: 0o440 } }] },
        },
      },
    });
  });

  it("rolls out when its configuration changes, by another Secret", async () => {
    const names: unknown[] = [];
    for (const change of [{}, { webhookUrl: "http://elsewhere" }]) {
      const { inputs } = (await recordLiveKit(change)).one(SECRET_TYPE);
      names.push((inputs["metadata"] as { name: string }).name);
    }
    expect(new Set(names).size).toBe(2);
  });

  it("shows no secret outside of its Secret", async () => {
    const recording = await recordLiveKit();
    const others = recording.all.filter(({ type }) => type !== SECRET_TYPE);
    expect(JSON.stringify(others)).not.toContain(SECRET);
    expect(JSON.stringify(others)).not.toContain("valkey-password");
    expect(recording.ofType("kubernetes:core/v1:ConfigMap")).toEqual([]);
  });

  it("is reached inside the cluster for signalling alone, and disrupted one pod at a time", async () => {
    const recording = await recordLiveKit();
    expect(recording.one("kubernetes:core/v1:Service").inputs).toMatchObject({
      metadata: { name: "livekit", namespace: "media" },
      spec: {
        type: "ClusterIP",
        selector: { "app.kubernetes.io/name": "livekit" },
        ports: [{ name: "signal", port: 7880, targetPort: "signal", protocol: "TCP" }],
      },
    });
    expect(recording.one("kubernetes:policy/v1:PodDisruptionBudget").inputs).toMatchObject({
      spec: {
        maxUnavailable: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": "livekit" } },
      },
    });
    expect(recording.one("kubernetes:core/v1:ServiceAccount").inputs).toMatchObject({
      automountServiceAccountToken: false,
    });
    expect(await value(recording.result.serviceHost)).toBe("livekit.media.svc.cluster.local:7880");
    expect(await value(recording.result.deploymentName)).toBe("livekit");
  });

  it("is made before its pods are, so that the account they name exists", async () => {
    const recording = await recordLiveKit();
    expect(recording.one(DEPLOYMENT).dependsOn).toContain(
      recording.one("kubernetes:core/v1:ServiceAccount").urn,
    );
  });

  it("has the same resources in a preview, where the keys are not known", async () => {
    const preview = await record(() => new LiveKit("livekit", ARGS), { preview: true });
    expect(preview.all.map(({ urn }) => urn)).toEqual(
      (await recordLiveKit()).all.map(({ urn }) => urn),
    );
  });

  it("takes a whole component for its Valkey", async () => {
    const recording = await record(() => new LiveKit("livekit", { ...ARGS, valkey: new Store() }));
    const { inputs } = recording.one(SECRET_TYPE);
    expect(JSON.stringify(inputs)).toContain("address: store.internal:6379");
    expect(JSON.stringify(inputs)).toContain("password: valkey-password");
  });

  it.each<[Partial<LiveKitArgs>, string]>([
    [
      { version: "latest" },
      'meet:media:LiveKit "livekit": version latest is no exact version. Give one like v1.13.5.',
    ],
    [
      { udpPorts: { from: 7900, to: 7890 } },
      "udpPorts 7900-7890 is no range of ports above 1024. Use one like 7882-7913.",
    ],
    [{ udpPorts: { from: 443, to: 450 } }, "udpPorts 443-450 is no range of ports above 1024."],
    [
      { udpPorts: { from: 3470, to: 3480 } },
      "udpPorts 3470-3480 contains 3478, TURN's own port. Move the range.",
    ],
    [
      { udpPorts: { from: 39990, to: 40010 } },
      "udpPorts 39990-40010 overlaps 30000-40000, which TURN relays from. Move the range.",
    ],
    [
      { drainDeadlineMinutes: 0 },
      "drainDeadlineMinutes 0 leaves no meeting time to end. Use a whole number from 1.",
    ],
    [{ minReplicas: 0 }, "minReplicas 0 is no LiveKit at all. Use a whole number from 1."],
  ])("refuses %o", async (change, sentence) => {
    await expect(recordLiveKit(change)).rejects.toThrow(sentence);
  });
});

describe("the image", () => {
  it.each([
    ["v1.13.5", "docker.io/livekit/livekit-server:v1.13.5"],
    ["1.13.5", "docker.io/livekit/livekit-server:v1.13.5"],
    ["v1.13.5@sha256:0", "docker.io/livekit/livekit-server:v1.13.5@sha256:0"],
  ])("of version %s is %s", (version, image) => {
    expect(livekitImage(version)).toBe(image);
  });
});
