import type * as z from "zod";
import type { Thing } from "../cloud/model.ts";
import {
  autoscalerSchema,
  autoscalingGroupSchema,
  deploymentSchema,
  filesSchema,
  launchTemplateSchema,
  listenerSchema,
  loadBalancerSchema,
  parameterGroupSchema,
  replicationGroupSchema,
  serviceSchema,
  targetGroupSchema,
  type Deployment,
  type ReplicationGroup,
  type Service,
  type TargetCheck,
  type Volume,
} from "./objects.ts";

/** A Valkey as it was deployed. */
export interface DeployedValkey extends ReplicationGroup {
  /** Of its parameter group. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The public balancer in front of a Service. */
export interface DeployedFront {
  readonly name: string;
  readonly dnsName: string;
  readonly idleTimeoutSeconds: number;
  readonly check: TargetCheck;
}

/** What a program can be given of things: all that exist, by type. */
type Things = (type: string) => readonly Thing[];

/** What was deployed of a region, as far as its local processes are made from it. */
export class DeployedRegion {
  readonly name: string;
  readonly awsRegion: string;
  readonly deployments: readonly Deployment[];
  readonly services: readonly Service[];
  readonly valkeys: readonly DeployedValkey[];
  private readonly all: Things;

  /** @throws Error if no cluster of that stack exists */
  constructor(things: readonly Thing[], name: string) {
    const own = things.filter(({ urn }) => urn.startsWith(`urn:pulumi:${name}::`));
    this.all = (type) => own.filter((thing) => thing.type === type);
    this.name = name;
    const [cluster] = this.all("aws:eks/cluster:Cluster");
    if (cluster === undefined) {
      throw new Error(`Region "${name}": no cluster of it is deployed. Run pulumi up -s ${name}.`);
    }
    this.awsRegion = cluster.scope;
    this.deployments = this.read("kubernetes:apps/v1:Deployment", deploymentSchema);
    this.services = this.read("kubernetes:core/v1:Service", serviceSchema);
    const parameterGroups = this.read(
      "aws:elasticache/parameterGroup:ParameterGroup",
      parameterGroupSchema,
    );
    this.valkeys = this.read(
      "aws:elasticache/replicationGroup:ReplicationGroup",
      replicationGroupSchema,
    ).map((group) => {
      const found = parameterGroups.find((one) => one.name === group.parameterGroupName);
      const parameters = (found?.parameters ?? []).map(({ name: key, value }) => [key, value]);
      return { ...group, parameters: Object.fromEntries(parameters) as Record<string, string> };
    });
  }

  /** `eu Deployment media/livekit`, for messages and the list of rewrites. */
  label(deployment: Pick<Deployment, "metadata">): string {
    const { namespace, name } = deployment.metadata;
    return `${this.name} Deployment ${namespace}/${name}`;
  }

  /**
   * How many pods of it there are: one per node where it has nodes of its own, which is what the proportional
   * autoscaler keeps; else what its autoscaler begins with, or what it says.
   */
  replicas({ metadata, spec }: Deployment): number {
    const [wanted] = Object.entries(spec.template.spec.nodeSelector);
    if (wanted !== undefined) {
      return this.nodesWith(`${wanted[0]}=${wanted[1]}`);
    }
    const autoscaler = this.read(
      "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
      autoscalerSchema,
    ).find(
      (one) =>
        one.metadata.namespace === metadata.namespace &&
        one.spec.scaleTargetRef.kind === "Deployment" &&
        one.spec.scaleTargetRef.name === metadata.name,
    );
    return autoscaler?.spec.minReplicas ?? spec.replicas;
  }

  /** Content of the files of a volume by their path in it; empty for a scratch directory. */
  filesOf(namespace: string, volume: Volume): Readonly<Record<string, Buffer>> {
    const { configMap, secret } = volume;
    if (configMap !== undefined) {
      return this.files("kubernetes:core/v1:ConfigMap", namespace, configMap.name, configMap.items);
    }
    return secret === undefined
      ? {}
      : this.files("kubernetes:core/v1:Secret", namespace, secret.secretName, secret.items);
  }

