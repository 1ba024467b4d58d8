import type { Rule } from "../model.ts";
import { flag, number, text } from "../values.ts";
import { byArn, inUse, mustExist, types } from "./support.ts";

const replicaKey = "aws:kms/replicaKey:ReplicaKey";
const eventRule = "aws:cloudwatch/eventRule:EventRule";
const eventTarget = "aws:cloudwatch/eventTarget:EventTarget";
/** Days that a log group may keep (PutRetentionPolicy). */
const retentions = [
  0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
  3288, 3653,
];

/** KMS, CloudWatch, EventBridge and SQS. */
export const kmsEventRules: readonly Rule[] = [
  {
    id: "key-deletion-window",
    what: "A key waits 7 to 30 days before it is deleted.",
    source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
    errorCode: "ValidationException",
    types: [types.key, replicaKey],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const days = number(inputs, "deletionWindowInDays") ?? 30;
      return days >= 7 && days <= 30
        ? undefined
        : `PendingWindowInDays must be between 7 and 30 inclusive, not ${days}`;
    },
  },
  {
    id: "key-policy-lockout",
    what: "A key's policy lets its account go on changing it.",
    source: "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
    errorCode: "MalformedPolicyDocumentException",
    types: [types.key, replicaKey],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const policy = text(inputs, "policy");
      return policy === undefined ||
        flag(inputs, "bypassPolicyLockoutSafetyCheck") ||
        /"kms:(\*|PutKeyPolicy|Put\*)"/.test(policy)
        ? undefined
        : "The new key policy will not allow you to update the key policy in the future.";
    },
  },
  {
    id: "key-alias-name",
    what: "An alias begins with alias/, and not with alias/aws/.",
    source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
    errorCode: "InvalidAliasNameException",
    types: ["aws:kms/alias:Alias"],
    on: ["create"],
    check: ({ inputs }) =>
      /^alias\/(?!aws\/)[a-zA-Z0-9/_-]+$/.test(text(inputs, "name") ?? "")
        ? undefined
        : "Alias must start with the prefix 'alias/'. Please see the documentation for the allowed characters.",
  },
  mustExist({
    id: "key-alias-target",
    what: "An alias belongs to a key that exists in its region.",
    source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
    errorCode: "NotFoundException",
    types: ["aws:kms/alias:Alias"],
    paths: ["targetKeyId"],
    found: ({ cloud, scope }, id) =>
      cloud
        .all(types.key, replicaKey)
        .some((key) => key.scope === scope && (key.id === id || text(key.state, "arn") === id)),
    message: (id) => `Invalid keyId ${id}`,
  }),
  {
    id: "replica-key-primary",
    what: "A replica key is made in another region, of a multi-Region key that exists.",
    source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html",
    errorCode: "UnsupportedOperationException",
    types: [replicaKey],
    on: ["create"],
    check: (call) => {
      const arn = text(call.inputs, "primaryKeyArn");
      const primary = byArn(call, types.key, arn);
      return primary !== undefined &&
        flag(primary.state, "multiRegion") &&
        primary.scope !== call.scope
        ? undefined
        : `${arn ?? ""} is not a multi-Region primary key of another Region`;
    },
  },
  {
    id: "log-retention",
    what: "A log group keeps its events for one of the documented numbers of days.",
    source:
      "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
    errorCode: "InvalidParameterException",
    call: "CloudWatch Logs: PutRetentionPolicy",
    types: ["aws:cloudwatch/logGroup:LogGroup"],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const days = number(inputs, "retentionInDays") ?? 0;
      return retentions.includes(days)
        ? undefined
        : `Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set`;
    },
  },
  mustExist({
    id: "event-rule-exists",
    what: "A target belongs to an event rule that exists.",
    source: "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html",
    errorCode: "ResourceNotFoundException",
    types: [eventTarget],
    paths: ["rule"],
    found: ({ cloud, scope }, name) => cloud.find(eventRule, name, scope) !== undefined,
    message: (name) => `Rule ${name} does not exist on EventBus default.`,
  }),
  inUse({
    id: "event-rule-has-targets",
    what: "An event rule is not deleted while it has targets.",
    source: "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html",
    errorCode: "ValidationException",
    type: eventRule,
    by: [[eventTarget, "rule"]],
    except: (user, rule) => user.scope !== rule.scope,
    message: () => "Rule can't be deleted since it has targets.",
  }),
  mustExist({
    id: "queue-exists",
    what: "A queue policy belongs to a queue that exists.",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
    errorCode: "AWS.SimpleQueueService.NonExistentQueue",
    types: ["aws:sqs/queuePolicy:QueuePolicy"],
    paths: ["queueUrl"],
    found: ({ cloud, scope }, url) => cloud.find("aws:sqs/queue:Queue", url, scope) !== undefined,
    message: () => "The specified queue does not exist.",
  }),
];
