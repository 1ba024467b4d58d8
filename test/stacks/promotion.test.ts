import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { promotedFiles } from "../../fleet/promotion.ts";
import { checkedFleet, regionOf, withSetting } from "../../fleet/stack-files.ts";
import { recordStack } from "../../plan/record-stack.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { FIRST_MAKES, filesWithThirdRegion, recordFleet, stackOf } from "../support/fleets.ts";

const deploymentSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z
          .array(
            z.object({
              env: z.array(z.object({ name: z.string(), value: z.unknown().optional() })),
              readinessProbe: z.unknown().optional(),
            }),
          )
          .length(1),
      }),
    }),
  }),
});

/** eu, us and ap after `fleet promote us`. */
function promoted(before = filesWithThirdRegion()): ReadonlyMap<string, string> {
  const fleet = { folder: "", project: "meet", ...checkedFleet(before) };
  const changed = promotedFiles(fleet, regionOf(fleet, "us"), FIRST_MAKES);
  for (const [stack, text] of changed) {
    before.set(`Pulumi.${stack}.yaml`, text);
  }
  return before;
}

describe("after a promotion", () => {
  let fleet: Map<string, readonly Recorded[]>;
  beforeAll(async () => {
    fleet = await recordFleet(promoted());
  });

  const one = (stack: string, type: string, name: string): Recorded => {
    const found = fleet.get(stack)?.filter((it) => it.type === type && it.name === name) ?? [];
    const [first] = found;
    if (first === undefined || found.length > 1) {
      throw new Error(`${stack} has ${found.length} ${type} ${name}`);
    }
    return first;
  };
  const container = (stack: string, name: string) => {
    const { inputs } = one(stack, "kubernetes:apps/v1:Deployment", name);
    return deploymentSchema.parse(inputs).spec.template.spec.containers[0];
  };

  it.each(["us", "ap", "eu"])(
    "the gateway of %s is told the new primary, and an epoch above the first",
    (stack) => {
      const variables = container(stack, "rooms")?.env ?? [];
      const told = variables.filter(({ name }) => name.startsWith("PRIMARY_"));
      expect(told).toEqual([
        { name: "PRIMARY_EPOCH", value: "2" },
        { name: "PRIMARY_REGION", value: "us" },
      ]);
    },
  );

  it("the database becomes one of its own only after the gateway that tells of it has rolled out", () => {
    const { dependsOn } = one("us", "meet:data:Postgres", "database");
    expect(dependsOn.join()).toContain("meet:app:Rooms");
  });

  it("the promoted database keeps the password it has, until that is made anew here", async () => {
    const database = "aws:rds/instance:Instance";
    expect(one("us", database, "database").ignoreChanges).toContain("password");
    const files = new Map(promoted());
    const text = files.get("Pulumi.us.yaml") ?? "";
    const path = ["meet:secrets", "database", "generation"];
    files.set("Pulumi.us.yaml", withSetting(text, path, 2));
    const rotated = await recordStack(stackOf(files, "us"));
    const found = rotated.find(({ type }) => type === database);
    expect(found?.ignoreChanges).toContain("username");
    expect(found?.ignoreChanges).not.toContain("password");
  });

  it("the replica gets no new password while it is promoted: RDS refuses one, also where a rotation had begun", async () => {
    const files = filesWithThirdRegion();
    const path = ["meet:secrets", "database", "generation"];
    const eu = withSetting(files.get("Pulumi.eu.yaml") ?? "", path, 2);
    const us = await recordStack(stackOf(promoted(files.set("Pulumi.eu.yaml", eu)), "us"));
    const database = us.find(({ type }) => type === "aws:rds/instance:Instance");
    expect(database?.ignoreChanges).toContain("password");
  });

  it("that is undone, the region before is the primary again with an epoch above, and its database as before", async () => {
    const files = filesWithThirdRegion();
    const promotion = { epoch: 3, from: "us", makes: FIRST_MAKES };
    const eu = withSetting(files.get("Pulumi.eu.yaml") ?? "", ["meet:promotion"], promotion);
    const before = await recordStack(stackOf(files, "eu"));
    const undone = await recordStack(stackOf(files.set("Pulumi.eu.yaml", eu), "eu"));
    const database = (recorded: readonly Recorded[]) =>
      recorded.find(({ type }) => type === "aws:rds/instance:Instance");
    expect(database(undone)).toEqual(database(before));
    const rooms = undone.find(
      ({ type, name }) => type === "kubernetes:apps/v1:Deployment" && name === "rooms",
    );
    const [container] = deploymentSchema.parse(rooms?.inputs).spec.template.spec.containers;
    expect(container?.env).toEqual(
      expect.arrayContaining([
        { name: "PRIMARY_EPOCH", value: "3" },
        { name: "PRIMARY_REGION", value: "eu" },
      ]),
    );
  });

  it("the new primary's Meet asks its own gateway whether it may serve", () => {
    expect(JSON.stringify(container("us", "backend-backend")?.readinessProbe)).toContain(
      '"http://rooms.meet.svc.cluster.local:8080/primary"',
    );
  });
});
