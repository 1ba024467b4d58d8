import type * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { redisConfig, type LiveKitConfigInputs } from "../livekit/livekit-config.ts";
import type { StorageBucket } from "../shared/storage.ts";

/** Ports Egress answers on. */
export const EGRESS_PORTS = { health: 8080, metrics: 9090 } as const;

/** Prefix of all recordings in a bucket: Meet names them `recordings/<id>.<extension>`. */
export const RECORDINGS_PREFIX = "recordings";

/** What a region's Egress configuration depends on. */
export interface EgressConfigInputs {
  readonly valkey: LiveKitConfigInputs["valkey"];
  readonly keys: LiveKitConfigInputs["keys"];
  /** `host:port` of the region's own LiveKit. */
  readonly livekitHost: string;
  readonly bucket: pulumi.Unwrap<StorageBucket>;
  readonly maxDurationMinutes: number;
  /** Memory at which no further recording is taken, and the largest is ended, in gigabytes. */
  readonly maxMemoryGb: number;
}

/**
 * Egress's configuration (livekit/egress, pkg/config/base.go and service.go, v1.14). It contains the API secret and
 * Valkey's password and belongs in a Secret. `cluster_id` stays unset: the open-source server sends to the empty one.
 */
export function egressConfig(inputs: EgressConfigInputs): string {
  return stringify({
    redis: redisConfig(inputs.valkey),
    api_key: inputs.keys.apiKey,
    api_secret: inputs.keys.apiSecret,
    // The region's LiveKit itself, not the gateway: the room is here, or Egress was not asked.
    ws_url: `ws://${inputs.livekitHost}`,
    // Allows Chrome the unencrypted connection inside the cluster.
    insecure: true,
    health_port: EGRESS_PORTS.health,
    prometheus_port: EGRESS_PORTS.metrics,
    // Used for every request without storage of its own; the gateway removes Meet's.
    storage: { s3: s3Config(inputs.bucket) },
    disallow_local_storage: true,
    session_limits: { file_output_max_duration: `${inputs.maxDurationMinutes}m` },
    cpu_cost: {
      max_memory: inputs.maxMemoryGb,
      // The container's own count, page cache of the recording excluded; the sum of processes misses shared memory.
      memory_source: "cgroup",
    },
    logging: { level: "info", json: true },
  });
}

/**
 * Of `storage.s3`: livekit/storage config.go, S3Config, as livekit/egress v1.14.1 has it (its go.mod:
 * v0.0.0-20260623170515-1297cb15775f). Egress takes a name that it does not know for none and says nothing. Without keys
 * the uploader takes the pod's own role.
 */
function s3Config(bucket: EgressConfigInputs["bucket"]): Record<string, unknown> {
  return bucket.kind === "aws"
    ? { region: bucket.awsRegion, bucket: bucket.name, ...RETRIES }
    : {
        access_key: bucket.accessKeyId,
        secret: bucket.secretAccessKey,
        region: bucket.region,
        endpoint: bucket.endpoint,
        bucket: bucket.name,
        force_path_style: bucket.pathStyle,
        ...RETRIES,
      };
}

/**
 * Some three minutes of trying. Without these an upload is tried three times within a moment, and then the recording is
 * lost: Egress has defaults for requests that name a storage only (pkg/config/storage.go, getStorageConfig), and the
 * SDK waits 0 s between tries where the longest wait is 0 (aws-sdk-go-v2 aws/retry, BackoffDelay).
 */
const RETRIES = { max_retries: 10, max_retry_delay: "30s" } as const;
