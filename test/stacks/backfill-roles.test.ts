import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startJob } from "../../fleet/backfill.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { standbyFile } from "../../fleet/returning.ts";
import { checkedFleet, regionOf, stackFileName } from "../../fleet/stack-files.ts";
import { FIRST_MAKES, recordFleet, repositoryFiles } from "../support/fleets.ts";

type Files = ReadonlyMap<string, string>;

/** After `fleet promote us`: eu is fenced. */
function promoted(): Files {
  const fleet = { folder: "", project: "meet", ...checkedFleet(repositoryFiles()) };
  const files = new Map(fleet.files);
  for (const [stack, text] of promotedFiles(fleet, regionOf(fleet, "us"), FIRST_MAKES)) {
    files.set(stackFileName(stack), text);
  }
  return files;
}

/** After `fleet return eu`: eu is the standby. */
function returned(): Files {
  const files = promoted();
  const text = standbyFile(files, regionOf(checkedFleet(files), "eu"));
  return new Map(files).set("Pulumi.eu.yaml", text);
}

const policySchema = z
  .string()
  .transform((text) =>
    z
      .object({ Statement: z.array(z.object({ Action: z.unknown(), Resource: z.unknown() })) })
      .parse(JSON.parse(text)),
  );

/** The roles that the program makes for S3 Batch Replication, by the bucket whose objects they may copy. */
async function rolesMade(files: Files): Promise<Record<string, string[]>> {
  const roles: Record<string, string[]> = {};
  for (const recorded of (await recordFleet(files)).values()) {
    for (const { inputs } of recorded.filter(
      ({ type }) => type === "aws:iam/rolePolicy:RolePolicy",
    )) {
      const { role, policy } = z.object({ role: z.string(), policy: policySchema }).parse(inputs);
      for (const { Action, Resource } of policy.Statement) {
        if (Action === "s3:InitiateReplication") {
          const bucket = String(Resource).replace(/^arn:aws:s3:::|\/\*$/g, "");
          roles[bucket] = [...(roles[bucket] ?? []), role];
        }
      }
    }
  }
  return roles;
}

/** The role that `fleet recordings backfill` passes to S3 for a region's bucket. */
async function roleUsed(files: Files, stack: string, bucket: string): Promise<string> {
  const { regions } = checkedFleet(files);
  let used = "";
  const aws = {
    call: (_: unknown, args: readonly string[]) => {
      used = args[args.indexOf("--role-arn") + 1] ?? "";
      return Promise.resolve({ JobId: "job" });
    },
  };
  const region = regionOf({ regions }, stack);
  const place = { aws, account: "123456789012", project: "meet", regions };
  const plan = { bucket, objects: 1, missing: {}, statuses: ["NONE"], fingerprint: "" };
  await startJob(place, { ...plan, region: stack, awsRegion: region.awsRegion }, region, undefined);
  return used.replace("arn:aws:iam::123456789012:role/", "");
}

describe("the role of fleet recordings backfill", () => {
  it.each([
    {
      when: "before a promotion",
      files: repositoryFiles,
      eu: "meet-us-primary-backfill",
      us: "meet-us-backfill",
    },
    {
      when: "with eu fenced",
      files: promoted,
      eu: "meet-us-primary-backfill",
      us: "meet-us-backfill",
    },
    {
      when: "after eu's return",
      files: returned,
      eu: "meet-eu-backfill",
      us: "meet-eu-primary-backfill",
    },
  ])("is the one role that a stack makes for the bucket, $when", async ({ files, eu, us }) => {
    const made = await rolesMade(files());
    for (const [stack, role] of Object.entries({ eu, us })) {
      const { awsRegion } = regionOf(checkedFleet(files()), stack);
      const bucket = `meet-recordings-123456789012-${awsRegion}-an`;
      expect(made[bucket]).toEqual([role]);
      expect(await roleUsed(files(), stack, bucket)).toBe(role);
    }
  });
});
