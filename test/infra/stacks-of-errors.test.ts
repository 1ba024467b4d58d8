import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

/** As the SDK starts the program: `source-map-support` first, then the program's first import. */
const START = `
  import { createRequire } from "node:module";
  createRequire(process.cwd() + "/node_modules/@pulumi/pulumi/cmd/run/")("source-map-support/register");
  await import("./infra/stacks-of-errors.ts");
`;

function printed(code: string, environment: Readonly<Record<string, string>> = {}): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", `${START}\n${code}`],
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, ...environment } },
  );
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stdout;
}

/** As the SDK does; that its function is named so is a test below. */
const OF_A_PROMISE = `
  function debuggablePromise() { return new Error().stack; }
  console.log(debuggablePromise());
`;

const OF_AN_ERROR = `
  const { noSubnets } = await import("./test/infra/throws-in-line-5.ts");
  try { noSubnets(); } catch (error) { console.log(error.stack); }
`;

describe("the stack", () => {
  it("of a promise that the SDK makes is not written", () => {
    expect(printed(OF_A_PROMISE)).toBe("Error\n");
  });

  it("of a promise is written for PULUMI_DEBUG_PROMISE_LEAKS", () => {
    expect(printed(OF_A_PROMISE, { PULUMI_DEBUG_PROMISE_LEAKS: "true" })).toMatch(
      /^Error\n +at debuggablePromise \(.*:\d+:\d+\)\n/,
    );
  });

  it("of a promise is known by the name of the SDK's function that takes it", () => {
    const file = join(ROOT, "node_modules", "@pulumi", "pulumi", "runtime", "debuggable.js");
    expect(readFileSync(file, "utf8")).toMatch(
      /function debuggablePromise\([\s\S]{0,500}"_debugStackTrace", \{ writable: true, value: new Error\(\)\.stack/,
    );
  });

  it("of an error of the program has all frames, with file and line of the TypeScript", () => {
    const file = join(ROOT, "test", "infra", "throws-in-line-5.ts");
    const [head, first, ...others] = printed(OF_AN_ERROR).trimEnd().split("\n");
    expect(head).toBe("Error: no subnets");
    expect(first).toBe(`    at noSubnets (${file}:5:9)`);
    expect(others.length).toBeGreaterThan(0);
  });

  it("of an error whose message cannot be read is written all the same", () => {
    const broken = `const error = new Error("x"); error.toString = undefined; error[Symbol.toPrimitive] = () => { throw 1; };
      Error.captureStackTrace(error); console.log(error.stack);`;
    expect(printed(broken)).toMatch(/^Error\n +at /);
  });
});
