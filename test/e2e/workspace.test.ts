import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { descendants } from "../../rehearsal/process-tree.ts";
import { createWorkspace, type Workspace } from "../../rehearsal/workspace.ts";

/** TypeScript that plain node 20 cannot run, so that it proves the loader too. */
const PROGRAM = `
import "./readable-errors.ts";
import * as pulumi from "@pulumi/pulumi";
const config: pulumi.Config = new pulumi.Config();
if (config.getBoolean("hang") === true) {
  console.log("hanging in", process.pid);
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
if (config.get("word") === undefined) {
  throw new pulumi.RunError("there is no word");
}
export const secret = config.requireSecret("word");
export const account = process.env["AWS_PROFILE"] ?? "none";
`;

let source: string;
let workspace: Workspace;

beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), "meet-tiny-"));
  writeFileSync(join(source, "index.ts"), PROGRAM);
  copyFileSync("infra/readable-errors.ts", join(source, "readable-errors.ts"));
  writeFileSync(join(source, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(source, "Pulumi.yaml"),
    'name: tiny\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false, nodeargs: "--import tsx" } }\n',
  );
  process.env["AWS_PROFILE"] = "a-real-account";
  workspace = await createWorkspace({
    program: source,
    parts: ["index.ts", "readable-errors.ts", "package.json", "Pulumi.yaml"],
  });
  await succeeds("stack", "init", "one");
  await succeeds("config", "set", "--secret", "word", "xyzzy", "-s", "one");
});

afterAll(async () => {
  delete process.env["AWS_PROFILE"];
  await workspace.remove();
  rmSync(source, { recursive: true });
});

async function succeeds(...args: readonly string[]): Promise<string> {
  const { status, output, stdout } = await workspace.run(args);
  expect(status, output).toBe(0);
  return stdout;
}

describe("a workspace", () => {
  it("runs the real engine on a copy, and the original gets no stack file", async () => {
    await succeeds("up", "-s", "one", "--yes", "--non-interactive");
    expect(existsSync(join(workspace.program, "Pulumi.one.yaml"))).toBe(true);
    expect(existsSync(join(source, "Pulumi.one.yaml"))).toBe(false);
  });

  it("gives its secrets to its passphrase only", async () => {
    const shown = ["stack", "output", "secret", "--show-secrets", "-s", "one"];
    expect(await succeeds(...shown)).toBe("xyzzy\n");
    const wrong = await workspace.run(["config", "get", "word", "-s", "one"], {
      environment: { PULUMI_CONFIG_PASSPHRASE: "other" },
    });
    expect(wrong.status).not.toBe(0);
    expect(wrong.output).toContain("incorrect passphrase");
  });

  it("passes on nothing that leads to a real account", async () => {
    expect(await succeeds("stack", "output", "account", "-s", "one")).toBe("none\n");
  });

  it("reports the exit status of an update that fails", async () => {
    await succeeds("stack", "init", "two");
    const { status, output, seconds } = await workspace.run([
      "preview",
      "-s",
      "two",
      "--non-interactive",
    ]);
    expect(status).not.toBe(0);
    expect(output).toContain("there is no word");
    // Without infra/readable-errors.ts Node 20 takes more than half a minute to print it.
    expect(seconds).toBeLessThan(25);
  });

  it("kills an update with all that it has started, and the state stays locked until cancelled", async () => {
    await succeeds("config", "set", "hang", "true", "-s", "one");
    let seen: (pid: number) => void;
    const hanging = new Promise<number>((resolve) => {
      seen = resolve;
    });
    const update = workspace.start(["up", "-s", "one", "--yes", "--non-interactive"], {
      onOutput: () => {
        const pid = /hanging in (\d+)/.exec(update.output())?.[1];
        if (pid !== undefined) {
          seen(Number(pid));
        }
      },
    });
    const program = await hanging;
    expect(descendants(process.pid)).toContain(program);
    update.kill();
    expect((await update.ended).status).toBeNull();
    await expect.poll(() => existsSync(`/proc/${program}/exe`)).toBe(false);

    await succeeds("config", "set", "hang", "false", "-s", "one");
    const again = ["up", "-s", "one", "--yes", "--non-interactive"];
    expect((await workspace.run(again)).output).toContain("locked");
    await succeeds("cancel", "--yes", "-s", "one");
    await succeeds(...again);
  });

  it("says what a command had written that took too long", async () => {
    await succeeds("config", "set", "hang", "true", "-s", "one");
    const slow = workspace.run(["preview", "-s", "one"], { timeoutSeconds: 8 });
    await expect(slow).rejects.toThrow(/had not ended after 8 s and was killed/);
  });
});
