import type { Rule } from "../model.ts";
import { number, text } from "../values.ts";
import { mustExist, types } from "./support.ts";

const api = (name: string) =>
  `https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_${name}.html`;

/** Auto Scaling. */
export const autoscalingRules: readonly Rule[] = [
  {
    id: "group-sizes",
    what: "A group's minimum, desired and maximum size are in this order.",
    source: api("CreateAutoScalingGroup"),
    errorCode: "ValidationError",
    types: [types.autoscalingGroup],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const [least, most] = [number(inputs, "minSize") ?? 0, number(inputs, "maxSize") ?? 0];
      const desired = number(inputs, "desiredCapacity") ?? least;
      if (least > most) {
        return `Max bound, ${most}, must be greater than or equal to min bound, ${least}`;
      }
      return desired < least || desired > most
        ? `Desired capacity:${desired} must be between the specified min size:${least} and max size:${most}`
        : undefined;
    },
  },
  mustExist({
    id: "group-template-exists",
    what: "A group's launch template exists in its region.",
    source: api("CreateAutoScalingGroup"),
    errorCode: "ValidationError",
    types: [types.autoscalingGroup, types.nodeGroup],
    paths: ["launchTemplate.id"],
    found: ({ cloud, scope }, id) => cloud.find(types.launchTemplate, id, scope) !== undefined,
    message: (id) =>
      `You must use a valid fully-formed launch template. The specified launch template, with template ID ${id}, does not exist.`,
  }),
  mustExist({
    id: "group-subnets-exist",
    what: "A group's subnets exist in its region.",
    source: api("CreateAutoScalingGroup"),
    errorCode: "ValidationError",
    types: [types.autoscalingGroup, types.nodeGroup],
    paths: ["vpcZoneIdentifiers", "subnetIds"],
    found: ({ cloud, scope }, id) => cloud.find(types.subnet, id, scope) !== undefined,
    message: (id) => `The subnet ID '${id}' does not exist`,
  }),
  mustExist({
    id: "attachment-target-exists",
    what: "A group is attached to a target group that exists.",
    source: api("AttachTrafficSources"),
    errorCode: "ValidationError",
    types: [types.autoscalingGroup, "aws:autoscaling/attachment:Attachment"],
    paths: ["lbTargetGroupArn", "targetGroupArns"],
    found: ({ cloud, scope }, arn) => cloud.find(types.targetGroup, arn, scope) !== undefined,
    message: (arn) =>
      `Provided Target Groups may not be valid. Please ensure they exist and try again. ${arn}`,
  }),
  mustExist({
    id: "attachment-group-exists",
    what: "Policies, hooks and attachments belong to a group that exists.",
    source: api("PutScalingPolicy"),
    errorCode: "ValidationError",
    types: [
      "aws:autoscaling/attachment:Attachment",
      "aws:autoscaling/policy:Policy",
      "aws:autoscaling/lifecycleHook:LifecycleHook",
    ],
    paths: ["autoscalingGroupName"],
    found: ({ cloud, scope }, name) =>
      cloud.find(types.autoscalingGroup, name, scope) !== undefined ||
      cloud
        .all(types.nodeGroup)
        .some(
          (group) =>
            group.scope === scope &&
            text(group.state, "resources.0.autoscalingGroups.0.name") === name,
        ),
    message: (name) => `AutoScalingGroup name not found - AutoScalingGroup '${name}' not found`,
  }),
  {
    id: "hook-heartbeat",
    what: "A lifecycle hook waits 30 to 7200 seconds for a heartbeat.",
    source: api("PutLifecycleHook"),
    errorCode: "ValidationError",
    types: ["aws:autoscaling/lifecycleHook:LifecycleHook"],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const seconds = number(inputs, "heartbeatTimeout") ?? 3600;
      return seconds >= 30 && seconds <= 7200
        ? undefined
        : `Heartbeat timeout must be between 30 and 7200 seconds, not ${seconds}`;
    },
  },
];
