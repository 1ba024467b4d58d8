import type { Recorded } from "./recorded.ts";
import { shortType } from "./resources.ts";

/** How many resources of one type there are. */
export interface TypeCount {
  readonly type: string;
  readonly count: number;
}

/** One component, what it makes itself, and the components within it. */
export interface ComponentNode {
  readonly name: string;
  readonly type: string;
  /** Resources made by this component itself, by type, most frequent first. */
  readonly own: readonly TypeCount[];
  /** All resources at and below it, components not counted. */
  readonly total: number;
  readonly protected: number;
  readonly children: readonly ComponentNode[];
}

/** What one stack consists of. */
export interface Inventory {
  readonly total: number;
  readonly components: number;
  readonly protected: number;
  /** Cloud, Kubernetes and helper resources by the package that makes them. */
  readonly byProvider: Readonly<Record<string, number>>;
  readonly byType: readonly TypeCount[];
  readonly tree: readonly ComponentNode[];
  /** Resources without a component: providers, stack references. */
  readonly loose: readonly TypeCount[];
}

/** Counts what a stack would create, by component and by type. Linear in the number of resources. */
export function inventoryOf(resources: readonly Recorded[]): Inventory {
  const made = resources.filter((resource) => resource.custom && isCreated(resource));
  const children = new Map<string, Recorded[]>();
  const known = new Set(resources.map((resource) => resource.urn));
  const roots: Recorded[] = [];
  for (const resource of resources) {
    if (resource.parent !== undefined && known.has(resource.parent)) {
      children.set(resource.parent, [...(children.get(resource.parent) ?? []), resource]);
    } else {
      roots.push(resource);
    }
  }
  return {
    total: made.length,
    components: resources.filter((resource) => !resource.custom).length,
    protected: made.filter((resource) => resource.protect).length,
    byProvider: Object.fromEntries(
      countBy(made, (resource) => resource.type.split(":")[0] ?? "").map(({ type, count }) => [
        type,
        count,
      ]),
    ),
    byType: countBy(made, (resource) => resource.type),
    tree: roots.filter((root) => !root.custom).map((root) => node(root, children)),
    loose: countBy(
      roots.filter((root) => root.custom && isCreated(root)),
      (resource) => shortType(resource.type),
    ),
  };
}

/** Providers and references to other stacks are registered, but nothing is created for them. */
export function isCreated(resource: Recorded): boolean {
  return !resource.type.startsWith("pulumi:");
}

function node(component: Recorded, children: ReadonlyMap<string, Recorded[]>): ComponentNode {
  const below = children.get(component.urn) ?? [];
  const nested = below.filter((child) => !child.custom).map((child) => node(child, children));
  const own = descendants(
    below.filter((child) => child.custom),
    children,
  ).filter(isCreated);
  return {
    name: component.name,
    type: component.type,
    own: countBy(own, (resource) => shortType(resource.type)),
    total: own.length + nested.reduce((sum, child) => sum + child.total, 0),
    protected:
      own.filter((resource) => resource.protect).length +
      nested.reduce((sum, child) => sum + child.protected, 0),
    children: nested,
  };
}

/** Custom resources that are parents of others keep their children beside them. */
function descendants(
  resources: readonly Recorded[],
  children: ReadonlyMap<string, Recorded[]>,
): Recorded[] {
  return resources.flatMap((resource) => [
    resource,
    ...descendants(children.get(resource.urn) ?? [], children),
  ]);
}

function countBy(resources: readonly Recorded[], key: (resource: Recorded) => string): TypeCount[] {
  const counts = new Map<string, number>();
  for (const resource of resources) {
    counts.set(key(resource), (counts.get(key(resource)) ?? 0) + 1);
  }
  return [...counts]
    .map(([type, count]) => ({ type, count }))
    .sort((left, right) => right.count - left.count || left.type.localeCompare(right.type));
}
