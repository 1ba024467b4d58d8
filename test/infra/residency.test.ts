import * as aws from "@pulumi/aws";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordingsBucketName } from "../../components/shared/names.ts";
import { resolveFleet, type StackConfig } from "../../infra/config.ts";
import { copiesBy, copyFault, guardResidency } from "../../infra/residency.ts";
import { replicationsOf } from "../../infra/scope.ts";
import { recordProgram } from "../../plan/recorder.ts";
import { faultsOf, fleetFiles, MEDIA, PRIMARY, type Settings } from "./fleet-samples.ts";

/** One AWS region for each of six stacks; RDS replicates backups between all of them. */
const AWS_REGIONS = [
  "eu-west-3",
  "eu-west-1",
  "eu-central-1",
  "us-east-1",
  "us-east-2",
  "us-west-2",
];
const GROUPS = ["west", "east"] as const;
const ACCOUNT = "123456789012";

/** A fleet in short: the group of each region, the first the primary, and which region is the standby, if any. */
interface Shape {
  readonly groups: readonly (typeof GROUPS)[number][];
  readonly standby: number | undefined;
}

function filesOf({ groups, standby }: Shape): Map<string, string> {
  return fleetFiles(
    Object.fromEntries(
      groups.map((group, index): [string, Settings] => [
        `r${index}`,
        {
          ...(index === 0 ? PRIMARY : MEDIA),
          ...(index === standby
            ? {
                "meet:role": "standby",
                "meet:database": { backupPairChecked: "checked for this test" },
              }
            : {}),
          "aws:region": AWS_REGIONS[index],
          "meet:network": { cidr: `10.${index}.0.0/16` },
          "meet:residency": group,
        },
      ]),
    ),
  );
}

/** Every fleet of up to six regions in two groups, with each choice of a standby or none. */
function everyShape(): Shape[] {
  return AWS_REGIONS.flatMap((_, last) =>
    Array.from({ length: 2 ** (last + 1) }, (_unused, bits) =>
      AWS_REGIONS.slice(0, last + 1).map((_region, index) =>
        (bits >> index) % 2 === 0 ? GROUPS[0] : GROUPS[1],
      ),
    ).flatMap((groups) =>
      [undefined, ...groups.keys()]
        .filter((standby) => standby !== 0)
        .map((standby) => ({ groups, standby })),
    ),
  );
}

const isAllowed = ({ groups, standby }: Shape): boolean =>
  standby === undefined || groups[standby] === groups[0];

/** Who copies what where, such as `r2: r2 > r0 r1`. */
function copiesIn(fleet: ReadonlyMap<string, StackConfig>, stack: string): string[] {
  const config = fleet.get(stack);
  return config === undefined
    ? []
    : replicationsOf(config).map(
        ({ source, destinations }) =>
          `${source.stack} > ${destinations.map((home) => home.stack).join(" ")}`,
      );
}

