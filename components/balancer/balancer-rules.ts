import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/** A NodePort on the nodes, and how the balancer learns whether a node answers there. */
export interface BalancerTarget {
  readonly nodePort: number;
  /** Must answer 200 whatever the Host header: the balancer sends the node's own address there, and no other. */
  readonly healthCheckPath: string;
  /**
   * Checks another NodePort of the same nodes, for an application that refuses a Host it does not know.
   * @default nodePort
   */
  readonly healthCheckNodePort?: number;
  /** How long open connections to a node that leaves may go on, in seconds. @default 60 */
  readonly deregistrationDelaySeconds?: number;
}

/** An answer of the balancer itself. AWS allows no header of one's own in it, so there is no Retry-After. */
export interface FixedResponse {
  readonly status: number;
  readonly body: string;
  readonly contentType: "text/plain" | "text/html" | "application/json";
}

/** Where a request goes: to a target by its key, or nowhere. */
export type BalancerAction = string | { readonly fixedResponse: FixedResponse };

/** One rule; conditions of different kinds must all hold, values of one kind are alternatives. */
export interface BalancerRule {
  /** 1-50000, lowest first; also the key of the rule's resource. */
  readonly priority: number;
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
  readonly methods?: readonly string[];
  readonly headers?: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly to: BalancerAction;
}

/** The ports a balancer must reach on the nodes, health checks included. */
export function nodePorts(targets: Readonly<Record<string, BalancerTarget>>): number[] {
  const ports = Object.values(targets).flatMap((target) => [
    target.nodePort,
    target.healthCheckNodePort ?? target.nodePort,
  ]);
  return [...new Set(ports)].sort((one, other) => one - other);
}

/** The one form that listeners and rules share. */
interface Action {
  readonly type: string;
  readonly targetGroupArn?: pulumi.Input<string>;
  readonly fixedResponse?: {
    readonly statusCode: string;
    readonly messageBody: string;
    readonly contentType: string;
  };
}

/** An action of a listener or a rule. The targets are checked before (balancer-faults.ts). */
export function action(
  to: BalancerAction,
  groups: ReadonlyMap<string, aws.lb.TargetGroup>,
): Action {
  if (typeof to !== "string") {
    const { status, body, contentType } = to.fixedResponse;
    return {
      type: "fixed-response",
      fixedResponse: { statusCode: String(status), messageBody: body, contentType },
    };
  }
  const group = groups.get(to);
  return group === undefined ? { type: "forward" } : { type: "forward", targetGroupArn: group.arn };
}

/** The conditions of a rule. */
export function conditions(rule: BalancerRule): aws.types.input.lb.ListenerRuleCondition[] {
  return [
    ...(rule.hosts === undefined ? [] : [{ hostHeader: { values: [...rule.hosts] } }]),
    ...(rule.paths === undefined ? [] : [{ pathPattern: { values: [...rule.paths] } }]),
    ...(rule.methods === undefined ? [] : [{ httpRequestMethod: { values: [...rule.methods] } }]),
    ...(rule.headers ?? []).map(({ name, values }) => ({
      httpHeader: { httpHeaderName: name, values: [...values] },
    })),
  ];
}
