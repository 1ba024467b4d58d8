import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { named, type Tags } from "../shared/tags.ts";
import { cidrFaults, MAX_ZONES, planSubnets, type ZoneSubnets } from "./subnets.ts";

/** Part of every URN beneath it: never change without an alias. */
export const NETWORK_TYPE = "meet:network:Network";

/** Arguments of Network. */
export interface NetworkArgs {
  /** The VPC's range, /16 to /23. Ranges of a fleet do not overlap; infra/config.ts sees to that. */
  readonly cidr: string;
  /** Names of two to four zones, in order; see zones.ts. */
  readonly zones: readonly string[];
  /**
   * How private subnets reach the internet: not at all (system nodes then live in the public subnets), by one gateway
   * whose zone is a single point of failure, or by one in every zone.
   */
  readonly nat: "none" | "single" | "per-zone";
  readonly awsRegion: string;
  /** For the tag by which AWS tools find the cluster's subnets. */
  readonly clusterName: string;
  readonly tags: Tags;
}

/** The subnets of one zone, with the table that private traffic takes. */
interface Zone extends ZoneSubnets {
  readonly publicSubnet: aws.ec2.Subnet;
  readonly privateSubnet: aws.ec2.Subnet;
  readonly privateTable: aws.ec2.RouteTable;
}

