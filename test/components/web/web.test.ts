import { describe, expect, it } from "vitest";
import { APPLICATION_BALANCER_TYPE } from "../../../components/balancer/application-balancer.ts";
import { routes } from "../../../components/web/routes.ts";
import { Web, WEB_TYPE, type WebArgs } from "../../../components/web/web.ts";
import { record, type Recording } from "../../support/record.ts";
import { HOST, REGIONAL, route } from "./route.ts";

const ARGS: WebArgs = {
  host: HOST,
  regionalHost: REGIONAL,
  serves: true,
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b"],
  certificateArns: ["arn:certificate"],
  autoscalingGroupName: "system",
  nodeSecurityGroupId: "sg-nodes",
  protection: { enabled: true },
  tags: {},
};

function make(args: Partial<WebArgs> = {}): Promise<Recording<Web>> {
  return record(() => new Web("web", { ...ARGS, ...args }));
}

describe("the routes of a primary", () => {
  it.each([
    [HOST, "/", "frontend"],
    [HOST, "/abc-defg-hij", "frontend"],
    [HOST, "/assets/index.js", "frontend"],
    [HOST, "/administration", "frontend"],
    [HOST, "/api/v1.0/rooms/", "backend"],
    [HOST, "/api/v1.0/rooms/webhooks-livekit/", "backend"],
    [HOST, "/admin", "backend"],
    [HOST, "/admin/core/room/", "backend"],
    [HOST, "/static/admin/css/base.css", "backend"],
    [HOST, "/media/recordings/1.mp4", "downloads"],
    [HOST, "/external-api/v1.0/rooms/", "404"],
    [HOST, "/external-api", "404"],
    [HOST, "/__heartbeat__", "frontend"],
    [HOST, "/promoted", "frontend"],
    [REGIONAL, "/__heartbeat__", "backend"],
    [REGIONAL, "/promoted", "200"],
    [REGIONAL, "/api/v1.0/rooms/webhooks-livekit/", "backend"],
    [REGIONAL, "/", "404"],
    [REGIONAL, "/api/v1.0/config/", "404"],
    ["evil.example.com", "/api/v1.0/config/", "frontend"],
    ["evil.example.com", "/admin/", "frontend"],
  ])("send %s%s to %s", (host, path, target) => {
    expect(route({ serves: true }, host, path)).toBe(target);
  });

  it("send the deletion of a recording past the recordings route, and nothing else of Meet's API", () => {
    const path = "/api/v1.0/recordings/0190e5c4-7a3b-4d1e-9f00-0123456789ab/";
    expect(route({ serves: true }, HOST, path, "DELETE")).toBe("downloads");
    expect(route({ serves: true }, HOST, path, "GET")).toBe("backend");
    expect(route({ serves: true }, HOST, "/api/v1.0/recordings/media-auth/")).toBe("backend");
    for (const other of ["rooms", "files", "resource-accesses"]) {
      expect(route({ serves: true }, HOST, `/api/v1.0/${other}/1/`, "DELETE")).toBe("backend");
    }
    expect(route({ serves: true }, REGIONAL, path, "DELETE")).toBe("404");
  });

  it("let the external API through when it is switched on", () => {
    expect(route({ serves: true, externalApi: true }, HOST, "/external-api/v1.0/rooms/")).toBe(
      "backend",
    );
  });

  it("name the webhook exactly, so that its senders can be limited", () => {
    const { rules } = routes(ARGS);
    expect(
      rules.filter(({ paths }) => paths?.length === 1 && paths[0]?.endsWith("livekit/")),
    ).toEqual([
      {
        priority: 25,
        hosts: [REGIONAL],
        paths: ["/api/v1.0/rooms/webhooks-livekit/"],
        to: "backend",
      },
      {
        priority: 50,
        hosts: [HOST],
        paths: ["/api/v1.0/rooms/webhooks-livekit/"],
        to: "backend",
      },
    ]);
  });

  it("check the backend's nodes by the frontend's port, because Django refuses a node's address", () => {
    expect(routes(ARGS).targets["backend"]).toMatchObject({
      nodePort: 30082,
      healthCheckNodePort: 30081,
      healthCheckPath: "/",
    });
  });
});

describe("the routes of a standby", () => {
  it.each([
    [HOST, "/"],
    [HOST, "/api/v1.0/config/"],
    [HOST, "/media/recordings/1.mp4"],
    [REGIONAL, "/__heartbeat__"],
    [REGIONAL, "/promoted"],
    [REGIONAL, "/api/v1.0/rooms/webhooks-livekit/"],
  ])("answer %s%s with 503", (host, path) => {
    expect(route({ serves: false }, host, path)).toBe("503");
  });

  it("show a page that tries again, and fits a balancer", () => {
    const { defaultTarget } = routes({ ...ARGS, serves: false });
    const body = typeof defaultTarget === "string" ? "" : defaultTarget.fixedResponse.body;
    expect(body).toContain('<meta http-equiv="refresh" content="20">');
    expect(body.length).toBeLessThanOrEqual(1024);
  });
});

describe("Web", () => {
  it("is one balancer with a target group each for frontend, backend and downloads", async () => {
    const recording = await make();
    const component = recording.one(WEB_TYPE, "web");
    expect(recording.one(APPLICATION_BALANCER_TYPE, "web").parent).toBe(component.urn);
    const groups = recording.ofType("aws:lb/targetGroup:TargetGroup");
    expect(Object.fromEntries(groups.map(({ name, inputs }) => [name, inputs["port"]]))).toEqual({
      "web-frontend": 30081,
      "web-backend": 30082,
      "web-downloads": 30083,
    });
    expect(recording.ofType("aws:lb/listenerRule:ListenerRule")).toHaveLength(11);
  });

  it("waits longer than the application may take", async () => {
    const { inputs } = (await make()).one("aws:lb/loadBalancer:LoadBalancer");
    expect(inputs["idleTimeout"]).toBe(100);
  });

  it("reaches no node in a standby", async () => {
    const recording = await make({ serves: false });
    expect(recording.ofType("aws:lb/targetGroup:TargetGroup")).toEqual([]);
    expect(recording.ofType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")).toEqual([]);
    expect(recording.ofType("aws:lb/listenerRule:ListenerRule").map(({ name }) => name)).toEqual([
      "web-rule-20",
    ]);
  });

  it("refuses one name for people and checks", async () => {
    await expect(make({ regionalHost: HOST })).rejects.toThrow(
      `${WEB_TYPE} "web": host and regionalHost are both "${HOST}". ` +
        "The checks need a name of their own, meet.<region>.<domain>.",
    );
  });
});
