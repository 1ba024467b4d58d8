import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SECRET_KEY, type Recorded } from "../../plan/recorded.ts";

/** What must hold of every stack: a rule lists what breaks it, a line each. */
export type Rule = (resources: readonly Recorded[], stack: string) => string[];

const show = (resource: Recorded): string => `${resource.type} ${resource.name}`;

type Json = Readonly<Record<string, unknown>>;

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Every string in a value, without what is inside secrets. */
function plainStrings(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  if (Array.isArray(value)) {
    return value.flatMap(plainStrings);
  }
  return SECRET_KEY in asObject(value) ? [] : Object.values(asObject(value)).flatMap(plainStrings);
}

/** Every string inside secrets, long enough not to be found by accident. */
function secretStrings(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap(secretStrings);
  }
  const object = asObject(value);
  if (!(SECRET_KEY in object)) {
    return Object.values(object).flatMap(secretStrings);
  }
  const hidden = object[SECRET_KEY];
  return typeof hidden === "string" && /^[\w-]{12,}$/.test(hidden) ? [hidden] : [];
}

const SDK = join(import.meta.dirname, "..", "..", "node_modules", "@pulumi", "aws");
const taggableTypes = new Map<string, boolean>();

/** Whether the SDK's arguments of an AWS type have `tags`. */
function isTaggable(type: string): boolean {
  const known = taggableTypes.get(type);
  if (known !== undefined) {
    return known;
  }
  const [, path = "", className = ""] = /^aws:([^:]+):(\w+)$/.exec(type) ?? [];
  const source = readFileSync(join(SDK, `${path}.d.ts`), "utf8");
  const args = source.slice(source.indexOf(`export interface ${className}Args`));
  const taggable = /^ {4}tags\?:/m.test(args);
  taggableTypes.set(type, taggable);
  return taggable;
}

/** Tags as a map, also from the list form that autoscaling groups have. */
function tagsOf(resource: Recorded): Json {
  const { tags } = resource.inputs;
  return Array.isArray(tags)
    ? Object.fromEntries(tags.map((tag) => [String(asObject(tag)["key"]), asObject(tag)["value"]]))
    : asObject(tags);
}

/** Every taggable resource carries its stack and its logical name. */
export const tagged: Rule = (resources, stack) =>
  resources
    .filter(({ type }) => type.startsWith("aws:") && isTaggable(type))
    .filter((resource) => {
      const tags = tagsOf(resource);
      return tags["meet:stack"] !== stack || tags["Name"] !== resource.name;
    })
    .map((resource) => `${show(resource)} is tagged ${JSON.stringify(tagsOf(resource))}`);

/** Every resource but providers and stack references belongs to a component. */
export const parented: Rule = (resources) =>
  resources
    .filter(({ custom, type }) => custom && !/^pulumi:(providers|pulumi):/.test(type))
    .filter(({ parent }) => !/(^|\$)meet:\w+:\w+$/.test(parent?.split("::")[2] ?? ""))
    .map((resource) => `${show(resource)} has the parent ${resource.parent ?? "none"}`);

/** The flags by which the cloud itself refuses to delete what holds data, by type. */
const STATEFUL: Readonly<Record<string, (inputs: Json) => boolean>> = {
  "aws:rds/instance:Instance": (inputs) =>
    inputs["deletionProtection"] === true && inputs["storageEncrypted"] !== false,
  "aws:elasticache/replicationGroup:ReplicationGroup": (inputs) =>
    typeof inputs["finalSnapshotIdentifier"] === "string" &&
    inputs["transitEncryptionEnabled"] === true,
  "aws:s3/bucket:Bucket": (inputs) => inputs["forceDestroy"] !== true,
  "aws:eks/cluster:Cluster": (inputs) => inputs["deletionProtection"] === true,
};

/** What holds data is protected by Pulumi and by the cloud. */
export const protectedData: Rule = (resources) =>
  resources
    .filter(({ type }) => type in STATEFUL)
    .filter(({ type, inputs, protect }) => !protect || STATEFUL[type]?.(inputs) !== true)
    .map((resource) => `${show(resource)} is not protected`);

/** No value that is secret anywhere stands in the open elsewhere. */
export const noPlainSecret: Rule = (resources) => {
  const secrets = new Set(resources.flatMap(({ inputs }) => secretStrings(inputs)));
  return resources.flatMap((resource) =>
    plainStrings(resource.inputs)
      .filter((text) => [...secrets].some((secret) => text.includes(secret)))
      .map(() => `${show(resource)} shows a secret`),
  );
};