describe("a fleet of up to six regions in two residency groups", () => {
  const shapes = everyShape();
  const fleets = new Map(
    shapes.filter(isAllowed).map((shape) => [shape, resolveFleet(filesOf(shape))] as const),
  );
  const pair = fc.tuple(fc.constantFrom(...fleets), fc.constantFrom(...fleets));

  it("is refused by the config exactly where the standby is outside the primary's group", () => {
    expect(shapes).toHaveLength(642);
    const refused = shapes.filter((shape) => !isAllowed(shape));
    fc.assert(
      fc.property(fc.constantFrom(...refused), (shape) => {
        const faults = faultsOf(filesOf(shape));
        expect(faults).toHaveLength(1);
        expect(faults[0]).toContain("whose database, backups and recordings a standby copies");
      }),
      { numRuns: 40 },
    );
  });

  it("copies every recording to each other home of its group, once, and nowhere else", () => {
    for (const [{ groups, standby }, fleet] of fleets) {
      const copies = [...fleet.keys()].flatMap((stack) => copiesIn(fleet, stack));
      const expected = groups.flatMap((group, index) => {
        const homes = [0, ...(standby === undefined ? [] : [standby])]
          .filter((home) => home !== index && groups[home] === group)
          .map((home) => `r${home}`);
        return homes.length === 0 ? [] : [`r${index} > ${homes.join(" ")}`];
      });
      expect(copies.sort()).toEqual(expected);
    }
  });

  it("has the same copies of what it shares with another fleet of the same homes and groups", () => {
    fc.assert(
      fc.property(pair, ([[one, before], [other, after]]) => {
        const homes = ({ groups, standby }: Shape) => [standby, groups[0]];
        fc.pre(JSON.stringify(homes(one)) === JSON.stringify(homes(other)));
        for (const [index, group] of one.groups.entries()) {
          if (group === other.groups[index]) {
            expect(copiesIn(after, `r${index}`)).toEqual(copiesIn(before, `r${index}`));
          }
        }
      }),
      { numRuns: 2000, maxSkipsPerRun: 1000 },
    );
  });

  it("passes the guard with all it copies, and with nothing of another fleet that crosses its groups", () => {
    fc.assert(
      fc.property(pair, ([[shape, fleet], [, foreign]]) => {
        const places = [...fleet.values()];
        for (const config of [...fleet.values(), ...foreign.values()]) {
          for (const { source, destinations } of replicationsOf(config)) {
            const inputs = {
              bucket: recordingsBucketName("meet", ACCOUNT, source.awsRegion),
              rules: destinations.map((home) => ({
                destination: {
                  bucket: `arn:aws:s3:::${recordingsBucketName("meet", ACCOUNT, home.awsRegion)}`,
                },
              })),
            };
            const faults = copiesBy(REPLICATION, inputs, config.awsRegion).map((copy) =>
              copyFault(copy, places),
            );
            const groupOf = (awsRegion: string) => shape.groups[AWS_REGIONS.indexOf(awsRegion)];
            expect(faults.map((fault) => fault === undefined)).toEqual(
              destinations.map(
                (home) =>
                  groupOf(home.awsRegion) !== undefined &&
                  groupOf(home.awsRegion) === groupOf(source.awsRegion),
              ),
            );
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";

describe("the guard of a stack", () => {
  const fleet = resolveFleet(filesOf({ groups: ["west", "west", "east"], standby: 1 }));
  const stack = (name: string): StackConfig => {
    const config = fleet.get(name);
    if (config === undefined) {
      throw new Error(`no stack ${name}`);
    }
    return config;
  };
  const run = (config: StackConfig, make: () => unknown) =>
    recordProgram(
      () => {
        guardResidency(config);
        make();
      },
      { stack: config.stack, config: { "aws:region": config.awsRegion } },
    );
  const bucket = (awsRegion: string) => recordingsBucketName("meet", ACCOUNT, awsRegion);
  const replicate = (
    from: string,
    destination: aws.types.input.s3.BucketReplicationConfigRuleDestination["bucket"],
  ) =>
    new aws.s3.BucketReplicationConfig("copy", {
      bucket: bucket(from),
      role: "arn:aws:iam::123456789012:role/copy",
      rules: [{ id: "to", status: "Enabled", destination: { bucket: destination } }],
    });

  it("lets a copy within the group be made", async () => {
    const { resources } = await run(stack("r1"), () =>
      replicate("eu-west-3", `arn:aws:s3:::${bucket("eu-west-1")}`),
    );
    expect(resources.map(({ name }) => name)).toContain("copy");
  });

  it("refuses recordings to another group", async () => {
    await expect(
      run(stack("r2"), () => replicate("eu-central-1", `arn:aws:s3:::${bucket("eu-west-3")}`)),
    ).rejects.toThrow(
      `Resource "copy" (${REPLICATION}): it copies recordings of r2 (group east) to r0 (group west). Leave the copy out, or set one meet:residency in both files if the law allows it.`,
    );
  });

  it("refuses recordings to a region outside the fleet, and to a place that nobody knows yet", async () => {
    await expect(
      run(stack("r2"), () => replicate("eu-central-1", `arn:aws:s3:::${bucket("sa-east-1")}`)),
    ).rejects.toThrow("from eu-central-1 to sa-east-1, and sa-east-1 is no region of the fleet.");
    await expect(
      run(stack("r2"), () => {
        const made = new aws.s3.Bucket("made", {});
        replicate("eu-central-1", made.arn);
      }),
    ).rejects.toThrow(
      "to an unknown region, and what is not known before it is made cannot be checked.",
    );
  });

  it("refuses a replica of the database and its backups in another group", async () => {
    const sourceArn = `arn:aws:rds:eu-west-3:${ACCOUNT}:db:meet-r0-1`;
    await expect(
      run(
        stack("r2"),
        () =>
          new aws.rds.Instance("replica", {
            instanceClass: "db.t4g.small",
            replicateSourceDb: sourceArn,
          }),
      ),
    ).rejects.toThrow("it copies the database of r0 (group west) to r2 (group east).");
    await expect(
      run(
        stack("r1"),
        () =>
          new aws.rds.InstanceAutomatedBackupsReplication("backups", {
            region: "eu-central-1",
            sourceDbInstanceArn: sourceArn,
          }),
      ),
    ).rejects.toThrow("it copies backups of r0 (group west) to r2 (group east).");
  });
});
