import type { ValueMap } from "../../../../rehearsal/cloud/values.ts";
import { makeBalancer, makeNetwork } from "../fixtures.ts";
import { output, type Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const group = (aws: Instance, more: ValueMap = {}) =>
  aws.create("aws:autoscaling/group:Group", "media", {
    name: "media",
    minSize: 1,
    maxSize: 3,
    ...more,
  });
const attachment = (aws: Instance, autoscalingGroupName: string, lbTargetGroupArn?: string) =>
  aws.create("aws:autoscaling/attachment:Attachment", "it", {
    autoscalingGroupName,
    ...(lbTargetGroupArn === undefined ? {} : { lbTargetGroupArn }),
  });
const hook = (aws: Instance, heartbeatTimeout: number) =>
  aws.create("aws:autoscaling/lifecycleHook:LifecycleHook", "drain", {
    autoscalingGroupName: "media",
    lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
    heartbeatTimeout,
  });
const key = (aws: Instance, more: ValueMap = {}) => aws.create("aws:kms/key:Key", "it", more);
const alias = (aws: Instance, name: string, targetKeyId: string) =>
  aws.create("aws:kms/alias:Alias", "it", { name, targetKeyId });
const replicaKey = (aws: Instance, primaryKeyArn: string) =>
  aws.create("aws:kms/replicaKey:ReplicaKey", "it", { primaryKeyArn });
const logs = (aws: Instance, retentionInDays: number) =>
  aws.create("aws:cloudwatch/logGroup:LogGroup", "it", { retentionInDays });
const rule = (aws: Instance) =>
  aws.create("aws:cloudwatch/eventRule:EventRule", "drain", { name: "drain" });
const target = (aws: Instance) =>
  aws.create("aws:cloudwatch/eventTarget:EventTarget", "drain", {
    rule: "drain",
    arn: "arn:aws:sqs:eu-west-3:123456789012:drain",
  });
const queuePolicy = (aws: Instance, queueUrl: string) =>
  aws.create("aws:sqs/queuePolicy:QueuePolicy", "it", { queueUrl, policy: "{}" });

export const operationsCases: RuleCases = {
  "group-sizes": {
    says: "Desired capacity:4 must be between the specified min size:1 and max size:3",
    broken: ({ eu }) => group(eu, { desiredCapacity: 4 }),
    fine: ({ eu }) => group(eu, { desiredCapacity: 3 }),
  },
  "group-template-exists": {
    says: "with template ID lt-none, does not exist",
    broken: ({ eu }) => group(eu, { launchTemplate: { id: "lt-none", version: "1" } }),
    fine: async ({ eu }) => {
      const template = await eu.create("aws:ec2/launchTemplate:LaunchTemplate", "media", {});
      return group(eu, { launchTemplate: { id: template.id, version: "1" } });
    },
  },
  "group-subnets-exist": {
    says: "The subnet ID 'subnet-none' does not exist",
    broken: ({ eu }) => group(eu, { vpcZoneIdentifiers: ["subnet-none"] }),
    fine: async ({ eu }) => group(eu, { vpcZoneIdentifiers: (await makeNetwork(eu)).subnetIds }),
  },
  "attachment-target-exists": {
    says: "Provided Target Groups may not be valid.",
    broken: async ({ eu }) => {
      await group(eu);
      return attachment(eu, "media", "arn:none");
    },
    fine: async ({ eu }) => {
      await group(eu);
      return attachment(eu, "media", (await makeBalancer(eu)).target.id);
    },
  },
  "attachment-group-exists": {
    says: "AutoScalingGroup 'media' not found",
    broken: ({ eu }) => attachment(eu, "media"),
    fine: async ({ eu }) => {
      await group(eu);
      return attachment(eu, "media");
    },
  },
  "hook-heartbeat": {
    says: "Heartbeat timeout must be between 30 and 7200 seconds, not 7201",
    broken: async ({ eu }) => {
      await group(eu);
      return hook(eu, 7201);
    },
    fine: async ({ eu }) => {
      await group(eu);
      return hook(eu, 7200);
    },
  },
  "key-deletion-window": {
    says: "PendingWindowInDays must be between 7 and 30 inclusive, not 6",
    broken: ({ eu }) => key(eu, { deletionWindowInDays: 6 }),
    fine: ({ eu }) => key(eu, { deletionWindowInDays: 7 }),
  },
  "key-policy-lockout": {
    says: "will not allow you to update the key policy in the future",
    broken: ({ eu }) => key(eu, { policy: '{"Statement":[{"Action":"kms:Decrypt"}]}' }),
    fine: ({ eu }) => key(eu, { policy: '{"Statement":[{"Action":"kms:*"}]}' }),
  },
  "key-alias-name": {
    says: "Alias must start with the prefix 'alias/'",
    broken: async ({ eu }) => alias(eu, "meet", (await key(eu)).id),
    fine: async ({ eu }) => alias(eu, "alias/meet", (await key(eu)).id),
  },
  "key-alias-target": {
    says: "Invalid keyId",
    broken: async ({ eu, us }) => alias(us, "alias/meet", (await key(eu)).id),
    fine: async ({ eu }) => alias(eu, "alias/meet", output(await key(eu), "arn")),
  },
  "replica-key-primary": {
    says: "is not a multi-Region primary key of another Region",
    broken: async ({ eu, us }) => replicaKey(us, output(await key(eu), "arn")),
    fine: async ({ eu, us }) => replicaKey(us, output(await key(eu, { multiRegion: true }), "arn")),
  },
  "log-retention": {
    says: "Value '42' at 'retentionInDays' failed to satisfy constraint",
    broken: ({ eu }) => logs(eu, 42),
    fine: ({ eu }) => logs(eu, 30),
  },
  "event-rule-exists": {
    says: "Rule drain does not exist on EventBus default.",
    broken: ({ eu }) => target(eu),
    fine: async ({ eu }) => {
      await rule(eu);
      return target(eu);
    },
  },
  "event-rule-has-targets": {
    says: "Rule can't be deleted since it has targets.",
    broken: async ({ eu }) => {
      const made = await rule(eu);
      await target(eu);
      return eu.remove(made);
    },
    fine: async ({ eu }) => {
      const made = await rule(eu);
      await eu.remove(await target(eu));
      await eu.remove(made);
    },
  },
  "queue-exists": {
    says: "The specified queue does not exist.",
    broken: ({ eu }) => queuePolicy(eu, "https://sqs.example/nothing"),
    fine: async ({ eu }) => queuePolicy(eu, (await eu.create("aws:sqs/queue:Queue", "it", {})).id),
  },
};
