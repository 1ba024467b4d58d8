import { beforeAll, describe, expect, it } from "vitest";
import { withSetting } from "../../fleet/stack-files.ts";
import { compare, type Comparison } from "../../plan/compare.ts";
import { recordStack } from "../../plan/record-stack.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { repositoryFiles, stackOf } from "../support/fleets.ts";

/** The primary with these settings of meet:secrets. */
function recorded(secrets: unknown): Promise<readonly Recorded[]> {
  const files = repositoryFiles();
  const primary = files.get("Pulumi.eu.yaml") ?? "";
  files.set("Pulumi.eu.yaml", withSetting(primary, ["meet:secrets"], secrets));
  return recordStack(stackOf(files, "eu"));
}

/** The primary before any rotation; recorded once. */
const FIRST = recorded({});

/** What a step makes (+), drops (-) and changes; of what is not in the cluster, with the inputs that change. */
function linesOf({ added, removed, changed }: Comparison): readonly string[] {
  const short = (type: string): string => type.split(":").at(-1) ?? type;
  return [
    ...added.map(({ type, name }) => `+ ${short(type)} ${name}`),
    ...removed.map(({ type, name }) => `- ${short(type)} ${name}`),
    ...changed.map(({ type, name, inputs }) =>
      type.startsWith("kubernetes:")
        ? `${short(type)} ${name}`
        : `${short(type)} ${name}: ${inputs.map(({ path }) => path).join(", ")}`,
    ),
  ].sort();
}

const ACCEPTED = { generation: 2, keepPrevious: true, signWith: "previous" };
const IN_USE = { generation: 2, keepPrevious: true };
const ALONE = { generation: 2 };

/** Meet's own Secret is named by its content, so a change rolls whatever uses it. */
const MEET = [
  "CronJob backend-jobs-clean-pending-files",
  "CronJob backend-jobs-purge-deleted-files",
  "Deployment backend-backend",
  "Deployment backend-celery",
  "Job backend-jobs-migrate",
  "Job backend-jobs-superuser",
  "Secret backend-settings",
];
const LIVEKIT = ["Deployment livekit", "Secret livekit-config"];
const EGRESS = ["Deployment egress", "Secret egress-config"];
/** The gateway follows its files, so only one that comes or goes rolls it. */
const ROOMS = ["Deployment rooms", "Secret rooms-secrets"];

describe("a new password of a Valkey", () => {
  it.each([
    ["livekit-config", "livekit-valkey"],
    ["egress-config", "livekit-valkey"],
    ["rooms-secrets", "livekit-valkey"],
    ["backend-settings", "meet-valkey"],
  ])("is written to %s only once %s takes it", async (name, valkey) => {
    const secret = (await FIRST).find(
      (it) => it.type === "kubernetes:core/v1:Secret" && it.name === name,
    );
    expect(secret?.dependsOn).toEqual(
      expect.arrayContaining([expect.stringMatching(`ReplicationGroup::${valkey}$`)]),
    );
  });
});

describe.each<{ secret: string; phases: readonly unknown[]; steps: readonly string[][] }>([
  {
    secret: "livekit",
    phases: [{ livekitKeys: ACCEPTED }, { livekitKeys: IN_USE }, { livekitKeys: ALONE }],
    steps: [
      [
        "+ RandomPassword shared-secrets-livekit-2",
        "+ RandomPassword shared-secrets-livekit-key-2",
        ...ROOMS,
      ],
      [...MEET, ...EGRESS, ...LIVEKIT, "Secret rooms-secrets"],
      [
        "- RandomPassword shared-secrets-livekit-1",
        "- RandomPassword shared-secrets-livekit-key-1",
        ...ROOMS,
      ],
    ],
  },
  {
    secret: "peer and operator",
    phases: [ACCEPTED, IN_USE, ALONE].map((make) => ({ peer: make, operator: make })),
    steps: [
      [
        "+ RandomPassword shared-secrets-operator-2",
        "+ RandomPassword shared-secrets-peer-2",
        ...ROOMS,
      ],
      ["Secret rooms-secrets"],
      [
        "- RandomPassword shared-secrets-operator-1",
        "- RandomPassword shared-secrets-peer-1",
        ...ROOMS,
      ],
    ],
  },
  {
    secret: "valkey",
    phases: [{ valkey: IN_USE }, { valkey: ALONE }],
    steps: [
      [
        "+ RandomPassword livekit-valkey-auth-token-2",
        "+ RandomPassword meet-valkey-auth-token-2",
        "ReplicationGroup livekit-valkey: authToken, authTokenUpdateStrategy",
        "ReplicationGroup meet-valkey: authToken, authTokenUpdateStrategy",
        ...[...MEET, ...EGRESS, ...LIVEKIT, "Secret rooms-secrets"],
      ],
      [
        "- RandomPassword livekit-valkey-auth-token",
        "- RandomPassword meet-valkey-auth-token",
        "ReplicationGroup livekit-valkey: authTokenUpdateStrategy",
        "ReplicationGroup meet-valkey: authTokenUpdateStrategy",
      ],
    ],
  },
  {
    secret: "django",
    phases: [{ django: ALONE }],
    steps: [
      [
        "+ RandomPassword shared-secrets-django-2",
        "- RandomPassword shared-secrets-django-1",
        ...MEET,
      ],
    ],
  },
  {
    secret: "database",
    phases: [{ database: ALONE }],
    steps: [
      [
        "+ RandomPassword shared-secrets-database-2",
        "- RandomPassword shared-secrets-database-1",
        "Instance database: password",
        ...MEET,
      ],
    ],
  },
])("a rotation of $secret", ({ phases, steps }) => {
  const comparisons: Comparison[] = [];
  beforeAll(async () => {
    let before = await FIRST;
    for (const phase of phases) {
      const after = await recorded(phase);
      comparisons.push(compare(before, after));
      before = after;
    }
  }, 120_000);

  it("changes at each step what has the secret, and nothing else", () => {
    expect(comparisons.map(linesOf)).toEqual(steps.map((lines) => [...lines].sort()));
  });

  it("changes what holds data in place", () => {
    const data = comparisons.flatMap(({ changed }) => changed.filter((it) => it.holdsData));
    expect(data.flatMap(({ replacedBy }) => replacedBy)).toEqual([]);
    const others = comparisons.flatMap(({ added, removed }) => [...added, ...removed]);
    expect(others.filter(({ holdsData }) => holdsData)).toEqual([]);
  });
});
