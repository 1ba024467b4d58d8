import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { named } from "../shared/tags.ts";
import type { NodePoolArgs } from "./node-pool.ts";
import { portKey } from "./open-port.ts";

const ANYWHERE = [
  ["ipv4", { cidrIpv4: "0.0.0.0/0" }],
  ["ipv6", { cidrIpv6: "::/0" }],
] as const;

/**
 * Beside the cluster's own group, which lets in what comes from the cluster. Open ports are open to everybody and
 * everything may leave: only then EC2 tracks no connections and drops none when its table is full (Amazon EC2 user
 * guide, security-group-connection-tracking).
 */
export function makeNodeSecurityGroup(
  name: string,
  args: NodePoolArgs,
  child: pulumi.CustomResourceOptions,
): aws.ec2.SecurityGroup {
  const group = new aws.ec2.SecurityGroup(
    name,
    {
      vpcId: args.vpcId,
      description: `Nodes of the role ${args.role}`,
      tags: named(args.tags, name),
    },
    child,
  );
  for (const [family, anywhere] of ANYWHERE) {
    const out = `${name}-out-${family}`;
    new aws.vpc.SecurityGroupEgressRule(
      out,
      {
        ...anywhere,
        securityGroupId: group.id,
        ipProtocol: "-1",
        description: "Everything may leave",
        tags: named(args.tags, out),
      },
      child,
    );
    for (const port of args.openPorts ?? []) {
      const logicalName = `${name}-${portKey(port)}-${family}`;
      new aws.vpc.SecurityGroupIngressRule(
        logicalName,
        {
          ...anywhere,
          securityGroupId: group.id,
          ipProtocol: port.protocol,
          fromPort: port.from,
          toPort: port.to,
          description: port.description,
          tags: named(args.tags, logicalName),
        },
        child,
      );
    }
  }
  return group;
}
