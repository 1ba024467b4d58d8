import type { StackConfig } from "../../infra/config.ts";
import type { Recorded } from "../../plan/recorded.ts";

/** A recorded resource as the tests need it; everything not given is as for an ordinary resource. */
export function resource(
  type: string,
  name: string,
  inputs: Record<string, unknown> = {},
  rest: Partial<Recorded> = {},
): Recorded {
  return {
    type,
    name,
    urn: `urn:pulumi:test::meet::${type}::${name}`,
    custom: !type.startsWith("meet:"),
    inputs,
    protect: false,
    retainOnDelete: false,
    deleteBeforeReplace: false,
    dependsOn: [],
    ignoreChanges: [],
    replaceOnChanges: [],
    aliases: [],
    ...rest,
  };
}

/** An autoscaling group and its launch template, joined as the recorder joins them. */
export function group(
  name: string,
  options: { instanceType: string; min: number; max: number; publicAddress?: boolean },
): Recorded[] {
  const template = resource("aws:ec2/launchTemplate:LaunchTemplate", `${name}-template`, {
    instanceType: options.instanceType,
    networkInterfaces: [{ associatePublicIpAddress: String(options.publicAddress ?? false) }],
    blockDeviceMappings: [{ ebs: { volumeSize: 40 } }],
  });
  return [
    template,
    resource(
      "aws:autoscaling/group:Group",
      name,
      { minSize: options.min, maxSize: options.max, vpcZoneIdentifiers: ["a", "b"] },
      { dependsOn: [template.urn] },
    ),
  ];
}

/** The configuration with some settings replaced. */
export function changed(config: StackConfig, changes: Partial<StackConfig>): StackConfig {
  return { ...config, ...changes };
}
