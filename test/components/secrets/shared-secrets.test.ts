import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  SHARED_SECRETS_TYPE,
  SharedSecrets,
  type SecretGeneration,
  type SharedSecretsArgs,
} from "../../../components/secrets/shared-secrets.ts";
import {
  parseSharedSecrets,
  sharedSecretsFrom,
} from "../../../components/secrets/shared-secret-values.ts";
import { FIRST_MAKES } from "../../support/fleets.ts";
import { record, value, type Recording } from "../../support/record.ts";

const PASSWORD = "random:index/randomPassword:RandomPassword";

function make(args: Partial<SharedSecretsArgs> = {}): Promise<Recording<SharedSecrets>> {
  return record(() => new SharedSecrets("secrets", { administrator: true, ...args }));
}

const made = (recording: Recording<unknown>): string[] =>
  recording
    .ofType(PASSWORD)
    .map(({ name, inputs }) => `${name} ${String(inputs["length"])}`)
    .sort();

describe("SharedSecrets that another primary had made", () => {
  const values = {
    livekitApiKey: "APIkey",
    livekitApiSecret: "l".repeat(48),
    peerSecret: "peers",
    operatorSecret: "operators",
    djangoSecretKey: "django of before",
    databasePassword: "database of before",
    previous: {},
  };
  const makes = { livekitKeys: [1], peer: [1], operator: [1], django: [3], database: [2] };
  const handedOver = { from: "eu", values: JSON.stringify(values), makes };
  const used = async (django: number, database: number) => {
    const generations = { django: { generation: django }, database: { generation: database } };
    const args = { administrator: false, generations, handedOver };
    const recording = await make(args);
    const { djangoSecretKey, databasePassword } = recording.result;
    return [made(recording), await value(djangoSecretKey), await value(databasePassword)];
  };

  it("are used as they came, whatever their generation: nobody has to sign in again, and the database knows its password", async () => {
    expect(await used(3, 2)).toEqual([[], "django of before", "database of before"]);
  });

  it("are made here from the next generation on", async () => {
    const [names, django, database] = await used(4, 3);
    expect(names).toEqual(["secrets-database-3 40", "secrets-django-4 64"]);
    expect([django, database]).not.toContain("django of before");
    expect([django, database]).not.toContain("database of before");
  });
});

const SETTLED = { generation: 1 };
const BOTH = { generation: 2, keepPrevious: true, signWith: "previous" } as const;
const IN_USE = { generation: 2, keepPrevious: true } as const;
const DROPPED = { generation: 2 };

describe("SharedSecrets that are handed over in the middle of a rotation", () => {
  const rotated = (settings: SecretGeneration) =>
    make({
      administrator: false,
      generations: { livekit: settings, peer: settings, operator: settings },
    });
  /** Who is given these accepts the first and the others. */
  const keyring = async (recording: Recording<SharedSecrets>) => {
    const all = parseSharedSecrets(await value(recording.result.toOutputs()), "eu");
    const { livekit, peer, operator } = all.previous;
    return {
      all,
      livekit: [all.livekitApiSecret, ...(livekit === undefined ? [] : [livekit.apiSecret])],
      peer: [all.peerSecret, ...(peer === undefined ? [] : [peer])],
      operator: [all.operatorSecret, ...(operator === undefined ? [] : [operator])],
    };
  };
  it.each([
    ["settled", SETTLED, "settled", SETTLED, []],
    ["settled", SETTLED, "both accepted", BOTH, [2]],
    ["both accepted", BOTH, "both accepted", BOTH, []],
    ["both accepted", BOTH, "new in use", IN_USE, []],
    ["new in use", IN_USE, "new in use", IN_USE, []],
    ["new in use", IN_USE, "settled", DROPPED, []],
  ] as const)(
    "deployed as %s, in the file as %s: what signs is taken everywhere, and nothing that is known is made anew",
    async (_, deployed, __, file, madeHere) => {
      const old = await keyring(await rotated(deployed));
      const { makes = FIRST_MAKES } = old.all;
      const handedOver = { from: "eu", values: JSON.stringify(old.all), makes };
      const generations = { livekit: file, peer: file, operator: file };
      const recording = await make({ administrator: false, generations, handedOver });
      const now = await keyring(recording);
      for (const secret of ["livekit", "peer", "operator"] as const) {
        expect(old[secret]).toContain(now[secret][0]);
        expect(now[secret]).toContain(old[secret][0]);
      }
      expect(made(recording)).toEqual(
        madeHere.flatMap((generation) => [
          `secrets-livekit-${generation} 48`,
          `secrets-livekit-key-${generation} 12`,
          `secrets-operator-${generation} 48`,
          `secrets-peer-${generation} 48`,
        ]),
      );
    },
  );
});

