import type * as aws from "@pulumi/aws";
import { named, type Tags } from "../shared/tags.ts";

/**
 * What every node's launch template has: session tokens for the instance metadata, which only the host's own network
 * reaches (one hop; a pod behind the CNI is a second one), and an encrypted root disk. Tags given here reach what a
 * launch makes; the template's own tags do not.
 */
export function hardenedTemplate(
  tags: Tags,
  logicalName: string,
  diskGib: number,
): Pick<
  aws.ec2.LaunchTemplateArgs,
  "metadataOptions" | "blockDeviceMappings" | "tagSpecifications" | "updateDefaultVersion" | "tags"
> {
  return {
    metadataOptions: {
      httpEndpoint: "enabled",
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: "disabled",
    },
    blockDeviceMappings: [
      {
        // The root device of Amazon Linux 2023.
        deviceName: "/dev/xvda",
        ebs: {
          volumeSize: diskGib,
          volumeType: "gp3",
          encrypted: "true",
          deleteOnTermination: "true",
        },
      },
    ],
    tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
      resourceType,
      tags: named(tags, logicalName),
    })),
    updateDefaultVersion: true,
    tags: named(tags, logicalName),
  };
}
