import type { BalancerRule } from "../../../components/balancer/balancer-rules.ts";
import { routes } from "../../../components/web/routes.ts";
import type { WebArgs } from "../../../components/web/web.ts";

/** Names of the balancer under test. */
export const HOST = "meet.example.org";
export const REGIONAL = "meet.eu.example.org";

/** As a balancer matches: `*` stands for any characters; the first rule by priority wins. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.$()]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

/** Where the balancer sends a request: a target's key, or the status that it answers itself. */
export function route(
  args: Pick<WebArgs, "serves" | "externalApi">,
  host: string,
  path: string,
  method = "GET",
): string {
  const { rules, defaultTarget } = routes({ host: HOST, regionalHost: REGIONAL, ...args });
  const holds = ({ hosts, paths, methods }: BalancerRule): boolean =>
    (methods ?? [method]).includes(method) &&
    (hosts ?? ["*"]).some((pattern) => matches(pattern, host)) &&
    (paths ?? ["*"]).some((pattern) => matches(pattern, path));
  const first = [...rules].sort((one, other) => one.priority - other.priority).find(holds);
  const to = first?.to ?? defaultTarget;
  return typeof to === "string" ? to : String(to.fixedResponse.status);
}
