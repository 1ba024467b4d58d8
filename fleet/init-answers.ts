import { stringify, parse } from "yaml";
import * as z from "zod";
import { EXIT, FleetError } from "./exit.ts";
import { freeRange } from "./file-edits.ts";
import { stackFileName } from "./stack-files.ts";

const regionSchema = z.strictObject({
  name: z.string(),
  awsRegion: z.string(),
  role: z.enum(["primary", "standby", "media"]).optional(),
  cidr: z.string().optional(),
  residency: z.string().optional(),
});

/** What `fleet init` has to know. Blocks such as `oidc` go into the primary's file as they are, and are checked there. */
export const answersSchema = z.strictObject({
  domain: z.string(),
  /** The first is the primary unless one says so. */
  regions: z.array(regionSchema).min(1),
  size: z.string().default("medium"),
  dns: z.record(z.string(), z.unknown()),
  oidc: z.record(z.string(), z.unknown()),
  mail: z.record(z.string(), z.unknown()),
  administrator: z.string().optional(),
  /** Address ranges that the fleet is deployed from. */
  deployFrom: z.array(z.string()),
  /** Name of the state's bucket; made from the account's number unless given. */
  stateBucket: z.string().optional(),
  /** The repository whose workflows may look, not deploy; none unless given. */
  github: z
    .strictObject({
      owner: z.string(),
      repository: z.string(),
      /** Numeric ids, which are in the subject for repositories made after 2026-07-15. */
      ownerId: z.string().optional(),
      repositoryId: z.string().optional(),
    })
    .optional(),
});

/** The answers, checked as far as files can be made from them. */
export type Answers = z.output<typeof answersSchema>;

/** Reads answers, YAML or JSON. @throws FleetError with all faults */
export function readAnswers(text: string, source: string): Answers {
  let content: unknown;
  try {
    content = parse(text);
  } catch {
    content = undefined;
  }
  const answers = answersSchema.safeParse(content);
  if (!answers.success) {
    throw new FleetError(
      `Answers "${source}": they are not complete.\n${z.prettifyError(answers.error)}\nCorrect them; docs/runbooks/first-deployment.md has an example.`,
      EXIT.wrongUse,
    );
  }
  return answers.data;
}

/** The role of each region, the first as the primary unless one says so. */
export function rolesOf({ regions }: Answers): readonly ("primary" | "standby" | "media")[] {
  const hasPrimary = regions.some(({ role }) => role === "primary");
  return regions.map(({ role }, index) =>
    role === undefined ? (index === 0 && !hasPrimary ? "primary" : "media") : role,
  );
}

/** The stack files, by name. @param secretsProvider of all stacks; the backend's own unless given */
export function filesOf(answers: Answers, secretsProvider?: string): Map<string, string> {
  const roles = rolesOf(answers);
  const ranges = answers.regions.flatMap(({ cidr }) => cidr ?? []);
  return new Map(
    answers.regions.map((region, index): [string, string] => {
      const cidr = region.cidr ?? freeRange(ranges);
      ranges.push(cidr);
      const role = roles[index];
      const { administrator } = answers;
      const own = {
        "aws:region": region.awsRegion,
        ...(role === "media" ? {} : { "meet:role": role }),
        ...(region.residency === undefined ? {} : { "meet:residency": region.residency }),
        "meet:size": answers.size,
        "meet:network": { cidr },
      };
      const fleetWide =
        role === "primary"
          ? {
              "meet:cluster": { publicAccessCidrs: answers.deployFrom },
              "meet:domain": answers.domain,
              "meet:dns": answers.dns,
              "meet:oidc": answers.oidc,
              "meet:mail": answers.mail,
              ...(administrator === undefined
                ? {}
                : { "meet:administrator": { email: administrator } }),
            }
          : {};
      const file = {
        ...(secretsProvider === undefined ? {} : { secretsprovider: secretsProvider }),
        config: { ...own, ...fleetWide },
      };
      return [stackFileName(region.name), stringify(file, { lineWidth: 0 })];
    }),
  );
}
