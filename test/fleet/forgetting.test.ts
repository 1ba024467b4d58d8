import { describe, expect, it } from "vitest";
import { withoutResources } from "../../fleet/forgetting.ts";

describe("a state without one resource", () => {
  it("has no loose end: nothing names the one that is gone, and everything else is as it was", () => {
    const state = {
      manifest: { time: "now" },
      resources: [
        { urn: "key", custom: true },
        { urn: "database", dependencies: ["key"] },
        {
          urn: "secret",
          dependencies: ["database", "key"],
          propertyDependencies: { url: ["database"], name: [], data: null },
          deletedWith: "database",
          inputs: { url: "database" },
        },
      ],
    };
    expect(withoutResources(state, ["database"])).toEqual({
      manifest: { time: "now" },
      resources: [
        { urn: "key", custom: true },
        {
          urn: "secret",
          dependencies: ["key"],
          propertyDependencies: { url: [], name: [], data: null },
          inputs: { url: "database" },
        },
      ],
    });
  });
});
