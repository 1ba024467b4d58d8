import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { egressConfig, type EgressConfigInputs } from "../../../components/egress/egress-config.ts";

const INPUTS: EgressConfigInputs = {
  valkey: { host: "valkey.internal", port: 6379, authToken: "0123" },
  keys: { apiKey: "APIkey", apiSecret: "a-secret-of-at-least-thirty-two-characters" },
  livekitHost: "livekit.media.svc.cluster.local:7880",
  bucket: {
    kind: "aws" as const,
    name: "meet-recordings-123456789012-eu-west-3-an",
    arn: "arn:aws:s3:::meet-recordings-123456789012-eu-west-3-an",
    awsRegion: "eu-west-3",
  },
  maxDurationMinutes: 240,
  maxMemoryGb: 5.5,
};

describe("egress.yaml", () => {
  it("holds exactly these settings", () => {
    expect(parse(egressConfig(INPUTS))).toEqual({
      redis: {
        address: "valkey.internal:6379",
        password: "0123",
        tls: { enabled: true, insecure: false, server_name: "valkey.internal" },
      },
      api_key: "APIkey",
      api_secret: "a-secret-of-at-least-thirty-two-characters",
      ws_url: "ws://livekit.media.svc.cluster.local:7880",
      insecure: true,
      health_port: 8080,
      prometheus_port: 9090,
      storage: {
        s3: {
          region: "eu-west-3",
          bucket: "meet-recordings-123456789012-eu-west-3-an",
          max_retries: 10,
          max_retry_delay: "30s",
        },
      },
      disallow_local_storage: true,
      session_limits: { file_output_max_duration: "240m" },
      cpu_cost: { max_memory: 5.5, memory_source: "cgroup" },
      logging: { level: "info", json: true },
    });
  });

  it("names no cluster and no storage at the top, which v1.14 ignores or misreads", () => {
    const config = parse(egressConfig(INPUTS)) as Record<string, unknown>;
    expect(config).not.toHaveProperty("cluster_id");
    expect(config).not.toHaveProperty("s3");
  });

  it("has no static credentials for the bucket", () => {
    expect(egressConfig(INPUTS)).not.toMatch(/access_key|assume_role/);
  });
});