  /** The Valkey behind a name. @throws Error if there is none */
  valkeyAt(host: string): DeployedValkey {
    const found = this.valkeys.find(
      ({ primaryEndpointAddress }) => primaryEndpointAddress === host,
    );
    if (found === undefined) {
      throw new Error(
        `Region "${this.name}": no replication group has the endpoint ${host}. Its LiveKit would find no Valkey.`,
      );
    }
    return found;
  }

  /** The public balancer whose listener leads to a Service's NodePort. @throws Error if there is none */
  frontOf(service: Service): DeployedFront {
    const nodePorts = service.spec.ports.map(({ nodePort }) => nodePort);
    const groups = this.all("aws:lb/targetGroup:TargetGroup").flatMap(({ state }) => {
      const parsed = targetGroupSchema.safeParse(state);
      return parsed.success && nodePorts.includes(parsed.data.port) ? [parsed.data] : [];
    });
    const listeners = this.read("aws:lb/listener:Listener", listenerSchema);
    for (const balancer of this.read("aws:lb/loadBalancer:LoadBalancer", loadBalancerSchema)) {
      const group = groups.find(({ arn }) =>
        listeners.some(
          ({ loadBalancerArn, protocol, defaultActions }) =>
            loadBalancerArn === balancer.arn &&
            protocol === "HTTPS" &&
            defaultActions.some(({ targetGroupArn }) => targetGroupArn === arn),
        ),
      );
      if (group !== undefined && !balancer.internal) {
        const { name, dnsName, idleTimeout } = balancer;
        return { name, dnsName, idleTimeoutSeconds: idleTimeout, check: group.healthCheck };
      }
    }
    throw new Error(
      `Region "${this.name}": no public balancer leads to Service ${service.metadata.name}. Nobody could join.`,
    );
  }

  private nodesWith(label: string): number {
    const templates = this.all("aws:ec2/launchTemplate:LaunchTemplate").filter(({ state }) => {
      const { userData } = launchTemplateSchema.parse(state);
      return Buffer.from(userData, "base64").toString().includes(label);
    });
    const ids = new Set(templates.map(({ id }) => id));
    return this.read("aws:autoscaling/group:Group", autoscalingGroupSchema)
      .filter(({ launchTemplate }) => launchTemplate !== undefined && ids.has(launchTemplate.id))
      .reduce((sum, { desiredCapacity }) => sum + desiredCapacity, 0);
  }

  private files(
    type: string,
    namespace: string,
    name: string,
    items: readonly { readonly key: string; readonly path: string }[] | undefined,
  ): Readonly<Record<string, Buffer>> {
    const found = this.read(type, filesSchema).find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    );
    if (found === undefined) {
      throw new Error(
        `Region "${this.name}": ${type.split(":").at(-1) ?? type} ${namespace}/${name} is mounted and not deployed.`,
      );
    }
    // A ConfigMap's data is text, a Secret's is base64 (Kubernetes API, Secret v1 core).
    const isSecret = type.endsWith(":Secret");
    const buffers = Object.fromEntries([
      ...Object.entries(found.data).map(
        ([key, text]) => [key, Buffer.from(text, isSecret ? "base64" : "utf8")] as const,
      ),
      ...Object.entries(found.stringData).map(([key, text]) => [key, Buffer.from(text)] as const),
      ...Object.entries(found.binaryData).map(
        ([key, text]) => [key, Buffer.from(text, "base64")] as const,
      ),
    ]);
    if (items === undefined) {
      return buffers;
    }
    return Object.fromEntries(
      items.map(({ key, path }) => [path, buffers[key] ?? Buffer.alloc(0)] as const),
    );
  }

  private read<T>(type: string, schema: z.ZodType<T>): T[] {
    return this.all(type).map(({ id, state }) => {
      const parsed = schema.safeParse(state);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new Error(
          `Region "${this.name}": ${type} "${id}" is not as the rehearsal reads it: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}. Correct rehearsal/processes/objects.ts.`,
        );
      }
      return parsed.data;
    });
  }
}
