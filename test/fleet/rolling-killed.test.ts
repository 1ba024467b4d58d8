import { afterEach, describe, expect, it } from "vitest";
import { rotate, type RotateOptions } from "../../fleet/commands/keys.ts";
import { empty } from "../../fleet/commands/drain.ts";
import { up } from "../../fleet/commands/up.ts";
import { EXIT } from "../../fleet/exit.ts";
import { phaseOf, type Make } from "../../fleet/rotation.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, START } from "./support/fake-world.ts";

const ROLLING: RotateOptions = {
  secret: "livekitKeys",
  inPlace: false,
  evacuate: true,
  deadlineSeconds: 60,
  dropNow: false,
  dryRun: false,
};

const UP = { skipPreview: false, dryRun: false, yes: true } as const;

let started: FakeRegions | undefined;

afterEach(() => started?.stop());

/** A fleet of eu and us with gateways, whose stacks remember with which keys they were deployed. */
async function fleetWithGateways() {
  const regions = await new FakeRegions().start(["eu", "us"]);
  started = regions;
  const stacks = new FakeStacks();
  const fake = fakeWorld({ stacks, yes: true, endpoints: regions.endpoints });
  const makeNow = (): Make => readFleet(fake.folder).fleet.secrets.livekitKeys;
  let time = START;
  const remember = (stack: string): void => {
    const config = new Map([["meet:secrets", JSON.stringify({ livekitKeys: makeNow() })]]);
    const startedAt = (time += 120_000);
    const update = { kind: "update", succeeded: true, startedAt, endedAt: startedAt + 60_000 };
    const before = stacks.histories.get(stack) ?? [];
    stacks.histories.set(stack, [{ ...update, config }, ...before]);
  };
  remember("eu");
  remember("us");
  stacks.after = (call) => {
    const [what, stack = ""] = call.split(" ");
    if (what === "up") {
      remember(stack);
    }
  };
  return { ...fake, regions, makeNow };
}

type Gateways = Awaited<ReturnType<typeof fleetWithGateways>>;

/** The command dies at the first call of this kind, before it has an effect; what it has done by then stays. */
function killedBefore({ world, regions }: Gateways, call: "undrain" | "evacuate", region: string) {
  const gateways = async (...fleet: Parameters<typeof world.gateways>) => {
    const real = await world.gateways(...fleet);
    const dying = (inner: typeof real): typeof real =>
      Object.assign(Object.create(inner) as typeof real, {
        inTheNameOf: (name: string) => dying(inner.inTheNameOf(name)),
        ask: (asked: string, request: { readonly path: string }, schema: never) =>
          asked === region && request.path === call
            ? Promise.reject(new Error("killed"))
            : inner.ask(asked, request as never, schema),
      });
    return dying(real);
  };
  return { ...world, gateways, regions };
}

/** Who calls again, from another shell in the same folder. */
function again({ stacks, regions, folder }: Gateways) {
  const fake = fakeWorld({ stacks, yes: true, endpoints: regions.endpoints });
  return { ...fake, world: { ...fake.world, project: folder } };
}

