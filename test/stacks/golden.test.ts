import { beforeAll, describe, expect, it } from "vitest";
import type { Recorded } from "../../plan/recorded.ts";
import { recordFleet, repositoryFiles } from "../support/fleets.ts";
import { compareGolden, goldenFiles } from "../support/golden.ts";

/**
 * Every resource of the repository's own stacks, against one golden file each. A change of a golden file is read line
 * by line in review; `npm run golden:update` writes them.
 */
describe("the golden files", () => {
  let recordings: Map<string, readonly Recorded[]>;
  beforeAll(async () => {
    recordings = await recordFleet(repositoryFiles());
  });

  it.each(["eu", "us"])("show every resource of stack %s as it is", (stack) => {
    expect(compareGolden(stack, recordings.get(stack) ?? [])).toEqual({
      missing: [],
      stale: [],
      changed: [],
    });
  });

  it("hold no secret", () => {
    const all = [...recordings.values()].flatMap((resources) => [...goldenFiles(resources)]);
    const leaking = all.filter(([, content]) => content.includes("placeholder-of-a-secret"));
    expect(leaking.map(([file]) => file)).toEqual([]);
  });
});
