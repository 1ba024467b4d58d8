import { AWS_REGIONS } from "../infra/aws-regions.ts";

/**
 * Stack files for a fleet of any size: the given ones and media regions more, each a file of the two settings that a
 * new region needs. Every region is another AWS region, as the configuration demands.
 * @throws Error when AWS has fewer regions
 */
export function generatedFleet(
  files: ReadonlyMap<string, string>,
  regions: number,
): Map<string, string> {
  const given = [...files.values()].join("\n");
  const free = AWS_REGIONS.filter(
    ({ name, accountRegionalBuckets }) =>
      accountRegionalBuckets && !new RegExp(`aws:region: ${name}\\b`).test(given),
  );
  const added = regions - files.size;
  if (added > free.length) {
    throw new Error(
      `Fleet of ${regions} regions: AWS has ${free.length + files.size}. Ask for fewer.`,
    );
  }
  return new Map([
    ...files,
    ...free
      .slice(0, Math.max(0, added))
      .map(({ name }, index): [string, string] => [
        `Pulumi.z${String(index).padStart(2, "0")}.yaml`,
        `config:\n  aws:region: ${name}\n  meet:network:\n    cidr: 10.${100 + index}.0.0/16\n`,
      ]),
  ]);
}
