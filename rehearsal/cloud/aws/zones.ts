import { digest } from "../naming.ts";

/** An availability zone. */
export interface Zone {
  readonly name: string;
  readonly id: string;
}

/**
 * Regions with their zone-id prefix and the letters of their zones, in the order of their ids
 * (docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html).
 */
const regions: Readonly<Record<string, readonly [prefix: string, ids: readonly number[]]>> = {
  "us-east-1": ["use1", [1, 2, 3, 4, 5, 6]],
  "us-east-2": ["use2", [1, 2, 3]],
  "us-west-1": ["usw1", [1, 3]],
  "us-west-2": ["usw2", [1, 2, 3, 4]],
  "ca-central-1": ["cac1", [1, 2, 4]],
  "sa-east-1": ["sae1", [1, 2, 3]],
  "eu-west-1": ["euw1", [1, 2, 3]],
  "eu-west-2": ["euw2", [1, 2, 3]],
  "eu-west-3": ["euw3", [1, 2, 3]],
  "eu-central-1": ["euc1", [1, 2, 3]],
  "eu-north-1": ["eun1", [1, 2, 3]],
  "eu-south-1": ["eus1", [1, 2, 3]],
  "ap-south-1": ["aps1", [1, 2, 3]],
  "ap-southeast-1": ["apse1", [1, 2, 3]],
  "ap-southeast-2": ["apse2", [1, 2, 3]],
  "ap-northeast-1": ["apne1", [1, 2, 4]],
  "ap-northeast-2": ["apne2", [1, 2, 3, 4]],
  "ap-northeast-3": ["apne3", [1, 2, 3]],
};

/**
 * The zones of a region. Which letter stands for which id differs between accounts; here they are in the same order.
 */
export function zonesOf(region: string): readonly Zone[] {
  const [prefix, ids] = regions[region] ?? [digest(region, 4), [1, 2, 3]];
  return ids.map((id, index) => ({
    name: `${region}${"abcdef".charAt(index)}`,
    id: `${prefix}-az${id}`,
  }));
}

/** All regions that a latency record may name. */
export const knownRegions: readonly string[] = Object.keys(regions);
