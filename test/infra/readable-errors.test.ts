import { describe, expect, it } from "vitest";
import { withoutScopedFrames } from "../../infra/readable-errors.ts";

describe("the stack of an error", () => {
  it.each([
    ["at f (/x/node_modules/@pulumi/config.ts:3:4)", "at f (/x/@pulumi/config.ts:3:4)"],
    [
      "at f (/x/node_modules/@pulumi/pulumi/a.js:3:4)",
      "at f (/x/node_modules/@pulumi/pulumi/a.js:3:4)",
    ],
    ["at f (/x/node_modules/zod/a.js:3:4)", "at f (/x/node_modules/zod/a.js:3:4)"],
    ["at f (/x/infra/index.ts:3:4)", "at f (/x/infra/index.ts:3:4)"],
  ])("%s is kept as %s", (before, after) => {
    expect(withoutScopedFrames(`Error: x\n    ${before}`)).toBe(`Error: x\n    ${after}`);
  });
});
