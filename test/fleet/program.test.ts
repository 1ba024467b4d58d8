import { describe, expect, it } from "vitest";
import { createConfirm } from "../../fleet/confirm.ts";
import { parseDuration, showDuration } from "../../fleet/durations.ts";
import { EngineEvents } from "../../fleet/engine-events.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { createOutput } from "../../fleet/output.ts";
import { runFleet } from "../../fleet/program.ts";
import { rollingSteps } from "../../fleet/rolling.ts";
import { chosenRegions, engineKey, readFleet, withSetting } from "../../fleet/stack-files.ts";
import { runSteps } from "../../fleet/steps.ts";
import type { CommonOptions } from "../../fleet/world.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld } from "./support/fake-world.ts";

/** Runs a command line on a fleet of eu and us. */
async function run(...args: string[]) {
  const fake = fakeWorld();
  const [out, err]: [string[], string[]] = [[], []];
  const started: CommonOptions[] = [];
  const streams = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const start = (options: CommonOptions) => {
    started.push(options);
    return { ...fake.world, output: createOutput(streams, options) };
  };
  const status = await runFleet(args, start, streams, fake.folder);
  return { status, out: out.join(""), err: err.join(""), started, stacks: fake.stacks };
}

const COMMANDS = [
  ["up"],
  ["preview"],
  ["status"],
  ["drain"],
  ["evacuate"],
  ["undrain"],
  ["room", "show"],
  ["room", "move"],
  ["room", "pin"],
  ["room", "unpin"],
  ["region", "add"],
  ["region", "remove"],
  ["keys", "rotate"],
  ["drill"],
  ["report"],
  ["destroy"],
  ["init"],
];

describe("fleet --help", () => {
  it("lists every command and says what the exit statuses mean", async () => {
    const { status, out } = await run("--help");
    expect(status).toBe(EXIT.done);
    for (const [command = ""] of COMMANDS) {
      expect(out).toMatch(new RegExp(`^ {2}${command} `, "m"));
    }
    for (const exit of Object.values(EXIT)) {
      expect(out).toMatch(new RegExp(`^ {2}${exit} {2}\\S`, "m"));
    }
  });

  it.each(COMMANDS)("%s %s has examples, --json and --project", async (...command) => {
    const { out } = await run(...command.filter(Boolean), "--help");
    expect(out).toContain(`Examples:\n  fleet ${command.filter(Boolean).join(" ")}`);
    expect(out).toContain("--json");
    expect(out).toContain("--project");
  });

  it.each(COMMANDS.filter(([name]) => !["status", "preview", "report"].includes(name ?? "")))(
    "%s %s has --dry-run if it changes something",
    async (...command) => {
      const { out } = await run(...command.filter(Boolean), "--help");
      expect(out.includes("--dry-run")).toBe(command[1] !== "show");
    },
  );
});

describe("a command line", () => {
  it.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["up", "--nonsense"], "unknown option '--nonsense'"],
    [["drain"], "missing required argument 'region'"],
    [["up", "--parallel", "0"], "It is no whole number from 1."],
    [["drain", "eu", "--deadline", "9"], 'Duration "9": it is not one of 1s to 1d.'],
    [["drain", "xx"], 'Region "xx": it has no Pulumi.xx.yaml. Use one of eu, us.'],
  ])("%j is refused with 2 and a sentence", async (args, sentence) => {
    const { status, err } = await run(...args);
    expect(status).toBe(EXIT.wrongUse);
    expect(err).toContain(sentence);
  });

  it("that fails with --json gives the sentence as JSON as well", async () => {
    const { status, out } = await run("drain", "xx", "--json");
    expect(JSON.parse(out)).toEqual({
      error: 'Region "xx": it has no Pulumi.xx.yaml. Use one of eu, us.',
      exit: status,
    });
  });

  it("that deploys writes progress to standard error and only the result to standard output", async () => {
    const { status, out, err, stacks } = await run("up", "eu", "--yes", "--json");
    expect(status).toBe(EXIT.done);
    expect(JSON.parse(out)).toMatchObject({ stacks: [{ stack: "eu", outcome: "done" }] });
    expect(err).toContain("eu: up");
    expect(stacks.calls).toEqual(["up eu"]);
  });

  it("hands its options on", async () => {
    const { started } = await run("up", "--dry-run", "--confirm", "a", "b", "-C", "/tmp");
    expect(started).toEqual([{ project: "/tmp", json: false, yes: false, confirm: ["a", "b"] }]);
  });
});

describe("a confirmation", () => {
  const nobody = () => Promise.resolve(undefined);

  it("is given by --yes, but not where a word of its own is wanted", async () => {
    const confirm = createConfirm(nobody, { yes: true });
    await confirm.ask("Sure.");
    await expect(confirm.ask("Gone.", "eu")).rejects.toThrow(
      "Confirmation: nobody can be asked, there is no terminal. Gone. Add --confirm eu if that is meant.",
    );
  });

  it("names --yes where nobody can be asked", async () => {
    await expect(createConfirm(nobody, { yes: false }).ask("Sure.")).rejects.toThrow(
      "Add --yes if that is meant.",
    );
  });
});

