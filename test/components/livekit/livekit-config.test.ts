import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  livekitConfig,
  redisConfig,
  udpPortRange,
  type LiveKitConfigInputs,
} from "../../../components/livekit/livekit-config.ts";

const INPUTS: LiveKitConfigInputs = {
  region: "eu",
  valkey: { host: "master.livekit.euw3.cache.amazonaws.com", port: 6379, authToken: "pass: #word" },
  keys: { apiKey: "APIkey", apiSecret: "a-secret-of-at-least-thirty-two-characters" },
  turnHost: "turn.eu.example.org",
  udpPorts: { from: 7882, to: 7913 },
  webhookUrl: "http://rooms.meet.svc.cluster.local:8080/webhooks/livekit",
};

describe("livekit.yaml", () => {
  it("holds exactly these settings", () => {
    expect(parse(livekitConfig(INPUTS))).toEqual({
      port: 7880,
      prometheus: { port: 6789 },
      rtc: { tcp_port: 7881, udp_port: "7882-7913", use_external_ip: true },
      redis: {
        address: "master.livekit.euw3.cache.amazonaws.com:6379",
        password: "pass: #word",
        tls: {
          enabled: true,
          insecure: false,
          server_name: "master.livekit.euw3.cache.amazonaws.com",
        },
      },
      turn: {
        enabled: true,
        domain: "turn.eu.example.org",
        udp_port: 3478,
        tls_port: 5349,
        external_tls: true,
      },
      keys: { APIkey: "a-secret-of-at-least-thirty-two-characters" },
      webhook: {
        api_key: "APIkey",
        urls: ["http://rooms.meet.svc.cluster.local:8080/webhooks/livekit"],
        resource_url_notifier: { max_age: "10m" },
      },
      room: { auto_create: false, empty_timeout: 300, departure_timeout: 20 },
      region: "eu",
      node_selector: {
        kind: "sysload",
        sort_by: "sysload",
        algorithm: "twochoice",
        sysload_limit: 0.7,
      },
      logging: { level: "info", pion_level: "error", json: true, sample: false },
    });
  });

  it("signs webhooks with a key that it has, or LiveKit does not start", () => {
    const { keys, webhook } = parse(livekitConfig(INPUTS)) as {
      keys: Record<string, string>;
      webhook: { api_key: string };
    };
    expect(Object.keys(keys)).toContain(webhook.api_key);
  });

  it.each(["123456", "0x1f", "1e5", "true", "null", "~", "- a", "a: b", "'", '"', "#x"])(
    "keeps the key, secret and password %s a string",
    (text) => {
      const yaml = livekitConfig({
        ...INPUTS,
        valkey: { ...INPUTS.valkey, authToken: text },
        keys: { apiKey: text, apiSecret: text },
      });
      const config = parse(yaml) as {
        redis: { password: unknown };
        keys: Record<string, unknown>;
        webhook: { api_key: unknown };
      };
      expect(config.redis.password).toBe(text);
      expect(config.keys).toEqual({ [text]: text });
      expect(config.webhook.api_key).toBe(text);
    },
  );

  it("never falls back to the range of ten thousand ports, which would win over the mux", () => {
    expect(livekitConfig(INPUTS)).not.toContain("port_range");
  });
});

describe("the UDP ports", () => {
  it.each([
    [{ from: 7882, to: 7913 }, "7882-7913"],
    [{ from: 7882, to: 7883 }, "7882-7883"],
    [{ from: 7882, to: 7882 }, 7882],
  ])("%o are written as LiveKit reads them: %s", (ports, written) => {
    expect(udpPortRange(ports)).toBe(written);
  });
});

describe("the Redis settings", () => {
  it("verify the server's certificate by its name", () => {
    expect(redisConfig({ host: "valkey", port: 6380, authToken: "t" })).toEqual({
      address: "valkey:6380",
      password: "t",
      tls: { enabled: true, insecure: false, server_name: "valkey" },
    });
  });
});
