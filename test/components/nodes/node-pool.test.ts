import { describe, expect, it } from "vitest";
import { Cluster } from "../../../components/cluster/cluster.ts";
import { NodePool, type NodePoolArgs } from "../../../components/nodes/node-pool.ts";
import { PROTECTED } from "../../../components/shared/protection.ts";
import { record, value } from "../../support/record.ts";

const MEDIA: NodePoolArgs = {
  role: "media",
  clusterName: "meet-eu",
  clusterEndpoint: "https://abc.eks.amazonaws.com",
  certificateAuthority: "Q0E=",
  clusterSecurityGroupId: "sg-cluster",
  kubernetesVersion: "1.34",
  roleName: "meet-eu-media-node",
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b"],
  instanceType: "c7i.xlarge",
  min: 2,
  max: 6,
  publicAddresses: true,
  openPorts: [
    { protocol: "udp", from: 7882, to: 7913, description: "Media" },
    { protocol: "tcp", from: 7881, to: 7881, description: "Media over TCP" },
  ],
  scaling: { metric: "networkOut", mbps: 800 },
  scaleIn: "manual",
  drainSeconds: 18_000,
  tags: { "meet:stack": "eu" },
};

const EGRESS: NodePoolArgs = {
  ...MEDIA,
  role: "egress",
  roleName: "meet-eu-egress-node",
  publicAddresses: false,
  openPorts: [],
  scaling: { metric: "cpu", percent: 50 },
  scaleIn: "automatic",
};

const made = (args: NodePoolArgs) => record(() => new NodePool(args.role, args));

