import { describe, expect, it } from "vitest";
import { Cluster, type ClusterArgs } from "../../../components/cluster/cluster.ts";
import { PROTECTED } from "../../../components/shared/protection.ts";
import { record, value } from "../../support/record.ts";

const ARGS: ClusterArgs = {
  clusterName: "meet-eu",
  kubernetesVersion: "1.34",
  awsRegion: "eu-west-3",
  privateSubnetIds: ["subnet-private-a", "subnet-private-b"],
  systemSubnetIds: ["subnet-system-a", "subnet-system-b"],
  publicAccessCidrs: ["198.51.100.0/24"],
  administratorRoleArns: ["arn:aws:iam::123456789012:role/ci/deploy"],
  systemNodes: { instanceType: "m7g.large", min: 2, max: 4 },
  logRetentionDays: 30,
  protection: PROTECTED,
  tags: { "meet:stack": "eu" },
};

const made = (changes: Partial<ClusterArgs> = {}) =>
  record(() => new Cluster("cluster", { ...ARGS, ...changes }));

describe("a cluster", () => {
  it("has exactly these parts", async () => {
    const recording = await made();
    expect(recording.all.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort())
      .toMatchInlineSnapshot(`
      [
        "AccessEntry cluster-admin-ci-deploy",
        "AccessPolicyAssociation cluster-admin-ci-deploy",
        "Addon cluster-coredns",
        "Addon cluster-eks-pod-identity-agent",
        "Addon cluster-kube-proxy",
        "Addon cluster-metrics-server",
        "Addon cluster-vpc-cni",
        "Cluster cluster",
        "Cluster cluster",
        "Key cluster",
        "LaunchTemplate cluster-system",
        "LogGroup cluster",
        "Namespace cluster-media",
        "Namespace cluster-meet",
        "NetworkPolicy cluster-meet-default",
        "NodeGroup cluster-system",
        "Policy cluster-system",
        "Role cluster",
        "Role cluster-system",
        "Role cluster-vpc-cni",
        "RolePolicy cluster-secrets",
        "RolePolicy cluster-system-names",
        "RolePolicyAttachment cluster",
        "RolePolicyAttachment cluster-system-images",
        "RolePolicyAttachment cluster-system-pod-identity",
        "RolePolicyAttachment cluster-vpc-cni",
        "SystemNodes cluster-system",
        "kubernetes cluster",
      ]
    `);
  });

  it("lets nobody in for having made it, and takes no add-ons but ours", async () => {
    const { inputs } = (await made()).one("aws:eks/cluster:Cluster");
    expect(inputs).toMatchObject({
      name: "meet-eu",
      version: "1.34",
      bootstrapSelfManagedAddons: false,
      accessConfig: {
        authenticationMode: "API",
        bootstrapClusterCreatorAdminPermissions: false,
      },
      upgradePolicy: { supportType: "STANDARD" },
      kubernetesNetworkConfig: { ipFamily: "ipv4", serviceIpv4Cidr: "172.20.0.0/16" },
      enabledClusterLogTypes: ["api", "audit", "authenticator", "controllerManager", "scheduler"],
    });
  });

  it("opens its API to the VPC and the named ranges only", async () => {
    expect((await made()).one("aws:eks/cluster:Cluster").inputs["vpcConfig"]).toEqual({
      subnetIds: ["subnet-private-a", "subnet-private-b"],
      endpointPrivateAccess: true,
      endpointPublicAccess: true,
      publicAccessCidrs: ["198.51.100.0/24"],
    });
    const closed = await made({ publicAccessCidrs: [] });
    expect(closed.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]).toEqual({
      subnetIds: ["subnet-private-a", "subnet-private-b"],
      endpointPrivateAccess: true,
      endpointPublicAccess: false,
    });
  });

  it("encrypts its secrets with a key of its own that rotates", async () => {
    const recording = await made();
    expect(recording.one("aws:kms/key:Key").inputs).toMatchObject({
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    });
    expect(recording.one("aws:eks/cluster:Cluster").inputs["encryptionConfig"]).toEqual({
      provider: { keyArn: expect.stringContaining("arn:aws:kms:") as string },
      resources: ["secrets"],
    });
  });

  it("is protected with its key, unless a reason is given, which its tags then tell", async () => {
    const types = ["aws:eks/cluster:Cluster", "aws:kms/key:Key"];
    const on = await made();
    const off = await made({ protection: { enabled: false, reason: "moving away" } });
    for (const type of types) {
      expect(on.one(type).protect).toBe(true);
      expect(off.one(type).protect).toBe(false);
      expect(off.one(type).inputs["tags"]).toMatchObject({
        "meet:unprotected-because": "moving away",
      });
    }
    expect(on.one("aws:eks/cluster:Cluster").inputs["deletionProtection"]).toBe(true);
    expect(off.one("aws:eks/cluster:Cluster").inputs["deletionProtection"]).toBe(false);
  });

  it("writes its logs to a group that exists before it and forgets", async () => {
    const recording = await made();
    const logs = recording.one("aws:cloudwatch/logGroup:LogGroup");
    expect(logs.inputs).toMatchObject({
      name: "/aws/eks/meet-eu/cluster",
      retentionInDays: 30,
    });
    expect(recording.one("aws:eks/cluster:Cluster").dependsOn).toContain(logs.urn);
  });

  it("is made after its role may do its work", async () => {
    const recording = await made();
    const { dependsOn } = recording.one("aws:eks/cluster:Cluster");
    const attached = recording.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cluster");
    expect(attached.inputs["policyArn"]).toBe("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy");
    expect(dependsOn).toContain(attached.urn);
    expect(dependsOn).toContain(
      recording.one("aws:iam/rolePolicy:RolePolicy", "cluster-secrets").urn,
    );
  });

  it("has its administrators by access entry", async () => {
    const recording = await made();
    const entry = recording.one("aws:eks/accessEntry:AccessEntry");
    expect(entry.name).toBe("cluster-admin-ci-deploy");
    expect(entry.inputs).toMatchObject({
      principalArn: "arn:aws:iam::123456789012:role/ci/deploy",
      type: "STANDARD",
    });
    expect(
      recording.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation").inputs,
    ).toMatchObject({
      policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
      accessScope: { type: "cluster" },
    });
  });

  it("makes network and credential add-ons before nodes, and the others after them", async () => {
    const recording = await made();
    const nodes = recording.one("aws:eks/nodeGroup:NodeGroup");
    const addOn = (name: string) => recording.one("aws:eks/addon:Addon", `cluster-${name}`);
    for (const name of ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"]) {
      expect(nodes.dependsOn, name).toContain(addOn(name).urn);
      expect(addOn(name).dependsOn, name).not.toContain(nodes.urn);
    }
    for (const name of ["coredns", "metrics-server"]) {
      expect(addOn(name).dependsOn, name).toContain(nodes.urn);
    }
    expect(recording.ofType("aws:eks/addon:Addon")).toHaveLength(5);
  });

  it("enforces network policies, with a role that only the CNI's pods have", async () => {
    const recording = await made();
    const { inputs } = recording.one("aws:eks/addon:Addon", "cluster-vpc-cni");
    expect(inputs["configurationValues"]).toBe('{"enableNetworkPolicy":"true"}');
    expect(inputs["podIdentityAssociations"]).toEqual([
      {
        serviceAccount: "aws-node",
        roleArn: "arn:aws:iam::123456789012:role/meet-eu-vpc-cni",
      },
    ]);
    expect(recording.one("aws:eks/addon:Addon", "cluster-vpc-cni").dependsOn).toContain(
      recording.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cluster-vpc-cni").urn,
    );
    const holders = recording
      .ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
      .filter(({ inputs: { policyArn } }) => String(policyArn).endsWith("/AmazonEKS_CNI_Policy"));
    expect(holders.map(({ inputs: { role } }) => role)).toEqual(["meet-eu-vpc-cni"]);
  });

  it("waits for access, nodes and DNS before it makes any object", async () => {
    const recording = await made();
    const provider = recording.one("pulumi:providers:kubernetes");
    const before = [
      recording.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation"),
      recording.one("aws:eks/nodeGroup:NodeGroup"),
      recording.one("aws:eks/addon:Addon", "cluster-coredns"),
    ];
    expect(provider.dependsOn).toEqual(expect.arrayContaining(before.map(({ urn }) => urn)));
    expect(provider.inputs["clusterIdentifier"]).toBe("eu-west-3/meet-eu");
    expect(provider.inputs["kubeconfig"]).toHaveProperty(["[secret]"]);
  });

  it("knows its provider's identity in a preview, when the kubeconfig is not known yet", async () => {
    const recording = await record(() => new Cluster("cluster", ARGS), { preview: true });
    expect(recording.one("pulumi:providers:kubernetes").inputs).toMatchObject({
      clusterIdentifier: "eu-west-3/meet-eu",
      enableServerSideApply: "true",
    });
    expect(recording.all.map(({ urn }) => urn).sort()).toEqual(
      (await made()).all.map(({ urn }) => urn).sort(),
    );
  });

  it("names itself only once its network add-ons are there", async () => {
    const { result } = await made();
    expect(await value(result.clusterName)).toBe("meet-eu");
    expect(await value(result.systemAutoscalingGroupName)).toMatch(/^eks-cluster-system-/);
    expect(await value(result.systemNodeSecurityGroupId)).toBe(await value(result.securityGroupId));
  });

  it("has a namespace for restricted pods that denies what nobody named, and a privileged one", async () => {
    const recording = await made();
    const level = (name: string) =>
      recording.one("kubernetes:core/v1:Namespace", name).inputs["metadata"];
    expect(level("cluster-meet")).toMatchObject({
      name: "meet",
      labels: { "pod-security.kubernetes.io/enforce": "restricted" },
    });
    expect(level("cluster-media")).toMatchObject({
      name: "media",
      labels: { "pod-security.kubernetes.io/enforce": "privileged" },
    });
    const policy = recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy");
    expect(policy.inputs["metadata"]).toMatchObject({ namespace: "meet" });
    expect(policy.inputs["spec"]).toEqual({ podSelector: {}, policyTypes: ["Ingress"] });
    const { urn } = recording.one("aws:eks/cluster:Cluster");
    for (const { type, deletedWith } of recording.all) {
      expect(deletedWith, type).toBe(type.startsWith("kubernetes:") ? urn : undefined);
    }
  });

  it("reports all faults at once and makes nothing", async () => {
    await expect(
      made({
        kubernetesVersion: "latest",
        privateSubnetIds: ["subnet-a"],
        administratorRoleArns: [
          "arn:aws:iam::123456789012:root",
          "arn:aws:iam::123456789012:role/deploy",
          "arn:aws:iam::210987654321:role/deploy",
        ],
        logRetentionDays: 31,
      }),
    ).rejects.toThrow(
      'meet:compute:Cluster "cluster": 5 faults.\n' +
        ' - kubernetesVersion "latest" is no minor version. Write one such as "1.34".\n' +
        " - 1 private subnets are too few. Give two in different zones.\n" +
        ' - administrator "arn:aws:iam::123456789012:root" is no IAM role or user. ' +
        "Write arn:aws:iam::<account>:role/<name>.\n" +
        ' - two administrators are called "deploy". Name each role once.\n' +
        " - logRetentionDays 31 is no period of CloudWatch Logs. Use one of 1, 3, 5,",
    );
  });

  it("is not made without an administrator", async () => {
    await expect(made({ administratorRoleArns: [] })).rejects.toThrow(
      'meet:compute:Cluster "cluster": there is no administrator, so nobody could use it. ' +
        "Name a role in administratorRoleArns.",
    );
  });
});

