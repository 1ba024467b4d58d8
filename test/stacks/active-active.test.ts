import { beforeAll, describe, expect, it } from "vitest";
import { withSetting } from "../../fleet/stack-files.ts";
import { SECRET_KEY, type Recorded } from "../../plan/recorded.ts";
import { filesWithThirdRegion, recordFleet } from "../support/fleets.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";

const CLOUDFLARE = `meet:dns:
    provider: cloudflare
    zoneId: 0123456789abcdef0123456789abcdef
    accountId: fedcba9876543210fedcba9876543210
    zoneName: example.org
`;

/** The fleet of eu, us and ap on stores of the user's, with Meet in eu and us. */
function files(dns?: string): Map<string, string> {
  const all = filesWithThirdRegion();
  const eu = (all.get("Pulumi.eu.yaml") ?? "").replace(
    "  meet:domain:",
    `  meet:stores: { kind: external, databaseAuthority: "${CERTIFICATE}", databasePort: 26257 }\n  meet:domain:`,
  );
  const us = (all.get("Pulumi.us.yaml") ?? "").replace("meet:role: standby", "meet:role: active");
  expect([eu, us].join()).toMatch(/kind: external[^]*meet:role: active/);
  const named =
    dns === undefined
      ? eu
      : eu.replace(/meet:dns:\n {4}provider: route53\n {4}zoneName: example\.org\n/, dns);
  return all.set("Pulumi.eu.yaml", named).set("Pulumi.us.yaml", us);
}

let fleet: ReadonlyMap<string, readonly Recorded[]>;

beforeAll(async () => {
  fleet = await recordFleet(files());
}, 120_000);

function all(stack: string, type: RegExp): readonly Recorded[] {
  return (fleet.get(stack) ?? []).filter((resource) => type.test(resource.type));
}

function names(stack: string, type: RegExp): readonly string[] {
  return all(stack, type)
    .map(({ name }) => name)
    .sort();
}

function inputs(stack: string, type: RegExp, name: string): unknown {
  return all(stack, type).find((resource) => resource.name === name)?.inputs;
}

