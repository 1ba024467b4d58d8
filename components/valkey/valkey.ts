import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Faults } from "../shared/faults.ts";
import { protectionTags, type Protection } from "../shared/protection.ts";
import { named, type Tags } from "../shared/tags.ts";

/** Part of every URN beneath it: never change without an alias. */
export const VALKEY_TYPE = "meet:data:Valkey";

/** Which make of the password is in use. */
export interface TokenMake {
  readonly generation: number;
  /** While clients change over: the server takes the make before as well. */
  readonly keepPrevious: boolean;
}

export interface ValkeyArgs {
  /** What it holds, for the console; at most a sentence. */
  readonly description: string;
  readonly nodeType: string;
  /** Primary and replicas, 2 to 6. Plain: it decides how the group is built. @default 2 */
  readonly nodes?: number;
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, at least two, in different zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** The security groups that may connect; a rule is named by its place in the list, so add at the end. */
  readonly clientSecurityGroupIds: readonly pulumi.Input<string>[];
  /** Days that daily snapshots are kept; 0 makes none. @default 1 */
  readonly snapshotRetentionDays?: number;
  /** @default the first, alone */
  readonly token?: TokenMake;
  readonly protection: Protection;
  readonly tags: Tags;
}

/** ElastiCache's default port. */
export const VALKEY_PORT = 6379;

/** A primary and at most five replicas per shard (Amazon ElastiCache quotas). */
const MAX_NODES = 6;

/**
 * A Valkey of one primary and its replicas in different zones, with TLS and a password. One for Meet, one for each
 * LiveKit cluster, never shared: LiveKit's and Celery's keys have no prefix.
 * Creates auth token, subnet group, security group with a rule per client, parameter group, final snapshot name and
 * replication group.
 *
 * The password is made anew in two updates, both in place: the first adds the new one, and clients get it once the
 * server takes it; the second drops the old one (ElastiCache user guide, auth).
 *
 * Cluster mode stays off: LiveKit and Celery use commands over several keys (livekit/livekit issue 3654,
 * celery/celery issue 2852). A failover loses what had not been replicated. Cost driver: node type times nodes.
 */
export class Valkey extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** Secret. */
  readonly authToken: pulumi.Output<string>;
  /** `rediss://:<token>@<host>:<port>`, without a database number; secret. */
  readonly url: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;

  constructor(name: string, args: ValkeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super(VALKEY_TYPE, name, {}, opts);
    validate(this, name, args);
    const child = { parent: this };
    const tags = { ...args.tags, ...protectionTags(args.protection) };
    const make = args.token ?? FIRST;
    const token = createToken(this, name, make.generation);
    if (make.keepPrevious) {
      createToken(this, name, make.generation - 1);
    }
    const subnetGroup = new aws.elasticache.SubnetGroup(
      name,
      { subnetIds: [...args.subnetIds], tags: named(tags, name) },
      child,
    );
    const securityGroup = createSecurityGroup(this, name, args, tags);
    const parameterGroup = new aws.elasticache.ParameterGroup(
      name,
      {
        family: "valkey8",
        description: "Refuses writes when full instead of dropping claims, queues and sessions",
        // The default, volatile-lru, silently evicts whatever has an expiry: room claims and Celery's results.
        parameters: [{ name: "maxmemory-policy", value: "noeviction" }],
        tags: named(tags, name),
      },
      child,
    );
    const snapshot = new random.RandomId(`${name}-final-snapshot`, { byteLength: 4 }, child);
    const group = new aws.elasticache.ReplicationGroup(
      name,
      {
        ...groupArgs(args),
        authToken: token.result,
        ...tokenStrategy(make),
        subnetGroupName: subnetGroup.name,
        securityGroupIds: [securityGroup.id],
        parameterGroupName: parameterGroup.name,
        finalSnapshotIdentifier: pulumi.interpolate`${name}-final-${snapshot.hex}`,
        tags: named(tags, name),
      },
      { ...child, protect: args.protection.enabled },
    );
    this.host = group.primaryEndpointAddress;
    this.port = pulumi.output(VALKEY_PORT);
    // Only once the server takes it: a client that is given it before would be turned away.
    this.authToken = pulumi.secret(pulumi.all([token.result, group.id]).apply(([made]) => made));
    this.url = pulumi.secret(
      pulumi
        .all([group.primaryEndpointAddress, this.authToken])
        .apply(
          ([host, secret]) => `rediss://:${encodeURIComponent(secret)}@${host}:${VALKEY_PORT}`,
        ),
    );
    this.securityGroupId = securityGroup.id;
    this.registerOutputs({
      host: this.host,
      port: this.port,
      authToken: this.authToken,
      url: this.url,
      securityGroupId: this.securityGroupId,
    });
  }
}