describe("SharedSecrets", () => {
  it("makes one password each, long enough and of letters and digits only", async () => {
    const recording = await make();
    expect(made(recording)).toEqual([
      "secrets-administrator-1 24",
      "secrets-database-1 40",
      "secrets-django-1 64",
      "secrets-livekit-1 48",
      "secrets-livekit-key-1 12",
      "secrets-operator-1 48",
      "secrets-peer-1 48",
    ]);
    const component = recording.one(SHARED_SECRETS_TYPE);
    for (const { inputs, parent } of recording.ofType(PASSWORD)) {
      expect(inputs["special"]).toBe(false);
      expect(parent).toBe(component.urn);
    }
  });

  it("makes no administrator's password where there is none", async () => {
    const recording = await make({ administrator: false });
    expect(made(recording)).not.toContain("secrets-administrator-1 24");
    expect(recording.result.administratorPassword).toBeUndefined();
    expect(await value(recording.result.toOutputs())).not.toHaveProperty("administratorPassword");
  });

  it("gives every value as a secret", async () => {
    const { result } = await make();
    const outputs: pulumi.Output<unknown>[] = [
      result.livekitApiKey,
      result.livekitApiSecret,
      result.peerSecret,
      result.operatorSecret,
      result.djangoSecretKey,
      result.databasePassword,
      result.administratorPassword ?? pulumi.output("missing"),
      result.toOutputs(),
    ];
    for (const output of outputs) {
      expect(await pulumi.isSecret(output)).toBe(true);
    }
  });

  it("forms the key as LiveKit does", async () => {
    const { result } = await make();
    expect(await value(result.livekitApiKey)).toMatch(/^API/);
  });

  it("leaves the make before untouched when a secret is rotated and the old one kept", async () => {
    const before = await make();
    const after = await make({
      generations: {
        livekit: { generation: 2, keepPrevious: true },
        peer: { generation: 2, keepPrevious: true },
        operator: { generation: 2, keepPrevious: true },
        django: { generation: 2, keepPrevious: true },
      },
    });
    const old = new Set(before.ofType(PASSWORD).map(({ urn }) => urn));
    const now = new Set(after.ofType(PASSWORD).map(({ urn }) => urn));
    expect([...old].filter((urn) => !now.has(urn))).toEqual([]);
    expect(now.size).toBe(old.size + 5);
    expect(await value(after.result.previous.peer ?? pulumi.output(""))).toBe(
      await value(before.result.peerSecret),
    );
    expect(await value(after.result.peerSecret)).not.toBe(await value(before.result.peerSecret));
    const values = await value(after.result.toOutputs());
    expect(Object.keys(values.previous).sort()).toEqual(["django", "livekit", "operator", "peer"]);
  });

  it("drops the make before when it is no longer kept", async () => {
    const recording = await make({ generations: { database: { generation: 3 } } });
    expect(made(recording).filter((name) => name.startsWith("secrets-database"))).toEqual([
      "secrets-database-3 40",
    ]);
    expect(recording.result.previous).toEqual({});
  });

  it.each([
    [
      { peer: { generation: 0 } },
      'generation 0 of "peer" is no whole number from 1. Raise it by one to rotate.',
    ],
    [
      { peer: { generation: 1, keepPrevious: true } },
      '"peer" keeps a previous make but is of generation 1. Raise the generation or drop keepPrevious.',
    ],
    [
      { database: { generation: 2, keepPrevious: true } },
      '"database" cannot keep a previous make. Drop keepPrevious: it takes one password at a time.',
    ],
  ])("refuses %j", async (generations, sentence) => {
    await expect(make({ generations })).rejects.toThrow(
      `${SHARED_SECRETS_TYPE} "secrets": ${sentence}`,
    );
  });
});

