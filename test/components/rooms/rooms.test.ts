import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { APPLICATION_BALANCER_TYPE } from "../../../components/balancer/application-balancer.ts";
import {
  Rooms,
  ROOMS_TYPE,
  roomsWebhookUrl,
  type RoomsArgs,
} from "../../../components/rooms/rooms.ts";
import { roomsEnvironment, roomsSecretFiles } from "../../../components/rooms/rooms-environment.ts";
import { NODE_SERVICE_TYPE } from "../../../components/service-bundle/node-service.ts";
import { environmentSchema, readConfig } from "../../../services/rooms/config.ts";
import { record, value } from "../../support/record.ts";

const SECRETS = {
  apiSecret: "an-api-secret-of-thirty-two-characters",
  peer: "a-peer-secret-of-thirty-two-characters",
  operator: "an-operator-secret-of-thirty-two-characters",
  valkey: "rediss://:valkey-password@valkey.internal:6379",
} as const;

const ARGS: RoomsArgs = {
  namespace: "meet",
  nodeVersion: "24.19.0-bookworm-slim",
  region: "eu",
  domain: "example.org",
  primaryRegion: "eu",
  standbyRegion: "us",
  livekitUrl: "http://livekit.media.svc.cluster.local:7880",
  valkeyUrl: pulumi.secret(SECRETS.valkey),
  livekitKeys: { apiKey: "APIkey", apiSecret: pulumi.secret(SECRETS.apiSecret) },
  peerSecret: SECRETS.peer,
  operatorSecret: pulumi.secret(SECRETS.operator),
  minReplicas: 2,
  maxReplicas: 6,
  vpcId: "vpc-1",
  vpcCidr: "10.0.0.0/16",
  publicSubnetIds: ["subnet-a", "subnet-b"],
  certificateArns: ["arn:aws:acm:eu-west-3:123456789012:certificate/1"],
  autoscalingGroupName: "system-nodes",
  nodeSecurityGroupId: "sg-nodes",
  protection: { enabled: true },
  tags: { "meet:stack": "eu" },
};

async function recordRooms() {
  return record(() => new Rooms("rooms", ARGS));
}

