import { text, type ValueMap } from "../../../rehearsal/cloud/values.ts";
import { output, type Instance, type Made, type World } from "./world.ts";

const trust = JSON.stringify({ Statement: [{ Effect: "Allow" }] });

export async function makeRole(aws: Instance, name = "role"): Promise<Made> {
  return aws.create("aws:iam/role:Role", name, { name, assumeRolePolicy: trust });
}

/** A VPC with a subnet in each of the first zones of eu-west-3. */
export async function makeNetwork(
  aws: Instance,
  region = "eu-west-3",
): Promise<{ vpc: Made; subnets: Made[]; subnetIds: string[] }> {
  const vpc = await aws.create("aws:ec2/vpc:Vpc", "main", { cidrBlock: "10.0.0.0/16" });
  const subnets = await Promise.all(
    ["a", "b"].map((letter, index) =>
      aws.create("aws:ec2/subnet:Subnet", letter, {
        vpcId: vpc.id,
        cidrBlock: `10.0.${index}.0/24`,
        availabilityZone: `${region}${letter}`,
      }),
    ),
  );
  return { vpc, subnets, subnetIds: subnets.map(({ id }) => id) };
}

export async function makeCluster(
  aws: Instance,
  more: ValueMap = {},
  region = "eu-west-3",
): Promise<{ cluster: Made; role: Made; subnetIds: string[] }> {
  const { subnetIds } = await makeNetwork(aws, region);
  const role = await makeRole(aws, `cluster-${region}`);
  const cluster = await aws.create("aws:eks/cluster:Cluster", "main", {
    name: "meet",
    roleArn: output(role, "arn"),
    vpcConfig: { subnetIds },
    accessConfig: { authenticationMode: "API" },
    ...more,
  });
  return { cluster, role, subnetIds };
}

export async function makeNodes(
  aws: Instance,
  made: { role: Made; subnetIds: string[] },
): Promise<Made> {
  return aws.create("aws:eks/nodeGroup:NodeGroup", "system", {
    clusterName: "meet",
    nodeGroupName: "system",
    nodeRoleArn: output(made.role, "arn"),
    subnetIds: made.subnetIds,
    scalingConfig: { desiredSize: 2, minSize: 2, maxSize: 3 },
  });
}

/** A cluster with nodes, a namespace `meet`, and a Kubernetes provider for it. */
export async function makeKubernetes(world: World, hasNodes = true): Promise<Instance> {
  const made = await makeCluster(world.eu);
  if (hasNodes) {
    await makeNodes(world.eu, made);
  }
  const kubernetes = await world.kubernetes(output(made.cluster, "endpoint"));
  await kubernetes.create("kubernetes:core/v1:Namespace", "meet", { metadata: { name: "meet" } });
  return kubernetes;
}

export async function makeBucket(aws: Instance, bucket: string, versioned = true): Promise<Made> {
  const made = await aws.create("aws:s3/bucket:Bucket", bucket, { bucket });
  if (versioned) {
    await aws.create("aws:s3/bucketVersioning:BucketVersioning", bucket, {
      bucket,
      versioningConfiguration: { status: "Enabled" },
    });
  }
  return made;
}

export function replication(bucket: string, destination: string, more: ValueMap = {}): ValueMap {
  return {
    bucket,
    role: "arn:aws:iam::123456789012:role/replication",
    rules: [
      {
        id: "all",
        priority: 1,
        status: "Enabled",
        filter: { prefix: "" },
        deleteMarkerReplication: { status: "Enabled" },
        destination: { bucket: `arn:aws:s3:::${destination}` },
        ...more,
      },
    ],
  };
}

export async function zoneId(aws: Instance): Promise<string> {
  const zone = await aws.invoke("aws:route53/getZone:getZone", { name: "example.org" });
  return text(zone, "zoneId") ?? "";
}

/** A record set of `livekit.example.org`. */
export async function makeRecord(aws: Instance, name: string, more: ValueMap): Promise<Made> {
  return aws.create("aws:route53/record:Record", name, {
    zoneId: await zoneId(aws),
    name: "livekit.example.org",
    type: "CNAME",
    ttl: 5,
    records: ["balancer.example.net"],
    ...more,
  });
}

export const latency = (setIdentifier: string, region: string): ValueMap => ({
  setIdentifier,
  latencyRoutingPolicies: [{ region }],
});

export async function makeDatabase(aws: Instance, more: ValueMap = {}): Promise<Made> {
  return aws.create("aws:rds/instance:Instance", "main", {
    identifier: "meet",
    engine: "postgres",
    instanceClass: "db.t4g.medium",
    username: "meet",
    password: "long-enough-password",
    backupRetentionPeriod: 7,
    skipFinalSnapshot: true,
    ...more,
  });
}

/** A balancer over the network's subnets, and a target group. */
export async function makeBalancer(
  aws: Instance,
  more: ValueMap = {},
): Promise<{ balancer: Made; target: Made; vpc: Made; subnets: Made[] }> {
  const { vpc, subnets, subnetIds } = await makeNetwork(aws);
  const balancer = await aws.create("aws:lb/loadBalancer:LoadBalancer", "web", {
    name: "web",
    subnets: subnetIds,
    ...more,
  });
  const target = await aws.create("aws:lb/targetGroup:TargetGroup", "web", {
    name: "web",
    port: 30_080,
    protocol: "HTTP",
    vpcId: vpc.id,
  });
  return { balancer, target, vpc, subnets };
}

export async function makeListener(
  aws: Instance,
  balancer: Made,
  target: Made,
  more: ValueMap = {},
): Promise<Made> {
  return aws.create("aws:lb/listener:Listener", "http", {
    loadBalancerArn: balancer.id,
    port: 80,
    protocol: "HTTP",
    defaultActions: [{ type: "forward", targetGroupArn: target.id }],
    ...more,
  });
}

export async function makeCertificate(aws: Instance): Promise<Made> {
  return aws.create("aws:acm/certificate:Certificate", "web", {
    domainName: "meet.example.org",
    validationMethod: "DNS",
  });
}

/** Serves the certificate's validation record. */
export async function serve(aws: Instance, certificate: Made): Promise<Made> {
  const option = "domainValidationOptions.0";
  return makeRecord(aws, "validation", {
    name: output(certificate, `${option}.resourceRecordName`),
    records: [output(certificate, `${option}.resourceRecordValue`)],
    ttl: 60,
  });
}

/** Serves the certificate's validation record, then validates it. */
export async function issue(aws: Instance, certificate: Made): Promise<Made> {
  await serve(aws, certificate);
  return validate(aws, certificate);
}

export async function validate(aws: Instance, certificate: Made): Promise<Made> {
  return aws.create("aws:acm/certificateValidation:CertificateValidation", "web", {
    certificateArn: certificate.id,
  });
}

/** A Deployment in the namespace `meet`. */
export const deployment = (pod: ValueMap = {}, labels: ValueMap = { app: "web" }): ValueMap => ({
  metadata: { name: "web", namespace: "meet" },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels }, spec: { containers: [{ name: "web" }], ...pod } },
  },
});
