import { Faults } from "../shared/faults.ts";
import type { ApplicationBalancerArgs } from "./application-balancer.ts";
import type { BalancerAction, BalancerRule } from "./balancer-rules.ts";

/** Names of balancers and target groups hold 32 characters (CreateLoadBalancer), 8 of them Pulumi's suffix. */
export const BALANCER_NAME_LENGTH = 24;

/** A rule takes five condition values in all (Elastic Load Balancing quotas). */
const CONDITION_VALUES = 5;

/** Everything that AWS would refuse in a balancer's arguments, or accept and never route to. */
export function balancerFaults(type: string, name: string, args: ApplicationBalancerArgs): Faults {
  const faults = new Faults(type, name);
  const certificates: readonly unknown[] = args.certificateArns;
  faults.when(
    certificates.length === 0,
    "there is no certificate. Give at least one in certificateArns.",
  );
  faults.when(
    args.subnetIds.length < 2,
    `${args.subnetIds.length} subnet is too few. Give two in different zones.`,
  );
  faults.when(
    !(args.idleTimeoutSeconds >= 1 && args.idleTimeoutSeconds <= 4000),
    `idleTimeoutSeconds ${args.idleTimeoutSeconds} is outside 1-4000. Choose one inside.`,
  );
  for (const long of [name, ...Object.keys(args.targets).map((key) => `${name}-${key}`)]) {
    faults.when(
      long.length > BALANCER_NAME_LENGTH,
      `"${long}" has ${long.length} characters, ${BALANCER_NAME_LENGTH} fit. Shorten the name or the target's key.`,
    );
  }
  targetFaults(faults, args);
  actionFaults(faults, "the default", args.defaultTarget, args);
  const seen = new Set<number>();
  for (const rule of args.rules) {
    faults.when(
      seen.has(rule.priority),
      `two rules have priority ${rule.priority}. Give each its own.`,
    );
    seen.add(rule.priority);
    ruleFaults(faults, rule);
    actionFaults(faults, `rule ${rule.priority}`, rule.to, args);
  }
  return faults;
}

function targetFaults(faults: Faults, args: ApplicationBalancerArgs): void {
  const seen = new Map<number, string>();
  for (const [key, target] of Object.entries(args.targets)) {
    const { nodePort, healthCheckNodePort = nodePort, healthCheckPath } = target;
    for (const port of new Set([nodePort, healthCheckNodePort])) {
      faults.when(
        !(port >= 30000 && port <= 32767),
        `port ${port} of target "${key}" is no NodePort. Use one of 30000-32767.`,
      );
    }
    const other = seen.get(nodePort);
    faults.when(
      other !== undefined,
      `targets "${other ?? ""}" and "${key}" share NodePort ${nodePort}. Give each its own.`,
    );
    seen.set(nodePort, key);
    faults.when(
      !healthCheckPath.startsWith("/"),
      `health check path "${healthCheckPath}" of target "${key}" does not start with "/". Write it as a path.`,
    );
  }
}

function ruleFaults(faults: Faults, rule: BalancerRule): void {
  const lists = [rule.hosts, rule.paths, ...(rule.headers ?? []).map(({ values }) => values)];
  const given = lists.filter((list) => list !== undefined);
  const count = given.reduce((sum, list) => sum + list.length, 0);
  faults.when(
    !(Number.isInteger(rule.priority) && rule.priority >= 1 && rule.priority <= 50000),
    `priority ${rule.priority} is no whole number of 1-50000. Choose one.`,
  );
  faults.when(
    given.length === 0 || given.some((list) => list.length === 0),
    `rule ${rule.priority} lacks a condition or has an empty one. Give values in hosts, paths or headers.`,
  );
  faults.when(
    count > CONDITION_VALUES,
    `rule ${rule.priority} has ${count} condition values, AWS allows ${CONDITION_VALUES}. Split the rule.`,
  );
}

function actionFaults(
  faults: Faults,
  subject: string,
  to: BalancerAction,
  args: ApplicationBalancerArgs,
): void {
  if (typeof to === "string") {
    const known = Object.keys(args.targets);
    faults.when(
      !known.includes(to),
      `${subject} goes to "${to}", which is no target. Use one of: ${known.join(", ") || "none is given"}.`,
    );
    return;
  }
  const { status, body } = to.fixedResponse;
  faults.when(
    !/^[245]\d\d$/.test(String(status)),
    `${subject} answers with status ${status}. A fixed response takes 2xx, 4xx or 5xx.`,
  );
  faults.when(
    body.length > 1024,
    `${subject} answers with ${body.length} characters. A fixed response holds 1024.`,
  );
}
