import { describe, expect, it } from "vitest";
import {
  TURN_BALANCER_TYPE,
  TurnBalancer,
  type TurnBalancerArgs,
} from "../../../components/balancer/turn-balancer.ts";
import { record, value, type Recording } from "../../support/record.ts";

const ARGS: TurnBalancerArgs = {
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b"],
  certificateArn: "arn:certificate",
  autoscalingGroupName: "media",
  nodeSecurityGroupId: "sg-media",
  protection: { enabled: true },
  tags: { "meet:stack": "eu" },
};

function make(
  args: Partial<TurnBalancerArgs> = {},
  name = "turn",
): Promise<Recording<TurnBalancer>> {
  return record(() => new TurnBalancer(name, { ...ARGS, ...args }));
}

describe("TurnBalancer", () => {
  it("makes exactly these resources, all beneath it", async () => {
    const recording = await make();
    const component = recording.one(TURN_BALANCER_TYPE, "turn");
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map(({ parent }) => parent)).toEqual(children.map(() => component.urn));
    expect(
      children.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort(),
    ).toEqual([
      "Attachment turn",
      "Eip turn-a",
      "Eip turn-b",
      "Listener turn",
      "LoadBalancer turn",
      "SecurityGroup turn",
      "SecurityGroupEgressRule turn-to-nodes",
      "SecurityGroupIngressRule turn-at-nodes",
      "SecurityGroupIngressRule turn-tls",
      "TargetGroup turn",
    ]);
  });

  it("has one fixed address per subnet, protected, because firewalls are told of it", async () => {
    const recording = await make();
    const eips = recording.ofType("aws:ec2/eip:Eip");
    expect(eips.map(({ protect, inputs }) => [protect, inputs["domain"]])).toEqual([
      [true, "vpc"],
      [true, "vpc"],
    ]);
    const { inputs } = recording.one("aws:lb/loadBalancer:LoadBalancer");
    expect(inputs["subnetMappings"]).toEqual([
      { subnetId: "subnet-a", allocationId: expect.stringMatching(/^eipalloc-/) as unknown },
      { subnetId: "subnet-b", allocationId: expect.stringMatching(/^eipalloc-/) as unknown },
    ]);
    const addresses = await Promise.all(recording.result.addresses.map(value));
    expect(addresses).toHaveLength(2);
    expect(addresses.every((address) => /^192\.0\.2\.\d+$/.test(address))).toBe(true);
  });

  it("sends a zone's connections to the nodes of all zones, and resists deletion", async () => {
    const { inputs } = (await make()).one("aws:lb/loadBalancer:LoadBalancer");
    expect(inputs).toMatchObject({
      loadBalancerType: "network",
      enableCrossZoneLoadBalancing: true,
      enableDeletionProtection: true,
      tags: { "meet:stack": "eu", Name: "turn" },
    });
    expect(inputs["securityGroups"]).toHaveLength(1);
  });

  it("ends TLS on 443 and passes TCP to LiveKit's TURN port", async () => {
    const recording = await make();
    expect(recording.one("aws:lb/listener:Listener").inputs).toMatchObject({
      port: 443,
      protocol: "TLS",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
      certificateArn: "arn:certificate",
    });
    expect(recording.one("aws:lb/targetGroup:TargetGroup").inputs).toMatchObject({
      protocol: "TCP",
      port: 5349,
      targetType: "instance",
      preserveClientIp: "false",
      healthCheck: { protocol: "TCP", port: "5349" },
    });
    expect(recording.one("aws:autoscaling/attachment:Attachment").inputs).toMatchObject({
      autoscalingGroupName: "media",
    });
  });

  it("is open to the world on 443, and the nodes admit nobody but it on TURN's port", async () => {
    const recording = await make();
    const group = await value(recording.result.securityGroupId);
    const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
    expect(recording.one(ingress, "turn-tls").inputs).toMatchObject({
      securityGroupId: group,
      cidrIpv4: "0.0.0.0/0",
      fromPort: 443,
      toPort: 443,
    });
    expect(recording.one(ingress, "turn-at-nodes").inputs).toMatchObject({
      securityGroupId: "sg-media",
      referencedSecurityGroupId: group,
      fromPort: 5349,
      toPort: 5349,
    });
    expect(
      recording.one("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").inputs,
    ).toMatchObject({
      securityGroupId: group,
      referencedSecurityGroupId: "sg-media",
      fromPort: 5349,
    });
  });

  it("lets go of addresses and balancer when protection is off, and says why", async () => {
    const recording = await make({ protection: { enabled: false, reason: "removal" } });
    const eip = recording.one("aws:ec2/eip:Eip", "turn-a");
    expect(eip.protect).toBe(false);
    expect(eip.inputs["tags"]).toMatchObject({ "meet:unprotected-because": "removal" });
    expect(recording.one("aws:lb/loadBalancer:LoadBalancer").inputs).toMatchObject({
      enableDeletionProtection: false,
    });
  });

  it("refuses to be without a subnet", async () => {
    await expect(make({ subnetIds: [] })).rejects.toThrow(
      `${TURN_BALANCER_TYPE} "turn": there is no subnet. Give the public subnets, one per zone.`,
    );
  });

  it("refuses a name that leaves no room for Pulumi's suffix", async () => {
    await expect(make({}, "turn-with-a-very-long-name")).rejects.toThrow(
      '"turn-with-a-very-long-name" has 26 characters, 24 fit. Shorten the name.',
    );
  });
});
