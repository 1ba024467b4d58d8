import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { FakeLiveKit } from "../../support/rooms/fake-livekit.ts";
import { RawClient } from "../../support/rooms/raw-client.ts";
import { joinUrl } from "../../support/rooms/signalling-gateway.ts";

const TUNNELS = 1000;

let liveKit: FakeLiveKit;
let gateway: ChildProcess;

beforeEach(async () => {
  liveKit = await FakeLiveKit.start();
  gateway = fork("test/support/rooms/signalling-process.ts", [liveKit.url], {
    execArgv: ["--expose-gc", "--import", "tsx"],
  });
});

afterEach(async () => {
  const exited = once(gateway, "exit");
  gateway.kill();
  await exited;
  await liveKit.stop();
});

async function told<T>(schema: z.ZodType<T>): Promise<T> {
  const messages: unknown[] = await once(gateway, "message");
  return schema.parse(messages[0]);
}

async function memory(): Promise<{ readonly tunnels: number; readonly rssBytes: number }> {
  const answer = told(z.object({ tunnels: z.number(), rssBytes: z.number() }));
  gateway.send("measure");
  return answer;
}

it("an idle tunnel takes at most 60 KB of the gateway's memory", async () => {
  const { port } = await told(z.object({ port: z.number() }));
  const padding = "x".repeat(2400);
  const open = async (index: number): Promise<RawClient> => {
    const url = await joinUrl(`room-${index % 100}`, { identity: `user-${index}` });
    const client = RawClient.upgrade(port, url + padding);
    expect(await client.status).toBe(101);
    return client;
  };
  // What the first joins of a process take is not the tunnels'.
  for (let index = 0; index < 200; index++) {
    (await open(index)).close();
  }
  await expect.poll(async () => (await memory()).tunnels).toBe(0);
  const before = await memory();
  const clients: RawClient[] = [];
  for (let index = 0; index < TUNNELS; index += 50) {
    clients.push(
      ...(await Promise.all(Array.from({ length: 50 }, (_, more) => open(index + more)))),
    );
  }
  const after = await memory();
  expect(after.tunnels).toBe(TUNNELS);
  const kilobytes = (after.rssBytes - before.rssBytes) / TUNNELS / 1024;
  console.log(`an idle tunnel: ${kilobytes.toFixed(1)} KB`);
  expect(kilobytes).toBeLessThan(60);
  for (const client of clients) {
    client.close();
  }
  await expect.poll(async () => (await memory()).tunnels, { timeout: 10_000 }).toBe(0);
});
