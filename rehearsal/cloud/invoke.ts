import { zonesOf } from "./aws/zones.ts";
import type { Cloud } from "./cloud.ts";
import { digest } from "./naming.ts";
import type { Session } from "./model.ts";
import { list, map, text, texts, type Value, type ValueMap } from "./values.ts";

interface Lookup {
  readonly cloud: Cloud;
  readonly region: string;
  readonly args: ValueMap;
}

const lookups: Readonly<Record<string, (lookup: Lookup) => ValueMap>> = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": ({ region, args }) => {
    const zones = zonesOf(region).filter(
      ({ name, id }) =>
        !texts(args, "excludeNames").includes(name) && !texts(args, "excludeZoneIds").includes(id),
    );
    return {
      ...args,
      id: region,
      region,
      names: zones.map(({ name }) => name),
      zoneIds: zones.map(({ id }) => id),
      groupNames: [region],
    };
  },
  "aws:index/getCallerIdentity:getCallerIdentity": ({ cloud }) => ({
    id: cloud.accountId,
    accountId: cloud.accountId,
    arn: `arn:aws:sts::${cloud.accountId}:assumed-role/deploy/stand-in`,
    userId: "AROASTANDINSTANDINSTA:stand-in",
  }),
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getRegion:getRegion": ({ region }) => ({
    id: region,
    region,
    name: region,
    description: region,
    endpoint: `ec2.${region}.amazonaws.com`,
  }),
  "aws:iam/getSessionContext:getSessionContext": ({ cloud, args }) => {
    const arn = text(args, "arn") ?? "";
    const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
    return {
      id: arn,
      arn,
      issuerArn: role === undefined ? arn : `arn:aws:iam::${cloud.accountId}:role/${role}`,
      issuerId: "AROASTANDINSTANDINSTA",
      issuerName: role ?? "",
      sessionName: "stand-in",
    };
  },
  "aws:route53/getZone:getZone": ({ cloud, args }) => {
    const zone = cloud.hostedZone(text(args, "name"), text(args, "zoneId"));
    return { ...zone.state, id: zone.id, zoneId: zone.id, privateZone: false, tags: {} };
  },
  "aws:ec2/getAmi:getAmi": ({ region, args, cloud }) => {
    const seed = JSON.stringify([list(args, "filters"), text(args, "nameRegex") ?? "", region]);
    const id = `ami-0${digest(seed, 16)}`;
    return {
      ...args,
      id,
      imageId: id,
      region,
      architecture: "x86_64",
      arn: `arn:aws:ec2:${region}::image/${id}`,
      name: `stand-in-${digest(seed, 8)}`,
      ownerId: cloud.accountId,
      rootDeviceName: "/dev/xvda",
      rootDeviceType: "ebs",
      state: "available",
      blockDeviceMappings: [],
      productCodes: [],
    };
  },
  "aws:ssm/getParameter:getParameter": ({ region, args, cloud }) => {
    const name = text(args, "name") ?? "";
    if (!name.startsWith("/aws/service/")) {
      throw new Error(
        `reading SSM Parameter (${name}): operation error SSM: GetParameter, https response error ` +
          "StatusCode: 400, api error ParameterNotFound: ",
      );
    }
    return {
      id: name,
      name,
      region,
      type: "String",
      value: `ami-0${digest(name + region, 16)}`,
      insecureValue: `ami-0${digest(name + region, 16)}`,
      version: 1,
      arn: `arn:aws:ssm:${region}:${cloud.accountId}:parameter${name}`,
    };
  },
  "aws:ec2/getPrefixList:getPrefixList": prefixList,
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": prefixList,
  "aws:eks/getClusterAuth:getClusterAuth": ({ args, region }) => ({
    id: text(args, "name") ?? "",
    name: text(args, "name") ?? "",
    region,
    token: `k8s-aws-v1.${digest(text(args, "name") ?? "", 40)}`,
  }),
  "aws:eks/getCluster:getCluster": ({ cloud, args, region }) => {
    const name = text(args, "name") ?? "";
    const cluster = cloud.find("aws:eks/cluster:Cluster", name, region);
    if (cluster === undefined) {
      throw new Error(
        `reading EKS Cluster (${name}): operation error EKS: DescribeCluster, https response error ` +
          `StatusCode: 404, api error ResourceNotFoundException: No cluster found for name: ${name}.`,
      );
    }
    return {
      ...cluster.state,
      id: name,
      certificateAuthorities: [map(cluster.state, "certificateAuthority")],
    };
  },
  "aws:iam/getPolicyDocument:getPolicyDocument": ({ args }) => {
    const json = JSON.stringify({
      Version: text(args, "version") ?? "2012-10-17",
      Statement: list(args, "statements").map(statementOf),
    });
    return { ...args, id: digest(json, 10), json, minifiedJson: json };
  },
  "cloudflare:index/getZone:getZone": ({ args }) => {
    const name = text(args, "filter.name") ?? "";
    const id = text(args, "zoneId") ?? digest(`cloudflare ${name}`, 32);
    return { ...args, id, zoneId: id, name, status: "active", type: "full", paused: false };
  },
};

/** Answers a lookup; a function that nobody has described is refused. */
export function invoke(cloud: Cloud, session: Session, token: string, args: ValueMap): ValueMap {
  const lookup = lookups[token];
  if (lookup === undefined) {
    throw new Error(
      `Stand-in ${session.provider}: it does not know the function ${token}. ` +
        "Describe its answer in rehearsal/cloud/invoke.ts.",
    );
  }
  return lookup({ cloud, region: text(args, "region") ?? session.region, args });
}

function prefixList({ region, args, cloud }: Lookup): ValueMap {
  const name = text(args, "name") ?? `com.amazonaws.${region}.s3`;
  const id = text(args, "prefixListId") ?? text(args, "id") ?? `pl-${digest(name, 8)}`;
  return {
    ...args,
    id,
    name,
    region,
    arn: `arn:aws:ec2:${region}:aws:prefix-list/${id}`,
    addressFamily: "IPv4",
    maxEntries: 0,
    ownerId: cloud.accountId,
    version: 1,
    entries: [],
    cidrBlocks: [],
    tags: {},
  };
}

function statementOf(statement: Value): ValueMap {
  const principals = list(statement, "principals").map((principal): [string, Value] => [
    text(principal, "type") ?? "AWS",
    texts(principal, "identifiers"),
  ]);
  const sid = text(statement, "sid");
  return {
    ...(sid === undefined ? {} : { Sid: sid }),
    Effect: text(statement, "effect") ?? "Allow",
    Action: texts(statement, "actions"),
    ...(texts(statement, "resources").length > 0
      ? { Resource: texts(statement, "resources") }
      : {}),
    ...(principals.length > 0 ? { Principal: Object.fromEntries(principals) } : {}),
  };
}