/**
 * The network of one region: a VPC over two to four zones with a public and a private subnet in each. Public ones hold
 * media nodes, whose traffic never passes a NAT gateway, and load balancers; private ones hold data, the cluster's own
 * interfaces and the system nodes. Creates the VPC, its gateways, subnets and route tables, a free gateway endpoint for
 * S3 (recordings), and empties the default security group, so that nothing is reachable by being forgotten. Subnets and
 * their zones never move: everything else stands on them. Cost: NAT gateways, each about 33 dollars a month and 4.5
 * cents per gigabyte.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly publicSubnetIds: pulumi.Output<string>[];
  readonly privateSubnetIds: pulumi.Output<string>[];
  readonly zones: readonly string[];

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super(NETWORK_TYPE, name, {}, opts);
    validate(this, name, args);
    const vpc = new aws.ec2.Vpc(
      name,
      {
        cidrBlock: args.cidr,
        // Nodes register under their private DNS name, and RDS names must resolve to private addresses.
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    new aws.ec2.DefaultSecurityGroup(
      `${name}-default`,
      { vpcId: vpc.id, ingress: [], egress: [], tags: named(args.tags, `${name}-default`) },
      { parent: this },
    );
    const internet = new aws.ec2.InternetGateway(
      name,
      { vpcId: vpc.id, tags: named(args.tags, name) },
      { parent: this },
    );
    const publicTable = this.routeTable(`${name}-public`, args, vpc);
    const publicRoute = new aws.ec2.Route(
      `${name}-public`,
      { routeTableId: publicTable.id, destinationCidrBlock: ANYWHERE, gatewayId: internet.id },
      { parent: this },
    );
    const zones = planSubnets(args.cidr, args.zones.length).map((plan, index) =>
      this.zone(name, args, vpc, { ...plan, zone: args.zones[index] ?? "" }),
    );
    const privateRoutes = this.translate(name, args, zones, internet);
    this.storageEndpoint(name, args, vpc, [
      publicTable,
      ...zones.map(({ privateTable }) => privateTable),
    ]);

    this.vpcId = vpc.id;
    this.publicSubnetIds = zones.map(({ key, publicSubnet }) =>
      this.associate(`${name}-public-${key}`, publicSubnet, publicTable, [publicRoute]),
    );
    this.privateSubnetIds = zones.map(({ key, privateSubnet, privateTable }) =>
      this.associate(`${name}-private-${key}`, privateSubnet, privateTable, privateRoutes),
    );
    this.zones = args.zones;
    this.registerOutputs({
      vpcId: this.vpcId,
      publicSubnetIds: this.publicSubnetIds,
      privateSubnetIds: this.privateSubnetIds,
      zones: this.zones,
    });
  }

  private zone(
    name: string,
    args: NetworkArgs,
    vpc: aws.ec2.Vpc,
    plan: ZoneSubnets & { readonly zone: string },
  ): Zone {
    const publicSubnet = this.subnet(`${name}-public-${plan.key}`, args, vpc, {
      cidrBlock: plan.publicCidr,
      availabilityZone: plan.zone,
      // Managed nodes get a public address from the subnet only (aws/containers-roadmap issue 607).
      mapPublicIpOnLaunch: true,
    });
    const privateSubnet = this.subnet(`${name}-private-${plan.key}`, args, vpc, {
      cidrBlock: plan.privateCidr,
      availabilityZone: plan.zone,
      mapPublicIpOnLaunch: false,
    });
    // A table per zone even with one gateway or none, so that changing the kind of NAT replaces no table.
    const privateTable = this.routeTable(`${name}-private-${plan.key}`, args, vpc);
    return { ...plan, publicSubnet, privateSubnet, privateTable };
  }

  private subnet(
    logicalName: string,
    args: NetworkArgs,
    vpc: aws.ec2.Vpc,
    subnet: { cidrBlock: string; availabilityZone: string; mapPublicIpOnLaunch: boolean },
  ): aws.ec2.Subnet {
    const tags = {
      ...named(args.tags, logicalName),
      [`kubernetes.io/cluster/${args.clusterName}`]: "shared",
    };
    return new aws.ec2.Subnet(
      logicalName,
      { ...subnet, vpcId: vpc.id, tags },
      // The choice of zones is made once: AWS may add or withdraw zones, and a moved subnet takes everything with it.
      { parent: this, ignoreChanges: ["availabilityZone"] },
    );
  }

  private routeTable(logicalName: string, args: NetworkArgs, vpc: aws.ec2.Vpc): aws.ec2.RouteTable {
    return new aws.ec2.RouteTable(
      logicalName,
      { vpcId: vpc.id, tags: named(args.tags, logicalName) },
      { parent: this },
    );
  }

  /**
   * Gives a subnet its routes. Its id is handed out only then: a node that starts without a way out never joins, and on
   * removal the way out must outlast the nodes.
   */
  private associate(
    logicalName: string,
    subnet: aws.ec2.Subnet,
    table: aws.ec2.RouteTable,
    routes: pulumi.Resource[],
  ): pulumi.Output<string> {
    const association = new aws.ec2.RouteTableAssociation(
      logicalName,
      { subnetId: subnet.id, routeTableId: table.id },
      { parent: this, dependsOn: routes },
    );
    return pulumi.all([subnet.id, association.id]).apply(([subnetId]) => subnetId);
  }

  /** The way out of the private subnets: every zone by the gateway of its own zone, or of the first. */
  private translate(
    name: string,
    args: NetworkArgs,
    zones: readonly Zone[],
    internet: aws.ec2.InternetGateway,
  ): aws.ec2.Route[] {
    const homes = { none: [], single: zones.slice(0, 1), "per-zone": zones }[args.nat];
    const gateways = homes.map((zone) => this.natGateway(name, args, zone, internet));
    return zones.flatMap(({ key, privateTable }, index) => {
      const gateway = gateways[index] ?? gateways[0];
      return gateway === undefined
        ? []
        : [
            new aws.ec2.Route(
              `${name}-private-${key}`,
              {
                routeTableId: privateTable.id,
                destinationCidrBlock: ANYWHERE,
                natGatewayId: gateway.id,
              },
              { parent: this },
            ),
          ];
    });
  }

  private natGateway(
    name: string,
    args: NetworkArgs,
    { key, publicSubnet }: Zone,
    internet: aws.ec2.InternetGateway,
  ): aws.ec2.NatGateway {
    const logicalName = `${name}-nat-${key}`;
    // AWS refuses an address or a NAT gateway in a VPC without an internet gateway (InvalidAllocation, Gateway.NotAttached).
    const child = { parent: this, dependsOn: [internet] };
    const address = new aws.ec2.Eip(
      logicalName,
      { domain: "vpc", tags: named(args.tags, logicalName) },
      child,
    );
    return new aws.ec2.NatGateway(
      logicalName,
      {
        subnetId: publicSubnet.id,
        allocationId: address.allocationId,
        tags: named(args.tags, logicalName),
      },
      child,
    );
  }

  /** Recordings reach S3 inside AWS's network: free, and they pass no NAT gateway. */
  private storageEndpoint(
    name: string,
    args: NetworkArgs,
    vpc: aws.ec2.Vpc,
    tables: readonly aws.ec2.RouteTable[],
  ): void {
    new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: vpc.id,
        vpcEndpointType: "Gateway",
        serviceName: `com.amazonaws.${args.awsRegion}.s3`,
        routeTableIds: tables.map(({ id }) => id),
        tags: named(args.tags, `${name}-s3`),
      },
      { parent: this },
    );
  }
}

const ANYWHERE = "0.0.0.0/0";

function validate(resource: pulumi.Resource, name: string, args: NetworkArgs): void {
  const faults = new Faults(NETWORK_TYPE, name);
  for (const sentence of cidrFaults(args.cidr)) {
    faults.when(true, sentence);
  }
  faults.when(
    args.zones.length < 2 || args.zones.length > MAX_ZONES,
    `zones has ${args.zones.length} entries, 2 to ${MAX_ZONES} are possible: EKS, RDS and load balancers need two. ` +
      "Change meet:network.zoneCount.",
  );
  faults.when(
    new Set(args.zones).size < args.zones.length,
    `zones lists one twice: ${args.zones.join(", ")}. Name each zone once.`,
  );
  faults.throwIfAny(resource);
}
