import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FakeLiveKit, sends } from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import { claimOf, joinUrl, SignallingGateway } from "../../support/rooms/signalling-gateway.ts";

let liveKit: FakeLiveKit;
let host: SignallingGateway;
let entry: SignallingGateway;

beforeAll(async () => {
  liveKit = await FakeLiveKit.start();
  host = await SignallingGateway.start({ region: "us", liveKitUrl: liveKit.url });
  const peers = { us: host.url };
  entry = await SignallingGateway.start({
    region: "eu",
    liveKitUrl: liveKit.url,
    peers,
    clientMs: 150,
  });
  entry.locate = ({ room }) => Promise.resolve(claimOf(room, "us"));
});

afterAll(async () => {
  await entry.stop();
  await host.stop();
  await liveKit.stop();
});

const SECRET = "do-not-log-this-secret";

/** What is left of a request's connection: a status, or nothing where the gateway gave it up. */
async function statusOf(client: RawClient): Promise<number | undefined> {
  const late = new Promise<undefined>((resolve) => {
    setTimeout(() => {
      resolve(undefined);
    }, 2000);
  });
  const status = await Promise.race([client.status.catch(() => undefined), late]);
  client.close();
  return status;
}

const headerName = fc.oneof(
  fc.constantFrom(
    ...["Authorization", "X-Meet-Peer", "X-Meet-Claim", "X-Meet-Hops", "X-Meet-Client-Address"],
    ...["X-Forwarded-For", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding"],
    ...["Sec-WebSocket-Extensions", "Expect", "Host", "Cookie", "Forwarded"],
  ),
  fc.stringMatching(/^[A-Za-z0-9-]{1,30}$/),
);
const headerValue = fc.oneof(
  fc.constantFrom("websocket", "Upgrade", "chunked", "100-continue", "e30", `Bearer ${SECRET}`),
  fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 50 }),
);

it("requests of any shape are answered or given up, never break the gateway, and leave no secret in a log", async () => {
  const url = await joinUrl("room");
  const path = fc.oneof(
    fc.constantFrom(url, "/rtc", "/rtc/v1/validate", `/rtc?access_token=${SECRET}`, "*", "//rtc"),
    fc.webPath().map((text) => `/rtc${text}?access_token=${SECRET}`),
  );
  const request = fc.tuple(path, fc.array(fc.tuple(headerName, headerValue), { maxLength: 8 }));
  await fc.assert(
    fc.asyncProperty(request, fc.boolean(), async ([target, headers], isUpgrade) => {
      const client = isUpgrade
        ? RawClient.upgrade(entry.port, target, headers)
        : RawClient.get(entry.port, target, headers);
      const status = await statusOf(client);
      expect(status).not.toBe(404);
      expect(status).not.toBe(500);
    }),
    { numRuns: 300 },
  );
  expect((await fetch(`${entry.url}/healthz`)).status).toBe(200);
  for (const line of [...entry.lines, ...host.lines]) {
    expect(line).not.toContain(SECRET);
    expect(line).not.toMatch(/eyJ/);
  }
});

it("answers of any shape from LiveKit are passed on or replaced, and never break the gateway", async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...["HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 403 \r\n"],
      ...["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: X\r\n"],
      ...["X-Meet-Refusal: moved\r\n", "\r\n", "5\r\nabcde\r\n", "0\r\n\r\n", "\r\n\r\n"],
    ),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), fc.boolean(), async (pieces, isUpgrade) => {
      const bytes = Buffer.from(pieces.join(""), "latin1");
      liveKit.always((socket, request, early) => {
        sends(bytes)(socket, request, early);
        socket.end();
      });
      const client = isUpgrade
        ? RawClient.upgrade(entry.port, await joinUrl("room"))
        : RawClient.get(entry.port, await joinUrl("room", { path: "/rtc/validate" }));
      const status = await statusOf(client);
      expect(status).not.toBe(500);
    }),
    { numRuns: 100 },
  );
  expect((await fetch(`${entry.url}/healthz`)).status).toBe(200);
  expect(entry.tunnels.size()).toBe(0);
});
