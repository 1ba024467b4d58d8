import { describe, expect, it } from "vitest";
import {
  APPLICATION_BALANCER_TYPE,
  ApplicationBalancer,
  type ApplicationBalancerArgs,
} from "../../../components/balancer/application-balancer.ts";
import { record, value, type Recorded, type Recording } from "../../support/record.ts";

const TAGS = { "meet:stack": "eu" };

const ARGS: ApplicationBalancerArgs = {
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b"],
  certificateArns: ["arn:certificate:1", "arn:certificate:2"],
  autoscalingGroupName: "system",
  nodeSecurityGroupId: "sg-nodes",
  idleTimeoutSeconds: 100,
  targets: {
    web: { nodePort: 30081, healthCheckPath: "/" },
    api: {
      nodePort: 30082,
      healthCheckPath: "/",
      healthCheckNodePort: 30081,
      deregistrationDelaySeconds: 100,
    },
  },
  defaultTarget: "web",
  rules: [
    { priority: 10, hosts: ["meet.example.org"], paths: ["/api/*"], to: "api" },
    {
      priority: 20,
      headers: [{ name: "X-Kind", values: ["probe"] }],
      to: { fixedResponse: { status: 200, body: "yes", contentType: "text/plain" } },
    },
  ],
  protection: { enabled: true },
  tags: TAGS,
};

let whole: Promise<Recording<ApplicationBalancer>> | undefined;

/** Recorded once for all tests that change nothing. */
function make(args?: Partial<ApplicationBalancerArgs>): Promise<Recording<ApplicationBalancer>> {
  const run = (): Promise<Recording<ApplicationBalancer>> =>
    record(() => new ApplicationBalancer("web", { ...ARGS, ...args }));
  return args === undefined ? (whole ??= run()) : run();
}

/** Resources of a type by name: those that wait for nothing are recorded in no order. */
function byName(recording: Recording<unknown>, type: string): Recorded[] {
  return recording.ofType(type).sort((one, other) => (one.name < other.name ? -1 : 1));
}

const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

