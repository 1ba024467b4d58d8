import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { SECRET_KEY, type Recorded } from "../../plan/recorded.ts";
import { filesWithThirdRegion, recordFleet } from "../support/fleets.ts";

const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
const PRIMARY_BUCKET = "meet-recordings-123456789012-eu-west-3-an";

/** The fleet of eu, us and ap with a choice of storage, as YAML below meet:recordings. */
function filesWith(storage: string): Map<string, string> {
  const files = filesWithThirdRegion();
  const eu = files.get("Pulumi.eu.yaml") ?? "";
  expect(eu).toContain("    expirationDays: 90\n");
  files.set(
    "Pulumi.eu.yaml",
    eu.replace("    expirationDays: 90\n", `    expirationDays: 30\n    storage: ${storage}\n`),
  );
  // One residency group: what is shared by all may not cross groups.
  const ap = files.get("Pulumi.ap.yaml") ?? "";
  return files.set("Pulumi.ap.yaml", `${ap}  meet:residency: eu-us\n`);
}

class Fleet {
  private readonly recordings: ReadonlyMap<string, readonly Recorded[]>;
  constructor(recordings: ReadonlyMap<string, readonly Recorded[]>) {
    this.recordings = recordings;
  }
  static async of(storage: string): Promise<Fleet> {
    return new Fleet(await recordFleet(filesWith(storage)));
  }
  all(stack: string, type: RegExp): readonly Recorded[] {
    return (this.recordings.get(stack) ?? []).filter((resource) => type.test(resource.type));
  }
  named(stack: string, type: RegExp, name: string): Recorded {
    const found = this.all(stack, type).find((resource) => resource.name === name);
    if (found === undefined) {
      throw new Error(`${stack} has no ${name}`);
    }
    return found;
  }
  /** Egress's `storage.s3`. */
  egressStorage(stack: string): unknown {
    const { stringData } = this.named(stack, /:Secret$/, "egress-config").inputs;
    const files = revealed(stringData) as Record<string, string>;
    return (parse(files["egress.yaml"] ?? "") as { storage: { s3: unknown } }).storage.s3;
  }
  /** Environment of a Deployment's first container. */
  environment(stack: string, name: string): Record<string, unknown> {
    const { spec } = this.named(stack, /:Deployment$/, name).inputs as {
      spec: {
        template: { spec: { containers: { env: { name: string; value?: unknown }[] }[] } };
      };
    };
    const env = spec.template.spec.containers[0]?.env ?? [];
    return Object.fromEntries(env.map((variable) => [variable.name, variable.value]));
  }
  policy(stack: string, name: string): string {
    return String(this.named(stack, /rolePolicy:/, name).inputs["policy"]);
  }
}

/** Secrets as the values they hide. */
function revealed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (SECRET_KEY in value) {
    return revealed(value[SECRET_KEY]);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revealed(item)]));
}

describe("a fleet with regional buckets", () => {
  it("expires recordings in every bucket when Meet says so", async () => {
    const fleet = await Fleet.of("{ kind: regional }");
    for (const stack of ["eu", "us", "ap"]) {
      const [lifecycle, ...more] = fleet.all(stack, new RegExp(LIFECYCLE));
      expect(more).toEqual([]);
      expect(lifecycle?.inputs["rules"]).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ id: "expire-recordings", expiration: { days: 30 } }),
        ]),
      );
      expect(fleet.all(stack, /s3\/bucket:Bucket$/)).toHaveLength(1);
    }
    expect(fleet.environment("eu", "backend-backend")["RECORDING_EXPIRATION_DAYS"]).toBe("30");
  });
});

describe("a fleet with a single bucket", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.of("{ kind: single }");
  });

  it("has it in the primary alone, expiring as Meet says, and copies nothing", () => {
    expect(["eu", "us", "ap"].map((it) => fleet.all(it, /s3\/bucket:Bucket$/).length)).toEqual([
      1, 0, 0,
    ]);
    expect(fleet.all("eu", new RegExp(LIFECYCLE))).toHaveLength(1);
    for (const stack of ["eu", "us", "ap"]) {
      expect(fleet.all(stack, /BucketReplicationConfig/)).toEqual([]);
    }
  });

  it.each(["eu", "us", "ap"])("is where Egress of %s writes, and may do nothing else", (stack) => {
    expect(fleet.egressStorage(stack)).toEqual({
      region: "eu-west-3",
      bucket: PRIMARY_BUCKET,
      max_retries: 10,
      max_retry_delay: "30s",
    });
    expect(JSON.parse(fleet.policy(stack, "egress-upload"))).toMatchObject({
      Statement: [
        {
          Action: ["s3:PutObject", "s3:AbortMultipartUpload"],
          Resource: `arn:aws:s3:::${PRIMARY_BUCKET}/recordings/*`,
        },
      ],
    });
    expect(fleet.environment(stack, "rooms")["EGRESS_STORAGE"]).toBe("regional");
  });

  it("is Meet's own, and the first that downloads look into", () => {
    expect(fleet.environment("eu", "backend-backend")).toMatchObject({
      AWS_S3_ENDPOINT_URL: "https://s3.eu-west-3.amazonaws.com",
      AWS_STORAGE_BUCKET_NAME: PRIMARY_BUCKET,
    });
    expect(fleet.environment("eu", "downloads")).toMatchObject({
      BUCKET: PRIMARY_BUCKET,
      AWS_REGION: "eu-west-3",
    });
  });
});

