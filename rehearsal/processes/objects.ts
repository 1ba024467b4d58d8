import * as z from "zod";

const probeSchema = z.object({
  httpGet: z.object({ path: z.string(), port: z.union([z.string(), z.number()]) }).optional(),
  periodSeconds: z.number().default(10),
  timeoutSeconds: z.number().default(1),
  failureThreshold: z.number().default(3),
});

const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
  ports: z.array(z.object({ name: z.string().default(""), containerPort: z.number() })).default([]),
  lifecycle: z
    .object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }).optional() }) })
    .optional(),
  readinessProbe: probeSchema.optional(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
});

const itemsSchema = z.array(z.object({ key: z.string(), path: z.string() })).optional();

const volumeSchema = z.object({
  name: z.string(),
  configMap: z.object({ name: z.string(), items: itemsSchema }).optional(),
  secret: z.object({ secretName: z.string(), items: itemsSchema }).optional(),
  emptyDir: z.object({}).optional(),
});
/** A volume of a pod. */
export type Volume = z.output<typeof volumeSchema>;

const metadataSchema = z.object({ namespace: z.string(), name: z.string() });

/** What the rehearsal reads of a Deployment. */
export const deploymentSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    replicas: z.number().default(1),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number().default(30),
        nodeSelector: z.record(z.string(), z.string()).default({}),
        containers: z.array(containerSchema).min(1),
        volumes: z.array(volumeSchema).default([]),
      }),
    }),
  }),
});
/** A Deployment as it was deployed. */
export type Deployment = z.output<typeof deploymentSchema>;
/** A container of a Deployment. */
export type Container = z.output<typeof containerSchema>;

/** What it reads of a Service. */
export const serviceSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    selector: z.record(z.string(), z.string()).default({}),
    ports: z.array(
      z.object({
        port: z.number(),
        targetPort: z.union([z.string(), z.number()]),
        nodePort: z.number().optional(),
      }),
    ),
  }),
});
/** A Service as it was deployed. */
export type Service = z.output<typeof serviceSchema>;

/** What it reads of a ConfigMap or a Secret. */
export const filesSchema = z.object({
  metadata: metadataSchema,
  data: z.record(z.string(), z.string()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
  binaryData: z.record(z.string(), z.string()).default({}),
});

/** What it reads of a HorizontalPodAutoscaler. */
export const autoscalerSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    minReplicas: z.number().default(1),
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
  }),
});

/** What it reads of a launch template. */
export const launchTemplateSchema = z.object({ userData: z.string().default("") });

/** What it reads of an autoscaling group. */
export const autoscalingGroupSchema = z.object({
  desiredCapacity: z.number(),
  launchTemplate: z.object({ id: z.string() }).optional(),
});

/** What it reads of a replication group of ElastiCache. */
export const replicationGroupSchema = z.object({
  replicationGroupId: z.string(),
  primaryEndpointAddress: z.string(),
  port: z.number(),
  authToken: z.string().default(""),
  transitEncryptionEnabled: z.boolean().default(false),
  numCacheClusters: z.number().default(1),
  engine: z.string(),
  engineVersion: z.string(),
  parameterGroupName: z.string(),
});
/** A replication group as it was deployed. */
export type ReplicationGroup = z.output<typeof replicationGroupSchema>;

/** What it reads of a parameter group of ElastiCache. */
export const parameterGroupSchema = z.object({
  name: z.string(),
  parameters: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});

/** What it reads of a listener. */
export const listenerSchema = z.object({
  loadBalancerArn: z.string(),
  protocol: z.string().default(""),
  defaultActions: z.array(z.object({ targetGroupArn: z.string().optional() })),
});

/** What it reads of a load balancer. */
export const loadBalancerSchema = z.object({
  arn: z.string(),
  name: z.string(),
  dnsName: z.string(),
  internal: z.boolean().default(false),
  idleTimeout: z.number().default(60),
});

/** What it reads of a target group of HTTP. */
export const targetGroupSchema = z.object({
  arn: z.string(),
  port: z.number(),
  protocol: z.literal("HTTP"),
  healthCheck: z.object({
    path: z.string(),
    interval: z.number().default(30),
    timeout: z.number().default(5),
    healthyThreshold: z.number().default(5),
    unhealthyThreshold: z.number().default(2),
    matcher: z.string().default("200"),
  }),
});
/** A health check of a target group. */
export type TargetCheck = z.output<typeof targetGroupSchema>["healthCheck"];
