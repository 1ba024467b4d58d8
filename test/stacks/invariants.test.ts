import { beforeAll, describe, expect, it } from "vitest";
import { recordStack } from "../../plan/record-stack.ts";
import type { Recorded } from "../../plan/recorded.ts";
import {
  filesWithThirdRegion,
  mediaRegionFile,
  recordFleet,
  repositoryFiles,
  stackOf,
} from "../support/fleets.ts";
import * as rules from "./rules.ts";

const STACKS = ["eu", "us", "ap"] as const;

const EVERY_STACK: readonly [string, rules.Rule][] = [
  ["carries its stack and its logical name where it can be tagged", rules.tagged],
  ["belongs to a component", rules.parented],
  ["is protected by Pulumi and the cloud where it holds data", rules.protectedData],
  ["shows no secret in the open", rules.noPlainSecret],
  ["is closed to the world but for media, TURN and TLS", rules.closed],
  ["is allowed no more than it needs, and has no static key", rules.leastPrivilege],
  ["runs pods of exact images that gain no privilege", rules.soundPods],
];

describe("every resource of every stack", () => {
  let fleet: Map<string, readonly Recorded[]>;
  const recordingOf = (stack: string): readonly Recorded[] => {
    const recording = fleet.get(stack);
    if (recording === undefined) {
      throw new Error(`no recording of ${stack}`);
    }
    return recording;
  };
  beforeAll(async () => {
    fleet = await recordFleet(filesWithThirdRegion());
  });

  it.each(STACKS.flatMap((stack) => EVERY_STACK.map(([what, rule]) => ({ stack, what, rule }))))(
    "$what, in $stack",
    ({ stack, rule }) => {
      expect(rule(recordingOf(stack), stack)).toEqual([]);
    },
  );

  it.each(STACKS)(
    "is made outside apply, in %s: a preview shows all that an update makes",
    async (stack) => {
      const preview = await recordStack(stackOf(filesWithThirdRegion(), stack), { preview: true });
      const urns = (recording: readonly Recorded[]): string[] =>
        recording.map(({ urn }) => urn).sort();
      expect(urns(preview)).toEqual(urns(recordingOf(stack)));
    },
  );

  it("is in the stack's own region, but for what ties the primary to the standby", () => {
    const elsewhere = STACKS.flatMap((stack) => {
      const own = stackOf(filesWithThirdRegion(), stack).awsRegion;
      return recordingOf(stack)
        .filter(({ inputs }) => typeof inputs["region"] === "string" && inputs["region"] !== own)
        .map(({ type, name }) => `${stack} ${type} ${name}`);
    });
    expect(elsewhere).toEqual([
      "us aws:s3/bucketReplicationConfig:BucketReplicationConfig primary-recordings-replication",
    ]);
  });

  it("of a media region is in both homes too, under the same name", () => {
    const identity = ({ type, name }: Recorded): string => `${type}::${name}`;
    const media = recordingOf("ap").filter(({ type }) => type !== "pulumi:pulumi:StackReference");
    for (const home of ["eu", "us"]) {
      const there = new Set(recordingOf(home).map(identity));
      const missing = media.map(identity).filter((item) => !there.has(item));
      // The standby replicates the primary's bucket, so the primary alone makes no replication of its own.
      const expected = home === "eu" ? /replication/i : /^$/;
      expect(missing.filter((item) => !expected.test(item))).toEqual([]);
    }
  });

  it("of an existing stack stays as it is when a media region is added", async () => {
    const before = await recordFleet(repositoryFiles());
    for (const stack of ["eu", "us"]) {
      expect(recordingOf(stack)).toEqual(before.get(stack));
    }
  });
});

describe("a fleet of six regions in two residency groups", () => {
  const groupOf = { eu: "west", us: "west", de: "west", ie: "west", jp: "east", sg: "east" };
  const files = repositoryFiles();
  const media = { de: "eu-central-1", ie: "eu-west-1", jp: "ap-northeast-1", sg: "ap-southeast-1" };
  for (const [home, source] of files) {
    files.set(home, source.replace("meet:residency: eu-us", "meet:residency: west"));
  }
  Object.entries(media).forEach(([stack, awsRegion], index) => {
    const file = mediaRegionFile(awsRegion, `10.${60 + 4 * index}.0.0/16`);
    const residency = groupOf[stack as keyof typeof media];
    files.set(`Pulumi.${stack}.yaml`, `${file}  meet:residency: ${residency}\n`);
  });

  it("keeps every recording, backup and replica within its group", async () => {
    const fleet = await recordFleet(files);
    const awsRegions: Record<string, string> = { eu: "eu-west-3", us: "us-east-1", ...media };
    for (const [stack, recording] of fleet) {
      const group = groupOf[stack as keyof typeof groupOf];
      const allowed = Object.entries(groupOf)
        .filter(([, other]) => other === group)
        .map(([member]) => awsRegions[member] ?? "");
      expect(rules.withinRegions(allowed)(recording, stack)).toEqual([]);
    }
    const replicating = [...fleet].filter(([, recording]) =>
      recording.some(({ type }) => type.includes("BucketReplicationConfig")),
    );
    expect(replicating.map(([stack]) => stack).sort()).toEqual(["de", "ie", "us"]);
  });
});