describe("a fleet on S3-compatible storage", () => {
  let fleet: Fleet;
  const scaleway =
    "{ endpoint: https://s3.fr-par.scw.cloud, region: fr-par, bucket: meet, pathStyle: false }";
  const garage =
    "{ endpoint: https://garage.example.org, region: garage, bucket: meet-us, delivery: stream }";
  const keys = {
    access_key: "placeholder-of-a-secret-that-is-never-shown",
    secret: "placeholder-of-a-secret-that-is-never-shown",
    max_retries: 10,
    max_retry_delay: "30s",
  };
  const scalewayOfEgress = {
    ...keys,
    endpoint: "https://s3.fr-par.scw.cloud",
    region: "fr-par",
    bucket: "meet",
    force_path_style: false,
  };
  beforeAll(async () => {
    fleet = await Fleet.of(
      `{ kind: s3-compatible, default: ${scaleway}, regions: { us: ${garage} } }`,
    );
  });

  it("has no bucket on AWS, and no role for one", () => {
    for (const stack of ["eu", "us", "ap"]) {
      expect(fleet.all(stack, /^aws:s3/)).toEqual([]);
      expect(
        fleet
          .all(stack, /^aws:(iam|eks)/)
          .filter(({ name }) => /^(egress-(role|upload)|egress$|downloads|backend)/.test(name)),
      ).toEqual([]);
    }
  });

  it("writes to its region's store, or to that of all", () => {
    expect(fleet.egressStorage("eu")).toEqual(scalewayOfEgress);
    expect(fleet.egressStorage("ap")).toEqual(scalewayOfEgress);
    expect(fleet.egressStorage("us")).toEqual({
      ...keys,
      endpoint: "https://garage.example.org",
      region: "garage",
      bucket: "meet-us",
      force_path_style: true,
    });
    expect(fleet.environment("us", "rooms")["EGRESS_STORAGE"]).toBe("regional");
  });

  it("gives Meet the primary's store, with its keys as files", () => {
    expect(fleet.environment("eu", "backend-backend")).toMatchObject({
      AWS_S3_ENDPOINT_URL: "https://s3.fr-par.scw.cloud",
      AWS_S3_REGION_NAME: "fr-par",
      AWS_STORAGE_BUCKET_NAME: "meet",
      AWS_S3_ACCESS_KEY_ID_FILE: "/etc/meet/secrets/AWS_S3_ACCESS_KEY_ID",
      AWS_S3_SECRET_ACCESS_KEY_FILE: "/etc/meet/secrets/AWS_S3_SECRET_ACCESS_KEY",
      RECORDING_EXPIRATION_DAYS: "30",
    });
    const { stringData } = fleet.named("eu", /:Secret$/, "backend-settings").inputs;
    expect(revealed(stringData)).toMatchObject({
      AWS_S3_ACCESS_KEY_ID: keys.access_key,
      AWS_S3_SECRET_ACCESS_KEY: keys.secret,
    });
  });

  it("lets downloads look into every store, the primary's first, with its keys as files", () => {
    const { STORES, BUCKET, EXPIRATION_DAYS } = fleet.environment("eu", "downloads");
    expect(BUCKET).toBeUndefined();
    // The days that Meet tells people, with which the stores' own rules are compared.
    expect(EXPIRATION_DAYS).toBe("30");
    expect(JSON.parse(String(STORES))).toEqual([
      {
        bucket: "meet",
        endpoint: "https://s3.fr-par.scw.cloud",
        region: "fr-par",
        pathStyle: false,
        delivery: "redirect",
        accessKeyFile: "/etc/meet/secrets/store-0-access-key",
        secretKeyFile: "/etc/meet/secrets/store-0-secret-key",
      },
      {
        bucket: "meet-us",
        endpoint: "https://garage.example.org",
        region: "garage",
        pathStyle: true,
        delivery: "stream",
        accessKeyFile: "/etc/meet/secrets/store-1-access-key",
        secretKeyFile: "/etc/meet/secrets/store-1-secret-key",
      },
    ]);
    const { stringData } = fleet.named("eu", /:Secret$/, "downloads-secrets").inputs;
    expect(Object.keys(revealed(stringData) as object).sort()).toEqual([
      "store-0-access-key",
      "store-0-secret-key",
      "store-1-access-key",
      "store-1-secret-key",
    ]);
  });

  it("shows no key in the open", () => {
    for (const stack of ["eu", "us", "ap"]) {
      const plain = fleet
        .all(stack, /./)
        .map(({ inputs }) =>
          JSON.stringify(inputs, (name, value: unknown) =>
            name === SECRET_KEY ? "hidden" : value,
          ),
        );
      expect(plain.filter((text) => text.includes(keys.secret))).toEqual([]);
    }
  });
});
