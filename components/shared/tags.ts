/** Tags every taggable resource carries. Values are plain: a tag may not depend on a resource. */
export type Tags = Readonly<Record<string, string>>;

/** The tags common to all resources of one stack: which fleet, which stack, and who may change them. */
export function stackTags(project: string, stack: string): Tags {
  return { "meet:fleet": project, "meet:stack": stack, "meet:managed-by": "pulumi" };
}

/**
 * The tags of one resource: the stack's, and `Name` with the resource's logical name, so that what the console shows
 * can be found in the program.
 */
export function named(tags: Tags, logicalName: string): Record<string, string> {
  return { ...tags, Name: logicalName };
}
