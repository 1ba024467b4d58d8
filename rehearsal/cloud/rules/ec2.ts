import { zonesOf } from "../aws/zones.ts";
import type { Rule, RuleCall } from "../model.ts";
import { canonical, text } from "../values.ts";
import { contains, overlap, parseRange } from "./cidr.ts";
import { inUse, mustExist, others, types } from "./support.ts";

const errors = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html";
const sizing = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html";

/** True when the group is in the cloud: made, a VPC's default one, or one that EKS made for a cluster. */
function groupExists({ cloud }: RuleCall, id: string): boolean {
  return (
    cloud.find(types.securityGroup, id) !== undefined ||
    cloud.all(types.vpc).some(({ state }) => text(state, "defaultSecurityGroupId") === id) ||
    cloud
      .all(types.cluster)
      .some(({ state }) => text(state, "vpcConfig.clusterSecurityGroupId") === id)
  );
}

/** EC2 and VPC. */
export const ec2Rules: readonly Rule[] = [
  {
    id: "vpc-size",
    what: "A VPC's range is between /16 and /28.",
    source: "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html",
    errorCode: "InvalidVpc.Range",
    types: [types.vpc],
    on: ["create"],
    check: ({ inputs }) => {
      const cidr = text(inputs, "cidrBlock");
      const range = parseRange(cidr);
      return cidr === undefined || (range !== undefined && range.prefix >= 16 && range.prefix <= 28)
        ? undefined
        : `The CIDR '${cidr}' is invalid.`;
    },
  },
  mustExist({
    id: "subnet-vpc-exists",
    what: "A subnet, gateway, route table, endpoint or group is made in a VPC that exists in its region.",
    source: errors,
    errorCode: "InvalidVpcID.NotFound",
    types: [
      types.subnet,
      types.internetGateway,
      types.securityGroup,
      types.targetGroup,
      "aws:ec2/routeTable:RouteTable",
      "aws:ec2/vpcEndpoint:VpcEndpoint",
    ],
    paths: ["vpcId"],
    found: ({ cloud, scope }, id) => cloud.find(types.vpc, id, scope) !== undefined,
    message: (id) => `The vpc ID '${id}' does not exist`,
  }),
  {
    id: "subnet-in-vpc",
    what: "A subnet's range lies within its VPC's.",
    source: sizing,
    errorCode: "InvalidSubnet.Range",
    types: [types.subnet],
    on: ["create"],
    check: ({ cloud, inputs }) => {
      const cidr = text(inputs, "cidrBlock");
      const vpc = cloud.find(types.vpc, text(inputs, "vpcId"));
      const [inner, outer] = [parseRange(cidr), parseRange(text(vpc?.state, "cidrBlock"))];
      return cidr === undefined ||
        (inner !== undefined && outer !== undefined && contains(outer, inner))
        ? undefined
        : `The CIDR '${cidr}' is invalid.`;
    },
  },
  {
    id: "subnets-apart",
    what: "Subnets of one VPC do not overlap.",
    source: sizing,
    errorCode: "InvalidSubnet.Conflict",
    types: [types.subnet],
    on: ["create"],
    check: (call) => {
      const range = parseRange(text(call.inputs, "cidrBlock"));
      const conflict = others(call, types.subnet).find(({ state }) => {
        const other = parseRange(text(state, "cidrBlock"));
        return (
          text(state, "vpcId") === text(call.inputs, "vpcId") &&
          range !== undefined &&
          other !== undefined &&
          overlap(range, other)
        );
      });
      return conflict === undefined
        ? undefined
        : `The CIDR '${text(call.inputs, "cidrBlock") ?? ""}' conflicts with another subnet`;
    },
  },
  {
    id: "subnet-zone",
    what: "A subnet's availability zone belongs to its region.",
    source: errors,
    errorCode: "InvalidParameterValue",
    types: [types.subnet],
    on: ["create"],
    check: ({ inputs, scope }) => {
      const zone = text(inputs, "availabilityZone");
      return zone === undefined || zonesOf(scope).some(({ name }) => name === zone)
        ? undefined
        : `Value (${zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the ` +
            `following availability zones: ${zonesOf(scope)
              .map(({ name }) => name)
              .join(", ")}.`;
    },
  },
  inUse({
    id: "vpc-in-use",
    what: "A VPC is not deleted while anything is in it.",
    source: "https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html",
    errorCode: "DependencyViolation",
    type: types.vpc,
    by: [
      [types.subnet, "vpcId"],
      [types.internetGateway, "vpcId"],
      [types.securityGroup, "vpcId"],
      ["aws:ec2/routeTable:RouteTable", "vpcId"],
      ["aws:ec2/vpcEndpoint:VpcEndpoint", "vpcId"],
    ],
    message: ({ id }) => `The vpc '${id}' has dependencies and cannot be deleted.`,
  }),
  inUse({
    id: "subnet-in-use",
    what: "A subnet is not deleted while a gateway, balancer, cluster, node group or instance is in it.",
    source: "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-deleting.html",
    errorCode: "DependencyViolation",
    type: types.subnet,
    by: [
      [types.natGateway, "subnetId"],
      [types.loadBalancer, "subnets"],
      [types.loadBalancer, "subnetMappings"],
      [types.cluster, "vpcConfig.subnetIds"],
      [types.nodeGroup, "subnetIds"],
      [types.autoscalingGroup, "vpcZoneIdentifiers"],
    ],
    message: ({ id }) => `The subnet '${id}' has dependencies and cannot be deleted.`,
  }),
  {
    id: "internet-gateway-mapped",
    what: "An internet gateway is not detached while public addresses of its VPC are in use.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html",
    errorCode: "DependencyViolation",
    call: "EC2: DetachInternetGateway",
    types: [types.internetGateway],
    on: ["delete"],
    check: ({ cloud, inputs }) => {
      const vpcId = text(inputs, "vpcId");
      const subnets = cloud.all(types.subnet).filter(({ state }) => text(state, "vpcId") === vpcId);
      const mapped = cloud
        .all(types.natGateway)
        .some(({ state }) => subnets.some(({ id }) => id === text(state, "subnetId")));
      const balanced = cloud
        .all(types.loadBalancer)
        .some(({ state }) => text(state, "vpcId") === vpcId && text(state, "internal") !== "true");
      return vpcId !== undefined && (mapped || balanced)
        ? `Network ${vpcId} has some mapped public address(es). Please unmap those public address(es) before ` +
            "detaching the gateway."
        : undefined;
    },
  },
  {
    id: "one-internet-gateway",
    what: "A VPC has one internet gateway.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html",
    errorCode: "InvalidParameterValue",
    call: "EC2: AttachInternetGateway",
    types: [types.internetGateway],
    on: ["create", "update"],
    check: (call) => {
      const vpcId = text(call.inputs, "vpcId");
      return vpcId !== undefined &&
        others(call, types.internetGateway).some(({ state }) => text(state, "vpcId") === vpcId)
        ? `Network ${vpcId} already has an internet gateway attached`
        : undefined;
    },
  },
  inUse({
    id: "security-group-in-use",
    what: "A security group is not deleted while another group's rule, a balancer, database, cache or cluster names it.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html",
    errorCode: "DependencyViolation",
    type: types.securityGroup,
    by: [
      [types.ingress, "referencedSecurityGroupId"],
      [types.egress, "referencedSecurityGroupId"],
      [types.loadBalancer, "securityGroups"],
      [types.database, "vpcSecurityGroupIds"],
      [types.replicationGroup, "securityGroupIds"],
      [types.cluster, "vpcConfig.securityGroupIds"],
      ["aws:ec2/vpcEndpoint:VpcEndpoint", "securityGroupIds"],
    ],
    except: (user, group) => text(user.state, "securityGroupId") === group.id,
    message: ({ id }) => `resource ${id} has a dependent object`,
  }),
  mustExist({
    id: "security-group-exists",
    what: "What names a security group names one that exists.",
    source: errors,
    errorCode: "InvalidGroup.NotFound",
    types: [
      types.ingress,
      types.egress,
      types.loadBalancer,
      types.launchTemplate,
      types.database,
      types.replicationGroup,
    ],
    paths: [
      "securityGroupId",
      "referencedSecurityGroupId",
      "securityGroups",
      "vpcSecurityGroupIds",
      "securityGroupIds",
      "networkInterfaces.securityGroups",
    ],
    found: groupExists,
    message: (id) => `The security group '${id}' does not exist`,
  }),
  {
    id: "security-group-rule-once",
    what: "A security group has no two rules for the same traffic.",
    source: errors,
    errorCode: "InvalidPermission.Duplicate",
    types: [types.ingress, types.egress],
    on: ["create", "update"],
    check: (call) => {
      const traffic = (value: typeof call.inputs) =>
        canonical(
          [
            "securityGroupId",
            "ipProtocol",
            "fromPort",
            "toPort",
            "cidrIpv4",
            "cidrIpv6",
            "prefixListId",
            "referencedSecurityGroupId",
          ].map((key) => value[key] ?? null),
          false,
        );
      return others(call, call.type.token).some(
        ({ state }) => traffic(state) === traffic(call.inputs),
      )
        ? "the specified rule already exists"
        : undefined;
    },
  },
  inUse({
    id: "address-in-use",
    what: "An Elastic IP is not released while a NAT gateway or a balancer uses it.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html",
    errorCode: "InvalidIPAddress.InUse",
    call: "EC2: ReleaseAddress",
    type: types.eip,
    by: [
      [types.natGateway, "allocationId"],
      [types.loadBalancer, "subnetMappings"],
    ],
    message: ({ state }) => `Address ${text(state, "publicIp") ?? ""} is in use.`,
  }),
  {
    id: "address-once",
    what: "An Elastic IP serves one NAT gateway or one balancer.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html",
    errorCode: "Resource.AlreadyAssociated",
    types: [types.natGateway],
    on: ["create"],
    check: (call) => {
      const address = text(call.inputs, "allocationId");
      return address !== undefined &&
        others(call, types.natGateway).some(({ state }) => text(state, "allocationId") === address)
        ? `Elastic IP address [${address}] is already associated`
        : undefined;
    },
  },
  {
    id: "route-table-once",
    what: "A subnet is associated with one route table.",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html",
    errorCode: "Resource.AlreadyAssociated",
    call: "EC2: AssociateRouteTable",
    types: ["aws:ec2/routeTableAssociation:RouteTableAssociation"],
    on: ["create"],
    check: (call) => {
      const subnet = text(call.inputs, "subnetId");
      return subnet !== undefined &&
        others(call, call.type.token).some(({ state }) => text(state, "subnetId") === subnet)
        ? `the specified association for route table ${text(call.inputs, "routeTableId") ?? ""} conflicts with an existing association`
        : undefined;
    },
  },
];
