import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startDeployedFleet } from "../support/engine/deployed-fleet.ts";
import type { Fleet } from "../support/engine/fleet.ts";
import { killedAt, runCommand, type CommandFleet } from "./fleet-commands.ts";

let fleet: Fleet;
let running: CommandFleet;

beforeAll(async () => {
  fleet = await startDeployedFleet();
  const { environment, program } = fleet.workspace;
  // The engine is killed in none of its steps, so it may write its state at their ends. No gateway answers here.
  const gateways = JSON.stringify({ eu: "http://127.0.0.1:9", us: "http://127.0.0.1:9" });
  running = {
    program,
    environment: { ...environment, ...CHECKPOINTS_AT_END, MEET_FLEET_ENDPOINTS: gateways },
  };
});

afterAll(async () => {
  await fleet.close();
});

const keySchema = z.object({ apiKey: z.string(), apiSecret: z.string() });

const sharedSchema = z
  .object({
    livekitApiKey: z.string(),
    livekitApiSecret: z.string(),
    peerSecret: z.string(),
    djangoSecretKey: z.string(),
    previous: z.object({ livekit: keySchema.optional() }),
    makes: z.object({ livekitKeys: z.array(z.number()) }),
  })
  .transform(({ livekitApiKey: apiKey, livekitApiSecret: apiSecret, ...rest }) => ({
    signs: { apiKey, apiSecret },
    accepted: rest.previous.livekit,
    makes: rest.makes.livekitKeys,
    peer: rest.peerSecret,
    django: rest.djangoSecretKey,
  }));

/** The keys as the primary hands them to all regions. */
async function keys() {
  const { stdout } = await fleet.must([
    ...["stack", "output", "sharedSecrets", "--show-secrets", "--json", "--stack", "eu"],
  ]);
  return sharedSchema.parse(JSON.parse(stdout));
}

/** In how many of the stack's Kubernetes objects a text is. */
function objectsWith(stack: string, text: string): number {
  return fleet.running.cloud
    .all()
    .filter(({ urn, type }) => type.startsWith("kubernetes:") && urn.includes(`:${stack}::`))
    .filter(({ state }) => JSON.stringify(state).includes(text)).length;
}

const ROTATE = ["keys", "rotate", "--in-place", "--yes"];

describe("npx fleet keys rotate on the engine", () => {
  it("killed between any two steps of each phase and called again, accepts both, signs with the new one, drops the old one", async () => {
    const before = await keys();
    expect(before.accepted).toBeUndefined();
    const calls = fleet.running.cloud.calls.length;

    for (const line of ["Pulumi.eu.yaml: livekitKeys both accepted", "eu: up", "us: up"]) {
      await killedAt(running, line, ...ROTATE);
    }
    // Before the other region is deployed, the primary accepts the new one already, and nobody signs with it.
    const both = await keys();
    expect([both.signs, both.makes]).toEqual([before.signs, [1, 2]]);
    const { apiKey = "", apiSecret = "" } = both.accepted ?? {};
    expect(apiSecret).toHaveLength(48);
    expect(objectsWith("eu", apiSecret)).toBeGreaterThan(0);
    expect(objectsWith("us", apiSecret)).toBe(0);

    for (const line of ["Pulumi.eu.yaml: livekitKeys new in use", "eu: up", "us: up"]) {
      await killedAt(running, line, ...ROTATE);
    }
    // Every region accepts it before any signs with it.
    expect(objectsWith("us", apiSecret)).toBeGreaterThan(0);
    const waiting = await runCommand(running, ...ROTATE);
    expect(waiting.status, waiting.stderr).toBe(3);
    expect(waiting.stdout).toContain("The new one is in use everywhere.");
    expect(await keys()).toMatchObject({
      signs: { apiKey, apiSecret },
      accepted: before.signs,
      makes: [2, 1],
    });

    for (const line of ["Pulumi.eu.yaml: livekitKeys settled", "eu: up", "us: up"]) {
      await killedAt(running, line, ...ROTATE, "--drop-now");
    }
    const last = await runCommand(running, ...ROTATE, "--drop-now");
    expect(last.status, last.stderr).toBe(0);
    expect(await keys()).toEqual({
      signs: { apiKey, apiSecret },
      accepted: undefined,
      makes: [2],
      peer: before.peer,
      django: before.django,
    });
    for (const stack of ["eu", "us"]) {
      expect(objectsWith(stack, before.signs.apiSecret)).toBe(0);
      expect(objectsWith(stack, apiSecret)).toBeGreaterThan(0);
    }
    const made = fleet.running.cloud.calls.slice(calls);
    expect(made.filter(({ error }) => error !== "")).toEqual([]);
    expect(made.filter(({ type, urn }) => type.startsWith("aws:") && urn !== "")).toEqual([]);
  });

  it("killed before the update and called again, makes Django's key anew, and nothing else", async () => {
    const before = await keys();
    const plan = "generation 2 of django in Pulumi.eu.yaml, then fleet up eu";
    await killedAt(running, plan, "secrets", "rotate", "django", "--yes");
    const end = await runCommand(running, "secrets", "rotate", "django", "--yes");
    expect(end.stdout, end.stderr).toContain("Secret django is of generation 2.");
    const after = await keys();
    expect(after).toEqual({ ...before, django: after.django });
    expect(after.django).toHaveLength(64);
    expect([objectsWith("eu", before.django), objectsWith("us", after.django)]).toEqual([0, 0]);
    expect(objectsWith("eu", after.django)).toBeGreaterThan(0);
  });

  it("leaves nothing to do in either region", async () => {
    const previewed = await runCommand(running, "preview", "--exit-code");
    expect(previewed.stdout, previewed.stderr).toBe("eu: nothing changed\nus: nothing changed\n");
  });
});
