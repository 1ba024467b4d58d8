import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  freePort,
  listening,
  ServiceFolder,
  type ServiceProcess,
} from "../support/service-process.ts";

const SECRET = "a-secret-of-at-least-thirty-two-characters";
const folder = new ServiceFolder("rooms");

function environment(port: number): Record<string, string> {
  return {
    PORT: String(port),
    SHUTDOWN_SECONDS: "5",
    REGION: "eu",
    DOMAIN: "example.org",
    PRIMARY_REGION: "eu",
    STANDBY_REGION: "us",
    LIVEKIT_URL: "http://livekit.media.svc.cluster.local:7880",
    MEET_URL: "https://meet.example.org",
    VALKEY_URL_FILE: folder.file("valkey-url", `rediss://:${SECRET}@valkey:6379\n`),
    LIVEKIT_API_KEY_FILE: folder.file("livekit-api-key", "key"),
    LIVEKIT_API_SECRET_FILE: folder.file("livekit-api-secret", SECRET),
    PEER_SECRET_FILE: folder.file("peer-secret", SECRET),
    OPERATOR_SECRET_FILE: folder.file("operator-secret", SECRET),
  };
}

afterAll(() => {
  folder.remove();
});

describe("the placeholder of the room gateway, run as its pod runs it", () => {
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

  it("says in /region-health, with 503, that the gateway is not built yet", async () => {
    const response = await fetch(`${service.url}/region-health`);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("not built yet");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it.each(["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"])(
    "answers 503 and never 404 to %s, for any origin",
    async (path) => {
      const response = await fetch(`${service.url}${path}?access_token=secret`);
      expect(response.status).toBe(503);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
    },
  );

  it("answers 503 to a WebSocket upgrade", async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
      let received = "";
      socket.on("data", (chunk) => {
        received += chunk.toString();
        if (received.includes("\r\n\r\n")) {
          socket.destroy();
          resolve(received);
        }
      });
      socket.on("error", reject);
      socket.write(
        "GET /rtc/v1?access_token=secret HTTP/1.1\r\nHost: livekit.example.org\r\n" +
          "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("answers a server-API call as Twirp does for what is not implemented", async () => {
    const response = await fetch(`${service.url}/twirp/livekit.RoomService/ListRooms`, {
      method: "POST",
      body: "{}",
    });
    expect(response.status).toBe(501);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(await response.json()).toMatchObject({ code: "unimplemented" });
  });

  it.each(["/", "/rtcx", "/healthz/", "/webhooks/livekit", "/agent"])(
    "answers 501 to %s",
    async (path) => {
      expect((await fetch(service.url + path)).status).toBe(501);
    },
  );

  it("answers HEAD without a body", async () => {
    const response = await fetch(`${service.url}/healthz`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("logs requests without their query, and probes not at all", async () => {
    await fetch(`${service.url}/rtc/logged?access_token=token-in-query`);
    const logged = () => service.lines().filter((line) => line["message"] === "request");
    await vi.waitFor(() => {
      expect(logged().map((line) => line["path"])).toContain("/rtc/logged");
    });
    const requests = logged();
    expect(requests).toContainEqual(
      expect.objectContaining({
        level: "info",
        service: "rooms",
        region: "eu",
        method: "GET",
        path: "/rtc/logged",
        status: 503,
      }),
    );
    const text = JSON.stringify(service.lines());
    expect(text).not.toContain("token-in-query");
    expect(text).not.toContain(SECRET);
    expect(requests.map((line) => line["path"])).not.toContain("/healthz");
  });
});

describe("the end of the placeholder", () => {
  it("comes with status 0 after SIGTERM, in well under the pod's grace period", async () => {
    const service = folder.start(environment(await freePort()));
    await listening(service);
    const begun = Date.now();
    service.child.kill("SIGTERM");
    expect(await service.ended).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(Date.now() - begun).toBeLessThan(4000);
    expect(service.lines().map((line) => line["message"])).toEqual([
      "listening",
      "shutting down",
      "stopped",
    ]);
  });

  it("waits for a request under way and cuts it at the deadline", async () => {
    const port = await freePort();
    const service = folder.start({ ...environment(port), SHUTDOWN_SECONDS: "1" });
    await listening(service);
    const socket = connect(port, "127.0.0.1");
    const cut = new Promise((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.on("error", () => undefined);
    socket.write("GET /rtc HTTP/1.1\r\nHost: x\r\nX-Unfinished: ");
    await fetch(`${service.url}/healthz`, { headers: { connection: "close" } });
    const begun = Date.now();
    service.child.kill("SIGTERM");
    await cut;
    expect(await service.ended).toMatchObject({ status: 0 });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(900);
  });

  it("comes with status 1 and one clear line when its port is taken", async () => {
    const port = await freePort();
    const first = folder.start(environment(port));
    await listening(first);
    const second = folder.start(environment(port));
    expect(await second.ended).toMatchObject({ status: 1 });
    expect(second.lines()).toEqual([
      expect.objectContaining({
        level: "error",
        message: "cannot serve",
        reason: expect.stringContaining("EADDRINUSE") as string,
      }),
    ]);
    first.child.kill("SIGTERM");
    await first.ended;
  });

  it("leaves a stack trace that names the sources", async () => {
    const preload = folder.file(
      "preload.cjs",
      `require("node:http").createServer = () => { throw new Error("broken on purpose"); };`,
    );
    const service = folder.start({
      ...environment(await freePort()),
      NODE_OPTIONS: `--require ${preload}`,
    });
    const { status, stderr } = await service.ended;
    expect(status).toBe(1);
    expect(stderr).toContain("broken on purpose");
    expect(stderr).toMatch(/services\/shared\/server\.ts:\d+:\d+/);
    expect(stderr).toMatch(/services\/rooms\/main\.ts:\d+:\d+/);
  });
});

describe("a wrong environment of the gateway", () => {
  const good = environment(8080);
  const cases: readonly [string, Record<string, string | undefined>, string][] = [
    ["no port", { PORT: undefined }, "PORT: "],
    ["a port that is no number", { PORT: "http" }, "PORT: "],
    ["no region", { REGION: undefined }, "REGION: "],
    ["a region that is no label", { REGION: "EU!" }, "REGION: must be a region's name such as eu"],
    ["no domain", { DOMAIN: "localhost" }, "DOMAIN: must be a domain such as example.org"],
    ["no primary", { PRIMARY_REGION: undefined }, "PRIMARY_REGION: "],
    [
      "an address that is none",
      { LIVEKIT_URL: "livekit:7880" },
      "LIVEKIT_URL: must begin with http:// or https://",
    ],
    [
      "an address with a password",
      { MEET_URL: "https://user:hidden@meet.example.org" },
      "MEET_URL: must carry no user name or password",
    ],
    [
      "a secret file that is not there",
      { PEER_SECRET_FILE: "/nonexistent/peer-secret" },
      "PEER_SECRET_FILE: cannot read the file /nonexistent/peer-secret",
    ],
    [
      "a secret that is too short",
      { OPERATOR_SECRET_FILE: folder.file("short", "too-short") },
      "OPERATOR_SECRET_FILE: the file ",
    ],
    [
      "a Valkey address of another kind",
      { VALKEY_URL_FILE: folder.file("http-url", "http://valkey:6379/") },
      "VALKEY_URL_FILE: the file must hold an address that begins with redis:// or rediss://",
    ],
  ];

  it.each(cases)("stops it: %s", async (_title, change, fault) => {
    const merged = Object.entries({ ...good, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const service = folder.start(Object.fromEntries(merged));
    const { status, stdout, stderr } = await service.ended;
    expect(status).toBe(1);
    expect(stderr).toBe("");
    expect(service.lines()).toEqual([
      expect.objectContaining({
        level: "error",
        message: "the configuration is wrong",
        faults: [expect.stringContaining(fault) as string],
      }),
    ]);
    for (const secret of ["hidden", "too-short", SECRET]) {
      expect(stdout).not.toContain(secret);
    }
  });

  it("is reported with all its faults at once", async () => {
    const service = folder.start({});
    await service.ended;
    const [line] = service.lines();
    expect(line?.["faults"]).toHaveLength(11);
  });
});
