import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCloud, type RunningCloud } from "../../rehearsal/cloud/start.ts";
import { createWorkspace, type Workspace } from "../../rehearsal/workspace.ts";

/** A cluster with an object in it, a secret, a bucket in another region and a lookup: every provider, both stacks. */
const PROGRAM = `
import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
const { region } = await aws.getRegion();
const { names } = await aws.getAvailabilityZones({ state: "available" });
const vpc = new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
const subnets = names.slice(0, 2).map((availabilityZone, index) =>
  new aws.ec2.Subnet(availabilityZone, { vpcId: vpc.id, cidrBlock: \`10.0.\${index}.0/24\`, availabilityZone }));
const role = new aws.iam.Role("cluster", { assumeRolePolicy: JSON.stringify({ Statement: [] }) });
const cluster = new aws.eks.Cluster("main", { roleArn: role.arn, vpcConfig: { subnetIds: subnets.map((s) => s.id) } });
const kubeconfig = pulumi.jsonStringify({
  "current-context": "main",
  contexts: [{ name: "main", context: { cluster: "main" } }],
  clusters: [{ name: "main", cluster: { server: cluster.endpoint } }],
});
const provider = new k8s.Provider("main", { kubeconfig: pulumi.secret(kubeconfig), clusterIdentifier: region });
const namespace = new k8s.core.v1.Namespace("meet", { metadata: { name: "meet" } }, { provider });
const password = new random.RandomPassword("password", { length: 24 });
new k8s.core.v1.Secret("secret", { metadata: { namespace: namespace.metadata.name }, stringData: { password: password.result } }, { provider });
new aws.s3.Bucket("far", { region: "eu-central-1" });
export const vpcId = vpc.id;
export const secret = password.result;
`;

/** What the program makes and the cloud holds: all but the stack, two providers and the password. */
const THINGS = 8;

let source: string;
let running: RunningCloud;
let workspace: Workspace;

beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), "meet-stand-in-"));
  writeFileSync(join(source, "index.ts"), PROGRAM);
  writeFileSync(join(source, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(source, "Pulumi.yaml"),
    'name: tiny\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false, nodeargs: "--import tsx" } }\n',
  );
  running = await startCloud({ stateFile: join(source, "cloud.json") });
  workspace = await createWorkspace({
    program: source,
    parts: ["index.ts", "package.json", "Pulumi.yaml"],
    debugProviders: running.debugProviders,
  });
  for (const [stack, region] of [
    ["eu", "eu-west-3"],
    ["us", "us-east-1"],
  ] as const) {
    await succeeds("stack", "init", stack);
    await succeeds("config", "set", "aws:region", region, "-s", stack);
  }
});

afterAll(async () => {
  await workspace.remove();
  await running.close();
  rmSync(source, { recursive: true });
});

async function succeeds(...args: readonly string[]): Promise<string> {
  const { status, output, stdout } = await workspace.run(args);
  expect(status, output).toBe(0);
  return stdout;
}

const things = (stack: string) =>
  running.cloud.inventory().filter(({ urn }) => urn.startsWith(`urn:pulumi:${stack}::`));

describe("the real engine on the stand-in cloud", () => {
  it("previews with nothing made", async () => {
    const output = await succeeds("preview", "-s", "eu", "--non-interactive");
    expect(output).toContain("11 to create");
    expect(things("eu")).toEqual([]);
  });

  it("loses nothing when a call fails half-way: the next update makes the rest", async () => {
    running.cloud.faults.add({
      type: "aws:eks/cluster:Cluster",
      action: { kind: "fail", errorCode: "ServerException", message: "try again" },
    });
    const failed = await workspace.run([
      "up",
      "-s",
      "eu",
      "--yes",
      "--skip-preview",
      "--non-interactive",
    ]);
    expect(failed.status).not.toBe(0);
    expect(failed.output).toContain("api error ServerException: try again");
    await succeeds("up", "-s", "eu", "--yes", "--skip-preview", "--non-interactive");
    expect(things("eu")).toHaveLength(THINGS);
  });

  it("keeps two stacks apart on the same ports, also while both are updated at once", async () => {
    await Promise.all(
      ["eu", "us"].map((stack) =>
        succeeds("up", "-s", stack, "--yes", "--skip-preview", "--non-interactive"),
      ),
    );
    expect(things("us")).toHaveLength(THINGS);
    const scopes = (stack: string) => new Set(things(stack).map(({ scope }) => scope));
    expect([...scopes("us")].some((scope) => scope.includes("eu-west-3"))).toBe(false);
    expect([...scopes("eu")].some((scope) => scope.includes("us-east-1"))).toBe(false);
  });

  it("finds no change in a second update or after a refresh", async () => {
    await succeeds("preview", "-s", "eu", "--expect-no-changes", "--non-interactive");
    await succeeds(
      "refresh",
      "-s",
      "us",
      "--yes",
      "--skip-preview",
      "--expect-no-changes",
      "--non-interactive",
    );
    await succeeds("preview", "-s", "us", "--expect-no-changes", "--non-interactive");
  });

  it("removes what it made in an order that no rule refuses", async () => {
    await succeeds("destroy", "-s", "us", "--yes", "--skip-preview", "--non-interactive");
    expect(things("us")).toEqual([]);
    expect(things("eu")).toHaveLength(THINGS);
  });
});