describe("ApplicationBalancer", () => {
  it("makes exactly these resources, all beneath it", async () => {
    const recording = await make();
    const component = recording.one(APPLICATION_BALANCER_TYPE, "web");
    const children = recording.all.filter(({ urn }) => urn !== component.urn);
    expect(children.map(({ parent }) => parent)).toEqual(children.map(() => component.urn));
    expect(
      children.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`).sort(),
    ).toEqual([
      "Attachment web-api",
      "Attachment web-web",
      "Listener web-http",
      "Listener web-https",
      "ListenerCertificate web-certificate-2",
      "ListenerRule web-rule-10",
      "ListenerRule web-rule-20",
      "LoadBalancer web",
      "SecurityGroup web",
      "SecurityGroupEgressRule web-to-30081",
      "SecurityGroupEgressRule web-to-30082",
      "SecurityGroupIngressRule web-at-30081",
      "SecurityGroupIngressRule web-at-30082",
      "SecurityGroupIngressRule web-http",
      "SecurityGroupIngressRule web-https",
      "TargetGroup web-api",
      "TargetGroup web-web",
    ]);
  });

  it("is open to the world on 80 and 443 only", async () => {
    const recording = await make();
    const open = byName(recording, INGRESS).filter(
      ({ inputs }) => inputs["cidrIpv4"] !== undefined,
    );
    expect(
      open.map(({ inputs }) => [inputs["cidrIpv4"], inputs["fromPort"], inputs["toPort"]]),
    ).toEqual([
      ["0.0.0.0/0", 80, 80],
      ["0.0.0.0/0", 443, 443],
    ]);
    expect(recording.ofType(EGRESS).every(({ inputs }) => inputs["cidrIpv4"] === undefined)).toBe(
      true,
    );
  });

  it("reaches the nodes on each NodePort once, and the nodes admit nobody but it there", async () => {
    const recording = await make();
    const out = byName(recording, EGRESS).map(({ inputs }) => inputs);
    expect(out.map((inputs) => [inputs["fromPort"], inputs["referencedSecurityGroupId"]])).toEqual([
      [30081, "sg-nodes"],
      [30082, "sg-nodes"],
    ]);
    const group = await value(recording.result.securityGroupId);
    const into = byName(recording, INGRESS).filter(({ name }) => name.startsWith("web-at-"));
    expect(
      into.map(({ inputs }) => [
        inputs["securityGroupId"],
        inputs["referencedSecurityGroupId"],
        inputs["fromPort"],
        inputs["toPort"],
      ]),
    ).toEqual([
      ["sg-nodes", group, 30081, 30081],
      ["sg-nodes", group, 30082, 30082],
    ]);
  });

  it("opens the port of a health check that is no target's own", async () => {
    const recording = await make({
      targets: { web: { nodePort: 30081, healthCheckPath: "/", healthCheckNodePort: 30090 } },
      rules: [],
    });
    expect(byName(recording, EGRESS).map(({ name }) => name)).toEqual([
      "web-to-30081",
      "web-to-30090",
    ]);
  });

  it("drops invalid headers, keeps its idle timeout and resists deletion", async () => {
    const { inputs } = (await make()).one("aws:lb/loadBalancer:LoadBalancer");
    expect(inputs).toMatchObject({
      loadBalancerType: "application",
      ipAddressType: "ipv4",
      subnets: ["subnet-a", "subnet-b"],
      idleTimeout: 100,
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
      tags: { "meet:stack": "eu", Name: "web" },
    });
    expect(inputs["name"]).toBeUndefined();
  });

  it("says why it is not protected", async () => {
    const { inputs } = (await make({ protection: { enabled: false, reason: "removal" } })).one(
      "aws:lb/loadBalancer:LoadBalancer",
    );
    expect(inputs).toMatchObject({
      enableDeletionProtection: false,
      tags: { "meet:unprotected-because": "removal" },
    });
  });

  it("checks a target's health where it is told to, and lets its connections end", async () => {
    const recording = await make();
    const group = "aws:lb/targetGroup:TargetGroup";
    expect(recording.one(group, "web-api").inputs).toMatchObject({
      targetType: "instance",
      protocol: "HTTP",
      port: 30082,
      vpcId: "vpc-1",
      deregistrationDelay: 100,
      healthCheck: { path: "/", port: "30081", protocol: "HTTP", matcher: "200" },
    });
    expect(recording.one(group, "web-web").inputs).toMatchObject({
      port: 30081,
      deregistrationDelay: 60,
      healthCheck: { port: "30081" },
    });
  });

  it("attaches every target group to the nodes' autoscaling group", async () => {
    const attachments = (await make()).ofType("aws:autoscaling/attachment:Attachment");
    expect(attachments.map(({ inputs }) => inputs["autoscalingGroupName"])).toEqual([
      "system",
      "system",
    ]);
    expect(new Set(attachments.map(({ inputs }) => inputs["lbTargetGroupArn"])).size).toBe(2);
  });

  it("speaks TLS 1.2 and 1.3 only, and sends HTTP there", async () => {
    const recording = await make();
    const listener = "aws:lb/listener:Listener";
    expect(recording.one(listener, "web-https").inputs).toMatchObject({
      port: 443,
      protocol: "HTTPS",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
      certificateArn: "arn:certificate:1",
      defaultActions: [{ type: "forward" }],
    });
    expect(recording.one(listener, "web-http").inputs["defaultActions"]).toEqual([
      { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
    ]);
    expect(
      recording.one("aws:lb/listenerCertificate:ListenerCertificate").inputs["certificateArn"],
    ).toBe("arn:certificate:2");
  });

  it("turns rules into conditions and actions", async () => {
    const recording = await make();
    const rule = "aws:lb/listenerRule:ListenerRule";
    expect(recording.one(rule, "web-rule-10").inputs).toMatchObject({
      priority: 10,
      conditions: [
        { hostHeader: { values: ["meet.example.org"] } },
        { pathPattern: { values: ["/api/*"] } },
      ],
      actions: [{ type: "forward" }],
    });
    expect(recording.one(rule, "web-rule-20").inputs).toMatchObject({
      conditions: [{ httpHeader: { httpHeaderName: "X-Kind", values: ["probe"] } }],
      actions: [
        {
          type: "fixed-response",
          fixedResponse: { statusCode: "200", messageBody: "yes", contentType: "text/plain" },
        },
      ],
    });
  });

  it("can answer everything by itself, without a target", async () => {
    const recording = await make({
      targets: {},
      rules: [],
      defaultTarget: { fixedResponse: { status: 503, body: "away", contentType: "text/plain" } },
    });
    expect(recording.ofType("aws:lb/targetGroup:TargetGroup")).toEqual([]);
    expect(recording.one("aws:lb/listener:Listener", "web-https").inputs["defaultActions"]).toEqual(
      [
        {
          type: "fixed-response",
          fixedResponse: { statusCode: "503", messageBody: "away", contentType: "text/plain" },
        },
      ],
    );
  });

  it("makes the same resources in a preview", async () => {
    const update = await make();
    const preview = await record(() => new ApplicationBalancer("web", ARGS), { preview: true });
    const urns = ({ all }: Recording<unknown>): string[] => all.map(({ urn }) => urn).sort();
    expect(urns(preview)).toEqual(urns(update));
  });
});

describe("ApplicationBalancer refuses", () => {
  const rule = ARGS.rules[0] ?? { priority: 1, to: "web" };
  const cases: [string, Partial<ApplicationBalancerArgs>, string][] = [
    [
      "one subnet",
      { subnetIds: ["subnet-a"] },
      "1 subnet is too few. Give two in different zones.",
    ],
    [
      "an idle timeout out of range",
      { idleTimeoutSeconds: 5000 },
      "idleTimeoutSeconds 5000 is outside 1-4000. Choose one inside.",
    ],
    [
      "a name that leaves no room for Pulumi's suffix",
      {
        targets: {
          ...ARGS.targets,
          "a-target-with-long-key": { nodePort: 30084, healthCheckPath: "/" },
        },
      },
      '"web-a-target-with-long-key" has 26 characters, 24 fit. Shorten the name or the target\'s key.',
    ],
    [
      "two rules of one priority",
      { rules: [rule, rule] },
      "two rules have priority 10. Give each its own.",
    ],
    [
      "a priority out of range",
      { rules: [{ ...rule, priority: 0 }] },
      "priority 0 is no whole number of 1-50000. Choose one.",
    ],
    [
      "a rule without condition",
      { rules: [{ priority: 5, to: "web" }] },
      "rule 5 lacks a condition or has an empty one. Give values in hosts, paths or headers.",
    ],
    [
      "a rule with an empty condition",
      { rules: [{ priority: 5, hosts: [], to: "web" }] },
      "rule 5 lacks a condition or has an empty one. Give values in hosts, paths or headers.",
    ],
    [
      "too many condition values",
      { rules: [{ priority: 5, paths: ["/1", "/2", "/3", "/4", "/5", "/6"], to: "web" }] },
      "rule 5 has 6 condition values, AWS allows 5. Split the rule.",
    ],
    [
      "a rule that goes nowhere",
      { rules: [{ ...rule, to: "mail" }] },
      'rule 10 goes to "mail", which is no target. Use one of: web, api.',
    ],
    [
      "a default that goes nowhere",
      { defaultTarget: "mail", targets: {}, rules: [] },
      'the default goes to "mail", which is no target. Use one of: none is given.',
    ],
    [
      "a fixed redirect",
      { defaultTarget: { fixedResponse: { status: 302, body: "", contentType: "text/plain" } } },
      "the default answers with status 302. A fixed response takes 2xx, 4xx or 5xx.",
    ],
    [
      "a page that is too long",
      {
        defaultTarget: {
          fixedResponse: { status: 503, body: "x".repeat(1025), contentType: "text/html" },
        },
      },
      "the default answers with 1025 characters. A fixed response holds 1024.",
    ],
    [
      "a port that is no NodePort",
      { targets: { web: { nodePort: 8080, healthCheckPath: "/" } }, rules: [] },
      'port 8080 of target "web" is no NodePort. Use one of 30000-32767.',
    ],
    [
      "one NodePort for two targets",
      {
        targets: {
          web: { nodePort: 30081, healthCheckPath: "/" },
          api: { nodePort: 30081, healthCheckPath: "/" },
        },
      },
      'targets "web" and "api" share NodePort 30081. Give each its own.',
    ],
    [
      "a health check that is no path",
      { targets: { web: { nodePort: 30081, healthCheckPath: "healthz" } }, rules: [] },
      'health check path "healthz" of target "web" does not start with "/". Write it as a path.',
    ],
  ];
  it.each(cases)("%s", async (_, args, sentence) => {
    await expect(make(args)).rejects.toThrow(`${APPLICATION_BALANCER_TYPE} "web": ${sentence}`);
  });

  it("to be without a certificate", async () => {
    const none = [] as unknown as ApplicationBalancerArgs["certificateArns"];
    await expect(make({ certificateArns: none })).rejects.toThrow(
      "there is no certificate. Give at least one in certificateArns.",
    );
  });

  it("all faults at once", async () => {
    await expect(make({ subnetIds: [], idleTimeoutSeconds: 0 })).rejects.toThrow(
      /2 faults\.\n - 0 subnet is too few.*\n - idleTimeoutSeconds 0 is outside/,
    );
  });
});