describe("a time", () => {
  it.each([
    ["90s", 90, "90 s"],
    ["30m", 1800, "30 min"],
    ["2h", 7200, "2 h"],
    ["200m", 12_000, "3 h 20 min"],
    ["1d", 86_400, "24 h"],
  ])("%s is %i seconds and is shown as %s", (text, seconds, shown) => {
    expect(parseDuration(text)).toBe(seconds);
    expect(showDuration(seconds)).toBe(shown);
  });

  it.each(["", "5", "-5m", "25h", "0s", "1.5h"])("%j is refused", (text) => {
    expect(() => parseDuration(text)).toThrow(`Duration "${text}": it is not one of 1s to 1d.`);
  });
});

describe("steps", () => {
  const { signal } = new AbortController();
  const world = {
    output: { say: () => undefined, result: () => undefined },
    interrupted: signal,
  };

  it("that were done are not run, and one that fails keeps the rest from running", async () => {
    const ran: string[] = [];
    const step = (name: string, isDone: boolean) => ({
      name,
      isDone: () => isDone,
      run: () => {
        ran.push(name);
        return name === "c" ? Promise.reject(new FleetError("c broke.")) : Promise.resolve();
      },
    });
    await expect(
      runSteps(world, "fleet x", [
        step("a", true),
        step("b", false),
        step("c", false),
        step("d", false),
      ]),
    ).rejects.toThrow("c broke.\nDone: a; b.\nLeft: c; d.\nRun fleet x again: it goes on.");
    expect(ran).toEqual(["b", "c"]);
  });
});

describe("a rolling update", () => {
  it("deploys each region while nobody is in it, one after another", async () => {
    const regions = await new FakeRegions().start(["eu", "us"]);
    const stacks = new FakeStacks();
    const { world } = fakeWorld({ endpoints: regions.endpoints, stacks });
    const order: string[] = [];
    stacks.after = (call) => {
      const [, stack = ""] = call.split(" ");
      order.push(`${call}, draining: ${regions.get(stack).draining?.kind ?? "no"}`);
    };
    const fleet = readFleet(world.project);
    const rolling = { kind: "drain", seconds: 60 } as const;
    await runSteps(
      world,
      "fleet up",
      rollingSteps(world, fleet, chosenRegions(fleet, []), rolling),
    );
    expect(order).toEqual(["up eu, draining: drain", "up us, draining: drain"]);
    expect(regions.calls).toEqual(["eu drain 60", "eu undrain", "us drain 60", "us undrain"]);
    await regions.stop();
  });
});

describe("a stack file", () => {
  const text = "# Mine.\nconfig:\n  aws:region: eu-west-3 # near\n  meet:size: small\n";

  it("keeps comments and all other settings when one is changed", () => {
    const changed = withSetting(text, ["meet:protection"], { enabled: false, reason: "because" });
    expect(changed).toBe(`${text}  meet:protection:\n    enabled: false\n    reason: because\n`);
    expect(withSetting(changed, ["meet:protection"], undefined)).toBe(text);
  });

  it("gets the blocks that a setting lies in", () => {
    expect(withSetting(text, ["meet:secrets", "peer", "generation"], 2)).toContain(
      "  meet:secrets:\n    peer:\n      generation: 2\n",
    );
  });

  it("says which key the engine wrote into it", () => {
    expect(engineKey("secretsprovider: awskms://a\n", "secretsprovider")).toBe("awskms://a");
    expect(engineKey(text, "secretsprovider")).toBeUndefined();
  });
});

describe("the engine's events", () => {
  const metadata = (op: "create" | "same", name: string) => ({
    op,
    urn: `urn:pulumi:eu::meet::meet:a:B$aws:s3/bucket:Bucket::${name}`,
    type: "aws:s3/bucket:Bucket",
    provider: "",
  });
  const event = { sequence: 1, timestamp: 1 };

  it("are counted, and what stays as it is is no step", () => {
    const seen: string[] = [];
    const events = new EngineEvents(({ done, underWay }) => {
      seen.push(`${done}: ${underWay.join()}`);
    });
    events.take({ ...event, resourcePreEvent: { metadata: metadata("create", "one") } });
    events.take({ ...event, resourcePreEvent: { metadata: metadata("same", "two") } });
    events.take({ ...event, resOutputsEvent: { metadata: metadata("create", "one") } });
    expect(seen).toEqual(["0: create aws:s3/bucket:Bucket one", "1: "]);
    expect(events.previewed()).toEqual({
      changes: { create: 1 },
      steps: ["create aws:s3/bucket:Bucket one"],
    });
  });

  it("give each error once, without colours and without the engine's last word", () => {
    const events = new EngineEvents(() => undefined);
    const say = (message: string) => {
      const diagnosticEvent = { message, color: "never", severity: "error" } as const;
      events.take({ ...event, diagnosticEvent });
    };
    ["<{%fg 1%}>broken<{%reset%}>\n", "broken", "update failed", ""].forEach(say);
    expect(events.faults()).toEqual(["broken"]);
  });
});
