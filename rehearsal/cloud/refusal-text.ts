import type { ResourceType, Rule, RuleCall } from "./model.ts";
import { text, type ValueMap } from "./values.ts";

const gerunds = { create: "creating", update: "updating", delete: "deleting" } as const;
const verbs = { create: "Create", update: "Modify", delete: "Delete" } as const;

/** What the real provider would print about a refused call: title, name, API call, status, code and words. */
export function refusalText(
  rule: Pick<Rule, "errorCode" | "status" | "call">,
  call: Pick<RuleCall, "op" | "type" | "inputs" | "thing">,
  message: string,
): string {
  const { type, op } = call;
  const name = call.thing?.id ?? nameIn(type, call.inputs);
  if (type.provider === "kubernetes") {
    return `resource "${name}" was not successfully ${op}d by the Kubernetes API server: ${rule.errorCode}: ${message}`;
  }
  const head = `${gerunds[op]} ${type.title} (${name})`;
  if (type.provider !== "aws") {
    return `${head}: ${rule.status ?? 400} (code ${rule.errorCode}): ${message}`;
  }
  const [service, noun] = type.api;
  const apiCall = rule.call ?? `${service}: ${verbs[op]}${noun}`;
  return (
    `${head}: operation error ${apiCall}, https response error StatusCode: ${rule.status ?? 400}, ` +
    `api error ${rule.errorCode}: ${message}`
  );
}

function nameIn(type: ResourceType, inputs: ValueMap): string {
  const keys = [type.autoname?.key, "bucket", "name", "identifier", "clusterName", "metadata.name"];
  for (const key of keys) {
    const found = key === undefined ? undefined : text(inputs, key);
    if (found !== undefined) {
      return found;
    }
  }
  return type.title;
}
