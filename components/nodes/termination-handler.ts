import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Faults } from "../shared/faults.ts";
import { podIdentityTrust } from "../shared/iam.ts";
import { labels } from "../shared/kubernetes.ts";
import { named, type Tags } from "../shared/tags.ts";
import { drainFaults, MAX_WAIT_SECONDS } from "./drain.ts";
import {
  eventPattern,
  handlerPolicy,
  queuePolicy,
  type TerminationEvent,
} from "./termination-events.ts";
import {
  HANDLER_NAME,
  HANDLER_RULES,
  HANDLER_SELECTOR,
  handlerPodSpec,
  type HandlerPod,
} from "./termination-handler-pod.ts";

/** Part of every URN beneath it: never change without an alias. */
export const TERMINATION_HANDLER_TYPE = "meet:compute:TerminationHandler";

/** Arguments of TerminationHandler. */
export interface TerminationHandlerArgs {
  readonly clusterName: pulumi.Input<string>;
  readonly awsRegion: string;
  /** `media`: see names.ts. */
  readonly namespace: pulumi.Input<string>;
  /** Exact image tag, such as `v1.25.3`; heartbeats came with v1.25. */
  readonly version: string;
  /** Of its IAM role. */
  readonly roleName: string;
  /** The groups whose instances it drains, from NodePool. */
  readonly groups: readonly {
    readonly name: pulumi.Input<string>;
    readonly arn: pulumi.Input<string>;
    /** Most nodes the group can have: all of them may be drained at once. */
    readonly max: number;
  }[];
  /** The longest grace period of a pod on these groups' nodes. */
  readonly drainSeconds: number;
  readonly tags: Tags;
}

/**
 * Empties a node before it ends: the AWS Node Termination Handler, in the mode that reads a queue. When a group wants to
 * end an instance, the group's hook holds it, EventBridge puts that into the queue, the handler evicts the node's pods
 * and sends heartbeats for as long as they take, then lets the instance go. Makes the queue with its policy, three rules,
 * a role by Pod Identity, and in the cluster a Deployment of one pod with what it needs. A second pod would drain
 * everything twice; when this one is lost, the message it worked on comes back to its successor, as it is deleted only
 * afterwards. Cost: none to speak of.
 */
export class TerminationHandler extends pulumi.ComponentResource {
  readonly queueUrl: pulumi.Output<string>;
  readonly queueArn: pulumi.Output<string>;

  constructor(name: string, args: TerminationHandlerArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TERMINATION_HANDLER_TYPE, name, {}, opts);
    validate(this, name, args);
    const queue = new aws.sqs.Queue(
      name,
      {
        sqsManagedSseEnabled: true,
        // As long as an instance can wait: a handler that comes back finds what its predecessor had begun.
        messageRetentionSeconds: MAX_WAIT_SECONDS,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    this.events(name, args, queue);
    const association = this.identity(name, args, queue);
    const rights = this.rights(name, args);
    this.deployment(name, args, queue, [association, ...rights]);

    this.queueUrl = queue.url;
    this.queueArn = queue.arn;
    this.registerOutputs({ queueUrl: this.queueUrl, queueArn: this.queueArn });
  }

  private events(name: string, args: TerminationHandlerArgs, queue: aws.sqs.Queue): void {
    const child = { parent: this };
    const groupNames = pulumi.all(args.groups.map((group) => group.name));
    const rules = EVENTS.map((event) => {
      const logicalName = `${name}-${event}`;
      const rule = new aws.cloudwatch.EventRule(
        logicalName,
        {
          description: `Nodes that end: ${event}`,
          eventPattern: groupNames.apply((known) => eventPattern(event, known)),
          tags: named(args.tags, logicalName),
        },
        child,
      );
      new aws.cloudwatch.EventTarget(logicalName, { rule: rule.name, arn: queue.arn }, child);
      return rule;
    });
    new aws.sqs.QueuePolicy(
      name,
      {
        queueUrl: queue.url,
        policy: pulumi
          .all([queue.arn, pulumi.all(rules.map((rule) => rule.arn))])
          .apply(([queueArn, ruleArns]) => queuePolicy(queueArn, ruleArns)),
      },
      child,
    );
  }

  private identity(
    name: string,
    args: TerminationHandlerArgs,
    queue: aws.sqs.Queue,
  ): pulumi.Resource {
    const child = { parent: this };
    const role = new aws.iam.Role(
      name,
      {
        name: args.roleName,
        description: "Node termination handler: its queue, and the hooks of the node pools",
        assumeRolePolicy: podIdentityTrust(),
        tags: named(args.tags, name),
      },
      child,
    );
    new aws.iam.RolePolicy(
      name,
      {
        role: role.name,
        policy: pulumi
          .all([queue.arn, pulumi.all(args.groups.map((group) => group.arn))])
          .apply(([queueArn, groupArns]) => handlerPolicy(queueArn, groupArns)),
      },
      child,
    );
    return new aws.eks.PodIdentityAssociation(
      name,
      {
        clusterName: args.clusterName,
        namespace: args.namespace,
        serviceAccount: HANDLER_NAME,
        roleArn: role.arn,
        tags: named(args.tags, name),
      },
      child,
    );
  }

  private rights(name: string, args: TerminationHandlerArgs): pulumi.Resource[] {
    const child = { parent: this };
    const metadata = { name: HANDLER_NAME, labels: labels(HANDLER_NAME) };
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata: { ...metadata, namespace: args.namespace } },
      child,
    );
    const role = new k8s.rbac.v1.ClusterRole(name, { metadata, rules: HANDLER_RULES }, child);
    const binding = new k8s.rbac.v1.ClusterRoleBinding(
      name,
      {
        metadata,
        roleRef: {
          apiGroup: "rbac.authorization.k8s.io",
          kind: "ClusterRole",
          name: role.metadata.name,
        },
        subjects: [
          { kind: "ServiceAccount", name: account.metadata.name, namespace: args.namespace },
        ],
      },
      child,
    );
    return [binding];
  }

  private deployment(
    name: string,
    args: TerminationHandlerArgs,
    queue: aws.sqs.Queue,
    dependsOn: pulumi.Resource[],
  ): void {
    const pod: HandlerPod = {
      version: args.version,
      awsRegion: args.awsRegion,
      queueUrl: queue.url,
      drainSeconds: args.drainSeconds,
      workers: args.groups.reduce((sum, { max }) => sum + max, 0),
    };
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata: {
          name: HANDLER_NAME,
          namespace: args.namespace,
          labels: labels(HANDLER_NAME),
        },
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: HANDLER_SELECTOR },
          template: { metadata: { labels: labels(HANDLER_NAME) }, spec: handlerPodSpec(pod) },
        },
      },
      // A pod gets its AWS credentials when it is admitted: one that is older than its association never does.
      { parent: this, dependsOn },
    );
  }
}

const EVENTS: readonly TerminationEvent[] = ["lifecycle", "state-change", "health"];

function validate(resource: pulumi.Resource, name: string, args: TerminationHandlerArgs): void {
  const faults = new Faults(TERMINATION_HANDLER_TYPE, name);
  const [, minor] = /^v1\.(\d+)\.\d+(@sha256:[0-9a-f]{64})?$/.exec(args.version) ?? [];
  faults.when(
    minor === undefined || Number(minor) < 25,
    `version "${args.version}" sends no heartbeats, so a drain would end after half an hour. Use v1.25.0 or later.`,
  );
  faults.when(args.groups.length === 0, "there is no group to look after. Leave it out.");
  for (const sentence of drainFaults(args.drainSeconds)) {
    faults.when(true, sentence);
  }
  faults.throwIfAny(resource);
}
