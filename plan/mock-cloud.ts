import { createHash } from "node:crypto";
import type { MockCallArgs, MockResourceArgs } from "@pulumi/pulumi/runtime/mocks.js";

/**
 * What AWS, Kubernetes and Cloudflare would fill in, for the offline plan and the tests under mocks. It is right in
 * form only and deterministic; the stand-in cloud in `rehearsal/cloud` is the one that enforces rules.
 */

/** The account the plan pretends to run in. Twelve digits that AWS's documentation uses for examples. */
export const MOCK_ACCOUNT = "123456789012";

interface Context {
  readonly preview: boolean;
  readonly awsRegion: string;
  readonly stackOutputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

type State = Record<string, unknown>;
type Computed = (name: string, inputs: State, awsRegion: string) => State;

/** Seventeen hexadecimal digits, the same for the same words: the tail of an EC2 id. */
function digits(...words: readonly string[]): string {
  return createHash("sha256").update(words.join("/")).digest("hex").slice(0, 17);
}

/** Characters that look random and are the same for the same name. */
function characters(name: string, length: number): string {
  return digits(name)
    .repeat(Math.ceil(length / 17))
    .slice(0, length);
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function arn(service: string, region: string, rest: string): string {
  return `arn:aws:${service}:${region}:${MOCK_ACCOUNT}:${rest}`;
}

/** EC2-like ids, by type. */
const ID_PREFIXES: Readonly<Record<string, string>> = {
  "aws:ec2/vpc:Vpc": "vpc",
  "aws:ec2/subnet:Subnet": "subnet",
  "aws:ec2/securityGroup:SecurityGroup": "sg",
  "aws:ec2/routeTable:RouteTable": "rtb",
  "aws:ec2/internetGateway:InternetGateway": "igw",
  "aws:ec2/natGateway:NatGateway": "nat",
  "aws:ec2/eip:Eip": "eipalloc",
  "aws:ec2/launchTemplate:LaunchTemplate": "lt",
  "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
};

const COMPUTED: Readonly<Record<string, Computed>> = {
  "aws:ec2/vpc:Vpc": (name) => ({ defaultSecurityGroupId: `sg-${digits(name, "default")}` }),
  "aws:ec2/eip:Eip": (name) => ({
    allocationId: `eipalloc-${digits(name)}`,
    publicIp: `192.0.2.${(parseInt(digits(name).slice(0, 4), 16) % 250) + 1}`,
  }),
  "aws:ec2/launchTemplate:LaunchTemplate": () => ({ latestVersion: 1, defaultVersion: 1 }),
  "aws:iam/role:Role": (name, inputs) => ({
    arn: `arn:aws:iam::${MOCK_ACCOUNT}:role/${text(inputs["name"], name)}`,
  }),
  "aws:iam/instanceProfile:InstanceProfile": (name, inputs) => ({
    arn: `arn:aws:iam::${MOCK_ACCOUNT}:instance-profile/${text(inputs["name"], name)}`,
  }),
  "aws:s3/bucket:Bucket": (name, inputs, region) => {
    const bucket = text(inputs["bucket"], name);
    return {
      bucket,
      arn: `arn:aws:s3:::${bucket}`,
      region,
      bucketRegionalDomainName: `${bucket}.s3.${region}.amazonaws.com`,
    };
  },
  "aws:eks/cluster:Cluster": (name, inputs, region) => ({
    arn: arn("eks", region, `cluster/${text(inputs["name"], name)}`),
    endpoint: `https://${digits(name)}.gr7.${region}.eks.amazonaws.com`,
    certificateAuthority: { data: Buffer.from(`mock authority of ${name}`).toString("base64") },
    vpcConfig: {
      ...(inputs["vpcConfig"] as State | undefined),
      clusterSecurityGroupId: `sg-${digits(name, "cluster")}`,
    },
  }),
  "aws:eks/nodeGroup:NodeGroup": (name) => ({
    resources: [{ autoscalingGroups: [{ name: `eks-${name}-${digits(name).slice(0, 8)}` }] }],
  }),
  "aws:rds/instance:Instance": (name, inputs, region) => {
    const identifier = text(inputs["identifier"], name);
    const address = `${identifier}.c${digits(name).slice(0, 11)}.${region}.rds.amazonaws.com`;
    return {
      arn: arn("rds", region, `db:${identifier}`),
      address,
      endpoint: `${address}:5432`,
      port: 5432,
    };
  },
  "aws:elasticache/replicationGroup:ReplicationGroup": (name, _inputs, region) => ({
    primaryEndpointAddress: `master.${name}.${digits(name).slice(0, 6)}.${region}.cache.amazonaws.com`,
    readerEndpointAddress: `replica.${name}.${digits(name).slice(0, 6)}.${region}.cache.amazonaws.com`,
  }),
  "aws:lb/loadBalancer:LoadBalancer": (name, inputs, region) => {
    const kind = inputs["loadBalancerType"] === "network" ? "net" : "app";
    return {
      arn: arn(
        "elasticloadbalancing",
        region,
        `loadbalancer/${kind}/${name}/${digits(name).slice(0, 16)}`,
      ),
      dnsName: `${name}-${digits(name).slice(0, 10)}.${region}.elb.amazonaws.com`,
      zoneId: "Z35SXDOTRQ7X7K",
    };
  },
  "aws:acm/certificate:Certificate": (name, inputs, region) => {
    const names = [
      inputs["domainName"],
      ...((inputs["subjectAlternativeNames"] as unknown[] | undefined) ?? []),
    ];
    return {
      arn: arn("acm", region, `certificate/${digits(name)}`),
      domainValidationOptions: names.map((domain) => ({
        domainName: domain,
        resourceRecordName: `_${digits(String(domain))}.${String(domain)}.`,
        resourceRecordType: "CNAME",
        resourceRecordValue: `_${digits("value", String(domain))}.acm-validations.aws.`,
      })),
    };
  },
  "aws:acm/certificateValidation:CertificateValidation": () => ({}),
  "aws:route53/zone:Zone": (name) => ({ zoneId: `Z${digits(name).toUpperCase()}` }),
  "aws:route53/record:Record": (name, inputs) => ({ fqdn: text(inputs["name"], name) }),
  "random:index/randomPassword:RandomPassword": (name, inputs) => ({
    result: characters(name, Number(inputs["length"] ?? 32)),
  }),
  "random:index/randomString:RandomString": (name, inputs) => ({
    result: characters(name, Number(inputs["length"] ?? 12)),
  }),
  "random:index/randomBytes:RandomBytes": (name) => {
    const bytes = createHash("sha256").update(name).digest();
    return { base64: bytes.toString("base64"), hex: bytes.toString("hex") };
  },
  "random:index/randomId:RandomId": (name) => ({
    hex: digits(name),
    b64Url: digits(name),
    dec: "1",
  }),
};

/** Outputs that the real provider marks as secret; the mocks mark nothing. */
const SECRET_OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  "random:index/randomPassword:RandomPassword": ["result"],
  "random:index/randomBytes:RandomBytes": ["base64", "hex"],
};

/** The state of a new resource: its inputs, and outside a preview what the cloud adds. */
export function computedState(
  args: MockResourceArgs,
  context: Context,
): { id: string | undefined; state: State } {
  const inputs = args.inputs as State;
  if (args.type === "pulumi:pulumi:StackReference") {
    return stackReference(inputs, context);
  }
  if (context.preview) {
    return { id: undefined, state: { ...inputs } };
  }
  const region = text(inputs["region"], context.awsRegion);
  const prefix = ID_PREFIXES[args.type];
  const id =
    prefix === undefined
      ? text(inputs["name"], `${args.name}-id`)
      : `${prefix}-${digits(args.name)}`;
  const service = args.type.split(":")[1]?.split("/")[0] ?? "aws";
  const state: State = {
    ...(args.type.startsWith("aws:")
      ? { arn: arn(service, region, args.name), name: args.name }
      : {}),
    ...kubernetesName(args),
    ...inputs,
    ...COMPUTED[args.type]?.(args.name, inputs, region),
  };
  return {
    id: args.type === "aws:s3/bucket:Bucket" ? text(state["bucket"], id) : id,
    state: secret(args.type, state),
  };
}

function secret(type: string, state: State): State {
  const keys = SECRET_OUTPUTS[type] ?? [];
  return Object.fromEntries(
    Object.entries(state).map(([key, value]) => [key, keys.includes(key) ? wrapped(value) : value]),
  );
}

/** The wire form of a secret (pulumi/pulumi sdk/go/common/resource/sig). */
function wrapped(value: unknown): unknown {
  return {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    value,
  };
}

function kubernetesName(args: MockResourceArgs): State {
  if (!args.type.startsWith("kubernetes:")) {
    return {};
  }
  return { metadata: { name: args.name, ...(args.inputs as { metadata?: State }).metadata } };
}

function stackReference(inputs: State, context: Context): { id: string; state: State } {
  const name = text(inputs["name"], "");
  const outputs = context.stackOutputs[name.split("/").at(-1) ?? ""];
  if (outputs === undefined) {
    throw refusal(`unknown stack "${name}"`);
  }
  return {
    id: name,
    state: { name, outputs: secretOutputs(outputs), secretOutputNames: Object.keys(outputs) },
  };
}

function secretOutputs(outputs: Readonly<Record<string, unknown>>): State {
  return Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, wrapped(value)]));
}

