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
import { makeDatabase } from "./fixtures.ts";
import { output, World } from "./world.ts";

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

describe("a promoted instance", () => {
  const token = "aws:rds/instance:Instance";
  const own = { instanceClass: "db.t4g.medium", engine: "postgres", username: "meet" };

  it("is not replaced by another that takes its place in the program", async () => {
    const { eu, us } = world;
    const source = await makeDatabase(eu);
    const inputs = { identifier: "meet-us-1", replicateSourceDb: output(source, "arn") };
    const made = await us.create(token, "database", { ...own, ...inputs });
    await us.update(made, { replicateSourceDb: null });
    const next = { ...own, identifier: "meet-us-2", password: "password-1!" };
    await expect(us.create(token, "database", next)).rejects.toThrow("meet-us-1 was promoted");
    expect(world.running.cloud.all(token)).toHaveLength(2);
  });

  it("may stay beside a replica that is made when its region returns", async () => {
    const { eu, us } = world;
    const source = await makeDatabase(eu);
    const inputs = { ...own, replicateSourceDb: output(source, "arn") };
    const made = await us.create(token, "database", { ...inputs, identifier: "meet-us-1" });
    await us.update(made, { replicateSourceDb: null });
    await us.create(token, "database", { ...inputs, identifier: "meet-us-2" });
    expect(world.running.cloud.all(token)).toHaveLength(3);
  });
});
