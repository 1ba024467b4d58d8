import type { Rule, RuleCall } from "../model.ts";
import { flag, flatten, list, text, texts } from "../values.ts";
import { byArn, inUse, mustExist, others, types } from "./support.ts";

const elb = (name: string) =>
  `https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_${name}.html`;
const bare = (name: string | undefined) => (name ?? "").replace(/\.$/, "").toLowerCase();

/** True when Route 53 or Cloudflare serves the CNAME that ACM asks for. */
function isServed({ cloud }: RuleCall, name: string, value: string): boolean {
  const route53 = cloud
    .all(types.record)
    .some(
      ({ state }) =>
        bare(text(state, "fqdn")) === name &&
        texts(state, "records").some((record) => bare(record) === value),
    );
  return (
    route53 ||
    cloud
      .all("cloudflare:index/dnsRecord:DnsRecord")
      .some(
        ({ state }) => bare(text(state, "name")) === name && bare(text(state, "content")) === value,
      )
  );
}

const isNetwork = (call: RuleCall) =>
  text(
    byArn(call, types.loadBalancer, text(call.inputs, "loadBalancerArn"))?.state,
    "loadBalancerType",
  ) === "network";

/** Target groups that a listener or rule sends to. */
const targetsOf = (value: RuleCall["inputs"]) =>
  flatten([value["defaultActions"] ?? [], value["actions"] ?? []]).filter((item) =>
    item.includes(":targetgroup/"),
  );

