import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { catalogue } from "../../../rehearsal/cloud/catalogue.ts";
import { isSecret, secret, UNKNOWN } from "../../../rehearsal/cloud/values.ts";
import {
  deployment,
  makeBucket,
  makeCluster,
  makeDatabase,
  makeKubernetes,
  makeNetwork,
  makeRecord,
} from "./fixtures.ts";
import { output, World } from "./world.ts";

const VPC = "aws:ec2/vpc:Vpc";
const BUCKET = "aws:s3/bucket:Bucket";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

describe("the provider protocol", () => {
  it("tells provider instances on one port apart, so that each stack has its own region", async () => {
    const [eu, us] = await Promise.all([
      world.eu.create(VPC, "main", { cidrBlock: "10.0.0.0/16" }),
      world.us.create(VPC, "main", { cidrBlock: "10.1.0.0/16" }),
    ]);
    expect([output(eu, "region"), output(us, "region")]).toEqual(["eu-west-3", "us-east-1"]);
  });

  it("takes the region input over the provider's region", async () => {
    const made = await world.eu.create(BUCKET, "far", { bucket: "far", region: "ap-south-1" });
    expect(output(made, "bucketRegionalDomainName")).toBe("far.s3.ap-south-1.amazonaws.com");
    expect(world.cloud.find(BUCKET, "far")?.scope).toBe("ap-south-1");
  });

  it("refuses an aws provider without a region", async () => {
    await expect(world.instance("aws", "eu").configure({})).rejects.toThrow(
      "Stand-in aws: the provider has no region. Set aws:region in the stack file or region on the provider.",
    );
  });

  it("refuses a call over a connection that was never configured", async () => {
    const stranger = world.instance("aws", "eu");
    await expect(stranger.create(VPC, "main", { cidrBlock: "10.0.0.0/16" })).rejects.toThrow(
      /^Stand-in aws: a call came over a connection that was never configured .*Configure the provider first\.$/,
    );
  });

  it("refuses a resource type that nobody has described", async () => {
    await expect(world.eu.create("aws:ec2/instance:Instance", "it", {})).rejects.toThrow(
      "Stand-in aws: it does not know the resource type aws:ec2/instance:Instance. " +
        "Describe it in rehearsal/cloud/aws, with what it computes and what replaces it.",
    );
  });

  it("refuses a function that nobody has described", async () => {
    await expect(world.eu.invoke("aws:ec2/getVpcs:getVpcs", {})).rejects.toThrow(
      "Stand-in aws: it does not know the function aws:ec2/getVpcs:getVpcs. " +
        "Describe its answer in rehearsal/cloud/invoke.ts.",
    );
  });

  it("describes only types that the SDKs have", () => {
    const require = createRequire(import.meta.url);
    const missing = catalogue.tokens.filter((token) => {
      const [pkg = "", module = "", name = ""] = token.split(":");
      const folder = require.resolve(`@pulumi/${pkg}/package.json`).replace("package.json", "");
      const group = module.replace(/\.(authorization\.)?k8s\.io/, "");
      const kinds = [`${name.charAt(0).toLowerCase()}${name.slice(1)}`, "apiservice"];
      const files =
        pkg === "kubernetes"
          ? kinds.map((kind) => `${folder}${group}/${kind}.js`)
          : [`${folder}${module.replace(/^index\//, "")}.js`];
      return !files.some(
        (file) => existsSync(file) && readFileSync(file, "utf8").includes(`'${token}'`),
      );
    });
    expect(missing).toEqual([]);
  });
});

describe("a preview", () => {
  it("gives unknown for what is computed, and makes nothing", async () => {
    const made = await world.eu.create(VPC, "main", { cidrBlock: "10.0.0.0/16" }, true);
    expect(made.id).toBe("");
    expect(made.outputs).toMatchObject({
      cidrBlock: "10.0.0.0/16",
      arn: UNKNOWN,
      defaultSecurityGroupId: UNKNOWN,
    });
    expect(world.cloud.all()).toEqual([]);
  });

  it("keeps inputs inside an object known and its computed parts unknown", async () => {
    const inputs = { roleArn: "arn", vpcConfig: { subnetIds: ["subnet-1"] } };
    const made = await world.eu.create("aws:eks/cluster:Cluster", "main", inputs, true);
    expect(made.outputs["vpcConfig"]).toMatchObject({
      subnetIds: ["subnet-1"],
      clusterSecurityGroupId: UNKNOWN,
    });
  });

  it("of an update keeps what is computed", async () => {
    const made = await world.eu.create(VPC, "main", { cidrBlock: "10.0.0.0/16" });
    const next = await world.eu.update(made, { enableDnsHostnames: true }, true);
    expect(next.outputs).toEqual({ ...made.outputs, enableDnsHostnames: true });
  });
});

