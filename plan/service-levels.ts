/** One published service level: what the provider gives money back for, which is not a measurement. */
export interface ServiceLevel {
  readonly id: string;
  readonly what: string;
  readonly percent: number;
  readonly source: string;
  /** The day on which the number was last written down here. */
  readonly date: string;
  /** True where the number was not compared with the named page again. */
  readonly unverified?: true;
}

const NOTED = "2025-06-01";

function level(
  id: string,
  what: string,
  percent: number,
  source: string,
  unverified?: true,
): ServiceLevel {
  return {
    id,
    what,
    percent,
    source,
    date: NOTED,
    ...(unverified === undefined ? {} : { unverified }),
  };
}

/** Service levels of what a fleet stands on. Cloudflare publishes one for Business and Enterprise plans only. */
export const SERVICE_LEVELS = {
  route53: level("route53", "Route 53, answering", 100, "https://aws.amazon.com/route53/sla/"),
  cloudflareEnterprise: level(
    "cloudflareEnterprise",
    "Cloudflare, Enterprise plan",
    100,
    "https://www.cloudflare.com/enterprise-service-level-agreement/",
    true,
  ),
  balancer: level(
    "balancer",
    "Load balancer",
    99.99,
    "https://aws.amazon.com/elasticloadbalancing/sla/",
  ),
  machines: level(
    "machines",
    "EC2 in two or more zones",
    99.99,
    "https://aws.amazon.com/compute/sla/",
  ),
  machine: level("machine", "EC2, one instance", 99.5, "https://aws.amazon.com/compute/sla/"),
  kubernetes: level("kubernetes", "EKS control plane", 99.95, "https://aws.amazon.com/eks/sla/"),
  database: level(
    "database",
    "RDS in two zones (Multi-AZ)",
    99.95,
    "https://aws.amazon.com/rds/sla/",
  ),
  databaseSingle: level(
    "databaseSingle",
    "RDS in one zone",
    99.5,
    "https://aws.amazon.com/rds/sla/",
  ),
  cache: level(
    "cache",
    "ElastiCache in two zones with failover",
    99.99,
    "https://aws.amazon.com/elasticache/sla/",
  ),
  cacheSingle: level(
    "cacheSingle",
    "ElastiCache without failover",
    99.5,
    "https://aws.amazon.com/blogs/database/introducing-99-99-availability-with-amazon-elasticache-for-redis-and-amazon-memorydb-for-redis/",
  ),
  bucket: level("bucket", "S3 Standard", 99.9, "https://aws.amazon.com/s3/sla/"),
  nat: level("nat", "NAT gateway", 99.9, "https://aws.amazon.com/vpc/nat-gateway-sla/", true),
} as const satisfies Record<string, ServiceLevel>;

/** What the guide for several regions says a fleet is for: more than 99.9 %. */
export const TARGET_PERCENT = 99.9;
