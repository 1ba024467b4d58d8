import { createHash } from "node:crypto";
import { isCreated } from "./inventory.ts";
import type { Recorded } from "./recorded.ts";
import { SECRET_KEY } from "./recorded.ts";
import { byUrn, componentName, isRecord } from "./resources.ts";
import { holdsData, replacingPaths } from "./replacement.ts";

/** A resource in a comparison, by what a reader recognises. */
export interface ComparedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly component: string;
  /** Whether losing it loses data or an address. */
  readonly holdsData: boolean;
}

/** One changed input: where, and its values unless they are secret. */
export interface ChangedInput {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** A resource that is in both revisions and not the same. */
export interface ChangedResource extends ComparedResource {
  readonly inputs: readonly ChangedInput[];
  /** Options that changed: `protect`, `dependsOn` and so on. */
  readonly options: readonly string[];
  /** Inputs among the changed ones that make the provider replace the resource. */
  readonly replacedBy: readonly string[];
  /** Protection that this change takes away. */
  readonly losesProtection: boolean;
}

/** What changes in one stack. */
export interface Comparison {
  readonly added: readonly ComparedResource[];
  readonly removed: readonly ComparedResource[];
  readonly changed: readonly ChangedResource[];
  readonly unchanged: number;
}

/** Longest value that is shown; longer ones are cut. A bundle or a policy tells nothing in a comment. */
const SHOWN_CHARACTERS = 60;

/** What stands for a secret; secrets are compared and never shown. */
const HIDDEN = "(secret)";

/**
 * Compares the resources of a stack in two revisions by URN. Linear in the number of resources. A resource with an
 * alias that names an old URN is still reported as removed and added: only the engine knows the state.
 */
export function compare(before: readonly Recorded[], after: readonly Recorded[]): Comparison {
  const old = byUrn(before.filter(isCreated));
  const oldIndex = byUrn(before);
  const now = byUrn(after.filter(isCreated));
  const newIndex = byUrn(after);
  const both = [...now.values()].flatMap((resource) => {
    const previous = old.get(resource.urn);
    return previous === undefined ? [] : [{ previous, resource }];
  });
  const changed = both
    .map(({ previous, resource }) => changes(previous, resource, componentName(resource, newIndex)))
    .filter((change) => change !== undefined);
  return {
    added: [...now.values()]
      .filter(({ urn }) => !old.has(urn))
      .map((resource) => compared(resource, componentName(resource, newIndex))),
    removed: [...old.values()]
      .filter(({ urn }) => !now.has(urn))
      .map((resource) => compared(resource, componentName(resource, oldIndex))),
    changed,
    unchanged: both.length - changed.length,
  };
}

/** Whether anything at all differs. */
export function isUnchanged(comparison: Comparison): boolean {
  return comparison.added.length + comparison.removed.length + comparison.changed.length === 0;
}

function compared(resource: Recorded, component: string): ComparedResource {
  const { urn, type, name } = resource;
  return { urn, type, name, component, holdsData: resource.custom && holdsData(type) };
}

const OPTIONS = [
  "protect",
  "retainOnDelete",
  "deleteBeforeReplace",
  "ignoreChanges",
  "replaceOnChanges",
  "dependsOn",
  "parent",
  "deletedWith",
  "aliases",
  "customTimeouts",
] as const;

function changes(
  before: Recorded,
  after: Recorded,
  component: string,
): ChangedResource | undefined {
  // A Kubernetes Secret is hidden as a whole: its author may have forgotten to mark a value.
  const hidden = after.type === "kubernetes:core/v1:Secret";
  const inputs = differences("", before.inputs, after.inputs, hidden);
  const options = OPTIONS.filter((option) => !same(before[option], after[option]));
  if (inputs.length === 0 && options.length === 0) {
    return undefined;
  }
  const ignored = new Set(after.ignoreChanges);
  const paths = inputs.map(({ path }) => path).filter((path) => !ignored.has(path));
  return {
    ...compared(after, component),
    inputs,
    options,
    replacedBy: [
      ...new Set([
        ...replacingPaths(after.type, paths),
        ...paths.filter((path) => after.replaceOnChanges.some((prefix) => path.startsWith(prefix))),
      ]),
    ],
    losesProtection: before.protect && !after.protect,
  };
}

/** The paths at which two values differ, down to the smallest. What is `hidden` is compared and not shown. */
function differences(
  path: string,
  before: unknown,
  after: unknown,
  hidden: boolean,
): ChangedInput[] {
  if (same(before, after)) {
    return [];
  }
  const beneath = (key: string): string => (path === "" ? key : `${path}.${key}`);
  if (holdsSecret(before) || holdsSecret(after)) {
    return [{ path, before: shown(before, true), after: shown(after, true) }];
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item: unknown, index) =>
      differences(beneath(String(index)), item, after[index], hidden),
    );
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(beneath(key), before[key], after[key], hidden));
  }
  return [{ path, before: shown(before, hidden), after: shown(after, hidden) }];
}

function holdsSecret(value: unknown): boolean {
  return isRecord(value) && SECRET_KEY in value;
}

function same(before: unknown, after: unknown): boolean {
  return JSON.stringify(sorted(before)) === JSON.stringify(sorted(after));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (!isRecord(value)) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

function shown(value: unknown, hidden: boolean): string {
  if (value === undefined) {
    return "(absent)";
  }
  if (hidden) {
    return HIDDEN;
  }
  const text = typeof value === "string" ? value : JSON.stringify(withoutSecrets(value));
  const line = text.replace(/\s+/g, " ");
  return line.length <= SHOWN_CHARACTERS
    ? line
    : `${line.slice(0, SHOWN_CHARACTERS - 1)}… (${text.length} characters)`;
}

/** A value with every secret in it replaced by a word. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutSecrets);
  }
  if (!isRecord(value)) {
    return value;
  }
  return SECRET_KEY in value
    ? HIDDEN
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item)]));
}

/** A value with every secret in it replaced by a digest: equal secrets stay equal, and none can be read. */
export function maskSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(maskSecrets);
  }
  if (!isRecord(value)) {
    return value;
  }
  return SECRET_KEY in value
    ? {
        [SECRET_KEY]: createHash("sha256")
          .update(JSON.stringify(value[SECRET_KEY] ?? null))
          .digest("hex"),
      }
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskSecrets(item)]));
}
