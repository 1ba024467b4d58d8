import type * as aws from "@pulumi/aws";

/** When a pool grows: by what its nodes send (media), or by how busy they are (recording). */
export type Scaling =
  | { readonly metric: "networkOut"; readonly mbps: number }
  | { readonly metric: "cpu"; readonly percent: number };

/**
 * Megabits per second as the metric counts: NetworkOut is the number of bytes sent in a period, and the period is a minute
 * because the nodes have detailed monitoring (Amazon EC2 user guide, viewing_metrics_with_cloudwatch: "divide by 60").
 */
export function bytesPerMinute(mbps: number): number {
  return (mbps * 1_000_000 * 60) / 8;
}

/** The target tracking policy of a pool. With `scaleIn` manual it adds nodes and never takes one away. */
export function targetTracking(
  scaling: Scaling,
  scaleIn: "manual" | "automatic",
): aws.types.input.autoscaling.PolicyTargetTrackingConfiguration {
  const [predefinedMetricType, targetValue] =
    scaling.metric === "networkOut"
      ? (["ASGAverageNetworkOut", bytesPerMinute(scaling.mbps)] as const)
      : (["ASGAverageCPUUtilization", scaling.percent] as const);
  return {
    predefinedMetricSpecification: { predefinedMetricType },
    targetValue,
    disableScaleIn: scaleIn === "manual",
  };
}

/** What is wrong with a scaling target, a sentence each. */
export function scalingFaults(scaling: Scaling): string[] {
  if (scaling.metric === "networkOut") {
    return scaling.mbps > 0
      ? []
      : [
          `scaling.mbps ${scaling.mbps} is not above 0. Use about half of what an instance can send.`,
        ];
  }
  return scaling.percent > 0 && scaling.percent <= 100
    ? []
    : [`scaling.percent ${scaling.percent} is outside 1-100. Use about 50.`];
}
