import type { Making } from "../model.ts";
import { text } from "../values.ts";
import { aws, fixed, input } from "./define.ts";

/** Hosted zones of load balancers (docs.aws.amazon.com/general/latest/gr/elb.html); others get a made-up one. */
const balancerZones: Readonly<Record<string, readonly [application: string, network: string]>> = {
  "eu-west-3": ["Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"],
  "us-east-1": ["Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"],
  "eu-central-1": ["Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"],
  "eu-west-1": ["Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"],
};

const isNetwork = (c: Making) => input(c, "loadBalancerType") === "network";
const kind = (c: Making) => (isNetwork(c) ? "net" : "app");
const suffix = (arn: string) => arn.slice(arn.indexOf("/") + 1);

/** Elastic Load Balancing types. */
export const elbTypes = [
  aws(
    "lb/loadBalancer:LoadBalancer",
    "ELBv2 Load Balancer",
    ["Elastic Load Balancing v2", "LoadBalancer"],
    {
      replaceOn: ["name", "namePrefix", "internal", "loadBalancerType"],
      id: (c) =>
        c.arn("elasticloadbalancing", `loadbalancer/${kind(c)}/${input(c, "name")}/${c.hex(16)}`),
      computed: {
        arn: (c) => c.id,
        arnSuffix: (c) => suffix(c.id),
        dnsName: (c) => {
          const label = `${input(c, "name")}-${c.hex(16)}`;
          return isNetwork(c)
            ? `${label}.elb.${c.region}.amazonaws.com`
            : `${label}.${c.region}.elb.amazonaws.com`;
        },
        zoneId: (c) =>
          balancerZones[c.region]?.[isNetwork(c) ? 1 : 0] ??
          `Z${c.region.replaceAll("-", "").toUpperCase()}`,
        vpcId: (c) => {
          const subnet = text(c.inputs, "subnets.0") ?? text(c.inputs, "subnetMappings.0.subnetId");
          return text(c.cloud.find("aws:ec2/subnet:Subnet", subnet)?.state, "vpcId") ?? "";
        },
        internal: fixed(false),
        ipAddressType: fixed("ipv4"),
        loadBalancerType: fixed("application"),
        securityGroups: fixed([]),
      },
      autoname: { key: "name", maxLength: 32 },
      unique: {
        key: (c) => input(c, "name"),
        errorCode: "DuplicateLoadBalancerName",
        status: 400,
        message: (key) =>
          `A load balancer with the same name '${key}' exists, but with different settings`,
      },
      hasTags: true,
    },
  ),
  aws(
    "lb/targetGroup:TargetGroup",
    "ELBv2 Target Group",
    ["Elastic Load Balancing v2", "TargetGroup"],
    {
      replaceOn: [
        "name",
        "namePrefix",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
        "ipAddressType",
      ],
      id: (c) => c.arn("elasticloadbalancing", `targetgroup/${input(c, "name")}/${c.hex(16)}`),
      computed: {
        arn: (c) => c.id,
        arnSuffix: (c) => c.id.slice(c.id.lastIndexOf(":") + 1),
        loadBalancerArns: fixed([]),
        targetType: fixed("instance"),
        ipAddressType: fixed("ipv4"),
        deregistrationDelay: fixed(300),
      },
      autoname: { key: "name", maxLength: 32 },
      unique: {
        key: (c) => input(c, "name"),
        errorCode: "DuplicateTargetGroupName",
        status: 400,
        message: (key) =>
          `A target group with the same name '${key}' exists, but with different settings`,
      },
      hasTags: true,
    },
  ),
  aws("lb/listener:Listener", "ELBv2 Listener", ["Elastic Load Balancing v2", "Listener"], {
    replaceOn: ["loadBalancerArn"],
    id: (c) =>
      `${input(c, "loadBalancerArn").replace(":loadbalancer/", ":listener/")}/${c.hex(16)}`,
    computed: { arn: (c) => c.id, sslPolicy: fixed("") },
    hasTags: true,
    unique: {
      key: (c) => `${input(c, "loadBalancerArn")} ${input(c, "port")}`,
      errorCode: "DuplicateListener",
      status: 400,
      message: () => "A listener already exists on this port for this load balancer",
    },
  }),
  aws(
    "lb/listenerRule:ListenerRule",
    "ELBv2 Listener Rule",
    ["Elastic Load Balancing v2", "Rule"],
    {
      replaceOn: ["listenerArn"],
      id: (c) => `${input(c, "listenerArn").replace(":listener/", ":listener-rule/")}/${c.hex(16)}`,
      computed: { arn: (c) => c.id, priority: fixed(1) },
      hasTags: true,
      unique: {
        key: (c) => `${input(c, "listenerArn")} ${input(c, "priority")}`,
        errorCode: "PriorityInUse",
        status: 400,
        message: (key) => `Priority '${key.split(" ")[1] ?? ""}' is currently in use`,
      },
    },
  ),
  aws(
    "lb/listenerCertificate:ListenerCertificate",
    "ELBv2 Listener Certificate",
    ["Elastic Load Balancing v2", "ListenerCertificates"],
    { replaceOn: ["*"], id: (c) => `${input(c, "listenerArn")}_${input(c, "certificateArn")}` },
  ),
];
