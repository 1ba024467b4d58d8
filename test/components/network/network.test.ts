import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { Network, type NetworkArgs } from "../../../components/network/network.ts";
import { record, value } from "../../support/record.ts";

const ARGS: NetworkArgs = {
  cidr: "10.0.0.0/16",
  zones: ["eu-west-3a", "eu-west-3b"],
  nat: "per-zone",
  awsRegion: "eu-west-3",
  clusterName: "meet-eu",
  tags: { "meet:stack": "eu" },
};

const made = (changes: Partial<NetworkArgs> = {}) =>
  record(() => new Network("network", { ...ARGS, ...changes }));

describe("a network", () => {
  it("has exactly these parts, each tagged with its name and a child of the network", async () => {
    const recording = await made();
    expect(recording.all.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort())
      .toMatchInlineSnapshot(`
      [
        "DefaultSecurityGroup network-default",
        "Eip network-nat-a",
        "Eip network-nat-b",
        "InternetGateway network",
        "NatGateway network-nat-a",
        "NatGateway network-nat-b",
        "Network network",
        "Route network-private-a",
        "Route network-private-b",
        "Route network-public",
        "RouteTable network-private-a",
        "RouteTable network-private-b",
        "RouteTable network-public",
        "RouteTableAssociation network-private-a",
        "RouteTableAssociation network-private-b",
        "RouteTableAssociation network-public-a",
        "RouteTableAssociation network-public-b",
        "Subnet network-private-a",
        "Subnet network-private-b",
        "Subnet network-public-a",
        "Subnet network-public-b",
        "Vpc network",
        "VpcEndpoint network-s3",
      ]
    `);
    const network = recording.one("meet:network:Network");
    for (const resource of recording.all.filter(({ custom }) => custom)) {
      expect(resource.parent, resource.name).toBe(network.urn);
      if (!/Route$|Association$/.test(resource.type)) {
        expect(resource.inputs["tags"], resource.type).toMatchObject({
          "meet:stack": "eu",
          Name: resource.name,
        });
      }
    }
  });

  it("pins the zone of every subnet and gives addresses in the public ones only", async () => {
    const recording = await made();
    const subnets = recording.ofType("aws:ec2/subnet:Subnet");
    expect(
      subnets.map(({ name, inputs }) => [
        name,
        inputs["availabilityZone"],
        inputs["cidrBlock"],
        inputs["mapPublicIpOnLaunch"],
      ]),
    ).toEqual([
      ["network-public-a", "eu-west-3a", "10.0.0.0/19", true],
      ["network-private-a", "eu-west-3a", "10.0.128.0/19", false],
      ["network-public-b", "eu-west-3b", "10.0.32.0/19", true],
      ["network-private-b", "eu-west-3b", "10.0.160.0/19", false],
    ]);
    for (const subnet of subnets) {
      expect(subnet.ignoreChanges).toEqual(["availabilityZone"]);
      expect(subnet.inputs["tags"]).toMatchObject({ "kubernetes.io/cluster/meet-eu": "shared" });
    }
  });

  it("lets nothing through its default security group", async () => {
    const group = (await made()).one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(group.inputs).toMatchObject({ ingress: [], egress: [] });
  });

  it("resolves names inside the VPC", async () => {
    expect((await made()).one("aws:ec2/vpc:Vpc").inputs).toMatchObject({
      cidrBlock: "10.0.0.0/16",
      enableDnsHostnames: true,
      enableDnsSupport: true,
    });
  });

  it("sends each zone through its own NAT gateway, or both through the first", async () => {
    const routes = async (nat: NetworkArgs["nat"]) =>
      Object.fromEntries(
        (await made({ nat }))
          .ofType("aws:ec2/route:Route")
          .map(({ name, inputs }) => [name, inputs["natGatewayId"]]),
      );
    const perZone = await routes("per-zone");
    const single = await routes("single");
    expect(perZone["network-private-a"]).not.toBe(perZone["network-private-b"]);
    expect(single["network-private-a"]).toBe(perZone["network-private-a"]);
    expect(single["network-private-b"]).toBe(single["network-private-a"]);
  });

  it("without NAT has no gateway and no way out of the private subnets", async () => {
    const recording = await made({ nat: "none" });
    expect(recording.ofType("aws:ec2/natGateway:NatGateway")).toEqual([]);
    expect(recording.ofType("aws:ec2/eip:Eip")).toEqual([]);
    expect(recording.ofType("aws:ec2/route:Route").map(({ name }) => name)).toEqual([
      "network-public",
    ]);
    expect(recording.ofType("aws:ec2/routeTable:RouteTable")).toHaveLength(3);
  });

  it("makes NAT gateways and their addresses after the internet gateway", async () => {
    const recording = await made();
    const { urn } = recording.one("aws:ec2/internetGateway:InternetGateway");
    for (const type of ["aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"]) {
      for (const resource of recording.ofType(type)) {
        expect(resource.dependsOn).toContain(urn);
      }
    }
  });

  it("reaches S3 by a gateway endpoint from every route table", async () => {
    const endpoint = (await made()).one("aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoint.inputs).toMatchObject({
      vpcEndpointType: "Gateway",
      serviceName: "com.amazonaws.eu-west-3.s3",
    });
    expect(endpoint.inputs["routeTableIds"]).toHaveLength(3);
  });

  it("gives its subnets in the order of the zones", async () => {
    const { result } = await made();
    expect(result.publicSubnetIds).toHaveLength(2);
    expect(result.zones).toEqual(ARGS.zones);
    const ids = await Promise.all(
      [...result.publicSubnetIds, ...result.privateSubnetIds].map(value),
    );
    expect(new Set(ids).size).toBe(4);
  });

  it("hands a subnet out only once it has its way out", async () => {
    const recording = await record(() => {
      const network = new Network("network", ARGS);
      for (const [key, [vpcZoneIdentifier]] of Object.entries({
        public: network.publicSubnetIds,
        private: network.privateSubnetIds,
      })) {
        new aws.autoscaling.Group(key, {
          minSize: 1,
          maxSize: 1,
          vpcZoneIdentifiers: vpcZoneIdentifier === undefined ? [] : [vpcZoneIdentifier],
        });
      }
    });
    for (const key of ["public", "private"]) {
      const association = recording.one(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        `network-${key}-a`,
      );
      const route = key === "public" ? "network-public" : "network-private-a";
      expect(recording.one("aws:autoscaling/group:Group", key).dependsOn).toContain(
        association.urn,
      );
      expect(association.dependsOn).toContain(recording.one("aws:ec2/route:Route", route).urn);
    }
  });

  it("makes the same resources in a preview", async () => {
    const names = (recording: Awaited<ReturnType<typeof made>>) =>
      recording.all.map(({ urn }) => urn).sort();
    const preview = await record(() => new Network("network", ARGS), { preview: true });
    expect(names(preview)).toEqual(names(await made()));
  });

  it("reports all faults at once and makes nothing", async () => {
    await expect(made({ cidr: "10.0.0.0/26", zones: ["a", "a", "b", "c", "d"] })).rejects.toThrow(
      'meet:network:Network "network": 3 faults.\n' +
        " - cidr 10.0.0.0/26 leaves 8 addresses for each of 8 subnets, EKS needs 64. Use a /23 or larger.\n" +
        " - zones has 5 entries, 2 to 4 are possible: EKS, RDS and load balancers need two. Change meet:network.zoneCount.\n" +
        " - zones lists one twice: a, a, b, c, d. Name each zone once.",
    );
  });
});
