import { policy } from "../shared/iam.ts";

/** The events the handler acts on, as EventBridge patterns. */
export type TerminationEvent = "lifecycle" | "state-change" | "health";

/** States of an instance that the handler drains for (its pkg/monitor/sqsevent/ec2-state-change-event.go). */
const ENDING = ["stopping", "stopped", "shutting-down", "terminated"];

/**
 * Patterns by event. Lifecycle events are picked by group: an account may hold other clusters. The other two cannot be;
 * the handler leaves instances alone that do not carry its tag.
 */
export function eventPattern(event: TerminationEvent, groupNames: readonly string[]): string {
  switch (event) {
    case "lifecycle":
      return JSON.stringify({
        source: ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
        detail: { AutoScalingGroupName: groupNames },
      });
    case "state-change":
      return JSON.stringify({
        source: ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        detail: { state: ENDING },
      });
    case "health":
      return JSON.stringify({
        source: ["aws.health"],
        "detail-type": ["AWS Health Event"],
        detail: { service: ["EC2"], eventTypeCategory: ["scheduledChange"] },
      });
  }
}

/** Who may use the queue: these rules of EventBridge may write, and nobody may speak to it in plain text. */
export function queuePolicy(queueArn: string, ruleArns: readonly string[]): string {
  return policy(
    {
      Sid: "Events",
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: queueArn,
      Condition: { ArnEquals: { "aws:SourceArn": ruleArns } },
    },
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "sqs:*",
      Resource: queueArn,
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  );
}

/**
 * What the handler may do (aws-node-termination-handler README, "Create IAM role"; pkg/monitor/sqsevent): read its own
 * queue, answer for these groups. The calls that only describe know no narrower resource.
 */
export function handlerPolicy(queueArn: string, groupArns: readonly string[]): string {
  return policy(
    {
      Sid: "Queue",
      Effect: "Allow",
      Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
      Resource: queueArn,
    },
    {
      Sid: "Answer",
      Effect: "Allow",
      Action: ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
      Resource: groupArns,
    },
    {
      Sid: "Look",
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
        "autoscaling:DescribeTags",
        "ec2:DescribeInstances",
      ],
      Resource: "*",
    },
  );
}
