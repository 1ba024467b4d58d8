import { z } from "zod";

const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  parent: z.string().optional(),
  provider: z.string().optional(),
  dependencies: z.array(z.string()).nullish(),
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
});

const deploymentSchema = z.looseObject({ resources: z.array(resourceSchema).default([]) });

type Resource = z.infer<typeof resourceSchema>;

/** Marks an encrypted value in a state (pulumi/pulumi, sdk/go/common/resource/sig). */
const SECRET = '"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270"';

/** Which resources go from one stack's state to another's. */
export interface Adoption {
  readonly from: string;
  readonly to: string;
  /** As they are named in the state they leave. */
  readonly urns: readonly string[];
}

/**
 * The state of a stack with resources of another's, under its own name and with its own provider of their package. What
 * they depended on there and what is not here is left out: the next update says it again. One that is here already
 * stays as it is. `pulumi state move` cannot do this: it puts a resource whose parent exists here below the stack.
 * @throws Error when one is encrypted for the other stack, or this one has no provider for it
 */
export function withAdopted(
  deployment: unknown,
  other: unknown,
  { from, to, urns }: Adoption,
): z.infer<typeof deploymentSchema> {
  const state = deploymentSchema.parse(deployment);
  const rename = (urn: string): string => urn.replace(`urn:pulumi:${from}::`, `urn:pulumi:${to}::`);
  const here = new Set(state.resources.map(({ urn }) => urn));
  const wanted = new Set(urns);
  const adopted = deploymentSchema
    .parse(other)
    .resources.filter(({ urn }) => wanted.has(urn) && !here.has(rename(urn)));
  const all = new Set([...here, ...adopted.map(({ urn }) => rename(urn))]);
  const kept = (list: readonly string[]): string[] =>
    list.map(rename).filter((urn) => all.has(urn));
  const own = (resource: Resource): Resource => {
    if (JSON.stringify(resource).includes(SECRET)) {
      throw new Error(`${resource.urn} has a secret, which only stack ${from} can read`);
    }
    const { dependencies, propertyDependencies, ...rest } = resource;
    return {
      ...rest,
      urn: rename(resource.urn),
      ...(resource.parent === undefined ? {} : { parent: rename(resource.parent) }),
      ...(resource.provider === undefined
        ? {}
        : { provider: providerOf(state.resources, resource) }),
      dependencies: kept(dependencies ?? []),
      propertyDependencies: Object.fromEntries(
        Object.entries(propertyDependencies ?? {}).map(([key, list]) => [key, kept(list ?? [])]),
      ),
    };
  };
  return { ...state, resources: [...state.resources, ...adopted.map(own)] };
}

/** Reference to the provider of a resource's package, as the engine writes it. */
function providerOf(resources: readonly Resource[], { type }: Resource): string {
  const [name = ""] = type.split(":");
  const provider = resources.find((each) => each.type === `pulumi:providers:${name}`);
  if (provider?.id === undefined) {
    throw new Error(`there is no provider of ${name} in the state`);
  }
  return `${provider.urn}::${provider.id}`;
}