describe("what is made", () => {
  it("has values of AWS's form", async () => {
    const { cluster, role } = await makeCluster(world.eu);
    const database = await makeDatabase(world.eu);
    const address = await world.eu.create("aws:ec2/eip:Eip", "it", { domain: "vpc" });
    expect(output(role, "arn")).toBe("arn:aws:iam::123456789012:role/cluster-eu-west-3");
    expect(output(cluster, "arn")).toBe("arn:aws:eks:eu-west-3:123456789012:cluster/meet");
    expect(output(cluster, "endpoint")).toMatch(
      /^https:\/\/[0-9A-F]{32}\.[0-9a-f]{2}\.eu-west-3\.eks\.amazonaws\.com$/,
    );
    expect(output(cluster, "vpcConfig.clusterSecurityGroupId")).toMatch(/^sg-0[0-9a-f]{16}$/);
    expect(output(database, "endpoint")).toMatch(
      /^meet\.c[0-9a-f]{11}\.eu-west-3\.rds\.amazonaws\.com:5432$/,
    );
    expect(output(address, "publicIp")).toMatch(/^198\.1[89]\.\d+\.\d+$/);
  });

  it("asks in two regions for the same validation record of a name", async () => {
    const inputs = { domainName: "livekit.example.org", validationMethod: "DNS" };
    const type = "aws:acm/certificate:Certificate";
    const [eu, us] = [
      await world.eu.create(type, "it", inputs),
      await world.us.create(type, "it", inputs),
    ];
    expect(eu.id).not.toBe(us.id);
    expect(eu.outputs["domainValidationOptions"]).toEqual(us.outputs["domainValidationOptions"]);
  });

  it("carries the provider's default tags and its own", async () => {
    const aws = await world.instance("aws", "eu").configure({
      region: "eu-west-3",
      defaultTags: JSON.stringify({ tags: { stack: "eu", name: "default" } }),
    });
    const made = await aws.create(VPC, "main", { cidrBlock: "10.0.0.0/16", tags: { name: "own" } });
    expect(made.outputs["tagsAll"]).toEqual({ stack: "eu", name: "own" });
  });

  it("keeps secrets secret, in outputs and in the inventory", async () => {
    const password = secret("long-enough-password");
    const made = await makeDatabase(world.eu, { password });
    expect(isSecret(made.raw["password"])).toBe(true);
    expect(isSecret((await world.eu.read(made))?.raw["password"])).toBe(true);
    expect(JSON.stringify(world.cloud.inventory())).not.toContain("long-enough-password");
  });

  it("gets a name from its logical name, and keeps it", async () => {
    const first = await world.eu.check("aws:iam/role:Role", "nodes", {});
    const again = await world.eu.check("aws:iam/role:Role", "nodes", {}, first);
    expect(first["name"]).toMatch(/^nodes-[0-9a-f]{7}$/);
    expect(again["name"]).toBe(first["name"]);
  });

  it("is refused under a name that is taken in the account, by whichever stack", async () => {
    await makeBucket(world.eu, "taken");
    await expect(makeBucket(world.us, "taken")).rejects.toThrow(
      "creating S3 Bucket (taken): operation error S3: CreateBucket, https response error StatusCode: 409, " +
        "api error BucketAlreadyOwnedByYou:",
    );
  });

  it("may take over a record that another stack left, when it says so", async () => {
    await makeRecord(world.eu, "shared", { records: ["old.example.net"] });
    const adopted = await makeRecord(world.us, "shared", { allowOverwrite: true });
    expect(world.cloud.all("aws:route53/record:Record").map(({ urn }) => urn)).toEqual([
      adopted.urn,
    ]);
  });

  it("is gone for a read after somebody removed it, and comes back under its id for an import", async () => {
    const made = await world.eu.create(BUCKET, "it", { bucket: "imported" });
    const found = await world.us.read({
      urn: world.us.urn(BUCKET, "it"),
      id: "imported@eu-west-3",
    });
    expect(found?.outputs).toEqual(made.outputs);
    world.cloud.vanish(BUCKET, "imported");
    expect(await world.eu.read(made)).toBeUndefined();
  });
});