describe("Meet active in two regions", () => {
  it("has no database of ours, no copies of one, and no Valkey of ours but LiveKit's", () => {
    for (const stack of ["eu", "us", "ap"]) {
      expect(names(stack, /^aws:rds\//)).toEqual([]);
      expect(names(stack, /^aws:elasticache\/replicationGroup:/)).toEqual(["livekit-valkey"]);
    }
  });

  it("runs Meet in both, and in no media region", () => {
    for (const stack of ["eu", "us"]) {
      expect(names(stack, /apps\/v1:Deployment$/)).toEqual(
        expect.arrayContaining([
          "backend-backend",
          "backend-celery",
          "backend-frontend",
          "downloads",
        ]),
      );
    }
    expect(names("ap", /apps\/v1:Deployment$/)).not.toContain("backend-backend");
  });

  it("migrates, cleans up and makes the administrator in the primary alone; the other only waits for the tables", () => {
    expect(names("us", /batch\/v1:CronJob$/)).toEqual([]);
    expect(names("eu", /batch\/v1:CronJob$/)).toHaveLength(2);
    expect(names("us", /batch\/v1:Job$/)).toEqual(["backend-jobs-tables"]);
    const job = JSON.stringify(inputs("us", /batch\/v1:Job$/, "backend-jobs-tables"));
    expect(job).toContain('["python","manage.py","migrate","--check"]');
    expect(names("eu", /batch\/v1:Job$/)).toContain("backend-jobs-migrate");
  });

  it("reaches the stores by their ports outside of the network, verified by the user's authority", () => {
    for (const stack of ["eu", "us"]) {
      const policy = JSON.stringify(
        inputs(stack, /networking.k8s.io\/v1:NetworkPolicy$/, "backend-outbound"),
      );
      expect(policy).toContain('"port":26257');
      expect(policy).toContain('"port":6379');
      expect(policy).not.toContain('"port":5432');
      const authority = inputs(stack, /core\/v1:ConfigMap$/, "backend-settings-rds-ca");
      expect(JSON.stringify(authority)).toContain("MIIB");
    }
  });

  it("keeps the addresses of the stores in secrets", () => {
    for (const resources of fleet.values()) {
      for (const { name, inputs: given } of resources) {
        expect(withoutSecrets(given), name).not.toMatch(/postgresql:\/\/|rediss:\/\/meet/);
      }
    }
    const { stringData } = inputs("us", /core\/v1:Secret$/, "backend-settings") as {
      stringData: unknown;
    };
    expect(JSON.stringify(stringData)).toMatch(/postgresql:[^]*rediss:/);
  });

  it("uses the primary's bucket for what Meet keeps, wherever it runs", () => {
    for (const stack of ["eu", "us"]) {
      const settings = JSON.stringify(inputs(stack, /apps\/v1:Deployment$/, "backend-backend"));
      expect(settings).toMatch(/AWS_STORAGE_BUCKET_NAME","value":"[^"]*-eu-west-3-an"/);
    }
  });

  it("uses the primary's store as well where storage is S3-compatible, with one for each region", async () => {
    const store = (name: string) => ({
      ...{ endpoint: `https://${name}.example.net`, region: name, bucket: `meet-${name}` },
    });
    const regions = { eu: store("eu"), us: store("us"), ap: store("ap") };
    const all = files();
    const path = ["meet:recordings", "storage"];
    const storage = { kind: "s3-compatible", regions };
    const eu = withSetting(all.get("Pulumi.eu.yaml") ?? "", path, storage);
    const recorded = await recordFleet(all.set("Pulumi.eu.yaml", eu));
    for (const stack of ["eu", "us"]) {
      const backend = recorded
        .get(stack)
        ?.find(({ name, type }) => name === "backend-backend" && type.endsWith(":Deployment"));
      expect(JSON.stringify(backend?.inputs)).toContain(
        'AWS_STORAGE_BUCKET_NAME","value":"meet-eu"',
      );
    }
  });

  it("fences nobody: the second one's readiness asks for its database alone", () => {
    const pods = JSON.stringify(inputs("us", /apps\/v1:Deployment$/, "backend-backend"));
    expect(pods).toMatch(
      /"readinessProbe":\{"failureThreshold":3,"httpGet":\{[^}]*\}\],"path":"\/__heartbeat__"/,
    );
    expect(pods).not.toContain("/primary");
  });

  it("answers meet.<domain> by the nearest region whose Meet is well", () => {
    for (const [stack, region] of [
      ["eu", "eu-west-3"],
      ["us", "us-east-1"],
    ] as const) {
      const record = inputs(stack, /^aws:route53\/record:/, "names-meet");
      expect(record).toMatchObject({
        name: "meet.example.org",
        setIdentifier: stack,
        latencyRoutingPolicies: [{ region }],
      });
      expect(record).not.toHaveProperty("failoverRoutingPolicies");
      expect(names(stack, /^aws:route53\/healthCheck:/)).toEqual([
        "names-livekit",
        "names-meet-answers",
      ]);
    }
    expect(names("ap", /^aws:route53\/record:/)).not.toContain("names-meet");
  });
});

describe("Meet active in two regions, its names at Cloudflare", () => {
  it("has a pool for each, steered by distance, asked for its heartbeat", async () => {
    fleet = await recordFleet(files(CLOUDFLARE));
    expect(names("eu", /loadBalancerPool:/)).toEqual(
      expect.arrayContaining(["names-meet-eu", "names-meet-us"]),
    );
    expect(inputs("eu", /loadBalancer:LoadBalancer$/, "names-meet")).toMatchObject({
      name: "meet.example.org",
      steeringPolicy: "proximity",
    });
    expect(names("eu", /loadBalancerMonitor:/)).toEqual(["names-livekit", "names-meet"]);
  }, 120_000);
});

/** A resource's inputs as JSON, with every secret left out. */
function withoutSecrets(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && SECRET_KEY in item ? undefined : item,
  );
}
