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
 * The state without one resource, which stays in the cloud. What depended on it is written without that: the next
 * update says it again, of the resource that takes its place. The engine refuses a state with loose ends.
 */
export function withoutResource(deployment: unknown, urn: string): Deployment {
  const state = deploymentSchema.parse(deployment);
  const isOther = (each: string): boolean => each !== urn;
  const resources = state.resources
    .filter((resource) => resource.urn !== urn)
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
      ...(deletedWith === undefined || deletedWith === urn ? {} : { deletedWith }),
    }));
  return { ...state, resources };
}