/** Breaks a rule on purpose: a rule that never finds anything proves nothing. */
describe("a rule finds", () => {
  const sample = (
    type: string,
    inputs: Record<string, unknown>,
    more: Partial<Recorded> = {},
  ): Recorded => ({
    type,
    name: "sample",
    urn: `urn:pulumi:eu::meet::meet:test:Sample$${type}::sample`,
    custom: true,
    inputs,
    parent: "urn:pulumi:eu::meet::meet:test:Sample::sample",
    protect: false,
    retainOnDelete: false,
    deleteBeforeReplace: false,
    dependsOn: [],
    ignoreChanges: [],
    replaceOnChanges: [],
    aliases: [],
    ...more,
  });
  const pod = (container: Record<string, unknown>): Record<string, unknown> => ({
    spec: { template: { spec: { containers: [container] } } },
  });
  const secret = { "[secret]": "a-long-secret-value" };
  const allow = (Action: string): string =>
    JSON.stringify({ Statement: [{ Effect: "Allow", Action, Resource: "*" }] });

  it.each<[string, rules.Rule, Recorded, string]>([
    [
      "a missing Name",
      rules.tagged,
      sample("aws:ec2/vpc:Vpc", { tags: { "meet:stack": "eu" } }),
      "is tagged",
    ],
    [
      "another stack's tag",
      rules.tagged,
      sample("aws:ec2/vpc:Vpc", { tags: { "meet:stack": "us", Name: "sample" } }),
      "is tagged",
    ],
    [
      "a resource right under the stack",
      rules.parented,
      sample(
        "aws:ec2/vpc:Vpc",
        {},
        { parent: "urn:pulumi:eu::meet::pulumi:pulumi:Stack::meet-eu" },
      ),
      "has the parent",
    ],
    [
      "an unprotected database",
      rules.protectedData,
      sample("aws:rds/instance:Instance", { deletionProtection: true }),
      "is not protected",
    ],
    [
      "a database AWS would delete",
      rules.protectedData,
      sample("aws:rds/instance:Instance", {}, { protect: true }),
      "is not protected",
    ],
    [
      "a bucket emptied on delete",
      rules.protectedData,
      sample("aws:s3/bucket:Bucket", { forceDestroy: true }, { protect: true }),
      "is not protected",
    ],
    [
      "a secret in the open",
      rules.noPlainSecret,
      sample("aws:ec2/vpc:Vpc", { a: secret, b: "x-a-long-secret-value" }),
      "shows a secret",
    ],
    [
      "an open SSH port",
      rules.closed,
      sample("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {
        cidrIpv4: "0.0.0.0/0",
        ipProtocol: "tcp",
        fromPort: 22,
        toPort: 22,
      }),
      "opens tcp 22-22",
    ],
    [
      "an open inline rule",
      rules.closed,
      sample("aws:ec2/securityGroup:SecurityGroup", {
        ingress: [{ protocol: "-1", fromPort: 0, toPort: 0, ipv6CidrBlocks: ["::/0"] }],
      }),
      "opens -1 0-0",
    ],
    [
      "a policy that allows all of S3",
      rules.leastPrivilege,
      sample("aws:iam/rolePolicy:RolePolicy", { policy: allow("s3:*") }),
      "allows",
    ],
    [
      "a static key",
      rules.leastPrivilege,
      sample("aws:iam/accessKey:AccessKey", {}),
      "is a static credential",
    ],
    [
      "a floating image",
      rules.soundPods,
      sample(
        "kubernetes:apps/v1:Deployment",
        pod({
          image: "nginx:latest",
          securityContext: { allowPrivilegeEscalation: false },
          resources: { limits: { memory: "1Gi" } },
        }),
      ),
      'runs the image "nginx:latest"',
    ],
    [
      "a pod that may gain privileges",
      rules.soundPods,
      sample(
        "kubernetes:apps/v1:Deployment",
        pod({ image: "nginx:1.2.3", resources: { limits: { memory: "1Gi" } } }),
      ),
      "may gain privileges",
    ],
    [
      "a pod without a limit",
      rules.soundPods,
      sample("kubernetes:batch/v1:CronJob", {
        spec: {
          jobTemplate: {
            spec: {
              template: {
                spec: {
                  containers: [
                    { image: "nginx:1.2.3", securityContext: { allowPrivilegeEscalation: false } },
                  ],
                },
              },
            },
          },
        },
      }),
      "has no limit of memory",
    ],
    [
      "a replication out of its residency group",
      rules.withinRegions(["eu-west-3"]),
      sample("aws:s3/bucketReplicationConfig:BucketReplicationConfig", {
        rules: [{ destination: { bucket: "arn:aws:s3:::meet-recordings-1-us-east-1-an" } }],
      }),
      "reaches us-east-1",
    ],
  ])("%s", (_what, rule, broken, sentence) => {
    expect(rule([broken], "eu").join("\n")).toContain(sentence);
  });
});