describe("a node pool", () => {
  it("has exactly these parts", async () => {
    const recording = await made(MEDIA);
    expect(recording.all.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort())
      .toMatchInlineSnapshot(`
      [
        "AccessEntry media",
        "Group media",
        "InstanceProfile media",
        "LaunchTemplate media",
        "LifecycleHook media",
        "NodePool media",
        "Policy media",
        "Role media",
        "RolePolicy media-names",
        "RolePolicyAttachment media-images",
        "RolePolicyAttachment media-pod-identity",
        "SecurityGroup media",
        "SecurityGroupEgressRule media-out-ipv4",
        "SecurityGroupEgressRule media-out-ipv6",
        "SecurityGroupIngressRule media-tcp-7881-ipv4",
        "SecurityGroupIngressRule media-tcp-7881-ipv6",
        "SecurityGroupIngressRule media-udp-7882-ipv4",
        "SecurityGroupIngressRule media-udp-7882-ipv6",
      ]
    `);
  });

  it("joins by an access entry of its role, which exists before its instances", async () => {
    const recording = await made(MEDIA);
    const entry = recording.one("aws:eks/accessEntry:AccessEntry");
    expect(entry.inputs).toMatchObject({
      clusterName: "meet-eu",
      principalArn: "arn:aws:iam::123456789012:role/meet-eu-media-node",
      type: "EC2_LINUX",
    });
    const { dependsOn } = recording.one("aws:autoscaling/group:Group");
    expect(dependsOn).toContain(entry.urn);
    for (const part of recording.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) {
      expect(dependsOn).toContain(part.urn);
    }
  });

  it("gives its nodes no right but images, pod credentials and their own name", async () => {
    const recording = await made(MEDIA);
    expect(
      recording
        .ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        .map(({ inputs }) => inputs["policyArn"]),
    ).toEqual([
      "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy",
      "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
    ]);
    expect(
      JSON.parse(String(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])),
    ).toEqual({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "ec2:DescribeInstances", Resource: "*" }],
    });
  });

  it("opens its named ports to everybody, IPv4 and IPv6, and nothing else", async () => {
    const recording = await made(MEDIA);
    const rules = recording.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(
      rules.map(({ inputs }) => [
        inputs["ipProtocol"],
        inputs["fromPort"],
        inputs["toPort"],
        inputs["cidrIpv4"] ?? inputs["cidrIpv6"],
      ]),
    ).toEqual([
      ["udp", 7882, 7913, "0.0.0.0/0"],
      ["tcp", 7881, 7881, "0.0.0.0/0"],
      ["udp", 7882, 7913, "::/0"],
      ["tcp", 7881, 7881, "::/0"],
    ]);
    expect(
      (await made(EGRESS)).ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"),
    ).toEqual([]);
  });

  it("lets everything out, so that EC2 need not track connections", async () => {
    const rules = (await made(EGRESS)).ofType(
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    );
    expect(rules.map(({ inputs }) => inputs["cidrIpv4"] ?? inputs["cidrIpv6"])).toEqual([
      "0.0.0.0/0",
      "::/0",
    ]);
    expect(rules.every(({ inputs }) => inputs["ipProtocol"] === "-1")).toBe(true);
  });

  it("launches hardened instances with the cluster's group and its own", async () => {
    const recording = await made(MEDIA);
    const { inputs } = recording.one("aws:ec2/launchTemplate:LaunchTemplate");
    expect(inputs).toMatchObject({
      imageId: expect.stringContaining("resolve:ssm:") as string,
      instanceType: "c7i.xlarge",
      monitoring: { enabled: true },
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
      },
      blockDeviceMappings: [
        { deviceName: "/dev/xvda", ebs: { volumeType: "gp3", encrypted: "true", volumeSize: 40 } },
      ],
      networkInterfaces: [
        {
          associatePublicIpAddress: "true",
          securityGroups: ["sg-cluster", await value(recording.result.securityGroupId)],
        },
      ],
    });
    expect(inputs["tagSpecifications"]).toEqual(
      ["instance", "volume", "network-interface"].map((resourceType) => ({
        resourceType,
        tags: { "meet:stack": "eu", Name: "media" },
      })),
    );
    expect(Buffer.from(String(inputs["userData"]), "base64").toString()).toContain(
      "--node-labels=meet/role=media",
    );
    const egress = (await made(EGRESS)).one("aws:ec2/launchTemplate:LaunchTemplate");
    expect(egress.inputs["networkInterfaces"]).toMatchObject([
      { associatePublicIpAddress: "false" },
    ]);
  });

  it("keeps its instances: no rebalancing, no refresh, none ended by an unwell balancer", async () => {
    const group = (await made(MEDIA)).one("aws:autoscaling/group:Group");
    expect(group.inputs).toMatchObject({
      vpcZoneIdentifiers: ["subnet-a", "subnet-b"],
      minSize: 2,
      maxSize: 6,
      desiredCapacity: 2,
      launchTemplate: { version: "1" },
      healthCheckType: "EC2",
      suspendedProcesses: ["AZRebalance"],
      protectFromScaleIn: true,
    });
    expect(group.inputs).not.toHaveProperty("instanceRefresh");
    expect(group.ignoreChanges).toEqual(["desiredCapacity", "targetGroupArns"]);
    expect((await made(EGRESS)).one("aws:autoscaling/group:Group").inputs).toMatchObject({
      protectFromScaleIn: false,
    });
  });

  it("tags its instances for the termination handler and the control plane", async () => {
    const group = (await made(MEDIA)).one("aws:autoscaling/group:Group");
    expect(group.inputs["tags"]).toEqual([
      { key: "meet:stack", value: "eu", propagateAtLaunch: false },
      { key: "Name", value: "media", propagateAtLaunch: false },
      { key: "aws-node-termination-handler/managed", value: "true", propagateAtLaunch: true },
      { key: "kubernetes.io/cluster/meet-eu", value: "owned", propagateAtLaunch: true },
    ]);
  });

  it("holds an ending instance until somebody answers or half an hour is over", async () => {
    const hook = (await made(MEDIA)).one("aws:autoscaling/lifecycleHook:LifecycleHook");
    expect(hook.inputs).toMatchObject({
      lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      defaultResult: "CONTINUE",
      heartbeatTimeout: 1800,
    });
  });

  it.each([
    [MEDIA, "ASGAverageNetworkOut", 6_000_000_000, true],
    [EGRESS, "ASGAverageCPUUtilization", 50, false],
  ])("grows by its target: %#", async (args, metric, targetValue, disableScaleIn) => {
    const policy = (await made(args)).one("aws:autoscaling/policy:Policy");
    expect(policy.inputs["targetTrackingConfiguration"]).toEqual({
      predefinedMetricSpecification: { predefinedMetricType: metric },
      targetValue,
      disableScaleIn,
    });
  });

  it("starts after the network add-ons of the cluster it names", async () => {
    const recording = await record(() => {
      const cluster = new Cluster("cluster", {
        clusterName: "meet-eu",
        kubernetesVersion: "1.34",
        awsRegion: "eu-west-3",
        privateSubnetIds: ["subnet-a", "subnet-b"],
        systemSubnetIds: ["subnet-a"],
        publicAccessCidrs: [],
        administratorRoleArns: ["arn:aws:iam::123456789012:role/deploy"],
        systemNodes: { instanceType: "m7i.large", min: 1, max: 1 },
        logRetentionDays: 30,
        protection: PROTECTED,
        tags: {},
      });
      return new NodePool("media", { ...MEDIA, clusterName: cluster.clusterName });
    });
    const { dependsOn } = recording.one("aws:ec2/launchTemplate:LaunchTemplate", "media");
    for (const name of ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"]) {
      expect(dependsOn).toContain(recording.one("aws:eks/addon:Addon", `cluster-${name}`).urn);
    }
  });

  it("makes the same resources in a preview", async () => {
    const preview = await record(() => new NodePool("media", MEDIA), { preview: true });
    expect(preview.all.map(({ urn }) => urn).sort()).toEqual(
      (await made(MEDIA)).all.map(({ urn }) => urn).sort(),
    );
  });

  it("reports all faults at once and makes nothing", async () => {
    await expect(
      made({
        ...MEDIA,
        role: "egress",
        publicAddresses: false,
        instanceType: "xlarge",
        min: 0,
        max: -1,
        subnetIds: [],
        openPorts: [{ protocol: "tcp", from: 443, to: 443, description: "HTTPS" }],
        scaling: { metric: "cpu", percent: 0 },
        drainSeconds: 10,
      }),
    ).rejects.toThrow(
      'meet:compute:NodePool "egress": 9 faults.\n' +
        ' - instanceType "xlarge" is none. Write one such as c7i.xlarge.\n' +
        " - min is 0, but an empty group has no load to grow by. Use 1 or more.\n" +
        " - max -1 is below min 0. Raise max.\n" +
        " - there is no subnet. Give one in every zone.\n" +
        " - nodes of the role egress would be open to the world. Leave openPorts out.\n" +
        " - its ports are open, but nobody could reach them. Set publicAddresses, or leave openPorts out.\n" +
        " - openPorts tcp 443-443 is no range within 1024-65535. Correct from and to.\n" +
        " - scaling.percent 0 is outside 1-100. Use about 50.\n" +
        " - drainSeconds 10 is outside 60-172500: AWS keeps no ending instance longer than 48 hours. " +
        "Choose a time inside.",
    );
  });
});