describe("a change", () => {
  it.each([
    [VPC, { cidrBlock: "10.0.0.0/16" }, { cidrBlock: "10.1.0.0/16" }, ["cidrBlock"]],
    [VPC, { cidrBlock: "10.0.0.0/16" }, { enableDnsHostnames: true }, []],
    [BUCKET, { bucket: "one-bucket" }, { region: "us-east-1" }, ["region"]],
    [
      "aws:route53/healthCheck:HealthCheck",
      { type: "HTTPS" },
      { requestInterval: 10 },
      ["requestInterval"],
    ],
    ["aws:kms/key:Key", {}, { deletionWindowInDays: 10 }, []],
    ["aws:ec2/launchTemplate:LaunchTemplate", { name: "media" }, { instanceType: "c7g.large" }, []],
  ] as const)(
    "of %s from %o by %o replaces because of %o",
    async (type, inputs, change, replaces) => {
      const made = await world.eu.create(type, "it", inputs);
      const difference = await world.eu.diff(made, { ...made.inputs, ...change });
      expect(difference).toMatchObject({ changed: true, replaces });
    },
  );

  it("of nothing but the order of a set is none", async () => {
    const { subnetIds } = await makeNetwork(world.eu);
    const type = "aws:rds/subnetGroup:SubnetGroup";
    const made = await world.eu.create(type, "it", { subnetIds });
    const difference = await world.eu.diff(made, {
      ...made.inputs,
      subnetIds: subnetIds.toReversed(),
    });
    expect(difference.changed).toBe(false);
  });

  it("that replaces something with a fixed name removes the old one first", async () => {
    const role = { name: "fixed", assumeRolePolicy: '{"Statement":[]}', path: "/" };
    const named = await world.eu.create("aws:iam/role:Role", "it", role);
    const difference = await world.eu.diff(named, { ...named.inputs, path: "/meet/" });
    expect(difference).toMatchObject({ replaces: ["path"], deleteFirst: true });
  });

  it("of a launch template makes its next version", async () => {
    const type = "aws:ec2/launchTemplate:LaunchTemplate";
    const made = await world.eu.create(type, "it", { instanceType: "c7g.large" });
    const next = await world.eu.update(made, { instanceType: "c7g.xlarge" });
    expect([made.outputs["latestVersion"], next.outputs["latestVersion"]]).toEqual([1, 2]);
  });

  it("of a Deployment's selector or a Job's template replaces it", async () => {
    const k8s = await makeKubernetes(world);
    const made = await k8s.create("kubernetes:apps/v1:Deployment", "web", deployment());
    const difference = await k8s.diff(made, {
      ...made.inputs,
      spec: { selector: { matchLabels: { app: "api" } } },
    });
    expect(difference).toMatchObject({ replaces: ["spec"], deleteFirst: true });
  });
});

describe("Kubernetes", () => {
  it("keeps the objects of each cluster apart", async () => {
    const eu = await makeCluster(world.eu);
    const us = await makeCluster(world.us, {}, "us-east-1");
    for (const { cluster } of [eu, us]) {
      const k8s = await world.kubernetes(output(cluster, "endpoint"));
      await k8s.create("kubernetes:core/v1:Namespace", "meet", { metadata: { name: "meet" } });
    }
    expect(world.cloud.all("kubernetes:core/v1:Namespace").map(({ scope }) => scope)).toEqual([
      output(eu.cluster, "arn"),
      output(us.cluster, "arn"),
    ]);
  });

  it("cannot reach a cluster that does not exist", async () => {
    const k8s = await world.kubernetes("https://nowhere.example");
    await expect(
      k8s.create("kubernetes:core/v1:Namespace", "meet", { metadata: { name: "meet" } }),
    ).rejects.toThrow("configured Kubernetes cluster is unreachable");
  });

  it("refuses a second object of a name", async () => {
    const k8s = await makeKubernetes(world);
    await expect(
      k8s.create("kubernetes:core/v1:Namespace", "again", { metadata: { name: "meet" } }),
    ).rejects.toThrow('AlreadyExists: namespaces "meet" already exists');
  });

  it("loses a namespace's objects with it", async () => {
    const k8s = await makeKubernetes(world);
    await k8s.create("kubernetes:core/v1:ServiceAccount", "web", {
      metadata: { namespace: "meet" },
    });
    const namespace = world.cloud.all("kubernetes:core/v1:Namespace")[0];
    await k8s.remove({ urn: namespace?.urn ?? "", id: "meet", outputs: {}, raw: {}, inputs: {} });
    expect(world.cloud.all("kubernetes:core/v1:ServiceAccount")).toEqual([]);
  });
});

describe("random", () => {
  it("draws passwords that differ, keep to their classes, and are secret", async () => {
    const random = await world.instance("random", "eu").configure({});
    const inputs = { length: 40, special: false, minNumeric: 5 };
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) =>
        random.create("random:index/randomPassword:RandomPassword", name, inputs),
      ),
    );
    expect(one?.outputs["result"]).toMatch(/^(?=(?:.*\d){5})[A-Za-z0-9]{40}$/);
    expect(one?.outputs["result"]).not.toBe(two?.outputs["result"]);
    expect(isSecret(one?.raw["result"])).toBe(true);
  });

  it("gives ids and bytes in all their forms", async () => {
    const random = await world.instance("random", "eu").configure({});
    const id = await random.create("random:index/randomId:RandomId", "id", { byteLength: 4 });
    const bytes = await random.create("random:index/randomBytes:RandomBytes", "b", { length: 8 });
    expect(Buffer.from(output(id, "hex"), "hex").toString("base64url")).toBe(output(id, "b64Url"));
    expect(Buffer.from(output(bytes, "base64"), "base64").toString("hex")).toBe(
      output(bytes, "hex"),
    );
    expect(output(bytes, "hex")).toHaveLength(16);
  });
});