describe("Rooms", () => {
  it("is the service behind a balancer, both below itself", async () => {
    const recording = await recordRooms();
    const component = recording.one(ROOMS_TYPE);
    const children = recording.all.filter(({ parent }) => parent === component.urn);
    expect(children.map(({ type, name }) => `${type} ${name}`).sort()).toEqual(
      [`${NODE_SERVICE_TYPE} rooms`, `${APPLICATION_BALANCER_TYPE} rooms`].sort(),
    );
  });

  it("gives everything to the gateway's NodePort, whatever the host, and keeps quiet tunnels", async () => {
    const recording = await recordRooms();
    expect(recording.one("aws:lb/loadBalancer:LoadBalancer").inputs).toMatchObject({
      idleTimeout: 350,
      subnets: ["subnet-a", "subnet-b"],
    });
    expect(recording.one("aws:lb/targetGroup:TargetGroup").inputs).toMatchObject({
      port: 30080,
      healthCheck: { path: "/readyz" },
    });
    expect(recording.ofType("aws:lb/listenerRule:ListenerRule")).toEqual([]);
    expect(recording.one("kubernetes:core/v1:Service").inputs).toMatchObject({
      metadata: { name: "rooms", namespace: "meet" },
      spec: { ports: [{ nodePort: 30080 }] },
    });
  });

  it("has memory for 5,000 tunnels of 60 KB in half of it, which Node gives its heap", async () => {
    const { inputs } = (await recordRooms()).one("kubernetes:apps/v1:Deployment");
    const { spec } = inputs as {
      spec: { template: { spec: { containers: { resources: { limits: { memory: string } } }[] } } };
    };
    const [memory = ""] = spec.template.spec.containers.map((it) => it.resources.limits.memory);
    expect(memory).toMatch(/^\d+Mi$/);
    expect((parseInt(memory, 10) * 2 ** 20) / 2).toBeGreaterThan(5000 * 60_000);
  });

  it("shows its metrics to Prometheus, on a port of their own", async () => {
    const { inputs } = (await recordRooms()).one("kubernetes:apps/v1:Deployment");
    expect(inputs).toMatchObject({
      spec: { template: { metadata: { annotations: { "prometheus.io/port": "9090" } } } },
    });
  });

  it("is inside the network under its public name too, where Meet runs", async () => {
    const recording = await record(
      () => new Rooms("rooms", { ...ARGS, innerSubnetIds: ["private-a", "private-b"] }),
    );
    const inner = recording.one("aws:lb/loadBalancer:LoadBalancer", "rooms-inner");
    expect(inner.inputs).toMatchObject({ internal: true, subnets: ["private-a", "private-b"] });
    expect(recording.one("aws:lb/loadBalancer:LoadBalancer", "rooms").inputs).not.toHaveProperty(
      "internal",
    );
    expect(
      recording.one("aws:lb/targetGroup:TargetGroup", "rooms-inner-rooms").inputs,
    ).toMatchObject({ port: 30080, healthCheck: { path: "/readyz" } });
    expect(recording.one("aws:lb/listener:Listener", "rooms-inner-https").inputs).toMatchObject({
      certificateArn: ARGS.certificateArns[0],
    });
    const zone = recording.one("aws:route53/zone:Zone", "rooms-inner");
    expect(zone.inputs).toMatchObject({ name: "livekit.example.org", vpcs: [{ vpcId: "vpc-1" }] });
    expect(recording.one("aws:route53/record:Record", "rooms-inner").inputs).toMatchObject({
      name: "livekit.example.org",
      type: "A",
      zoneId: expect.stringMatching(/^Z/) as unknown,
      aliases: [{ evaluateTargetHealth: false }],
    });
    const open = recording
      .ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
      .filter(({ name }) => /^rooms-inner-http/.test(name))
      .map(({ inputs }) => inputs["cidrIpv4"]);
    expect(open).toEqual(["10.0.0.0/16", "10.0.0.0/16"]);
  });

  it("is outside only, elsewhere", async () => {
    const recording = await recordRooms();
    expect(recording.ofType("aws:lb/loadBalancer:LoadBalancer")).toHaveLength(1);
    expect(recording.ofType("aws:route53/zone:Zone")).toEqual([]);
  });

  it("has between two and the configured number of pods", async () => {
    const recording = await recordRooms();
    expect(recording.one("kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs).toMatchObject(
      {
        spec: { minReplicas: 2, maxReplicas: 6 },
      },
    );
  });

  it("reaches names, LiveKit, Valkey and HTTPS, and nothing else", async () => {
    const { inputs } = (await recordRooms()).one("kubernetes:networking.k8s.io/v1:NetworkPolicy");
    const { egress } = inputs["spec"] as { egress: { ports: { port: number }[] }[] };
    expect(egress.map((rule) => rule.ports.map(({ port }) => port))).toEqual([
      [53, 53],
      [7880],
      [6379],
      [443],
    ]);
  });

  it("mounts its secrets as files and shows them nowhere else", async () => {
    const recording = await recordRooms();
    const { "[secret]": files } = recording.one("kubernetes:core/v1:Secret").inputs[
      "stringData"
    ] as { "[secret]": Record<string, string> };
    expect(files).toEqual({
      "valkey-url": SECRETS.valkey,
      "livekit-api-key": "APIkey",
      "livekit-api-secret": SECRETS.apiSecret,
      "peer-secret": SECRETS.peer,
      "operator-secret": SECRETS.operator,
    });
    const others = JSON.stringify(
      recording.all.filter(({ type }) => type !== "kubernetes:core/v1:Secret"),
    );
    for (const secret of Object.values(SECRETS)) {
      expect(others).not.toContain(secret);
    }
  });

  it("says where DNS, LiveKit and the downloads find it", async () => {
    const { result } = await recordRooms();
    expect(await value(result.serviceUrl)).toBe("http://rooms.meet.svc.cluster.local:8080");
    expect(await value(result.dnsName)).toMatch(/\.elb\.amazonaws\.com$/);
    expect(await value(result.balancerArn)).toMatch(/^arn:aws:elasticloadbalancing:/);
    expect(await value(result.zoneId)).toMatch(/^Z/);
    expect(await value(roomsWebhookUrl("meet"))).toBe(
      "http://rooms.meet.svc.cluster.local:8080/webhooks/livekit",
    );
  });

  it("refuses fewer than two pods, by the service below it", async () => {
    await expect(record(() => new Rooms("rooms", { ...ARGS, minReplicas: 1 }))).rejects.toThrow(
      "1 replicas leave no pod when a zone is lost. Use 2 or more.",
    );
  });
});

describe("the gateway's environment", () => {
  it("holds addresses of the homes and paths of secrets, but no other region", () => {
    expect(roomsEnvironment(ARGS)).toEqual({
      REGION: "eu",
      DOMAIN: "example.org",
      PRIMARY_REGION: "eu",
      STANDBY_REGION: "us",
      LIVEKIT_URL: "http://livekit.media.svc.cluster.local:7880",
      MEET_URL: "https://meet.example.org",
      VALKEY_URL_FILE: "/etc/meet/secrets/valkey-url",
      LIVEKIT_API_KEY_FILE: "/etc/meet/secrets/livekit-api-key",
      LIVEKIT_API_SECRET_FILE: "/etc/meet/secrets/livekit-api-secret",
      PEER_SECRET_FILE: "/etc/meet/secrets/peer-secret",
      OPERATOR_SECRET_FILE: "/etc/meet/secrets/operator-secret",
      EGRESS_STORAGE: "regional",
    });
  });

  it("has no standby in a fleet without one", () => {
    const { region, domain, primaryRegion, livekitUrl } = ARGS;
    const alone = { region, domain, primaryRegion, livekitUrl };
    expect(roomsEnvironment(alone)).not.toHaveProperty("STANDBY_REGION");
  });

  it("says after a promotion in which epoch its primary was made one", () => {
    expect(roomsEnvironment({ ...ARGS, primaryEpoch: 2 })["PRIMARY_EPOCH"]).toBe("2");
  });

  it("says where rooms go, as the gateway reads it", () => {
    const rules = [{ rooms: ["board-*"], region: "us" }];
    const placement = { rules, countryHeader: "cf-ipcountry", order: ["us", "ap"] };
    const environment = roomsEnvironment({ ...ARGS, placement });
    expect(environment).toMatchObject({
      PLACEMENT_RULES: '[{"rooms":["board-*"],"region":"us"}]',
      COUNTRY_HEADER: "cf-ipcountry",
      REGION_ORDER: '["us","ap"]',
    });
    expect(roomsEnvironment({ ...ARGS, placement: { rules: [] } })).toEqual(roomsEnvironment(ARGS));
  });

  it("names a file for every second secret that is kept, and the files are there", () => {
    const previous = {
      livekitKeys: { apiKey: "APIold", apiSecret: "old" },
      peerSecret: "old-peer",
      operatorSecret: "old-operator",
    };
    const environment = roomsEnvironment({ ...ARGS, previous });
    const named = Object.entries(environment)
      .filter(([name]) => name.endsWith("_FILE"))
      .map(([, path]) => (path as string).replace("/etc/meet/secrets/", ""));
    expect(named.sort()).toEqual(Object.keys(roomsSecretFiles({ ...ARGS, previous })).sort());
    expect(environment).toMatchObject({
      LIVEKIT_PREVIOUS_API_KEY_FILE: "/etc/meet/secrets/livekit-previous-api-key",
      LIVEKIT_PREVIOUS_API_SECRET_FILE: "/etc/meet/secrets/livekit-previous-api-secret",
      PEER_PREVIOUS_SECRET_FILE: "/etc/meet/secrets/peer-previous-secret",
      OPERATOR_PREVIOUS_SECRET_FILE: "/etc/meet/secrets/operator-previous-secret",
    });
  });

  it("is one that the gateway accepts, all of it", () => {
    const folder = mkdtempSync(join(tmpdir(), "meet-rooms-"));
    try {
      const previous = {
        livekitKeys: { apiKey: "APIold", apiSecret: "old" },
        peerSecret: "old-peer",
        operatorSecret: "old-operator",
      };
      const rules = [{ countries: ["FR"], region: "eu" }];
      const placement = { rules, countryHeader: "cf-ipcountry", order: ["us"] };
      for (const name of Object.keys(roomsSecretFiles({ ...ARGS, previous }))) {
        writeFileSync(join(folder, name), SECRETS.valkey);
      }
      const text = JSON.stringify(roomsEnvironment({ ...ARGS, previous, placement }));
      const environment = JSON.parse(text.replaceAll("/etc/meet/secrets", folder)) as Record<
        string,
        string
      >;
      const read = readConfig({ ...environment, PORT: "8080", METRICS_PORT: "9090" });
      expect(read.ok ? [] : read.faults).toEqual([]);
      const known = Object.keys(environmentSchema.shape);
      expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
