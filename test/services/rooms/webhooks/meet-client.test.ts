import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { MeetClient } from "../../../../services/rooms/webhooks/meet-client.ts";
import { parsed } from "../../../support/rooms/fake-webhooks.ts";

const servers: Server[] = [];

/** A Meet that answers by path, 404 where nothing is said. */
async function meet(
  answers: Readonly<Record<string, number>>,
  headers: Readonly<Record<string, string>> = {},
) {
  const got: { path: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const path = request.url ?? "";
      got.push({ path, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.writeHead(answers[path] ?? 404, headers).end("{}");
    });
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { client: new MeetClient(() => `http://127.0.0.1:${port}`), got, server };
}

const PATH = "/api/v1.0/rooms/webhooks-livekit/";

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

it("posts the body as it is, with the bare token", async () => {
  const { client, got } = await meet({ [PATH]: 200 });
  expect(await client.post('{ "é": 1 }\n', "token")).toEqual({ kind: "accepted" });
  expect(got[0]).toMatchObject({
    path: PATH,
    body: '{ "é": 1 }\n',
    headers: { authorization: "token", "content-type": "application/webhook+json" },
  });
});

it.each([
  [204, { kind: "accepted" }],
  [400, { kind: "refused", status: 400 }],
  [404, { kind: "refused", status: 404 }],
  [422, { kind: "refused", status: 422 }],
  [500, { kind: "failed", reason: "status 500" }],
  [503, { kind: "failed", reason: "status 503" }],
  [408, { kind: "failed", reason: "status 408" }],
])("reads the status %i", async (status, expected) => {
  const { client } = await meet({ [PATH]: status });
  expect(await client.post("{}", "token")).toEqual(expected);
});

it("does not follow a redirect, which would lose the post", async () => {
  const { client, got } = await meet({ [PATH]: 301 }, { location: "/elsewhere" });
  expect(await client.post("{}", "token")).toEqual({ kind: "failed", reason: "status 301" });
  expect(got).toHaveLength(1);
});

it.each([
  ["7", 7000],
  ["86400", 60_000],
  ["soon", 1000],
])("waits as long as Meet asks for, within bounds: %s", async (after, waitMs) => {
  const { client } = await meet({ [PATH]: 429 }, { "retry-after": after });
  expect(await client.post("{}", "token")).toEqual({ kind: "busy", waitMs });
});

it("says by a code why Meet does not answer", async () => {
  const { client, server } = await meet({});
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  expect(await client.post("{}", "token")).toEqual({ kind: "failed", reason: "ECONNREFUSED" });
  expect(await client.isWell()).toBe(false);
});

it.each([
  [{ "/__heartbeat__": 200 }, true],
  [{ "/__heartbeat__": 500, "/__lbheartbeat__": 200 }, false],
  [{ "/__lbheartbeat__": 200 }, true],
  [{ "/__lbheartbeat__": 502 }, false],
  [{}, undefined],
])("asks for Meet's health: %j", async (answers, expected) => {
  const { client } = await meet(answers);
  expect(await client.isWell()).toBe(expected);
});

it("reads events of newer versions, and gives those without an id one of their own", () => {
  const odd = '{"event":"x_new","room":{"name":"","sid":""},"enum":"NEW"}';
  expect(parsed(odd)).toEqual({
    id: parsed(odd).id,
    kind: "x_new",
    subject: `event:${parsed(odd).id}`,
    body: odd,
  });
  expect(parsed(odd).id).toMatch(/^[0-9a-f]{64}$/);
  const ingress = '{"event":"ingress_ended","id":"i","ingressInfo":{"ingressId":"IN_1"}}';
  expect(parsed(ingress)).toMatchObject({ subject: "egress:IN_1" });
});