/** Zones of a region, with the ids AWS gives them; us-east-1 has the id that EKS does not support. */
function zonesOf(awsRegion: string): State {
  const short = awsRegion.replace(/^(\w\w)-(\w)\w*-(\d)$/, "$1$2$3");
  const letters = awsRegion === "us-east-1" ? ["a", "b", "c", "d", "e", "f"] : ["a", "b", "c"];
  return {
    id: awsRegion,
    names: letters.map((letter) => `${awsRegion}${letter}`),
    zoneIds: letters.map((_letter, index) => `${short}-az${index + 1}`),
    state: "available",
  };
}

/** Answers a provider function. @throws for one that is not known here, rather than answering nothing. */
export function answerCall(args: MockCallArgs, context: { readonly awsRegion: string }): State {
  const inputs = args.inputs as State;
  const region = text(inputs["region"], context.awsRegion);
  switch (args.token) {
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return zonesOf(region);
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return {
        accountId: MOCK_ACCOUNT,
        arn: `arn:aws:iam::${MOCK_ACCOUNT}:role/deploy`,
        id: MOCK_ACCOUNT,
        userId: "mock",
      };
    case "aws:index/getPartition:getPartition":
      return {
        partition: "aws",
        dnsSuffix: "amazonaws.com",
        id: "aws",
        reverseDnsPrefix: "com.amazonaws",
      };
    case "aws:index/getRegion:getRegion":
      return { region, id: region, name: region };
    case "aws:route53/getZone:getZone":
      return {
        zoneId: "Z0123456789EXAMPLE",
        id: "Z0123456789EXAMPLE",
        name: text(inputs["name"], ""),
      };
    default:
      throw refusal(`plan/mock-cloud.ts has no answer for the provider function ${args.token}`);
  }
}

/** An error as gRPC delivers it: the Node SDK shows `details`, not the message. */
function refusal(details: string): Error {
  return Object.assign(new Error(details), { details });
}
