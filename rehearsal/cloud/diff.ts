import type { ResourceType } from "./model.ts";
import { at, canonical, isMap, plainMap, type ValueMap } from "./values.ts";

/** What an update would change. */
export interface Difference {
  readonly changed: string[];
  readonly replaces: string[];
  /** The old one goes first, because its name is fixed and taken. */
  readonly deleteFirst: boolean;
}

/**
 * Compares inputs as the provider would. AWS and Cloudflare treat lists of plain values as sets (subnets, groups,
 * records), so their order is no change; in Kubernetes order counts.
 */
export function diffInputs(type: ResourceType, olds: ValueMap, news: ValueMap): Difference {
  const unordered = type.provider !== "kubernetes";
  const before = withoutDefaults(plainMap(olds));
  const after = withoutDefaults(plainMap(news));
  const differs = (path: string) =>
    canonical(at(before, path), unordered) !== canonical(at(after, path), unordered);
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(differs);
  const regional = type.provider === "aws" && type.isGlobal !== true ? ["region"] : [];
  const replacePaths = [...type.replaceOn, ...regional];
  const replaces = replacePaths.includes("*")
    ? changed
    : [...new Set(replacePaths.filter(differs).map((path) => path.split(".")[0] ?? path))];
  return { changed, replaces, deleteFirst: replaces.length > 0 && hasFixedName(type, news) };
}

function hasFixedName(type: ResourceType, news: ValueMap): boolean {
  const key = type.autoname?.key;
  if (key === undefined) {
    return false;
  }
  if (key === "metadata.name") {
    return !isAutonamedObject(news);
  }
  const defaults = news["__defaults"];
  return !(Array.isArray(defaults) && defaults.includes(key));
}

function isAutonamedObject(news: ValueMap): boolean {
  const annotations = at(news, "metadata.annotations");
  return isMap(annotations) && annotations["pulumi.com/autonamed"] === "true";
}

function withoutDefaults(inputs: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "__defaults"));
}
