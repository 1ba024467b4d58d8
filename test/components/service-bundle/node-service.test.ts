import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { buildBundle, bundleCommand } from "../../../components/service-bundle/bundle.ts";
import {
  NODE_SERVICE_TYPE,
  NodeService,
  type NodeServiceArgs,
} from "../../../components/service-bundle/node-service.ts";
import { environmentList } from "../../../components/service-bundle/node-service-pod.ts";
import {
  DNS_RULE,
  HTTPS_RULE,
  livekitRule,
  neighbourRule,
  POD_IDENTITY_RULE,
  vpcRule,
} from "../../../components/service-bundle/node-service-policy.ts";
import { record, value } from "../../support/record.ts";

const WITHOUT_SECRETS: NodeServiceArgs = {
  namespace: "meet",
  app: "rooms",
  service: "rooms",
  nodeVersion: "24.19.0-bookworm-slim",
  nodePort: 30080,
  replicas: { min: 2, max: 6, cpuPercent: 60 },
  environment: { REGION: "eu" },
  resources: { cpuMillicores: 250, memoryMib: 512 },
  shutdownSeconds: 60,
  vpcCidr: "10.0.0.0/16",
  egress: [DNS_RULE],
};

const ARGS: NodeServiceArgs = {
  ...WITHOUT_SECRETS,
  secretFiles: { "peer-secret": pulumi.secret("hidden-value") },
};

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
const SECRET = "kubernetes:core/v1:Secret";
const AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler";

async function recordService(change: Partial<NodeServiceArgs> = {}) {
  return record(() => new NodeService("rooms", { ...ARGS, ...change }));
}

function nameOf(inputs: Readonly<Record<string, unknown>>): string {
  return (inputs["metadata"] as { name: string }).name;
}

