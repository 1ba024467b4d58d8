import * as pulumi from "@pulumi/pulumi";
import {
  bucketArn,
  clusterName,
  databaseArn,
  databaseIdentifier,
  recordingsBucketName,
  roleName,
} from "../components/shared/names.ts";
import { stackTags, type Tags } from "../components/shared/tags.ts";
import type { Sibling, StackConfig } from "./config.ts";
import type { Lookups } from "./lookups.ts";

/** A recordings bucket whose name and ARN are computed, wherever it is. */
export interface BucketFacts {
  readonly stack: string;
  readonly awsRegion: string;
  readonly bucketName: string;
  readonly bucketArn: string;
}

/** What every part of a stack is made with: its configuration, what was looked up, and the names that follow. */
export interface Scope {
  readonly config: StackConfig;
  readonly lookups: Lookups;
  readonly tags: Tags;
  readonly project: string;
  readonly clusterName: string;
  /** Name of an IAM role of this stack. */
  roleName(role: string): string;
  /** The recordings bucket of a region. */
  bucketOf(region: Pick<Sibling, "stack" | "awsRegion">): BucketFacts;
  /** Identifier and ARN of a home's database instance. */
  databaseOf(
    home: Pick<Sibling, "stack" | "awsRegion">,
    generation: number,
  ): { readonly identifier: string; readonly arn: string };
}

/** The scope of the stack that the program runs for. */
export function scopeOf(config: StackConfig, lookups: Lookups): Scope {
  const project = pulumi.getProject();
  const { accountId, partition } = lookups;
  return {
    config,
    lookups,
    project,
    tags: stackTags(project, config.stack),
    clusterName: clusterName(project, config.stack),
    roleName: (role) => roleName(project, config.stack, role),
    bucketOf: ({ stack, awsRegion }) => {
      const bucketName = recordingsBucketName(project, accountId, awsRegion);
      return { stack, awsRegion, bucketName, bucketArn: bucketArn(partition, bucketName) };
    },
    databaseOf: (home, generation) => {
      const identifier = databaseIdentifier(project, home.stack, generation);
      return { identifier, arn: databaseArn(partition, home.awsRegion, accountId, identifier) };
    },
  };
}

/**
 * The homes that a region's recordings are copied to: both, without itself, of its own residency group only; none unless
 * each region has a bucket. A fenced region stays one, so that a promotion changes no replication: its region cannot be
 * asked.
 */
export function replicationHomes(config: StackConfig): readonly Sibling[] {
  const { primary, standby, fenced, recordings } = config.fleet;
  if (recordings.storage.kind !== "regional") {
    return [];
  }
  const other = standby ?? fenced;
  return [primary, ...(other === undefined ? [] : [other])].filter(
    (home) => home.stack !== config.stack && home.residency === config.residency,
  );
}

type Region = Pick<Sibling, "stack" | "awsRegion">;

/** Recordings of one region that a stack has copied to the buckets of others. */
export interface Replication {
  readonly source: Region;
  readonly destinations: readonly Region[];
}

/**
 * The replications that a stack makes: its own bucket's, but the primary's bucket's belongs to the standby's stack (see
 * ADR 0006). A promoted standby keeps its own and that of the region before, until this returns (see ADR 0016).
 */
export function replicationsOf(config: StackConfig): readonly Replication[] {
  const { primary, fenced } = config.fleet;
  const homes = replicationHomes(config);
  const ownsOwn = config.role === "primary" ? fenced !== undefined : config.role !== "fenced";
  const other =
    config.role === "standby" ? primary : config.role === "primary" ? fenced : undefined;
  return [
    ...(ownsOwn ? [{ source: config, destinations: homes }] : []),
    ...(other === undefined || homes.length === 0
      ? []
      : [{ source: other, destinations: [config] }]),
  ].filter(({ destinations }) => destinations.length > 0);
}
