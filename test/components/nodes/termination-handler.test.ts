import { describe, expect, it } from "vitest";
import { eventPattern } from "../../../components/nodes/termination-events.ts";
import { handlerSettings } from "../../../components/nodes/termination-handler-pod.ts";
import {
  TerminationHandler,
  type TerminationHandlerArgs,
} from "../../../components/nodes/termination-handler.ts";
import { record } from "../../support/record.ts";

const ARGS: TerminationHandlerArgs = {
  clusterName: "meet-eu",
  awsRegion: "eu-west-3",
  namespace: "media",
  version: "v1.25.3",
  roleName: "meet-eu-termination-handler",
  groups: [
    { name: "media-1", arn: "arn:group/media-1", max: 6 },
    { name: "egress-1", arn: "arn:group/egress-1", max: 3 },
  ],
  drainSeconds: 18_000,
  tags: { "meet:stack": "eu" },
};

const made = (changes: Partial<TerminationHandlerArgs> = {}) =>
  record(() => new TerminationHandler("drain", { ...ARGS, ...changes }));

const json = (value: unknown): unknown => JSON.parse(String(value));

describe("the termination handler", () => {
  it("has exactly these parts", async () => {
    const recording = await made();
    expect(recording.all.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort())
      .toMatchInlineSnapshot(`
      [
        "ClusterRole drain",
        "ClusterRoleBinding drain",
        "Deployment drain",
        "EventRule drain-health",
        "EventRule drain-lifecycle",
        "EventRule drain-state-change",
        "EventTarget drain-health",
        "EventTarget drain-lifecycle",
        "EventTarget drain-state-change",
        "PodIdentityAssociation drain",
        "Queue drain",
        "QueuePolicy drain",
        "Role drain",
        "RolePolicy drain",
        "ServiceAccount drain",
        "TerminationHandler drain",
      ]
    `);
  });

  it("keeps messages encrypted, as long as an instance can wait", async () => {
    expect((await made()).one("aws:sqs/queue:Queue").inputs).toMatchObject({
      sqsManagedSseEnabled: true,
      messageRetentionSeconds: 172_800,
    });
  });

  it("lets only its own rules write to the queue, and nobody in plain text", async () => {
    const recording = await made();
    const rules = recording.ofType("aws:cloudwatch/eventRule:EventRule");
    expect(json(recording.one("aws:sqs/queuePolicy:QueuePolicy").inputs["policy"])).toMatchObject({
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: "sqs:SendMessage",
          Condition: {
            ArnEquals: {
              "aws:SourceArn": rules.map(({ name }) => expect.stringContaining(name) as string),
            },
          },
        },
        { Effect: "Deny", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
      ],
    });
  });

  it("hears of its own groups' instances that end, and of instances that stop or are to be serviced", async () => {
    const recording = await made();
    const patterns = recording
      .ofType("aws:cloudwatch/eventRule:EventRule")
      .map(({ inputs }) => json(inputs["eventPattern"]));
    expect(patterns).toEqual([
      {
        source: ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
        detail: { AutoScalingGroupName: ["media-1", "egress-1"] },
      },
      {
        source: ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        detail: { state: ["stopping", "stopped", "shutting-down", "terminated"] },
      },
      {
        source: ["aws.health"],
        "detail-type": ["AWS Health Event"],
        detail: { service: ["EC2"], eventTypeCategory: ["scheduledChange"] },
      },
    ]);
    expect(patterns[0]).toEqual(json(eventPattern("lifecycle", ["media-1", "egress-1"])));
    expect(recording.ofType("aws:cloudwatch/eventTarget:EventTarget")).toHaveLength(3);
  });

  it("may read its queue and answer for its groups, and else only look", async () => {
    const recording = await made();
    expect(json(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])).toMatchObject({
      Statement: [
        { Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage"] },
        {
          Action: [
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
          ],
          Resource: ["arn:group/media-1", "arn:group/egress-1"],
        },
        {
          Action: [
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:DescribeLifecycleHooks",
            "autoscaling:DescribeTags",
            "ec2:DescribeInstances",
          ],
          Resource: "*",
        },
      ],
    });
    const [trust] = [recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"]];
    expect(json(trust)).toMatchObject({
      Statement: [{ Principal: { Service: "pods.eks.amazonaws.com" } }],
    });
  });

  it("starts its pod after the association that gives it credentials, and after its rights", async () => {
    const recording = await made();
    const association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation");
    expect(association.inputs).toMatchObject({
      namespace: "media",
      serviceAccount: "aws-node-termination-handler",
    });
    const deployment = recording.one("kubernetes:apps/v1:Deployment");
    expect(deployment.dependsOn).toContain(association.urn);
    expect(deployment.dependsOn).toContain(
      recording.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding").urn,
    );
  });

  it("runs once, on a system node, as nobody in particular", async () => {
    const { inputs } = (await made()).one("kubernetes:apps/v1:Deployment");
    expect(inputs["spec"]).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
      template: {
        spec: {
          serviceAccountName: "aws-node-termination-handler",
          nodeSelector: { "meet/role": "system" },
          securityContext: { runAsNonRoot: true, runAsUser: 1000 },
          containers: [
            {
              image: "public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.25.3",
              securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
            },
          ],
        },
      },
    });
  });

  it("may drain and no more", async () => {
    const role = (await made()).one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole");
    expect(role.inputs["rules"]).toEqual([
      { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "patch", "update"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
      { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
      { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["get"] },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
    ]);
  });

  it("waits as long as the longest room, with heartbeats, for all nodes at once", () => {
    const settings = handlerSettings({
      version: "v1.25.3",
      awsRegion: "eu-west-3",
      queueUrl: "https://sqs/queue",
      drainSeconds: 18_000,
      workers: 9,
    });
    expect(settings).toMatchObject({
      ENABLE_SQS_TERMINATION_DRAINING: "true",
      QUEUE_URL: "https://sqs/queue",
      AWS_REGION: "eu-west-3",
      HEARTBEAT_INTERVAL: "300",
      HEARTBEAT_UNTIL: "18300",
      NODE_TERMINATION_GRACE_PERIOD: "18300",
      POD_TERMINATION_GRACE_PERIOD: "-1",
      IGNORE_DAEMON_SETS: "true",
      CHECK_TAG_BEFORE_DRAINING: "true",
      WORKERS: "9",
    });
  });

  it("has a worker for every node there can be", async () => {
    const { inputs } = (await made()).one("kubernetes:apps/v1:Deployment");
    expect(JSON.stringify(inputs)).toContain('{"name":"WORKERS","value":"9"}');
  });

  it.each([
    [
      { version: "v1.24.0" },
      'version "v1.24.0" sends no heartbeats, so a drain would end after half an hour. Use v1.25.0 or later.',
    ],
    [
      { version: "latest" },
      'version "latest" sends no heartbeats, so a drain would end after half an hour. Use v1.25.0 or later.',
    ],
    [{ groups: [] }, "there is no group to look after. Leave it out."],
    [
      { drainSeconds: 200_000 },
      "drainSeconds 200000 is outside 60-172500: AWS keeps no ending instance longer than 48 hours. Choose a time inside.",
    ],
  ])("refuses %j", async (changes, sentence) => {
    await expect(made(changes)).rejects.toThrow(
      `meet:compute:TerminationHandler "drain": ${sentence}`,
    );
  });
});
