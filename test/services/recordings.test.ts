import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  freePort,
  listening,
  ServiceFolder,
  type ServiceProcess,
} from "../support/service-process.ts";

const folder = new ServiceFolder("recordings");

function environment(port: number): Record<string, string> {
  return {
    PORT: String(port),
    REGION: "eu",
    DOMAIN: "example.org",
    AWS_REGION: "eu-west-3",
    BUCKET: "meet-recordings-123456789012-eu-west-3-an",
    MEET_URL: "https://meet.example.org",
    ROOMS_URL: "http://rooms.meet.svc.cluster.local:8080",
  };
}

afterAll(() => {
  folder.remove();
});

describe("the placeholder of the recordings route, run as its pod runs it", () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = folder.start(environment(await freePort()));
    await listening(service);
  });
  afterAll(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });

  it.each(["/healthz", "/readyz"])("answers 200 to %s", async (path) => {
    const response = await fetch(service.url + path);
    expect([response.status, await response.text()]).toEqual([200, "ok\n"]);
  });

  it("says in /region-health, with 503, that the route is not built yet", async () => {
    const response = await fetch(`${service.url}/region-health`);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("not built yet");
  });

  it.each(["/media/recordings/1.mp4", "/"])(
    "shows whoever follows %s a page that the recording is kept",
    async (path) => {
      const response = await fetch(service.url + path);
      expect(response.status).toBe(503);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("retry-after")).toBe("3600");
      expect(await response.text()).toContain("Your recording is stored");
    },
  );

  it("ends with status 0 after SIGTERM", async () => {
    const other = folder.start(environment(await freePort()));
    await listening(other);
    other.child.kill("SIGTERM");
    expect(await other.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("a wrong environment of the recordings route", () => {
  it.each([
    ["an AWS region that is none", { AWS_REGION: "europe" }, "AWS_REGION: must be an AWS region"],
    ["a bucket that is none", { BUCKET: "No_Bucket" }, "BUCKET: must be a bucket's name"],
    ["no address of the gateway", { ROOMS_URL: "" }, "ROOMS_URL: "],
  ])("stops it: %s", async (_title, change, fault) => {
    const service = folder.start({ ...environment(8080), ...change });
    expect(await service.ended).toMatchObject({ status: 1, stderr: "" });
    expect(service.lines()).toEqual([
      expect.objectContaining({
        message: "the configuration is wrong",
        faults: expect.arrayContaining([expect.stringContaining(fault)]) as string[],
      }),
    ]);
  });
});
