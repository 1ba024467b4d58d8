import type { Making } from "../model.ts";
import { aws, byInput, fixed, input } from "./define.ts";

const url = (c: Making) =>
  `https://sqs.${c.region}.amazonaws.com/${c.accountId}/${input(c, "name")}`;

/** SQS and EventBridge types. */
export const sqsEventTypes = [
  aws("sqs/queue:Queue", "SQS Queue", ["SQS", "Queue"], {
    replaceOn: ["name", "namePrefix", "fifoQueue"],
    id: url,
    computed: {
      arn: (c) => c.arn("sqs", input(c, "name")),
      url: (c) => c.id,
      policy: fixed(""),
      kmsDataKeyReusePeriodSeconds: fixed(300),
      sqsManagedSseEnabled: fixed(true),
      visibilityTimeoutSeconds: fixed(30),
      messageRetentionSeconds: fixed(345_600),
      maxMessageSize: fixed(262_144),
    },
    autoname: { key: "name", maxLength: 80 },
    unique: {
      key: byInput("name"),
      errorCode: "QueueAlreadyExists",
      status: 400,
      message: (key) => `A queue already exists with the same name and a different value: ${key}`,
    },
    hasTags: true,
  }),
  aws("sqs/queuePolicy:QueuePolicy", "SQS Queue Policy", ["SQS", "QueueAttributes"], {
    replaceOn: ["queueUrl"],
    id: byInput("queueUrl"),
  }),
  aws("cloudwatch/eventRule:EventRule", "EventBridge Rule", ["EventBridge", "Rule"], {
    replaceOn: ["name", "namePrefix", "eventBusName"],
    id: byInput("name"),
    computed: {
      arn: (c) => c.arn("events", `rule/${input(c, "name")}`),
      eventBusName: fixed("default"),
      state: fixed("ENABLED"),
    },
    autoname: { key: "name", maxLength: 64 },
    hasTags: true,
  }),
  aws("cloudwatch/eventTarget:EventTarget", "EventBridge Target", ["EventBridge", "Targets"], {
    replaceOn: ["rule", "eventBusName", "targetId"],
    id: (c) => `${input(c, "rule")}-${input(c, "targetId")}`,
    computed: { eventBusName: fixed("default") },
    autoname: { key: "targetId", maxLength: 64 },
  }),
];