describe("a rolling rotation that was killed", () => {
  it.each(["eu", "us"])(
    "between up and undrain of %s and called again, lets it take rooms again",
    async (region) => {
      const it = await fleetWithGateways();
      await expect(rotate(killedBefore(it, "undrain", region), ROLLING)).rejects.toThrow("killed");
      expect(it.regions.get(region).draining?.by).toBe("rolling.test");
      const calls = it.stacks.calls.length;
      const next = again(it);
      expect(await rotate(next.world, ROLLING)).toBe(EXIT.notFinished);
      expect(next.said).toContain(
        `${region}: takes rooms again; an earlier call had not come to that`,
      );
      expect(it.regions.get("eu").draining).toBeUndefined();
      expect(it.regions.get("us").draining).toBeUndefined();
      // Not deployed a second time with the same keys.
      expect(it.stacks.calls.slice(calls)).toEqual(region === "eu" ? ["up us"] : []);
    },
  );

  it("and called with --in-place, lets the region take rooms again, and drops the old key", async () => {
    const it = await fleetWithGateways();
    await expect(rotate(killedBefore(it, "undrain", "us"), ROLLING)).rejects.toThrow("killed");
    const calls = it.stacks.calls.length;
    const options = { ...ROLLING, inPlace: true, dropNow: true };
    expect(await rotate(again(it).world, options)).toBe(EXIT.done);
    expect(it.regions.get("us").draining).toBeUndefined();
    expect(it.stacks.calls.slice(calls)).toEqual(["up eu", "up us"]);
    expect(phaseOf(it.makeNow())).toBe("settled");
  });

  it("empties each region once: LiveKit is replaced only where the new key comes into use", async () => {
    const it = await fleetWithGateways();
    expect(await rotate(it.world, { ...ROLLING, dropNow: true })).toBe(EXIT.done);
    expect(it.stacks.calls).toEqual(["eu", "us", "eu", "us", "eu", "us"].map((to) => `up ${to}`));
    const emptied = it.said.filter((line) => line.endsWith(": evacuate"));
    expect(emptied).toEqual(["eu: evacuate", "us: evacuate"]);
  });

  it("says so where it cannot ask, and goes on", async () => {
    const it = await fleetWithGateways();
    await rotate(it.world, ROLLING);
    it.regions.get("us").isAway = true;
    const next = again(it);
    expect(await rotate(next.world, ROLLING)).toBe(EXIT.notFinished);
    expect(next.said.join("\n")).toContain(
      'us: not known whether an earlier call left it drained; fleet status shows it. Region "us"',
    );
  });
});

describe("a region that an operator has emptied", () => {
  const order = { kind: "drain", since: START, deadline: START + 60_000 } as const;

  it.each([
    ["in a rotation", (it: Gateways) => rotate(it.world, { ...ROLLING, evacuate: false })],
    ["in a rotation that evacuates", (it: Gateways) => rotate(it.world, ROLLING)],
    [
      "in a rolling update",
      (it: Gateways) => up(it.world, [], { ...UP, rolling: { kind: "drain", seconds: 60 } }),
    ],
  ])("stays so %s", async (_, act) => {
    const it = await fleetWithGateways();
    it.stacks.steps.set("us", ["update aws:eks/cluster:Cluster cluster"]);
    it.regions.get("us").draining = { ...order, by: "alice" };
    await act(it);
    expect(it.regions.get("eu").draining).toBeUndefined();
    expect(it.regions.get("us").draining).toBeDefined();
    expect(it.regions.get("us").draining?.by).not.toMatch(/^rolling/);
    expect(it.regions.calls).not.toContain("us undrain");
    expect(it.said.join("\n")).toMatch(
      /us: was emptied by (alice|test) and stays so; fleet undrain us/,
    );
  });

  it("stays so when he says it while a rolling update has it emptied", async () => {
    const it = await fleetWithGateways();
    it.stacks.steps.set("us", ["update aws:eks/cluster:Cluster cluster"]);
    const drained = again(it);
    const { after } = it.stacks;
    let told: Promise<unknown> = Promise.resolve();
    it.stacks.after = (call) => {
      after(call);
      if (call === "up us") {
        told = empty(drained.world, "drain", "us", { wait: false, dryRun: false });
      }
    };
    const { world } = it;
    const waiting = {
      ...world,
      stacks: Object.assign(Object.create(it.stacks) as FakeStacks, {
        up: async (stack: string) => {
          const changes = await it.stacks.up(stack);
          await told;
          return changes;
        },
      }),
    };
    await up(waiting, ["us"], { ...UP, rolling: { kind: "drain", seconds: 60 } });
    expect(it.regions.get("us").draining).toMatchObject({ kind: "drain", by: "test" });
  });

  it("of a version that keeps no names stays so when a killed rotation is called again", async () => {
    const it = await fleetWithGateways();
    it.regions.keepsNames = false;
    await expect(rotate(killedBefore(it, "undrain", "us"), ROLLING)).rejects.toThrow("killed");
    expect(it.regions.get("eu").draining).toBeUndefined();
    await rotate(again(it).world, ROLLING);
    expect(it.regions.get("us").draining).toBeDefined();
  });
});