describe("NodeService", () => {
  it("makes exactly these resources, all below itself", async () => {
    const recording = await recordService();
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      `${DEPLOYMENT} rooms`,
      `${AUTOSCALER} rooms`,
      `${CONFIG_MAP} rooms-bundle`,
      `${SECRET} rooms-secrets`,
      "kubernetes:core/v1:Service rooms",
      "kubernetes:core/v1:ServiceAccount rooms",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy rooms",
      "kubernetes:policy/v1:PodDisruptionBudget rooms",
      `${NODE_SERVICE_TYPE} rooms`,
    ]);
    const component = recording.one(NODE_SERVICE_TYPE);
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map((child) => child.parent)).toEqual(children.map(() => component.urn));
    const namespaces = children.map(
      ({ inputs }) => (inputs["metadata"] as { namespace: string }).namespace,
    );
    expect(new Set(namespaces)).toEqual(new Set(["meet"]));
  });

  it("makes no autoscaler for a fixed number of pods, and then owns that number", async () => {
    const recording = await recordService({ replicas: { fixed: 3 } });
    expect(recording.ofType(AUTOSCALER)).toEqual([]);
    expect(recording.one(DEPLOYMENT).inputs).toMatchObject({ spec: { replicas: 3 } });
    expect(recording.one(DEPLOYMENT).ignoreChanges).toEqual([]);
  });

  it("leaves the number of pods to the autoscaler where there is one", async () => {
    const recording = await recordService();
    expect(recording.one(DEPLOYMENT).inputs).toMatchObject({ spec: { replicas: 2 } });
    expect(recording.one(DEPLOYMENT).ignoreChanges).toEqual(["spec.replicas"]);
    expect(recording.one(AUTOSCALER).inputs).toMatchObject({
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "rooms" },
        minReplicas: 2,
        maxReplicas: 6,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
          },
        ],
      },
    });
  });

  it("carries the bundle in an immutable ConfigMap that is named by its content", async () => {
    const recording = await recordService();
    const { inputs } = recording.one(CONFIG_MAP);
    expect(nameOf(inputs)).toBe(`rooms-bundle-${buildBundle("rooms").hash}`);
    expect(inputs["immutable"]).toBe(true);
    const { "main.cjs.gz": packed = "" } = inputs["binaryData"] as Record<string, string>;
    const code = gunzipSync(Buffer.from(packed, "base64")).toString();
    expect(code.includes("/region-health")).toBe(true);
  });

  it("runs the bundle on the stock image, unwritable but for a scratch directory", async () => {
    const recording = await recordService();
    const secretName = nameOf(recording.one(SECRET).inputs);
    expect(recording.one(DEPLOYMENT).inputs).toMatchObject({
      spec: {
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          spec: {
            serviceAccountName: "rooms",
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 70,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 1000,
              fsGroup: 1000,
              seccompProfile: { type: "RuntimeDefault" },
            },
            topologySpreadConstraints: [
              { topologyKey: "topology.kubernetes.io/zone" },
              { topologyKey: "kubernetes.io/hostname" },
            ],
            containers: [
              {
                image: "docker.io/library/node:24.19.0-bookworm-slim",
                command: bundleCommand(),
                env: [
                  { name: "NODE_ENV", value: "production" },
                  { name: "PORT", value: "8080" },
                  { name: "REGION", value: "eu" },
                  { name: "SHUTDOWN_SECONDS", value: "60" },
                ],
                lifecycle: { preStop: { sleep: { seconds: 5 } } },
                livenessProbe: { httpGet: { path: "/healthz", port: "http" } },
                readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
                resources: {
                  requests: { cpu: "250m", memory: "512Mi" },
                  limits: { memory: "512Mi" },
                },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ["ALL"] },
                },
                volumeMounts: [
                  { name: "bundle", mountPath: "/bundle", readOnly: true },
                  { name: "scratch", mountPath: "/tmp" },
                  { name: "secrets", mountPath: "/etc/meet/secrets", readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: "bundle", configMap: { name: `rooms-bundle-${buildBundle("rooms").hash}` } },
              { name: "scratch", emptyDir: { sizeLimit: "64Mi" } },
              { name: "secrets", secret: { secretName, defaultMode: 0o440 } },
            ],
          },
        },
      },
    });
  });

  it("keeps its pods when a secret changes: the Secret keeps its name", async () => {
    const before = await recordService();
    const after = await recordService({
      secretFiles: { "peer-secret": pulumi.secret("another-value") },
    });
    const [old, changed] = [before.one(SECRET).inputs, after.one(SECRET).inputs];
    expect(changed["stringData"]).not.toEqual(old["stringData"]);
    expect(changed["metadata"]).toEqual(old["metadata"]);
    expect(changed["immutable"]).toBeUndefined();
    expect(after.one(DEPLOYMENT).inputs).toEqual(before.one(DEPLOYMENT).inputs);
  });

  it("keeps secret files in its Secret and nowhere else", async () => {
    const recording = await recordService();
    const { inputs } = recording.one(SECRET);
    expect(nameOf(inputs)).toBe("rooms-secrets");
    expect(JSON.stringify(inputs["stringData"])).toContain("hidden-value");
    const others = recording.all.filter(({ type }) => type !== SECRET);
    expect(JSON.stringify(others)).not.toContain("hidden-value");
  });

  it("has neither Secret nor mount without secret files", async () => {
    const recording = await record(() => new NodeService("rooms", WITHOUT_SECRETS));
    expect(recording.ofType(SECRET)).toEqual([]);
    expect(JSON.stringify(recording.one(DEPLOYMENT).inputs)).not.toContain("/etc/meet/secrets");
  });

  it("starts its pods after the account, the bundle and what else they need", async () => {
    const recording = await record(() => {
      const before = new random.RandomId("before", { byteLength: 4 });
      return new NodeService("rooms", { ...ARGS, podsDependOn: [before] });
    });
    const { dependsOn } = recording.one(DEPLOYMENT);
    expect(dependsOn).toContain(recording.one("random:index/randomId:RandomId").urn);
    expect(dependsOn).toContain(recording.one(CONFIG_MAP).urn);
    expect(dependsOn).toContain(recording.one("kubernetes:core/v1:ServiceAccount").urn);
  });

  it("is reached from the VPC on its one port, by the balancers at its NodePort", async () => {
    const recording = await recordService();
    expect(recording.one("kubernetes:core/v1:Service").inputs).toMatchObject({
      spec: {
        type: "NodePort",
        selector: { "app.kubernetes.io/name": "rooms" },
        ports: [{ port: 8080, targetPort: "http", nodePort: 30080, protocol: "TCP" }],
      },
    });
    expect(recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs).toMatchObject({
      spec: {
        podSelector: { matchLabels: { "app.kubernetes.io/name": "rooms" } },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [{ ipBlock: { cidr: "10.0.0.0/16" } }],
            ports: [{ protocol: "TCP", port: 8080 }],
          },
        ],
        egress: [DNS_RULE],
      },
    });
    expect(await value(recording.result.serviceHost)).toBe("rooms.meet.svc.cluster.local:8080");
  });

  it("shows metrics to Prometheus in the VPC where it has any, and the balancers no way to them", async () => {
    const recording = await recordService({ metrics: true });
    expect(recording.one(DEPLOYMENT).inputs).toMatchObject({
      spec: {
        template: {
          metadata: {
            annotations: {
              "prometheus.io/scrape": "true",
              "prometheus.io/port": "9090",
              "prometheus.io/path": "/metrics",
            },
          },
          spec: {
            containers: [
              {
                env: expect.arrayContaining([{ name: "METRICS_PORT", value: "9090" }]) as unknown,
                ports: [
                  { name: "http", containerPort: 8080, protocol: "TCP" },
                  { name: "metrics", containerPort: 9090, protocol: "TCP" },
                ],
              },
            ],
          },
        },
      },
    });
    const { spec } = recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs as {
      spec: { ingress: unknown };
    };
    expect(spec.ingress).toEqual([
      {
        from: [{ ipBlock: { cidr: "10.0.0.0/16" } }],
        ports: [
          { protocol: "TCP", port: 8080 },
          { protocol: "TCP", port: 9090 },
        ],
      },
    ]);
    expect(recording.one("kubernetes:core/v1:Service").inputs).toMatchObject({
      spec: { ports: [{ port: 8080 }] },
    });
    expect(JSON.stringify((await recordService()).one(DEPLOYMENT).inputs)).not.toMatch(/9090|prom/);
  });

  it("loses one pod at a time to a drain", async () => {
    const recording = await recordService();
    expect(recording.one("kubernetes:policy/v1:PodDisruptionBudget").inputs).toMatchObject({
      spec: {
        maxUnavailable: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": "rooms" } },
      },
    });
  });

  it.each<[Partial<NodeServiceArgs>, string]>([
    [
      { replicas: { fixed: 1 } },
      'meet:app:NodeService "rooms": 1 replicas leave no pod when a zone is lost. Use 2 or more.',
    ],
    [
      { replicas: { min: 1, max: 2, cpuPercent: 60 } },
      "1 replicas leave no pod when a zone is lost. Use 2 or more.",
    ],
    [
      { replicas: { min: 4, max: 3, cpuPercent: 60 } },
      "maxReplicas 3 is less than minReplicas 4. Raise it.",
    ],
    [
      { nodePort: 8080 },
      "nodePort 8080 is outside 30000-32767, the range Kubernetes gives out. Take one of NODE_PORTS in components/shared/names.ts.",
    ],
    [
      { nodeVersion: "lts" },
      "nodeVersion lts is no tag of an exact version. Use one like 24.19.0-bookworm-slim.",
    ],
  ])("refuses %o", async (change, sentence) => {
    await expect(recordService(change)).rejects.toThrow(sentence);
  });

  it("reports all its faults at once", async () => {
    await expect(
      recordService({ nodePort: 1, nodeVersion: "latest", replicas: { fixed: 0 } }),
    ).rejects.toThrow("3 faults.");
  });
});

