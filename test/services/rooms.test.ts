import { afterAll, describe, expect, it, vi } from "vitest";
import { buildBundle, MAX_BUNDLE_BYTES } from "../../components/service-bundle/bundle.ts";
import { freePort, listening, ServiceFolder } from "../support/service-process.ts";

const SECRET = "a-secret-of-at-least-thirty-two-characters";
const folder = new ServiceFolder("rooms");

async function environment(): Promise<Record<string, string>> {
  return {
    PORT: String(await freePort()),
    METRICS_PORT: String(await freePort()),
    SHUTDOWN_SECONDS: "1",
    REGION: "eu",
    DOMAIN: "example.org",
    PRIMARY_REGION: "eu",
    LIVEKIT_URL: "http://127.0.0.1:9",
    MEET_URL: "http://127.0.0.1:9",
    VALKEY_URL_FILE: folder.file("valkey-url", `redis://:${SECRET}@127.0.0.1:9\n`),
    LIVEKIT_API_KEY_FILE: folder.file("livekit-api-key", "key"),
    LIVEKIT_API_SECRET_FILE: folder.file("livekit-api-secret", SECRET),
    PEER_SECRET_FILE: folder.file("peer-secret", SECRET),
    OPERATOR_SECRET_FILE: folder.file("operator-secret", SECRET),
  };
}

afterAll(() => {
  folder.remove();
});

describe("the room gateway, run as its pod runs it", () => {
  it("fits into a ConfigMap with room to spare", () => {
    expect(buildBundle("rooms").bytes).toBeLessThan(MAX_BUNDLE_BYTES);
  });

  it("serves without Valkey and LiveKit, says that its region takes nobody, and stops in order", async () => {
    const service = folder.start(await environment());
    await listening(service);
    const statuses = await Promise.all(
      [
        "/healthz",
        "/readyz",
        "/region-health",
        "/rtc/validate?access_token=x",
        "/agent",
        "/primary",
      ].map(async (path) => (await fetch(service.url + path)).status),
    );
    expect(statuses).toEqual([200, 200, 503, 401, 501, 200]);
    service.child.kill("SIGTERM");
    const { status, stdout, stderr } = await service.ended;
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain(SECRET);
  });

  it("is not ready any more as soon as it is told to stop", async () => {
    const service = folder.start({ ...(await environment()), SHUTDOWN_SECONDS: "20" });
    await listening(service);
    service.child.kill("SIGTERM");
    await vi.waitFor(async () => {
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
    });
    service.child.kill("SIGKILL");
    await service.ended;
  });

  it("names every fault of its configuration at once, and no secret", async () => {
    const given = Object.entries(await environment()).filter(([name]) => name !== "LIVEKIT_URL");
    const service = folder.start({
      ...Object.fromEntries(given),
      REGION: "E U",
      PEER_SECRET_FILE: folder.file("short", "too-short"),
      PLACEMENT_RULES: "[{]",
    });
    const { status, stdout } = await service.ended;
    expect(status).toBe(1);
    for (const variable of ["LIVEKIT_URL", "REGION", "PEER_SECRET_FILE", "PLACEMENT_RULES"]) {
      expect(stdout).toContain(`${variable}: `);
    }
    expect(stdout).not.toContain("too-short");
  });
});
