import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { rules } from "../../../rehearsal/cloud/rules/all.ts";
import { cloudflareCases } from "./cases/cloudflare.ts";
import { dataCases } from "./cases/data.ts";
import { ec2Cases } from "./cases/ec2.ts";
import { edgeCases } from "./cases/edge.ts";
import { eksCases } from "./cases/eks.ts";
import { iamS3Cases } from "./cases/iam-s3.ts";
import { kubernetesCases } from "./cases/kubernetes.ts";
import { operationsCases } from "./cases/operations.ts";
import type { RuleCases } from "./cases/case.ts";
import { World } from "./world.ts";

const cases: RuleCases = {
  ...cloudflareCases,
  ...dataCases,
  ...ec2Cases,
  ...edgeCases,
  ...eksCases,
  ...iamS3Cases,
  ...kubernetesCases,
  ...operationsCases,
};

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

describe("the documented refusals", () => {
  it("has a case for every rule and no case without a rule", () => {
    expect(Object.keys(cases).toSorted()).toEqual(rules.map(({ id }) => id).toSorted());
  });

  it("names every rule once, with a source and an error code", () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    const unsourced = rules.filter(
      ({ source, errorCode }) => !/^(https:\/\/|[\w-]+\/[\w-]+ )/.test(source) || errorCode === "",
    );
    expect(unsourced).toEqual([]);
  });

  describe.each(rules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
    const found = cases[id];

    it(`holds: ${rule.what}`, async () => {
      const refusal = await found?.broken(world).then(
        () => "was accepted",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      expect(refusal).toContain(found?.says);
      expect(refusal).toContain(rule.errorCode);
    });

    it("lets through what keeps to it", async () => {
      await expect(found?.fine(world)).resolves.not.toThrow();
    });
  });
});
