import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { livekitConfig } from "../../../components/livekit/livekit-config.ts";
import { localLiveKitConfig } from "./local-config.ts";

const KEY = { apiKey: "APIone", apiSecret: "a-secret-of-at-least-thirty-two-characters" };

const deployed = parse(
  livekitConfig({
    region: "eu",
    valkey: { host: "127.0.0.1", port: 6400, authToken: "word" },
    keys: KEY,
    turnHost: "turn.eu.example.org",
    udpPorts: { from: 7882, to: 7913 },
    webhookUrl: "http://127.0.0.1:9/webhooks/livekit",
  }),
) as Record<string, Record<string, unknown>>;

const local = (more: { roomsByJoin?: boolean; bindAddress?: string } = {}): typeof deployed =>
  parse(
    localLiveKitConfig({
      region: "eu",
      redis: { host: "127.0.0.1", port: 6400, password: "word" },
      key: KEY,
      webhookUrl: "http://127.0.0.1:9/webhooks/livekit",
      nodeAddress: "10.0.0.2",
      ports: { signal: 1, iceTcp: 2, iceUdp: 3, metrics: 4 },
      ...more,
    }),
  ) as typeof deployed;

describe("the configuration of a LiveKit under test", () => {
  it("is the deployed one but for ports, addresses, TURN and TLS to Redis", () => {
    const { turn, ...expected } = deployed;
    expect(turn).toBeDefined();
    expect(local()).toEqual({
      ...expected,
      port: 1,
      prometheus: { port: 4 },
      rtc: { tcp_port: 2, udp_port: 3, use_external_ip: false, node_ip: "10.0.0.2" },
      redis: { address: "127.0.0.1:6400", password: "word" },
    });
  });

  it("lets joins make rooms only where a test asks for it", () => {
    expect(local().room).toMatchObject({ auto_create: false });
    expect(local({ roomsByJoin: true }).room).toMatchObject({ auto_create: true });
  });

  it("binds to one address where regions share a machine", () => {
    expect(local({ bindAddress: "127.0.0.1" })["bind_addresses"]).toEqual(["127.0.0.1"]);
  });
});
