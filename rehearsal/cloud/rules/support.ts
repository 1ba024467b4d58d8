import type { Rule, RuleCall, Thing } from "../model.ts";
import { flatten, text, type Value } from "../values.ts";

/** Tokens of the types that more than one rule names. */
export const types = {
  vpc: "aws:ec2/vpc:Vpc",
  subnet: "aws:ec2/subnet:Subnet",
  internetGateway: "aws:ec2/internetGateway:InternetGateway",
  natGateway: "aws:ec2/natGateway:NatGateway",
  eip: "aws:ec2/eip:Eip",
  securityGroup: "aws:ec2/securityGroup:SecurityGroup",
  ingress: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  egress: "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  launchTemplate: "aws:ec2/launchTemplate:LaunchTemplate",
  role: "aws:iam/role:Role",
  cluster: "aws:eks/cluster:Cluster",
  addon: "aws:eks/addon:Addon",
  nodeGroup: "aws:eks/nodeGroup:NodeGroup",
  accessEntry: "aws:eks/accessEntry:AccessEntry",
  autoscalingGroup: "aws:autoscaling/group:Group",
  bucket: "aws:s3/bucket:Bucket",
  bucketVersioning: "aws:s3/bucketVersioning:BucketVersioning",
  bucketReplication: "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
  database: "aws:rds/instance:Instance",
  replicationGroup: "aws:elasticache/replicationGroup:ReplicationGroup",
  loadBalancer: "aws:lb/loadBalancer:LoadBalancer",
  targetGroup: "aws:lb/targetGroup:TargetGroup",
  listener: "aws:lb/listener:Listener",
  listenerCertificate: "aws:lb/listenerCertificate:ListenerCertificate",
  listenerRule: "aws:lb/listenerRule:ListenerRule",
  certificate: "aws:acm/certificate:Certificate",
  record: "aws:route53/record:Record",
  healthCheck: "aws:route53/healthCheck:HealthCheck",
  zone: "aws:route53/zone:Zone",
  key: "aws:kms/key:Key",
} as const;

/** All things of the given types in the scope of a call, without the thing that the call is about. */
export function others(call: RuleCall, ...tokens: string[]): Thing[] {
  return call.cloud
    .all(...tokens)
    .filter((thing) => thing.scope === call.scope && thing !== call.thing);
}

/** The thing with that ARN, wherever it is. */
export function byArn(call: RuleCall, token: string, arn: string | undefined): Thing | undefined {
  return arn === undefined
    ? undefined
    : call.cloud.all(token).find((thing) => text(thing.state, "arn") === arn);
}

/** True when the value, or a text anywhere in it, is that text. */
export function mentions(value: Value | undefined, wanted: string): boolean {
  return value !== undefined && flatten(value).includes(wanted);
}

/** Parts of a rule that `inUse` and `mustExist` leave open. */
type Labels = Pick<Rule, "id" | "what" | "source" | "errorCode"> &
  Partial<Pick<Rule, "status" | "call" | "waits">>;

/** Refuses to delete a thing that others name in one of their inputs. */
export function inUse(
  labels: Labels & {
    readonly type: string;
    /** Type tokens and the input (dotted path) that may name the thing. */
    readonly by: readonly (readonly [token: string, path: string])[];
    /** What the others name it by. @default its id */
    readonly known?: (thing: Thing) => string;
    /** Things that do not count. */
    readonly except?: (user: Thing, thing: Thing) => boolean;
    readonly message: (thing: Thing, user: Thing) => string;
  },
): Rule {
  const { type, by, known, except, message, ...rest } = labels;
  return {
    ...rest,
    types: [type],
    on: ["delete"],
    check: (call) => {
      const { thing } = call;
      if (thing === undefined) {
        return undefined;
      }
      const name = known?.(thing) ?? thing.id;
      const user = call.cloud
        .all(...by.map(([token]) => token))
        .find(
          (candidate) =>
            candidate !== thing &&
            except?.(candidate, thing) !== true &&
            by.some(
              ([token, path]) => token === candidate.type && mentions(pick(candidate, path), name),
            ),
        );
      return user === undefined ? undefined : message(thing, user);
    },
  };
}

/** Refuses a call whose input names a thing that is not there. */
export function mustExist(
  labels: Labels & {
    readonly types: readonly string[];
    /** Inputs that name things, by id or by whatever `found` looks for. */
    readonly paths: readonly string[];
    readonly found: (call: RuleCall, name: string) => boolean;
    readonly message: (name: string, call: RuleCall) => string;
  },
): Rule {
  const { paths, found, message, ...rest } = labels;
  return {
    ...rest,
    on: ["create", "update"],
    check: (call) => {
      const names = paths.flatMap((path) => flatten(pickValue(call.inputs, path) ?? []));
      const missing = names.find((name) => name !== "" && !found(call, name));
      return missing === undefined ? undefined : message(missing, call);
    },
  };
}

function pick(thing: Thing, path: string): Value | undefined {
  return pickValue(thing.state, path);
}

function pickValue(value: Value, path: string): Value | undefined {
  return path === "*" ? value : flattenAt(value, path.split("."));
}

/** Like `at`, but a list on the way stands for each of its items. */
function flattenAt(value: Value | undefined, path: readonly string[]): Value | undefined {
  const [key, ...rest] = path;
  if (key === undefined || value === undefined) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => flattenAt(item, path) ?? []);
  }
  return typeof value === "object" && value !== null ? flattenAt(value[key], rest) : undefined;
}
