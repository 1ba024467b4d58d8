import type { Recorded } from "./recorded.ts";
import { flagAt, inputAt, isRecord, listAt, numberAt, ofType, textAt } from "./resources.ts";

/** A group of EC2 instances as the program asks for it. */
export interface MachineGroup {
  readonly resource: Recorded;
  readonly instanceType: string;
  readonly min: number;
  readonly max: number;
  /** Subnets it may use: as many zones. */
  readonly zones: number;
  /** Whether each instance gets a public IPv4 address, which AWS bills by the hour. */
  readonly publicAddress: boolean;
  readonly diskGib: number;
}

const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

/** EKS's default root volume for managed node groups (EKS API, CreateNodegroup: diskSize). */
const DEFAULT_DISK_GIB = 20;

/** Managed node groups and self-managed autoscaling groups, with the instance types of their launch templates. */
export function machineGroups(resources: readonly Recorded[]): MachineGroup[] {
  const templates = ofType(resources, LAUNCH_TEMPLATE);
  const managed = ofType(resources, "aws:eks/nodeGroup:NodeGroup").map((group) => {
    const template = templateOf(group, templates);
    const min = numberAt(group, "scalingConfig.minSize") ?? 0;
    return {
      resource: group,
      instanceType:
        textAt(group, "instanceTypes.0") ??
        (template === undefined ? undefined : textAt(template, "instanceType")) ??
        "unknown",
      min: Math.max(min, numberAt(group, "scalingConfig.desiredSize") ?? min),
      max: numberAt(group, "scalingConfig.maxSize") ?? min,
      zones: listAt(group, "subnetIds").length,
      publicAddress: template !== undefined && hasPublicAddress(template),
      diskGib: numberAt(group, "diskSize") ?? diskOf(template),
    };
  });
  const own = ofType(resources, "aws:autoscaling/group:Group").map((group) => {
    const template = templateOf(group, templates);
    const min = numberAt(group, "minSize") ?? 0;
    return {
      resource: group,
      instanceType:
        (template === undefined ? undefined : textAt(template, "instanceType")) ?? "unknown",
      min: Math.max(min, numberAt(group, "desiredCapacity") ?? min),
      max: numberAt(group, "maxSize") ?? min,
      zones: listAt(group, "vpcZoneIdentifiers").length,
      publicAddress: template !== undefined && hasPublicAddress(template),
      diskGib: diskOf(template),
    };
  });
  return [...managed, ...own];
}

/** The launch template a group depends on; else the one beside it under the same parent. */
function templateOf(group: Recorded, templates: readonly Recorded[]): Recorded | undefined {
  return (
    templates.find((template) => group.dependsOn.includes(template.urn)) ??
    templates.find((template) => template.parent !== undefined && template.parent === group.parent)
  );
}

function hasPublicAddress(template: Recorded): boolean {
  return flagAt(template, "networkInterfaces.0.associatePublicIpAddress");
}

function diskOf(template: Recorded | undefined): number {
  const disks = template === undefined ? [] : listAt(template, "blockDeviceMappings");
  const sizes = disks.map((disk) =>
    isRecord(disk) ? (numberAt({ inputs: disk }, "ebs.volumeSize") ?? 0) : 0,
  );
  const sum = sizes.reduce((total, size) => total + size, 0);
  return sum === 0 ? DEFAULT_DISK_GIB : sum;
}

/** Whether a machine group or its template is on spot capacity. */
export function isSpot(group: Recorded): boolean {
  return (
    textAt(group, "capacityType") === "SPOT" ||
    inputAt(group, "mixedInstancesPolicy.instancesDistribution.spotAllocationStrategy") !==
      undefined
  );
}

/**
 * vCPUs of an instance type, from its size (Amazon EC2 instance types, Specifications). Burstable types have two up to
 * `large`; a Graviton or AMD `medium` of another family has one. Undefined for what has no such size (`metal`).
 */
export function virtualCpus(instanceType: string): number | undefined {
  const [family = "", size = ""] = instanceType.split(".");
  const times = /^(\d*)xlarge$/.exec(size);
  if (times !== null) {
    return times[1] === "" ? 4 : Number(times[1]) * 4;
  }
  if (/^t\d/.test(family) && ["nano", "micro", "small", "medium", "large"].includes(size)) {
    return 2;
  }
  return { medium: 1, large: 2 }[size];
}

/** Whether a type counts against "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances". */
export function isStandardFamily(instanceType: string): boolean {
  return /^(a|c|d|h|i|m|r|t|z)\d/.test(instanceType) || /^(im|is)\d/.test(instanceType);
}