describe("the environment of a pod", () => {
  it("has a fixed order", () => {
    expect(environmentList({ B: "2", A: "1", C: "3" }).map(({ name }) => name)).toEqual([
      "A",
      "B",
      "C",
    ]);
  });
});

describe("the rules of what a service may reach", () => {
  it("allow HTTPS anywhere but at the instance metadata", () => {
    expect(HTTPS_RULE).toEqual({
      to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
      ports: [{ protocol: "TCP", port: 443 }],
    });
  });

  it("allow LiveKit by its Service and by the addresses of its nodes", () => {
    expect(livekitRule("10.0.0.0/16", 7880)).toEqual({
      to: [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "media" } },
          podSelector: { matchLabels: { "app.kubernetes.io/name": "livekit" } },
        },
        { ipBlock: { cidr: "10.0.0.0/16" } },
      ],
      ports: [{ protocol: "TCP", port: 7880 }],
    });
  });

  it("allow what is no pod by the network's range, a neighbour by its label, and the agent", () => {
    expect(vpcRule("10.0.0.0/16", 6379).to).toEqual([{ ipBlock: { cidr: "10.0.0.0/16" } }]);
    expect(neighbourRule("rooms", 8080)).toEqual({
      to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "rooms" } } }],
      ports: [{ protocol: "TCP", port: 8080 }],
    });
    expect(POD_IDENTITY_RULE.to).toEqual([{ ipBlock: { cidr: "169.254.170.23/32" } }]);
  });
});
