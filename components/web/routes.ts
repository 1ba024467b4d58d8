import type { ApplicationBalancerArgs } from "../balancer/application-balancer.ts";
import type { BalancerAction, BalancerRule, BalancerTarget } from "../balancer/balancer-rules.ts";
import { NODE_PORTS } from "../shared/names.ts";

/** What the routes depend on. */
export interface RouteArgs {
  /** `meet.<domain>`. */
  readonly host: string;
  /** `meet.<region>.<domain>`: what the failover checks ask, and gateways that learnt of a promotion. */
  readonly regionalHost: string;
  /** True in the primary, false in a standby, which has no Meet to serve. */
  readonly serves: boolean;
  /** Lets `/external-api/` through; Meet answers there only with EXTERNAL_API_ENABLED. @default false */
  readonly externalApi?: boolean;
}

type Routes = Pick<ApplicationBalancerArgs, "targets" | "defaultTarget" | "rules">;

/** Where LiveKit's events arrive (suitenumerique/meet src/backend/core/api/viewsets.py). */
export const WEBHOOK_PATH = "/api/v1.0/rooms/webhooks-livekit/";

/** Answers 200 in the home that is primary, else 503: what decides about failover. */
export const PROMOTED_PATH = "/promoted";

/** Meet's check of everything it needs, database included (dockerflow). */
export const HEARTBEAT_PATH = "/__heartbeat__";

/** Whatever else of Meet's API is deleted: its views with DestroyModelMixin (core/api/viewsets.py, core/urls.py). */
const DELETING_PATHS = ["/api/v1.0/rooms/*", "/api/v1.0/resource-accesses/*", "/api/v1.0/files/*"];

/** All the rules of a home's balancer. */
export function routes(args: RouteArgs): Routes {
  return args.serves ? servingRoutes(args) : standbyRoutes(args);
}

const TARGETS: Readonly<Record<string, BalancerTarget>> = {
  frontend: { nodePort: NODE_PORTS.frontend, healthCheckPath: "/" },
  backend: {
    nodePort: NODE_PORTS.backend,
    // A balancer's check carries the node's address as Host (ALB user guide, target-group-health-checks), which
    // Django refuses and logs as an attack. The frontend's port on the same node takes any Host and proves as well
    // that the node passes NodePorts on; whether a backend pod gets requests is up to its readiness probe.
    healthCheckNodePort: NODE_PORTS.frontend,
    healthCheckPath: "/",
    // Longer than the longest request, see web.ts.
    deregistrationDelaySeconds: 100,
  },
  downloads: { nodePort: NODE_PORTS.downloads, healthCheckPath: "/readyz" },
};

function servingRoutes({ host, regionalHost, externalApi = false }: RouteArgs): Routes {
  const hosts = [host];
  const checks = [regionalHost];
  const rules: BalancerRule[] = [
    { priority: 10, hosts: checks, paths: [HEARTBEAT_PATH], to: "backend" },
    { priority: 20, hosts: checks, paths: [PROMOTED_PATH], to: text(200, "primary") },
    // From gateways that were told of another primary when they were deployed; see ADR 0016.
    { priority: 25, hosts: checks, paths: [WEBHOOK_PATH], to: "backend" },
    { priority: 30, hosts: checks, to: text(404, `Use https://${host}/`) },
    {
      priority: 40,
      hosts,
      paths: ["/external-api", "/external-api/*"],
      to: externalApi ? "backend" : text(404, "The external API is switched off"),
    },
    // Apart from the rest of the API, so that who may post events can be limited here.
    { priority: 50, hosts, paths: [WEBHOOK_PATH], to: "backend" },
    // Meet deletes its row there, and the recordings route the files in every region's bucket.
    {
      priority: 55,
      hosts,
      paths: ["/api/v1.0/recordings/*"],
      methods: ["DELETE"],
      to: "downloads",
    },
    // Gunicorn and Django decode the path, a balancer compares it as it was sent (ADR 0015). So that no other spelling
    // of a recording's address gets past the rule above, only what begins like this deletes anything else.
    { priority: 56, hosts, paths: DELETING_PATHS, methods: ["DELETE"], to: "backend" },
    {
      priority: 57,
      hosts,
      paths: ["/api/*"],
      methods: ["DELETE"],
      to: text(404, "There is nothing to delete at this address"),
    },
    { priority: 60, hosts, paths: ["/media/*"], to: "downloads" },
    {
      priority: 70,
      hosts,
      paths: ["/api/*", "/admin", "/admin/*", "/static/*"],
      to: "backend",
    },
  ];
  return { targets: TARGETS, defaultTarget: "frontend", rules };
}

function standbyRoutes({ regionalHost }: RouteArgs): Routes {
  return {
    targets: {},
    defaultTarget: {
      fixedResponse: { status: 503, body: STANDBY_PAGE, contentType: "text/html" },
    },
    rules: [
      {
        priority: 20,
        hosts: [regionalHost],
        paths: [PROMOTED_PATH],
        to: text(503, "standby"),
      },
    ],
  };
}

function text(status: number, body: string): BalancerAction {
  return { fixedResponse: { status, body, contentType: "text/plain" } };
}

/** A balancer's fixed response cannot carry Retry-After, so the page itself tries again. At most 1024 characters. */
const STANDBY_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="20">
<title>Moving</title>
<h1>Meet is moving to another region</h1>
<p>Meetings that are running go on. This page tries again every 20 seconds.</p>
</html>
`;
