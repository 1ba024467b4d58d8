import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Valkey, VALKEY_TYPE, type ValkeyArgs } from "../../../components/valkey/valkey.ts";
import { record, value } from "../../support/record.ts";

const ARGS: ValkeyArgs = {
  description: "Claims, queues and sessions of Meet",
  nodeType: "cache.t4g.small",
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b"],
  clientSecurityGroupIds: ["sg-cluster", "sg-media"],
  protection: { enabled: true },
  tags: { "meet:stack": "eu" },
};

const GROUP = "aws:elasticache/replicationGroup:ReplicationGroup";
const RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

describe("Valkey", () => {
  it("makes exactly these resources, all below itself", async () => {
    const recording = await record(() => new Valkey("meet-valkey", ARGS));
    expect(recording.all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:ec2/securityGroup:SecurityGroup meet-valkey",
      "aws:elasticache/parameterGroup:ParameterGroup meet-valkey",
      `${GROUP} meet-valkey`,
      "aws:elasticache/subnetGroup:SubnetGroup meet-valkey",
      `${RULE} meet-valkey-from-client-1`,
      `${RULE} meet-valkey-from-client-2`,
      `${VALKEY_TYPE} meet-valkey`,
      "random:index/randomId:RandomId meet-valkey-final-snapshot",
      "random:index/randomPassword:RandomPassword meet-valkey-auth-token",
    ]);
    const component = recording.one(VALKEY_TYPE);
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map((child) => child.parent)).toEqual(children.map(() => component.urn));
  });

  it("has two nodes in two zones, TLS, a password, and no cluster mode", async () => {
    const recording = await record(() => new Valkey("meet-valkey", ARGS));
    const { inputs } = recording.one(GROUP);
    expect(inputs).toEqual({
      description: "Claims, queues and sessions of Meet",
      engine: "valkey",
      engineVersion: "8.0",
      nodeType: "cache.t4g.small",
      numCacheClusters: 2,
      multiAzEnabled: true,
      automaticFailoverEnabled: true,
      clusterMode: "disabled",
      port: 6379,
      transitEncryptionEnabled: true,
      transitEncryptionMode: "required",
      atRestEncryptionEnabled: true,
      authToken: { "[secret]": expect.any(String) as string },
      subnetGroupName: "meet-valkey",
      securityGroupIds: [await value(recording.result.securityGroupId)],
      parameterGroupName: "meet-valkey",
      autoMinorVersionUpgrade: true,
      applyImmediately: true,
      snapshotRetentionLimit: 1,
      snapshotWindow: "01:00-02:00",
      maintenanceWindow: "sun:03:30-sun:04:30",
      finalSnapshotIdentifier: expect.stringMatching(/^meet-valkey-final-[0-9a-f]+$/) as string,
      tags: { "meet:stack": "eu", Name: "meet-valkey" },
    });
  });

  it("refuses writes when it is full instead of dropping claims", async () => {
    const recording = await record(() => new Valkey("meet-valkey", ARGS));
    expect(recording.one("aws:elasticache/parameterGroup:ParameterGroup").inputs).toEqual({
      family: "valkey8",
      description: "Refuses writes when full instead of dropping claims, queues and sessions",
      parameters: [{ name: "maxmemory-policy", value: "noeviction" }],
      tags: { "meet:stack": "eu", Name: "meet-valkey" },
    });
  });

  it("has a token that ElastiCache takes and a URL needs no escapes for", async () => {
    const recording = await record(() => new Valkey("meet-valkey", ARGS));
    expect(recording.one("random:index/randomPassword:RandomPassword").inputs).toEqual({
      length: 64,
      special: false,
    });
  });

  it("admits its clients' security groups to port 6379 and nobody else", async () => {
    const recording = await record(() => new Valkey("meet-valkey", ARGS));
    const group = recording.one("aws:ec2/securityGroup:SecurityGroup");
    expect(group.inputs).not.toHaveProperty("ingress");
    const securityGroupId = await value(recording.result.securityGroupId);
    const rule = (name: string, client: string): unknown => ({
      securityGroupId,
      referencedSecurityGroupId: client,
      ipProtocol: "tcp",
      fromPort: 6379,
      toPort: 6379,
      description: "Valkey from its clients",
      tags: { "meet:stack": "eu", Name: name },
    });
    expect(recording.one(RULE, "meet-valkey-from-client-1").inputs).toEqual(
      rule("meet-valkey-from-client-1", "sg-cluster"),
    );
    expect(recording.one(RULE, "meet-valkey-from-client-2").inputs).toEqual(
      rule("meet-valkey-from-client-2", "sg-media"),
    );
  });

  it("gives a secret token and a secret TLS URL", async () => {
    const { result } = await record(() => new Valkey("meet-valkey", ARGS));
    const token = await value(result.authToken);
    expect(token).toHaveLength(64);
    expect(await value(result.url)).toBe(`rediss://:${token}@${await value(result.host)}:6379`);
    expect(await value(result.port)).toBe(6379);
    expect(await pulumi.isSecret(result.authToken)).toBe(true);
    expect(await pulumi.isSecret(result.url)).toBe(true);
  });

  it("is protected, or says why it is not, and leaves a last snapshot either way", async () => {
    const on = (await record(() => new Valkey("meet-valkey", ARGS))).one(GROUP);
    expect(on.protect).toBe(true);
    const off = (
      await record(
        () =>
          new Valkey("meet-valkey", { ...ARGS, protection: { enabled: false, reason: "gone" } }),
      )
    ).one(GROUP);
    expect(off.protect).toBe(false);
    expect(off.inputs["tags"]).toMatchObject({ "meet:unprotected-because": "gone" });
    expect(off.inputs["finalSnapshotIdentifier"]).toMatch(/^meet-valkey-final-/);
  });

  it("takes more nodes and no snapshots when told so", async () => {
    const recording = await record(
      () => new Valkey("meet-valkey", { ...ARGS, nodes: 3, snapshotRetentionDays: 0 }),
    );
    expect(recording.one(GROUP).inputs).toMatchObject({
      numCacheClusters: 3,
      snapshotRetentionLimit: 0,
    });
  });

  it.each([
    ["the first", undefined, ["meet-valkey-auth-token"], undefined],
    [
      "the second beside the first",
      { generation: 2, keepPrevious: true },
      ["meet-valkey-auth-token", "meet-valkey-auth-token-2"],
      "ROTATE",
    ],
    [
      "the second alone",
      { generation: 2, keepPrevious: false },
      ["meet-valkey-auth-token-2"],
      "SET",
    ],
  ])("takes as its password %s", async (_, token, names, strategy) => {
    const recording = await record(
      () => new Valkey("meet-valkey", { ...ARGS, ...(token === undefined ? {} : { token }) }),
    );
    const made = recording.ofType("random:index/randomPassword:RandomPassword");
    expect(made.map(({ name }) => name).sort()).toEqual(names);
    const { inputs } = recording.one(GROUP);
    expect(inputs["authTokenUpdateStrategy"]).toBe(strategy);
    const given = await value(recording.result.authToken);
    expect(inputs["authToken"]).toEqual({ "[secret]": given });
    expect(await value(recording.result.url)).toContain(given);
  });

  it("makes the same resources in preview and update", async () => {
    const urns = async (preview: boolean): Promise<string[]> =>
      (await record(() => new Valkey("meet-valkey", ARGS), { preview })).all
        .map(({ urn }) => urn)
        .sort();
    expect(await urns(true)).toEqual(await urns(false));
  });

  it.each<[Partial<ValkeyArgs>, string]>([
    [{ nodes: 1 }, "nodes is 1, which leaves nothing to fail over to. Use 2 or more."],
    [
      { nodes: 7 },
      "nodes is 7, ElastiCache allows a primary and five replicas. Use a whole number from 2 to 6.",
    ],
    [{ nodes: 2.5 }, "nodes is 2.5, ElastiCache allows"],
    [
      { subnetIds: ["subnet-a"] },
      "1 subnets, Multi-AZ needs two in different zones. Pass at least two private subnets.",
    ],
    [
      { clientSecurityGroupIds: [] },
      "nobody may connect. Pass the security group of at least one client.",
    ],
    [
      { nodeType: "t4g.small" },
      'nodeType "t4g.small" is no ElastiCache node type. Use one that starts with "cache.", for example "cache.t4g.small".',
    ],
    [
      { token: { generation: 0, keepPrevious: false } },
      "token generation 0 is no whole number from 1. Raise it by one to rotate.",
    ],
    [
      { token: { generation: 1, keepPrevious: true } },
      "token keeps a previous make but is of generation 1. Raise the generation or drop keepPrevious.",
    ],
    [
      { snapshotRetentionDays: 36 },
      "snapshotRetentionDays 36 is not between 0 and 35. Use 0 to make no snapshots.",
    ],
    [
      { description: "" },
      "description of 0 characters is not 1 to 255 plain ones. Say in a few words what it holds.",
    ],
  ])("refuses %j", async (wrong, sentence) => {
    await expect(record(() => new Valkey("meet-valkey", { ...ARGS, ...wrong }))).rejects.toThrow(
      `Valkey "meet-valkey": ${sentence}`,
    );
  });
});
