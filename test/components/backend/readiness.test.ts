import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { IS_PRIMARY_SCRIPT, READINESS_SCRIPT } from "../../../components/backend/readiness.ts";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }),
  );
});

/** A server that answers everything with one status, and keeps the hosts it was asked by. */
async function answering(status: number): Promise<{ url: string; hosts: string[] }> {
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host ?? "");
    response.writeHead(status).end();
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, hosts };
}

/** The probe, run as the kubelet runs it: true where it lets the pod be ready. */
function isReady(heartbeat: string, primary: string): Promise<boolean> {
  return succeeds("-c", READINESS_SCRIPT, heartbeat, "meet.example.org", primary);
}

function succeeds(...args: readonly string[]): Promise<boolean> {
  return promisify(execFile)("python3", args).then(
    () => true,
    () => false,
  );
}

it.each([
  ["is the primary", 200, true],
  ["is not, because another was promoted", 503, false],
  ["is not known: the gateway fails", 500, false],
  ["is not known: the gateway knows no such path", 404, false],
])(
  "what cleans up at night runs by the gateway's word that its region %s",
  async (_, status, runs) => {
    const { url } = await answering(status);
    expect(await succeeds("-c", IS_PRIMARY_SCRIPT, `${url}/primary`)).toBe(runs);
  },
);

it("what cleans up at night does not run where no gateway answers", async () => {
  const { url } = await answering(200);
  servers.splice(0).forEach((server) => server.close());
  expect(await succeeds("-c", IS_PRIMARY_SCRIPT, `${url}/primary`)).toBe(false);
});

it.each([
  ["the gateway says that the region is the primary", 200, 200, true],
  ["the gateway says that another region was promoted", 200, 503, false],
  ["the gateway is older and knows no such path", 200, 501, true],
  ["Meet's heartbeat fails", 500, 200, false],
])("where %s, Meet's readiness follows", async (_, meet, gateway, ready) => {
  const heartbeat = await answering(meet);
  const primary = await answering(gateway);
  expect(await isReady(heartbeat.url, `${primary.url}/primary`)).toBe(ready);
  expect(heartbeat.hosts).toEqual(["meet.example.org"]);
});

it("does not need the gateway: where nobody answers, Meet's own heartbeat decides", async () => {
  const heartbeat = await answering(200);
  const nobody = await answering(200);
  for (const server of servers.splice(1)) {
    server.close();
    await once(server, "close");
  }
  expect(await isReady(heartbeat.url, `${nobody.url}/primary`)).toBe(true);
  expect(await isReady(nobody.url, `${heartbeat.url}/primary`)).toBe(false);
});
