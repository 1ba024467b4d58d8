import * as pulumi from "@pulumi/pulumi";
import type { Sibling, StackConfig } from "./config.ts";

/** Data that a resource makes AWS copy from one region to another; undefined where that is not known here. */
export interface DataCopy {
  readonly what: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What of a region decides where its data may be. */
export type Place = Pick<Sibling, "stack" | "awsRegion" | "residency">;

type Inputs = Readonly<Record<string, unknown>>;

/** Types of resources that copy data between regions, and what each copies where. `own` is the resource's region. */
const COPYING: Readonly<Record<string, (inputs: Inputs, own: string) => readonly DataCopy[]>> = {
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig": ({ bucket, rules }) =>
    (Array.isArray(rules) ? rules : [undefined]).map((rule) => ({
      what: "recordings",
      from: regionOfBucket(bucket),
      to: regionOfBucket(fieldOf(fieldOf(rule, "destination"), "bucket")),
    })),
  "aws:rds/instance:Instance": ({ replicateSourceDb }, own) =>
    replicateSourceDb === undefined
      ? []
      : [{ what: "the database", from: regionOfSource(replicateSourceDb, own), to: own }],
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": (
    { sourceDbInstanceArn },
    own,
  ) => [{ what: "backups", from: regionOfSource(sourceDbInstanceArn, own), to: own }],
};

/** What a resource copies between regions. @param stackRegion where it is unless its inputs say otherwise */
export function copiesBy(type: string, inputs: Inputs, stackRegion: string): readonly DataCopy[] {
  const { region } = inputs;
  return COPYING[type]?.(inputs, typeof region === "string" ? region : stackRegion) ?? [];
}

/** Why a copy must not be made; undefined where it may. A region that no stack file names belongs to no group. */
export function copyFault(
  { what, from, to }: DataCopy,
  places: readonly Place[],
): string | undefined {
  const source = places.find(({ awsRegion }) => awsRegion === from);
  const target = places.find(({ awsRegion }) => awsRegion === to);
  if (source === undefined || target === undefined) {
    const strange = source === undefined ? from : to;
    return `it copies ${what} from ${from ?? "an unknown region"} to ${to ?? "an unknown region"}, and ${strange === undefined ? "what is not known before it is made cannot be checked" : `${strange} is no region of the fleet`}. Name buckets and databases of its regions in plain text.`;
  }
  return source.residency === target.residency
    ? undefined
    : `it copies ${what} of ${source.stack} (group ${source.residency}) to ${target.stack} (group ${target.residency}). Leave the copy out, or set one meet:residency in both files if the law allows it.`;
}

/**
 * Refuses every resource of this stack that would copy data out of its residency group, whichever component makes it:
 * in a preview, in an update and in the plan, before the engine hears of it. Call it before anything is made. See ADR
 * 0018.
 */
export function guardResidency(config: StackConfig): void {
  const places: readonly Place[] = [config, ...config.siblings];
  pulumi.runtime.registerStackTransformation(({ type, name, props }) => {
    const inputs: Inputs = props;
    const faults = copiesBy(type, inputs, config.awsRegion).flatMap(
      (copy) => copyFault(copy, places) ?? [],
    );
    if (faults.length > 0) {
      throw new pulumi.RunError(
        faults.map((fault) => `Resource "${name}" (${type}): ${fault}`).join("\n"),
      );
    }
    return undefined;
  });
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** A bucket's name, and its ARN, end with its region in the account-regional namespace. */
function regionOfBucket(bucket: unknown): string | undefined {
  return typeof bucket === "string" ? /-\d{12}-([a-z0-9-]+)-an$/.exec(bucket)?.[1] : undefined;
}

/** A replica in its source's own region may name the source by its identifier alone. */
function regionOfSource(source: unknown, own: string): string | undefined {
  if (typeof source !== "string") {
    return undefined;
  }
  return source.startsWith("arn:") ? source.split(":")[3] : own;
}