/** The inputs that depend on the arguments alone. */
export function groupArgs(
  args: Pick<ValkeyArgs, "description" | "nodeType" | "nodes" | "snapshotRetentionDays">,
): aws.elasticache.ReplicationGroupArgs {
  return {
    description: args.description,
    engine: "valkey",
    engineVersion: "8.0",
    nodeType: args.nodeType,
    numCacheClusters: args.nodes ?? 2,
    multiAzEnabled: true,
    automaticFailoverEnabled: true,
    clusterMode: "disabled",
    port: VALKEY_PORT,
    transitEncryptionEnabled: true,
    transitEncryptionMode: "required",
    atRestEncryptionEnabled: true,
    autoMinorVersionUpgrade: true,
    // What `up` reports as done is done, not on Sunday.
    applyImmediately: true,
    snapshotRetentionLimit: args.snapshotRetentionDays ?? 1,
    snapshotWindow: "01:00-02:00",
    maintenanceWindow: "sun:03:30-sun:04:30",
  };
}

/** The password of a fleet that has never made it anew. */
const FIRST: TokenMake = { generation: 1, keepPrevious: false };

function createToken(
  parent: pulumi.Resource,
  name: string,
  generation: number,
): random.RandomPassword {
  return new random.RandomPassword(
    generation === 1 ? `${name}-auth-token` : `${name}-auth-token-${generation}`,
    // Letters and digits alone: of the special characters ElastiCache allows only !&#$^<>-, and most of them need
    // escaping in a URL. 64 of 62 are 381 bits.
    { length: 64, special: false },
    { parent },
  );
}

/**
 * How the group gets to its token. SET is allowed only after ROTATE (ModifyReplicationGroup API), so a group that has
 * its first token says nothing.
 */
export function tokenStrategy({ generation, keepPrevious }: TokenMake): {
  authTokenUpdateStrategy?: "ROTATE" | "SET";
} {
  if (keepPrevious) {
    return { authTokenUpdateStrategy: "ROTATE" };
  }
  return generation > 1 ? { authTokenUpdateStrategy: "SET" } : {};
}

function createSecurityGroup(
  parent: pulumi.Resource,
  name: string,
  args: ValkeyArgs,
  tags: Tags,
): aws.ec2.SecurityGroup {
  const group = new aws.ec2.SecurityGroup(
    name,
    { vpcId: args.vpcId, description: args.description, tags: named(tags, name) },
    { parent },
  );
  args.clientSecurityGroupIds.forEach((clientId, index) => {
    const rule = `${name}-from-client-${index + 1}`;
    new aws.vpc.SecurityGroupIngressRule(
      rule,
      {
        securityGroupId: group.id,
        referencedSecurityGroupId: clientId,
        ipProtocol: "tcp",
        fromPort: VALKEY_PORT,
        toPort: VALKEY_PORT,
        description: "Valkey from its clients",
        tags: named(tags, rule),
      },
      { parent },
    );
  });
  return group;
}

function validate(resource: pulumi.Resource, name: string, args: ValkeyArgs): void {
  const { nodes = 2, snapshotRetentionDays = 1, token = FIRST } = args;
  const faults = new Faults("Valkey", name);
  faults.when(nodes < 2, `nodes is ${nodes}, which leaves nothing to fail over to. Use 2 or more.`);
  faults.when(
    nodes > MAX_NODES || !Number.isInteger(nodes),
    `nodes is ${nodes}, ElastiCache allows a primary and five replicas. Use a whole number from 2 to ${MAX_NODES}.`,
  );
  faults.when(
    !Number.isInteger(token.generation) || token.generation < 1,
    `token generation ${token.generation} is no whole number from 1. Raise it by one to rotate.`,
  );
  faults.when(
    token.keepPrevious && token.generation === 1,
    "token keeps a previous make but is of generation 1. Raise the generation or drop keepPrevious.",
  );
  faults.when(
    args.subnetIds.length < 2,
    `${args.subnetIds.length} subnets, Multi-AZ needs two in different zones. Pass at least two private subnets.`,
  );
  faults.when(
    args.clientSecurityGroupIds.length === 0,
    "nobody may connect. Pass the security group of at least one client.",
  );
  faults.when(
    !args.nodeType.startsWith("cache."),
    `nodeType "${args.nodeType}" is no ElastiCache node type. Use one that starts with "cache.", for example "cache.t4g.small".`,
  );
  faults.when(
    !Number.isInteger(snapshotRetentionDays) ||
      snapshotRetentionDays < 0 ||
      snapshotRetentionDays > 35,
    `snapshotRetentionDays ${snapshotRetentionDays} is not between 0 and 35. Use 0 to make no snapshots.`,
  );
  faults.when(
    !/^[ -~]{1,255}$/.test(args.description),
    `description of ${args.description.length} characters is not 1 to 255 plain ones. Say in a few words what it holds.`,
  );
  faults.throwIfAny(resource);
}
