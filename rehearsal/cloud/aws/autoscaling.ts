import { number } from "../values.ts";
import { aws, byInput, fixed, input } from "./define.ts";

const api = (noun: string) => ["Auto Scaling", noun] as const;

/** Auto Scaling types. */
export const autoscalingTypes = [
  aws("autoscaling/group:Group", "Auto Scaling Group", api("AutoScalingGroup"), {
    replaceOn: ["name", "namePrefix"],
    id: byInput("name"),
    computed: {
      arn: (c) =>
        c.arn(
          "autoscaling",
          `autoScalingGroup:${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}:autoScalingGroupName/${input(c, "name")}`,
        ),
      desiredCapacity: (c) => number(c.inputs, "minSize") ?? 0,
      availabilityZones: fixed([]),
      defaultCooldown: fixed(300),
      healthCheckType: fixed("EC2"),
      healthCheckGracePeriod: fixed(300),
      loadBalancers: fixed([]),
      targetGroupArns: fixed([]),
      trafficSources: fixed([]),
      serviceLinkedRoleArn: (c) =>
        `arn:aws:iam::${c.accountId}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
      predictedCapacity: fixed(0),
      warmPoolSize: fixed(0),
    },
    autoname: { key: "name" },
    unique: {
      key: byInput("name"),
      errorCode: "AlreadyExists",
      status: 400,
      message: (key) =>
        `AutoScalingGroup by this name already exists - A group with the name ${key} already exists`,
    },
  }),
  aws("autoscaling/policy:Policy", "Auto Scaling Policy", api("ScalingPolicy"), {
    replaceOn: ["name", "autoscalingGroupName"],
    id: byInput("name"),
    computed: {
      arn: (c) =>
        c.arn(
          "autoscaling",
          `scalingPolicy:${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}:autoScalingGroupName/${input(c, "autoscalingGroupName")}:policyName/${input(c, "name")}`,
        ),
      policyType: fixed("SimpleScaling"),
      metricAggregationType: fixed(""),
    },
    autoname: { key: "name" },
  }),
  aws("autoscaling/attachment:Attachment", "Auto Scaling Attachment", api("TrafficSources"), {
    replaceOn: ["*"],
    id: (c) => `${input(c, "autoscalingGroupName")}-${c.hex(26)}`,
  }),
  aws(
    "autoscaling/lifecycleHook:LifecycleHook",
    "Auto Scaling Lifecycle Hook",
    api("LifecycleHook"),
    {
      replaceOn: ["name", "autoscalingGroupName"],
      id: (c) => input(c, "name"),
      computed: { defaultResult: fixed("ABANDON") },
      autoname: { key: "name" },
    },
  ),
];