/** What the world may reach: media, TURN and TLS (with the redirect to it), and nothing else. */
const OPEN_PORTS: readonly RegExp[] = [
  /^udp 7882-7913$/,
  /^tcp 7881-7881$/,
  /^udp 3478-3478$/,
  /^tcp 443-443$/,
  /^tcp 80-80$/,
];

/** Nothing is open to the world but the named ports. */
export const closed: Rule = (resources) =>
  resources.flatMap((resource) =>
    ingressOf(resource)
      .filter(({ world, port }) => world && !OPEN_PORTS.some((open) => open.test(port)))
      .map(({ port }) => `${show(resource)} opens ${port} to the world`),
  );

function ingressOf({ type, inputs }: Recorded): { world: boolean; port: string }[] {
  if (type === "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") {
    const world = inputs["cidrIpv4"] === "0.0.0.0/0" || inputs["cidrIpv6"] === "::/0";
    return [{ world, port: portOf(inputs["ipProtocol"], inputs) }];
  }
  if (!/^aws:ec2\/(default)?securityGroup/i.test(type)) {
    return [];
  }
  return asList(inputs["ingress"]).map((rule) => {
    const item = asObject(rule);
    const ranges = [...asList(item["cidrBlocks"]), ...asList(item["ipv6CidrBlocks"])];
    return {
      world: ranges.includes("0.0.0.0/0") || ranges.includes("::/0"),
      port: portOf(item["protocol"], item),
    };
  });
}

function portOf(protocol: unknown, { fromPort, toPort }: Json): string {
  return `${String(protocol)} ${String(fromPort)}-${String(toPort)}`;
}

/** No policy allows every action, and nobody gets a long-lived key. */
export const leastPrivilege: Rule = (resources) =>
  resources.flatMap((resource) => {
    if (resource.type === "aws:iam/accessKey:AccessKey" || resource.type === "aws:iam/user:User") {
      return [`${show(resource)} is a static credential`];
    }
    const document = resource.inputs["policy"];
    if (!resource.type.startsWith("aws:iam/") || typeof document !== "string") {
      return [];
    }
    return asList(asObject(JSON.parse(document))["Statement"])
      .map(asObject)
      .filter(({ Effect, Action }) => Effect === "Allow" && [Action].flat().some(isEverything))
      .map(({ Action }) => `${show(resource)} allows ${JSON.stringify(Action)}`);
  });

function isEverything(action: unknown): boolean {
  return typeof action === "string" && /(^|:)\*$/.test(action);
}

/**
 * Every container has an exact image, a limit of memory, and no privilege. A pod on the host's network has its node
 * alone, so it needs no limit.
 */
export const soundPods: Rule = (resources) =>
  resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .flatMap((resource) => containersOf(resource.inputs).flatMap((c) => podFaults(resource, c)));

function podFaults(resource: Recorded, container: Json): string[] {
  const image = typeof container["image"] === "string" ? container["image"] : "";
  const security = asObject(container["securityContext"]);
  const limits = asObject(asObject(container["resources"])["limits"]);
  return [
    ...(/:[\w.-]*\d[\w.-]*(@sha256:\w+)?$/.test(image) && !image.endsWith(":latest")
      ? []
      : [`${show(resource)} runs the image "${image}"`]),
    ...(security["allowPrivilegeEscalation"] === false && security["privileged"] !== true
      ? []
      : [`${show(resource)} may gain privileges`]),
    ...("memory" in limits || container["ownsNode"] === true
      ? []
      : [`${show(resource)} has no limit of memory`]),
  ];
}

/** The containers of an object that has pods, wherever its template is. */
function containersOf(inputs: Json): Json[] {
  const spec = asObject(inputs["spec"]);
  const template = asObject(
    spec["template"] ?? asObject(asObject(spec["jobTemplate"])["spec"])["template"],
  );
  const pod = asObject(template["spec"]);
  const ownsNode = pod["hostNetwork"] === true;
  return [...asList(pod["initContainers"]), ...asList(pod["containers"])].map((container) => ({
    ...asObject(container),
    ownsNode,
  }));
}

/** Replication and copies stay where residency allows: nothing names a bucket or database of a region outside. */
export function withinRegions(allowedRegions: readonly string[]): Rule {
  return (resources) =>
    resources
      .filter(({ type }) =>
        /BucketReplicationConfig|AutomatedBackupsReplication|rds\/instance/.test(type),
      )
      .flatMap((resource) =>
        plainStrings(resource.inputs)
          .flatMap((text) => text.match(/\b[a-z]{2}-[a-z]+-\d\b/g) ?? [])
          .filter((region) => !allowedRegions.includes(region))
          .map((region) => `${show(resource)} reaches ${region}`),
      );
}
