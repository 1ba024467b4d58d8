import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Outbound } from "../../../services/recordings/outbound.ts";
import { NoCredentials } from "../../../services/recordings/storage/credentials.ts";
import { PodCredentials } from "../../../services/recordings/storage/pod-credentials.ts";
import { FakeAgent } from "../../support/recordings/fake-agent.ts";

const START_MS = Date.parse("2026-11-23T10:00:00Z");

let folder: string;
let tokenFile: string;
let now: number;
let agent: FakeAgent;
let outbound: Outbound;
let credentials: PodCredentials;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "meet-agent-"));
  tokenFile = join(folder, "token");
  writeFileSync(tokenFile, "token-of-the-pod\n");
  now = START_MS;
  agent = await FakeAgent.start(() => now);
  outbound = new Outbound();
  credentials = new PodCredentials({
    url: agent.url,
    tokenFile,
    linkSeconds: 900,
    outbound,
    nowMs: () => now,
  });
});

afterEach(async () => {
  outbound.close();
  await agent.stop();
  rmSync(folder, { recursive: true });
});

describe("the pod's credentials", () => {
  it("come from the agent for the pod's token, once for many who ask at once", async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => credentials.current()));
    expect(new Set(all.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(["ASIA1"]));
    expect(all[0]).toEqual({
      accessKeyId: "ASIA1",
      secretAccessKey: "secret-1",
      sessionToken: "session/1+=",
    });
    expect(agent.asked).toBe(1);
    expect(credentials.expiry()).toBe((START_MS + agent.lifeMs) / 1000);
  });

  it("are renewed while they are still good for longer than a link", async () => {
    await credentials.current();
    now = START_MS + agent.lifeMs - 26 * 60_000;
    expect(await credentials.current()).toMatchObject({ accessKeyId: "ASIA1" });
    now = START_MS + agent.lifeMs - 24 * 60_000;
    expect(await credentials.current()).toMatchObject({ accessKeyId: "ASIA2" });
  });

  it("are renewed with the token that is in the file then", async () => {
    await credentials.current();
    agent.token = "the next token";
    writeFileSync(tokenFile, "the next token");
    now += agent.lifeMs;
    expect(await credentials.current()).toMatchObject({ accessKeyId: "ASIA2" });
  });

  it("serve to their end while the agent fails, which is not asked all the time", async () => {
    await credentials.current();
    agent.fault = "status 500";
    now = START_MS + agent.lifeMs - 60_000;
    for (let times = 0; times < 5; times += 1) {
      expect(await credentials.current()).toMatchObject({ accessKeyId: "ASIA1" });
    }
    expect(agent.asked).toBe(2);
    now = START_MS + agent.lifeMs;
    await expect(credentials.current()).rejects.toThrow(NoCredentials);
  });

  it("are none for an agent that says no, answers nonsense or is not there, and come when it is back", async () => {
    agent.token = "another";
    await expect(credentials.current()).rejects.toThrow("the agent answered 403");
    agent.token = "token-of-the-pod";
    agent.fault = "nonsense";
    await expect(credentials.current()).rejects.toThrow("the agent's answer is no credentials");
    rmSync(tokenFile);
    await expect(credentials.current()).rejects.toThrow(`cannot read the file ${tokenFile}`);
    writeFileSync(tokenFile, "token-of-the-pod");
    agent.fault = "none";
    expect(await credentials.current()).toMatchObject({ sessionToken: "session/3+=" });
    await agent.stop();
    now += agent.lifeMs;
    await expect(credentials.current()).rejects.toThrow("the agent did not answer (ECONNREFUSED)");
  });
});
