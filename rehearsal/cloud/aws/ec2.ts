import { digest } from "../naming.ts";
import { flag, number, text } from "../values.ts";
import { aws, ec2Arn, ec2Id, fixed, input } from "./define.ts";
import { zonesOf } from "./zones.ts";
import type { Making } from "../model.ts";

const ruleTypes = (["Ingress", "Egress"] as const).map((direction) =>
  aws(
    `vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`,
    `VPC Security Group ${direction} Rule`,
    ["EC2", `SecurityGroup${direction}`],
    {
      replaceOn: ["securityGroupId"],
      id: ec2Id("sgr"),
      computed: {
        arn: ec2Arn("security-group-rule"),
        securityGroupRuleId: (c) => c.id,
      },
      hasTags: true,
    },
  ),
);

/** EC2 and VPC types. */
export const ec2Types = [
  aws("ec2/vpc:Vpc", "EC2 VPC", ["EC2", "Vpc"], {
    replaceOn: ["cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    id: ec2Id("vpc"),
    computed: {
      arn: ec2Arn("vpc"),
      ownerId: (c) => c.accountId,
      defaultSecurityGroupId: (c) => `sg-0${c.hex(16)}`,
      defaultRouteTableId: (c) => `rtb-0${c.hex(16)}`,
      defaultNetworkAclId: (c) => `acl-0${c.hex(16)}`,
      mainRouteTableId: (c) => `rtb-0${c.hex(16)}`,
      dhcpOptionsId: (c) => `dopt-0${c.hex(16)}`,
      enableDnsSupport: fixed(true),
      enableDnsHostnames: fixed(false),
      instanceTenancy: fixed("default"),
      ipv6CidrBlock: (c) =>
        flag(c.inputs, "assignGeneratedIpv6CidrBlock")
          ? `2a05:d012:${c.hex(4)}:${c.hex(2)}00::/56`
          : "",
    },
    hasTags: true,
  }),
  aws("ec2/subnet:Subnet", "EC2 Subnet", ["EC2", "Subnet"], {
    replaceOn: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native"],
    id: ec2Id("subnet"),
    computed: {
      arn: ec2Arn("subnet"),
      ownerId: (c) => c.accountId,
      availabilityZone: (c) => zonesOf(c.region)[0]?.name ?? "",
      availabilityZoneId: (c) =>
        zonesOf(c.region).find((zone) => zone.name === input(c, "availabilityZone"))?.id ?? "",
      mapPublicIpOnLaunch: fixed(false),
      assignIpv6AddressOnCreation: fixed(false),
      ipv6CidrBlockAssociationId: fixed(""),
    },
    hasTags: true,
  }),
  aws("ec2/internetGateway:InternetGateway", "EC2 Internet Gateway", ["EC2", "InternetGateway"], {
    id: ec2Id("igw"),
    computed: { arn: ec2Arn("internet-gateway"), ownerId: (c) => c.accountId },
    hasTags: true,
  }),
  aws("ec2/routeTable:RouteTable", "EC2 Route Table", ["EC2", "RouteTable"], {
    replaceOn: ["vpcId"],
    id: ec2Id("rtb"),
    computed: { arn: ec2Arn("route-table"), ownerId: (c) => c.accountId, routes: fixed([]) },
    hasTags: true,
  }),
  aws("ec2/route:Route", "EC2 Route", ["EC2", "Route"], {
    replaceOn: [
      "routeTableId",
      "destinationCidrBlock",
      "destinationIpv6CidrBlock",
      "destinationPrefixListId",
    ],
    id: (c) => `r-${input(c, "routeTableId")}${digest(routeDestination(c), 10)}`,
    computed: { origin: fixed("CreateRoute"), state: fixed("active") },
    unique: {
      key: (c) => `${input(c, "routeTableId")} ${routeDestination(c)}`,
      errorCode: "RouteAlreadyExists",
      status: 400,
      message: (key) => `The route identified by ${key.split(" ")[1] ?? key} already exists.`,
    },
  }),
  aws(
    "ec2/routeTableAssociation:RouteTableAssociation",
    "EC2 Route Table Association",
    ["EC2", "RouteTableAssociation"],
    { replaceOn: ["subnetId", "gatewayId"], id: ec2Id("rtbassoc") },
  ),
  aws("ec2/eip:Eip", "EC2 EIP", ["EC2", "Address"], {
    replaceOn: ["domain", "networkBorderGroup", "publicIpv4Pool"],
    id: ec2Id("eipalloc"),
    computed: {
      arn: ec2Arn("elastic-ip"),
      allocationId: (c) => c.id,
      // 198.18.0.0/15 is reserved for benchmarks (RFC 2544): never somebody's real address.
      publicIp: (c) => `198.${18 + (c.cloud.all().length % 2)}.${octet(c)}.${octet(c)}`,
      publicDns: (c) => `ec2-${digest(c.id, 8)}.${c.region}.compute.amazonaws.com`,
      domain: fixed("vpc"),
      associationId: fixed(""),
      privateIp: fixed(""),
      networkBorderGroup: (c) => c.region,
    },
    hasTags: true,
  }),
  aws("ec2/natGateway:NatGateway", "EC2 NAT Gateway", ["EC2", "NatGateway"], {
    replaceOn: ["allocationId", "subnetId", "connectivityType", "privateIp"],
    id: ec2Id("nat"),
    computed: {
      associationId: (c) => `eipassoc-0${c.hex(16)}`,
      networkInterfaceId: (c) => `eni-0${c.hex(16)}`,
      connectivityType: fixed("public"),
      privateIp: (c) => `10.0.${octet(c)}.${octet(c)}`,
      publicIp: (c) =>
        text(c.cloud.find("aws:ec2/eip:Eip", input(c, "allocationId"))?.state, "publicIp") ?? "",
    },
    hasTags: true,
  }),
  aws("ec2/vpcEndpoint:VpcEndpoint", "EC2 VPC Endpoint", ["EC2", "VpcEndpoint"], {
    replaceOn: ["vpcId", "serviceName", "vpcEndpointType"],
    id: ec2Id("vpce"),
    computed: {
      arn: ec2Arn("vpc-endpoint"),
      ownerId: (c) => c.accountId,
      vpcEndpointType: fixed("Gateway"),
      prefixListId: (c) => `pl-${c.hex(8)}`,
      state: fixed("available"),
      policy: fixed(
        '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
      ),
      networkInterfaceIds: fixed([]),
      dnsEntries: fixed([]),
      cidrBlocks: fixed([]),
      privateDnsEnabled: fixed(false),
      requesterManaged: fixed(false),
    },
    hasTags: true,
  }),
  aws("ec2/securityGroup:SecurityGroup", "EC2 Security Group", ["EC2", "SecurityGroup"], {
    replaceOn: ["name", "namePrefix", "description", "vpcId"],
    id: ec2Id("sg"),
    computed: {
      arn: ec2Arn("security-group"),
      ownerId: (c) => c.accountId,
      description: fixed("Managed by Pulumi"),
      ingress: fixed([]),
      egress: fixed([]),
    },
    autoname: { key: "name" },
    unique: {
      key: (c) => `${input(c, "vpcId")} ${input(c, "name")}`,
      errorCode: "InvalidGroup.Duplicate",
      status: 400,
      message: (key) =>
        `The security group '${key.split(" ")[1] ?? ""}' already exists for VPC '${key.split(" ")[0] ?? ""}'`,
    },
    hasTags: true,
  }),
  aws(
    "ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "EC2 Default Security Group",
    ["EC2", "SecurityGroup"],
    {
      replaceOn: ["vpcId"],
      id: (c) =>
        text(c.cloud.find("aws:ec2/vpc:Vpc", input(c, "vpcId"))?.state, "defaultSecurityGroupId") ??
        `sg-0${c.hex(16)}`,
      computed: {
        arn: ec2Arn("security-group"),
        ownerId: (c) => c.accountId,
        name: fixed("default"),
        description: fixed("default VPC security group"),
        ingress: fixed([]),
        egress: fixed([]),
      },
      hasTags: true,
    },
  ),
  aws("ec2/launchTemplate:LaunchTemplate", "EC2 Launch Template", ["EC2", "LaunchTemplate"], {
    replaceOn: ["name", "namePrefix"],
    id: ec2Id("lt"),
    computed: {
      arn: ec2Arn("launch-template"),
      latestVersion: (c) => (number(c.old, "latestVersion") ?? 0) + 1,
      defaultVersion: (c) =>
        flag(c.inputs, "updateDefaultVersion") ? (number(c.old, "latestVersion") ?? 0) + 1 : 1,
    },
    recomputed: ["latestVersion", "defaultVersion"],
    autoname: { key: "name", maxLength: 125 },
    unique: {
      key: (c) => input(c, "name"),
      errorCode: "InvalidLaunchTemplateName.AlreadyExistsException",
      status: 400,
      message: (key) => `Launch template name already in use: ${key}`,
    },
    hasTags: true,
  }),
  ...ruleTypes,
];

function routeDestination(c: Making): string {
  return (
    text(c.inputs, "destinationCidrBlock") ??
    text(c.inputs, "destinationIpv6CidrBlock") ??
    input(c, "destinationPrefixListId")
  );
}

function octet(c: Making): string {
  const digits = c.hex(2);
  return c.preview ? digits : String(1 + (Number.parseInt(digits, 16) % 254));
}
