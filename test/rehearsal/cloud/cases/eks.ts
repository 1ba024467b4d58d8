import { makeCluster, makeNetwork, makeNodes, makeRole } from "../fixtures.ts";
import { output, type Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const addon = (aws: Instance, addonName: string, clusterName = "meet") =>
  aws.create("aws:eks/addon:Addon", addonName, { clusterName, addonName });
const principalArn = "arn:aws:iam::123456789012:role/admin";
const entry = (aws: Instance) =>
  aws.create("aws:eks/accessEntry:AccessEntry", "admin", { clusterName: "meet", principalArn });
const policy = (aws: Instance) =>
  aws.create("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "admin", {
    clusterName: "meet",
    principalArn,
    policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
    accessScope: { type: "cluster" },
  });

/** A cluster in us-east-1 with a subnet in each of the zones with these letters. */
async function inZones(aws: Instance, letters: string[]) {
  const vpc = await aws.create("aws:ec2/vpc:Vpc", "main", { cidrBlock: "10.0.0.0/16" });
  const subnets = await Promise.all(
    letters.map((letter, index) =>
      aws.create("aws:ec2/subnet:Subnet", letter, {
        vpcId: vpc.id,
        cidrBlock: `10.0.${index}.0/24`,
        availabilityZone: `us-east-1${letter}`,
      }),
    ),
  );
  return aws.create("aws:eks/cluster:Cluster", "main", {
    roleArn: output(await makeRole(aws), "arn"),
    vpcConfig: { subnetIds: subnets.map(({ id }) => id) },
  });
}

export const eksCases: RuleCases = {
  "cluster-two-zones": {
    says: "Subnets specified must be in at least two different AZs",
    broken: ({ us }) => inZones(us, ["a"]),
    fine: ({ us }) => inZones(us, ["a", "b"]),
  },
  "cluster-zone-supported": {
    says: "us-east-1c, the targeted availability zone, does not currently have sufficient capacity",
    broken: ({ us }) => inZones(us, ["b", "c"]),
    fine: ({ us }) => inZones(us, ["b", "d"]),
  },
  "cluster-role-exists": {
    says: "could not be assumed because it does not exist",
    broken: async ({ eu }) => {
      const { subnetIds } = await makeNetwork(eu);
      return eu.create("aws:eks/cluster:Cluster", "main", {
        roleArn: "arn:aws:iam::123456789012:role/nobody",
        vpcConfig: { subnetIds },
      });
    },
    fine: ({ eu }) => makeCluster(eu),
  },
  "cluster-exists": {
    says: "No cluster found for name: nothing.",
    broken: ({ eu }) => addon(eu, "vpc-cni", "nothing"),
    fine: async ({ eu }) => {
      await makeCluster(eu);
      return addon(eu, "vpc-cni");
    },
  },
  "nodes-after-network": {
    says: "cni plugin not initialized",
    broken: async ({ eu }) =>
      makeNodes(eu, await makeCluster(eu, { bootstrapSelfManagedAddons: false })),
    fine: async ({ eu }) => {
      const made = await makeCluster(eu, { bootstrapSelfManagedAddons: false });
      await addon(eu, "vpc-cni");
      return makeNodes(eu, made);
    },
  },
  "add-on-needs-nodes": {
    says: "doesn't have the desired number of replicas",
    broken: async ({ eu }) => {
      await makeCluster(eu);
      return addon(eu, "coredns");
    },
    fine: async ({ eu }) => {
      await makeNodes(eu, await makeCluster(eu));
      return addon(eu, "coredns");
    },
  },
  "cluster-has-node-groups": {
    says: "Cluster has nodegroups attached",
    broken: async ({ eu }) => {
      const made = await makeCluster(eu);
      await makeNodes(eu, made);
      return eu.remove(made.cluster);
    },
    fine: async ({ eu }) => {
      const made = await makeCluster(eu);
      await eu.remove(await makeNodes(eu, made));
      await eu.remove(made.cluster);
    },
  },
  "cluster-protected": {
    says: "while deletion protection is enabled",
    broken: async ({ eu }) =>
      eu.remove((await makeCluster(eu, { deletionProtection: true })).cluster),
    fine: async ({ eu }) => {
      const { cluster } = await makeCluster(eu, { deletionProtection: true });
      await eu.remove(await eu.update(cluster, { deletionProtection: false }));
    },
  },
  "cluster-no-downgrade": {
    says: "Unsupported Kubernetes minor version update from 1.34 to 1.33",
    broken: async ({ eu }) =>
      eu.update((await makeCluster(eu, { version: "1.34" })).cluster, { version: "1.33" }),
    fine: async ({ eu }) =>
      eu.update((await makeCluster(eu, { version: "1.33" })).cluster, { version: "1.34" }),
  },
  "access-entries-enabled": {
    says: "authentication mode must be set to one of [API, API_AND_CONFIG_MAP]",
    broken: async ({ eu }) => {
      await makeCluster(eu, { accessConfig: { authenticationMode: "CONFIG_MAP" } });
      return entry(eu);
    },
    fine: async ({ eu }) => {
      await makeCluster(eu);
      return entry(eu);
    },
  },
  "access-policy-needs-entry": {
    says: "exists as an access entry",
    broken: async ({ eu }) => {
      await makeCluster(eu);
      return policy(eu);
    },
    fine: async ({ eu }) => {
      await makeCluster(eu);
      await entry(eu);
      return policy(eu);
    },
  },
};
