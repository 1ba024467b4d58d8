/** What this program needs to know of an AWS region before it asks AWS anything. */
export interface AwsRegion {
  readonly name: string;
  /** Residency group of a region that names none: the jurisdiction it stands in. */
  readonly residency: string;
  /** Must be enabled for the account first (AWS Account Management guide, "AWS Regions"). */
  readonly optIn: boolean;
  /**
   * Buckets in the account-regional namespace exist there: everywhere but in me-south-1 and me-central-1
   * (Amazon S3 user guide, gpbucketnamespaces).
   */
  readonly accountRegionalBuckets: boolean;
}

function region(
  name: string,
  residency: string,
  facts: { optIn?: true; accountRegionalBuckets?: false } = {},
): AwsRegion {
  return {
    name,
    residency,
    optIn: facts.optIn ?? false,
    accountRegionalBuckets: facts.accountRegionalBuckets ?? true,
  };
}

const optIn = { optIn: true } as const;

/**
 * The regions of the commercial partition `aws`, which is the only one supported: Route 53's public zones, ACM and RDS
 * replicas do not reach from one partition into another. Source: AWS Account Management guide, "AWS Regions"
 * (manage-acct-regions); residency groups are ours, one per jurisdiction, the EU's members together.
 */
export const AWS_REGIONS: readonly AwsRegion[] = [
  region("af-south-1", "za", optIn),
  region("ap-east-1", "hk", optIn),
  region("ap-east-2", "tw", optIn),
  region("ap-northeast-1", "jp"),
  region("ap-northeast-2", "kr"),
  region("ap-northeast-3", "jp"),
  region("ap-south-1", "in"),
  region("ap-south-2", "in", optIn),
  region("ap-southeast-1", "sg"),
  region("ap-southeast-2", "au"),
  region("ap-southeast-3", "id", optIn),
  region("ap-southeast-4", "au", optIn),
  region("ap-southeast-5", "my", optIn),
  region("ap-southeast-6", "nz", optIn),
  region("ap-southeast-7", "th", optIn),
  region("ca-central-1", "ca"),
  region("ca-west-1", "ca", optIn),
  region("eu-central-1", "eu"),
  region("eu-central-2", "ch", optIn),
  region("eu-north-1", "eu"),
  region("eu-south-1", "eu", optIn),
  region("eu-south-2", "eu", optIn),
  region("eu-west-1", "eu"),
  region("eu-west-2", "uk"),
  region("eu-west-3", "eu"),
  region("il-central-1", "il", optIn),
  region("me-central-1", "ae", { optIn: true, accountRegionalBuckets: false }),
  region("me-south-1", "bh", { optIn: true, accountRegionalBuckets: false }),
  region("mx-central-1", "mx", optIn),
  region("sa-east-1", "br"),
  region("us-east-1", "us"),
  region("us-east-2", "us"),
  region("us-west-1", "us"),
  region("us-west-2", "us"),
];

const byName = new Map(AWS_REGIONS.map((each) => [each.name, each]));

/** The facts of a region, or nothing when it is not in the table. */
export function findAwsRegion(name: string): AwsRegion | undefined {
  return byName.get(name);
}