describe("a make before that is still signed with", () => {
  it("is the current one for everybody, and the new one is accepted as well", async () => {
    const makes = async (signWith: "current" | "previous") => {
      const generations = { livekit: { generation: 2, keepPrevious: true, signWith } };
      const { result } = await record(
        () => new SharedSecrets("secrets", { administrator: false, generations }),
      );
      const { livekitApiKey, livekitApiSecret, previous } = await value(result.toOutputs());
      return {
        now: { apiKey: livekitApiKey, apiSecret: livekitApiSecret },
        then: previous.livekit,
      };
    };
    const before = await makes("previous");
    const after = await makes("current");
    expect(before.now).not.toEqual(after.now);
    expect(before).toEqual({ now: after.then, then: after.now });
  });

  it("must be kept", async () => {
    const generations = { peer: { generation: 2, signWith: "previous" as const } };
    await expect(
      record(() => new SharedSecrets("secrets", { administrator: false, generations })),
    ).rejects.toThrow(
      '"peer" signs with the previous make, which is not kept. Set keepPrevious as well.',
    );
  });
});

const VALUES = {
  livekitApiKey: "APIabc",
  livekitApiSecret: "s".repeat(48),
  peerSecret: "peer",
  operatorSecret: "operator",
  djangoSecretKey: "django",
  databasePassword: "database",
};

describe("the shared secrets of another stack", () => {
  it("are those that the primary exports", async () => {
    const { result } = await record(() => {
      const secrets = new SharedSecrets("secrets", { administrator: true });
      // What the mocks call a password is shorter than a real one.
      const exported = secrets.toOutputs().apply((values) => ({
        ...values,
        livekitApiSecret: values.livekitApiSecret.padEnd(32, "x"),
      }));
      return { secrets, read: sharedSecretsFrom(exported, "eu") };
    });
    expect(await value(result.read.peerSecret)).toBe(await value(result.secrets.peerSecret));
    expect(await value(result.read.databasePassword)).toBe(
      await value(result.secrets.databasePassword),
    );
    expect(await pulumi.isSecret(result.read.peerSecret)).toBe(true);
  });

  it("may come from a primary of an earlier version, without previous makes", () => {
    expect(parseSharedSecrets(VALUES, "eu").previous).toEqual({});
  });

  it.each([
    [
      undefined,
      'Output "sharedSecrets" of stack "eu": it is missing or cannot be decrypted. ' +
        "Run pulumi up -s eu first, and give all stacks the same secrets provider and passphrase.",
    ],
    [
      "[secret]",
      'Output "sharedSecrets" of stack "eu": it cannot be decrypted. ' +
        "Give all stacks of the fleet the same secrets provider and passphrase.",
    ],
    [
      { ...VALUES, peerSecret: "[secret]" },
      'Output "sharedSecrets" of stack "eu": it cannot be decrypted. ' +
        "Give all stacks of the fleet the same secrets provider and passphrase.",
    ],
    [
      { previous: {} },
      'Output "sharedSecrets" of stack "eu": it cannot be decrypted. ' +
        "Give all stacks of the fleet the same secrets provider and passphrase.",
    ],
    [
      { ...VALUES, livekitApiSecret: "short", peerSecret: "" },
      'Output "sharedSecrets" of stack "eu": it is not what this version expects ' +
        "(livekitApiSecret, peerSecret). Run pulumi up -s eu with this version first.",
    ],
    [
      "nonsense",
      'Output "sharedSecrets" of stack "eu": it is not what this version expects (all). ' +
        "Run pulumi up -s eu with this version first.",
    ],
  ])("are refused as %j", (wrong, sentence) => {
    expect(() => parseSharedSecrets(wrong, "eu")).toThrow(sentence);
  });

  it("never appear in the sentence that refuses them", () => {
    expect(() => parseSharedSecrets({ ...VALUES, peerSecret: 7 }, "eu")).toThrow(
      /^(?!.*(database|django\b).*)/,
    );
  });
});
