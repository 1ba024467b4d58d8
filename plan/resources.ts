import { SECRET_KEY, UNKNOWN } from "./recorded.ts";
import type { Recorded } from "./recorded.ts";

/** What a property is when it has no place in a list or a record. */
type Container = Readonly<Record<string, unknown>>;

/** Whether a value is a plain object. */
export function isRecord(value: unknown): value is Container {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a recorded value is a secret: `{ "[secret]": value }`. */
export function isSecret(value: unknown): boolean {
  return isRecord(value) && SECRET_KEY in value;
}

/** The input of a resource at a dotted path, `scalingConfig.minSize` or `subnets.0`; a secret is looked into. */
export function inputAt(resource: Pick<Recorded, "inputs">, path: string): unknown {
  let value: unknown = resource.inputs;
  for (const key of path.split(".")) {
    const open = isRecord(value) && SECRET_KEY in value ? value[SECRET_KEY] : value;
    if (Array.isArray(open)) {
      value = open[Number(key)];
    } else if (isRecord(open)) {
      value = open[key];
    } else {
      return undefined;
    }
  }
  return value === UNKNOWN ? undefined : value;
}

/** A text input, or undefined. */
export function textAt(resource: Pick<Recorded, "inputs">, path: string): string | undefined {
  const value = inputAt(resource, path);
  return typeof value === "string" ? value : undefined;
}

/** A numeric input; providers also take numbers as text. */
export function numberAt(resource: Pick<Recorded, "inputs">, path: string): number | undefined {
  const value = inputAt(resource, path);
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A flag; providers also take `"true"`. */
export function flagAt(resource: Pick<Recorded, "inputs">, path: string): boolean {
  const value = inputAt(resource, path);
  return value === true || value === "true";
}

/** A list input; empty when it is absent. */
export function listAt(resource: Pick<Recorded, "inputs">, path: string): readonly unknown[] {
  const value: unknown = inputAt(resource, path);
  return Array.isArray(value) ? value : [];
}

/** The resources of one type. */
export function ofType(resources: readonly Recorded[], type: string): Recorded[] {
  return resources.filter((resource) => resource.type === type);
}

/** Finds a resource's ancestors by URN. */
export type ByUrn = ReadonlyMap<string, Recorded>;

/** The resources of a stack by URN. */
export function byUrn(resources: readonly Recorded[]): ByUrn {
  return new Map(resources.map((resource) => [resource.urn, resource]));
}

/** The component a resource belongs to that stands highest in the stack: itself, when nothing is above it. */
export function topComponent(resource: Recorded, index: ByUrn): Recorded {
  const parent = resource.parent === undefined ? undefined : index.get(resource.parent);
  return parent === undefined ? resource : topComponent(parent, index);
}

/** Name of the component a cost or a change is listed under; what has no component is listed under the stack. */
export function componentName(resource: Recorded, index: ByUrn): string {
  const top = topComponent(resource, index);
  return top.custom ? "stack" : top.name;
}

/** `aws:ec2/vpc:Vpc` as people say it, `aws Vpc`; Kubernetes and Cloudflare objects likewise. */
export function shortType(type: string): string {
  const [source = "", , name = type] = type.split(":");
  return source === "meet" ? name : `${source} ${name}`;
}

/** The AWS region a resource lives in: its own `region` input, else the stack's. */
export function awsRegionOf(resource: Recorded, stackRegion: string): string {
  return textAt(resource, "region") ?? stackRegion;
}
