import { makeBalancer, makeNetwork } from "../fixtures.ts";
import { output, type Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const vpc = (aws: Instance, cidrBlock = "10.0.0.0/16") =>
  aws.create("aws:ec2/vpc:Vpc", "main", { cidrBlock });
const subnet = (aws: Instance, vpcId: string, cidrBlock: string, availabilityZone = "eu-west-3a") =>
  aws.create("aws:ec2/subnet:Subnet", cidrBlock, { vpcId, cidrBlock, availabilityZone });
const gateway = (aws: Instance, vpcId: string, name = "main") =>
  aws.create("aws:ec2/internetGateway:InternetGateway", name, { vpcId });
const address = (aws: Instance) => aws.create("aws:ec2/eip:Eip", "nat", { domain: "vpc" });
const nat = (aws: Instance, subnetId: string, allocationId: string, name = "nat") =>
  aws.create("aws:ec2/natGateway:NatGateway", name, { subnetId, allocationId });
const group = (aws: Instance, vpcId: string, name: string) =>
  aws.create("aws:ec2/securityGroup:SecurityGroup", name, { vpcId, name });
const ingress = (aws: Instance, name: string, more: Record<string, string>) =>
  aws.create("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", name, {
    ipProtocol: "tcp",
    fromPort: 443,
    toPort: 443,
    ...more,
  });

export const ec2Cases: RuleCases = {
  "vpc-size": {
    says: "The CIDR '10.0.0.0/8' is invalid.",
    broken: ({ eu }) => vpc(eu, "10.0.0.0/8"),
    fine: ({ eu }) => vpc(eu, "10.0.0.0/16"),
  },
  "subnet-vpc-exists": {
    says: "The vpc ID 'vpc-none' does not exist",
    broken: ({ eu }) => subnet(eu, "vpc-none", "10.0.0.0/24"),
    fine: async ({ eu }) => subnet(eu, (await vpc(eu)).id, "10.0.0.0/24"),
  },
  "subnet-in-vpc": {
    says: "The CIDR '10.1.0.0/24' is invalid.",
    broken: async ({ eu }) => subnet(eu, (await vpc(eu)).id, "10.1.0.0/24"),
    fine: async ({ eu }) => subnet(eu, (await vpc(eu)).id, "10.0.255.0/24"),
  },
  "subnets-apart": {
    says: "The CIDR '10.0.1.0/25' conflicts with another subnet",
    broken: async ({ eu }) => {
      const { vpc: made } = await makeNetwork(eu);
      return subnet(eu, made.id, "10.0.1.0/25");
    },
    fine: async ({ eu }) => {
      const { vpc: made } = await makeNetwork(eu);
      return subnet(eu, made.id, "10.0.2.0/24");
    },
  },
  "subnet-zone": {
    says: "Value (us-east-1a) for parameter availabilityZone is invalid.",
    broken: async ({ eu }) => subnet(eu, (await vpc(eu)).id, "10.0.0.0/24", "us-east-1a"),
    fine: async ({ eu }) => subnet(eu, (await vpc(eu)).id, "10.0.0.0/24", "eu-west-3c"),
  },
  "vpc-in-use": {
    says: "has dependencies and cannot be deleted.",
    broken: async ({ eu }) => eu.remove((await makeNetwork(eu)).vpc),
    fine: async ({ eu }) => {
      const { vpc: made, subnets } = await makeNetwork(eu);
      await Promise.all(subnets.map((one) => eu.remove(one)));
      await eu.remove(made);
    },
  },
  "subnet-in-use": {
    says: "has dependencies and cannot be deleted.",
    broken: async ({ eu }) => {
      const [first] = (await makeBalancer(eu)).subnets;
      return first === undefined ? undefined : eu.remove(first);
    },
    fine: async ({ eu }) => {
      const { balancer, subnets } = await makeBalancer(eu);
      await eu.remove(balancer);
      await Promise.all(subnets.map((one) => eu.remove(one)));
    },
  },
  "internet-gateway-mapped": {
    says: "has some mapped public address(es)",
    broken: async ({ eu }) => {
      const { vpc: made, subnetIds } = await makeNetwork(eu);
      const internet = await gateway(eu, made.id);
      await nat(eu, subnetIds[0] ?? "", (await address(eu)).id);
      return eu.remove(internet);
    },
    fine: async ({ eu }) => eu.remove(await gateway(eu, (await vpc(eu)).id)),
  },
  "one-internet-gateway": {
    says: "already has an internet gateway attached",
    broken: async ({ eu }) => {
      const { id } = await vpc(eu);
      await gateway(eu, id);
      return gateway(eu, id, "second");
    },
    fine: async ({ eu }) => gateway(eu, (await vpc(eu)).id),
  },
  "security-group-in-use": {
    says: "has a dependent object",
    broken: async ({ eu }) => {
      const { id } = await vpc(eu);
      const [balancer, nodes] = [await group(eu, id, "balancer"), await group(eu, id, "nodes")];
      await ingress(eu, "from", {
        securityGroupId: nodes.id,
        referencedSecurityGroupId: balancer.id,
      });
      return eu.remove(balancer);
    },
    fine: async ({ eu }) => {
      const nodes = await group(eu, (await vpc(eu)).id, "nodes");
      await ingress(eu, "self", { securityGroupId: nodes.id, referencedSecurityGroupId: nodes.id });
      await eu.remove(nodes);
    },
  },
  "security-group-exists": {
    says: "The security group 'sg-none' does not exist",
    broken: ({ eu }) => ingress(eu, "from", { securityGroupId: "sg-none", cidrIpv4: "0.0.0.0/0" }),
    fine: async ({ eu }) => {
      const made = await vpc(eu);
      const securityGroupId = output(made, "defaultSecurityGroupId");
      return ingress(eu, "from", { securityGroupId, cidrIpv4: "0.0.0.0/0" });
    },
  },
  "security-group-rule-once": {
    says: "the specified rule already exists",
    broken: async ({ eu }) => {
      const { id } = await group(eu, (await vpc(eu)).id, "nodes");
      await ingress(eu, "one", { securityGroupId: id, cidrIpv4: "0.0.0.0/0" });
      return ingress(eu, "two", { securityGroupId: id, cidrIpv4: "0.0.0.0/0" });
    },
    fine: async ({ eu }) => {
      const { id } = await group(eu, (await vpc(eu)).id, "nodes");
      await ingress(eu, "one", { securityGroupId: id, cidrIpv4: "0.0.0.0/0" });
      return ingress(eu, "two", { securityGroupId: id, cidrIpv6: "::/0" });
    },
  },
  "address-in-use": {
    says: "is in use.",
    broken: async ({ eu }) => {
      const made = await address(eu);
      await nat(eu, (await makeNetwork(eu)).subnetIds[0] ?? "", made.id);
      return eu.remove(made);
    },
    fine: async ({ eu }) => eu.remove(await address(eu)),
  },
  "address-once": {
    says: "is already associated",
    broken: async ({ eu }) => {
      const { id } = await address(eu);
      const { subnetIds } = await makeNetwork(eu);
      await nat(eu, subnetIds[0] ?? "", id);
      return nat(eu, subnetIds[1] ?? "", id, "second");
    },
    fine: async ({ eu }) => {
      const { subnetIds } = await makeNetwork(eu);
      await nat(eu, subnetIds[0] ?? "", (await address(eu)).id);
      return nat(eu, subnetIds[1] ?? "", (await address(eu)).id, "second");
    },
  },
  "route-table-once": {
    says: "conflicts with an existing association",
    broken: async ({ eu }) => {
      const { subnetIds } = await makeNetwork(eu);
      const type = "aws:ec2/routeTableAssociation:RouteTableAssociation";
      await eu.create(type, "a", { subnetId: subnetIds[0] ?? "", routeTableId: "rtb-1" });
      return eu.create(type, "b", { subnetId: subnetIds[0] ?? "", routeTableId: "rtb-2" });
    },
    fine: async ({ eu }) => {
      const { subnetIds } = await makeNetwork(eu);
      const type = "aws:ec2/routeTableAssociation:RouteTableAssociation";
      await eu.create(type, "a", { subnetId: subnetIds[0] ?? "", routeTableId: "rtb-1" });
      return eu.create(type, "b", { subnetId: subnetIds[1] ?? "", routeTableId: "rtb-1" });
    },
  },
};