describe("the system nodes", () => {
  it("are a managed group without user data, with a template by number", async () => {
    const recording = await made();
    const template = recording.one("aws:ec2/launchTemplate:LaunchTemplate");
    expect(template.inputs).not.toHaveProperty("userData");
    expect(template.inputs).not.toHaveProperty("imageId");
    expect(template.inputs).not.toHaveProperty("vpcSecurityGroupIds");
    expect(template.inputs["metadataOptions"]).toMatchObject({
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
    });
    const nodes = recording.one("aws:eks/nodeGroup:NodeGroup");
    expect(nodes.inputs).toMatchObject({
      amiType: "AL2023_ARM_64_STANDARD",
      version: "1.34",
      subnetIds: ["subnet-system-a", "subnet-system-b"],
      instanceTypes: ["m7g.large"],
      launchTemplate: { version: "1" },
      scalingConfig: { minSize: 2, maxSize: 4, desiredSize: 2 },
      labels: { "meet/role": "system" },
    });
    expect(nodes.ignoreChanges).toEqual(["scalingConfig.desiredSize"]);
  });

  it("grow with their load when they may, and have no policy when they may not", async () => {
    const policy = (await made()).one("aws:autoscaling/policy:Policy");
    expect(policy.inputs["autoscalingGroupName"]).toMatch(/^eks-cluster-system-/);
    expect(policy.inputs["targetTrackingConfiguration"]).toEqual({
      predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
      targetValue: 60,
    });
    const fixed = await made({ systemNodes: { instanceType: "t3.large", min: 1, max: 1 } });
    expect(fixed.ofType("aws:autoscaling/policy:Policy")).toEqual([]);
    expect(fixed.one("aws:eks/nodeGroup:NodeGroup").inputs["amiType"]).toBe(
      "AL2023_x86_64_STANDARD",
    );
  });

  it("report all faults at once", async () => {
    await expect(
      made({ systemNodes: { instanceType: "large", min: 0, max: -1 }, systemSubnetIds: [] }),
    ).rejects.toThrow(
      'meet:compute:SystemNodes "cluster-system": 4 faults.\n' +
        ' - instanceType "large" is none. Write one such as m7i.large.\n' +
        " - min is 0, but the add-ons need a node. Use 1 or more.\n" +
        " - max -1 is below min 0. Raise max.\n" +
        " - there is no subnet. Give one in every zone.",
    );
  });
});
