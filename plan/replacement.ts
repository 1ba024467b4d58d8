/**
 * Inputs whose change makes the provider replace a resource, for the types where that hurts (Terraform AWS provider,
 * ForceNew in each resource's schema; Kubernetes API, immutable fields). It is no complete list: for anything not named
 * here the real preview decides.
 */
const FORCE_NEW: Readonly<Record<string, readonly string[]>> = {
  "aws:ec2/vpc:Vpc": ["cidrBlock", "ipv4IpamPoolId"],
  "aws:ec2/subnet:Subnet": ["cidrBlock", "vpcId", "availabilityZone"],
  "aws:ec2/natGateway:NatGateway": ["allocationId", "subnetId"],
  "aws:ec2/securityGroup:SecurityGroup": ["description", "name", "vpcId"],
  "aws:eks/cluster:Cluster": [
    "name",
    "roleArn",
    "vpcConfig.subnetIds",
    "encryptionConfig",
    "kubernetesNetworkConfig.serviceIpv4Cidr",
    "accessConfig.bootstrapClusterCreatorAdminPermissions",
  ],
  "aws:eks/nodeGroup:NodeGroup": [
    "amiType",
    "capacityType",
    "diskSize",
    "instanceTypes",
    "subnetIds",
  ],
  "aws:rds/instance:Instance": [
    "identifier",
    "engine",
    "storageEncrypted",
    "kmsKeyId",
    "username",
    "dbName",
    "dbSubnetGroupName",
    "replicateSourceDb",
    "availabilityZone",
  ],
  "aws:elasticache/replicationGroup:ReplicationGroup": [
    "replicationGroupId",
    "atRestEncryptionEnabled",
    "kmsKeyId",
    "port",
    "subnetGroupName",
  ],
  "aws:s3/bucket:Bucket": ["bucket", "bucketNamespace", "objectLockEnabled"],
  "aws:lb/loadBalancer:LoadBalancer": ["name", "internal", "loadBalancerType"],
  "aws:lb/targetGroup:TargetGroup": ["name", "port", "protocol", "targetType", "vpcId"],
  "aws:acm/certificate:Certificate": ["domainName", "validationMethod", "keyAlgorithm"],
  "aws:route53/record:Record": ["name", "setIdentifier", "zoneId"],
  "aws:route53/healthCheck:HealthCheck": ["type", "requestInterval", "searchString"],
  "aws:iam/role:Role": ["name", "path"],
  "aws:ec2/eip:Eip": ["domain", "publicIpv4Pool"],
  "cloudflare:index/loadBalancer:LoadBalancer": ["zoneId"],
  "cloudflare:index/loadBalancerPool:LoadBalancerPool": ["accountId"],
  "kubernetes:apps/v1:Deployment": ["metadata.name", "metadata.namespace", "spec.selector"],
  "kubernetes:batch/v1:Job": [
    "metadata.name",
    "spec.template",
    "spec.selector",
    "spec.completions",
  ],
  "kubernetes:core/v1:Service": ["metadata.name", "spec.clusterIP"],
};

/** What a replacement would do to people's data, for the types that hold it. */
const DATA_TYPES: ReadonlySet<string> = new Set([
  "aws:rds/instance:Instance",
  "aws:s3/bucket:Bucket",
  "aws:elasticache/replicationGroup:ReplicationGroup",
  "aws:eks/cluster:Cluster",
  "aws:ec2/vpc:Vpc",
  "aws:ec2/eip:Eip",
]);

/** Of the changed input paths, those that make the provider replace a resource of this type. */
export function replacingPaths(type: string, paths: readonly string[]): string[] {
  const fields = [
    ...(FORCE_NEW[type] ?? []),
    ...(type.startsWith("kubernetes:") ? ["metadata.name", "metadata.namespace"] : []),
  ];
  return paths.filter((path) =>
    fields.some(
      (field) => path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
    ),
  );
}

/** Whether replacing or removing a resource of this type loses data or an address people rely on. */
export function holdsData(type: string): boolean {
  return DATA_TYPES.has(type);
}
