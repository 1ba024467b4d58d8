import { z } from "zod";

/** A resource as the state has it; everything that is not read here is kept as it is. */
const resourceSchema = z.looseObject({ urn: z.string(), type: z.string() });

/** What `pulumi stack export` writes. */
const exportSchema = z.looseObject({
  deployment: z.looseObject({
    resources: z.array(resourceSchema).default([]),
    pending_operations: z
      .array(z.looseObject({ type: z.string(), resource: resourceSchema }))
      .default([]),
  }),
});

/** An exported state. */
export type ExportedState = z.infer<typeof exportSchema>;

/** What somebody found out about each pending create. */
export interface Findings {
  /** Id in the cloud, by URN, of what exists. */
  readonly exists: ReadonlyMap<string, string>;
  /** URNs of what does not exist. */
  readonly missing: readonly string[];
}

/** An exported state from its text. @throws Error with one sentence when it is something else */
export function parseExport(file: string, text: string): ExportedState {
  try {
    return exportSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(
      `File "${file}": it is not an exported state. Write it with pulumi stack export --file ${file}.`,
    );
  }
}

/** URNs of the creates that were under way when the engine was killed: each may or may not exist. */
export function pendingCreates(state: ExportedState): string[] {
  return state.deployment.pending_operations
    .filter(({ type }) => type === "creating")
    .map(({ resource }) => resource.urn);
}

/**
 * The state with every pending create decided: what exists becomes a resource with its id, the rest is forgotten. The
 * engine's own `pulumi refresh --import-pending-creates` does not do it: up to 3.230 it marks the operation as an
 * import, which nothing carries out and the next update drops (pulumi/pulumi pkg/backend/snapshot.go keeps pending
 * creates only), so that what exists is lost from the state.
 *
 * @throws Error with every fault: a create that nobody decided, a URN that is no pending create
 */
export function resolvePendingCreates(state: ExportedState, findings: Findings): ExportedState {
  const pending = pendingCreates(state);
  const { exists, missing } = findings;
  const decided = [...exists.keys(), ...missing];
  const faults = [
    ...pending
      .filter((urn) => !decided.includes(urn))
      .map(
        (urn) =>
          `Pending create "${urn}": not decided. Look for it, and pass --exists or --missing.`,
      ),
    ...decided
      .filter((urn) => !pending.includes(urn))
      .map((urn) => `URN "${urn}": no pending create of this state. Take it out.`),
    ...missing
      .filter((urn) => exists.has(urn))
      .map(
        (urn) => `Pending create "${urn}": said to exist and to be missing. Keep one of the two.`,
      ),
  ];
  if (faults.length > 0) {
    throw new Error(faults.join("\n"));
  }
  const { deployment } = state;
  const adopted = deployment.pending_operations.flatMap(({ type, resource }) => {
    const id = type === "creating" ? exists.get(resource.urn) : undefined;
    return id === undefined ? [] : [{ ...resource, id }];
  });
  return {
    ...state,
    deployment: {
      ...deployment,
      resources: [...deployment.resources, ...adopted],
      pending_operations: deployment.pending_operations.filter(({ type }) => type !== "creating"),
    },
  };
}