/** ACM and Elastic Load Balancing. */
export const acmElbRules: readonly Rule[] = [
  {
    id: "certificate-validated",
    what: "A certificate is issued only when all its validation records are served.",
    source: "https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html",
    errorCode: "PENDING_VALIDATION",
    call: "ACM: DescribeCertificate",
    waits: true,
    types: ["aws:acm/certificateValidation:CertificateValidation"],
    on: ["create"],
    check: (call) => {
      const arn = text(call.inputs, "certificateArn");
      const certificate = byArn(call, types.certificate, arn);
      const missing = list(certificate?.state, "domainValidationOptions").find(
        (option) =>
          !isServed(
            call,
            bare(text(option, "resourceRecordName")),
            bare(text(option, "resourceRecordValue")),
          ),
      );
      return certificate !== undefined && missing === undefined
        ? undefined
        : "timeout while waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION'): no record " +
            (text(missing, "resourceRecordName") ?? "");
    },
  },
  inUse({
    id: "certificate-in-use",
    what: "A certificate is not deleted while a listener uses it.",
    source: "https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html",
    errorCode: "ResourceInUseException",
    type: types.certificate,
    by: [
      [types.listener, "certificateArn"],
      [types.listenerCertificate, "certificateArn"],
    ],
    message: ({ id }) => `Certificate ${id} in account is in use.`,
  }),
  mustExist({
    id: "listener-certificate-exists",
    what: "A listener's certificate exists in its region.",
    source: elb("CreateListener"),
    errorCode: "CertificateNotFound",
    types: [types.listener, types.listenerCertificate],
    paths: ["certificateArn"],
    found: ({ cloud, scope }, arn) => cloud.find(types.certificate, arn, scope) !== undefined,
    message: (arn) => `Certificate '${arn}' not found`,
  }),
  {
    id: "listener-certificate-issued",
    what: "A listener's certificate is issued.",
    source: elb("CreateListener"),
    errorCode: "UnsupportedCertificate",
    types: [types.listener, types.listenerCertificate],
    on: ["create", "update"],
    check: ({ cloud, inputs }) => {
      const arn = text(inputs, "certificateArn");
      const certificate = cloud.find(types.certificate, arn);
      return certificate === undefined || text(certificate.state, "status") === "ISSUED"
        ? undefined
        : `The certificate '${arn ?? ""}' must have a fully-qualified domain name, a supported signature, and a supported key size.`;
    },
  },
  {
    id: "listener-protocol",
    what: "An application balancer listens on HTTP or HTTPS, a network balancer on TCP, UDP or TLS; secure ones have a certificate.",
    source: elb("CreateListener"),
    errorCode: "ValidationError",
    types: [types.listener],
    on: ["create", "update"],
    check: (call) => {
      const protocol = text(call.inputs, "protocol") ?? "";
      const allowed = isNetwork(call)
        ? ["TCP", "UDP", "TLS", "TCP_UDP", "QUIC", "TCP_QUIC"]
        : ["HTTP", "HTTPS"];
      if (!allowed.includes(protocol)) {
        return `Listener protocol '${protocol}' must be one of '${allowed.join(", ")}'`;
      }
      return ["HTTPS", "TLS"].includes(protocol) &&
        text(call.inputs, "certificateArn") === undefined
        ? `A certificate must be specified for ${protocol} listeners`
        : undefined;
    },
  },
  mustExist({
    id: "balancer-exists",
    what: "A listener belongs to a balancer that exists.",
    source: elb("CreateListener"),
    errorCode: "LoadBalancerNotFound",
    types: [types.listener],
    paths: ["loadBalancerArn"],
    found: ({ cloud, scope }, arn) => cloud.find(types.loadBalancer, arn, scope) !== undefined,
    message: (arn) => `One or more load balancers not found: ${arn}`,
  }),
  {
    id: "listener-target-exists",
    what: "A listener or rule sends to target groups that exist.",
    source: elb("CreateRule"),
    errorCode: "TargetGroupNotFound",
    types: [types.listener, types.listenerRule],
    on: ["create", "update"],
    check: ({ cloud, inputs, scope }) => {
      const missing = targetsOf(inputs).find(
        (arn) => cloud.find(types.targetGroup, arn, scope) === undefined,
      );
      return missing === undefined ? undefined : `Target groups '${missing}' not found`;
    },
  },
  {
    id: "target-group-one-balancer",
    what: "A target group belongs to one balancer.",
    source: elb("CreateListener"),
    errorCode: "TargetGroupAssociationLimit",
    types: [types.listener],
    on: ["create", "update"],
    check: (call) => {
      const targets = targetsOf(call.inputs);
      const shared = others(call, types.listener)
        .filter(
          ({ state }) => text(state, "loadBalancerArn") !== text(call.inputs, "loadBalancerArn"),
        )
        .flatMap(({ state }) => targetsOf(state))
        .find((arn) => targets.includes(arn));
      return shared === undefined
        ? undefined
        : `The following target groups cannot be associated with more than one load balancer: ${shared}`;
    },
  },
  inUse({
    id: "target-group-in-use",
    what: "A target group is not deleted while a listener or rule sends to it.",
    source: elb("DeleteTargetGroup"),
    errorCode: "ResourceInUse",
    type: types.targetGroup,
    by: [
      [types.listener, "defaultActions"],
      [types.listenerRule, "actions"],
    ],
    message: ({ id }) => `Target group '${id}' is currently in use by a listener or a rule`,
  }),
  {
    id: "balancer-protected",
    what: "A balancer with deletion protection is not deleted.",
    source: elb("DeleteLoadBalancer"),
    errorCode: "OperationNotPermitted",
    types: [types.loadBalancer],
    on: ["delete"],
    check: ({ thing }) =>
      flag(thing?.state, "enableDeletionProtection")
        ? `Load balancer '${thing?.id ?? ""}' cannot be deleted because deletion protection is enabled`
        : undefined,
  },
  {
    id: "balancer-two-zones",
    what: "An application balancer has subnets in at least two zones; no balancer has two in one zone.",
    source: elb("CreateLoadBalancer"),
    errorCode: "ValidationError",
    types: [types.loadBalancer],
    on: ["create", "update"],
    check: ({ cloud, inputs, scope }) => {
      const ids = [
        ...texts(inputs, "subnets"),
        ...list(inputs, "subnetMappings").flatMap((mapping) => text(mapping, "subnetId") ?? []),
      ];
      const zones = ids.map((id) =>
        text(cloud.find(types.subnet, id, scope)?.state, "availabilityZone"),
      );
      if (zones.includes(undefined)) {
        return `The subnet ID '${ids[zones.indexOf(undefined)] ?? ""}' does not exist`;
      }
      if (new Set(zones).size < zones.length) {
        return "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
      }
      return text(inputs, "loadBalancerType") !== "network" && zones.length < 2
        ? "At least two subnets in two different Availability Zones must be specified"
        : undefined;
    },
  },
  {
    id: "balancer-name",
    what: "Balancers and target groups have names of at most 32 letters, digits and hyphens.",
    source: elb("CreateLoadBalancer"),
    errorCode: "ValidationError",
    types: [types.loadBalancer, types.targetGroup],
    on: ["create"],
    check: ({ inputs }) => {
      const name = text(inputs, "name") ?? "";
      return /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?$/.test(name) &&
        !name.startsWith("internal-")
        ? undefined
        : `The name '${name}' can have at most 32 letters, digits and hyphens, and must not begin with "internal-"`;
    },
  },
  {
    id: "network-balancer-groups",
    what: "A network balancer that was made without security groups never gets any.",
    source: elb("SetSecurityGroups"),
    errorCode: "InvalidConfigurationRequest",
    call: "Elastic Load Balancing v2: SetSecurityGroups",
    types: [types.loadBalancer],
    on: ["update"],
    check: ({ inputs, thing }) =>
      text(inputs, "loadBalancerType") === "network" &&
      texts(thing?.state, "securityGroups").length === 0 &&
      texts(inputs, "securityGroups").length > 0
        ? "You cannot add security groups to a Network Load Balancer that was created without any"
        : undefined,
  },
];
