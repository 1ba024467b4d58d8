import { z } from "zod";

const resourceSchema = z.looseObject({
  urn: z.string(),
  dependencies: z.array(z.string()).optional(),
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).optional(),
  deletedWith: z.string().optional(),
});

const deploymentSchema = z.looseObject({ resources: z.array(resourceSchema).default([]) });

/** A stack's exported state. */
export type Deployment = z.infer<typeof deploymentSchema>;

/**
 * The state without some resources, which stay in the cloud. What depended on them is written without that: the next
 * update says it again, of the resources that take their place. The engine refuses a state with loose ends.
 */
export function withoutResources(deployment: unknown, urns: readonly string[]): Deployment {
  const state = deploymentSchema.parse(deployment);
  const left = new Set(urns);
  const isOther = (each: string): boolean => !left.has(each);
  const resources = state.resources
    .filter(({ urn }) => isOther(urn))
    .map(({ dependencies, propertyDependencies, deletedWith, ...rest }) => ({
      ...rest,
      ...(dependencies === undefined ? {} : { dependencies: dependencies.filter(isOther) }),
      ...(propertyDependencies === undefined
        ? {}
        : {
            propertyDependencies: Object.fromEntries(
              Object.entries(propertyDependencies).map(([key, urns]) => [
                key,
                urns?.filter(isOther) ?? null,
              ]),
            ),
          }),
      ...(deletedWith === undefined || left.has(deletedWith) ? {} : { deletedWith }),
    }));
  return { ...state, resources };
}
