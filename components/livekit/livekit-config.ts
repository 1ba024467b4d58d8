import { stringify } from "yaml";
import { LIVEKIT_PORTS } from "../shared/names.ts";

/** Where LiveKit serves its metrics. */
export const LIVEKIT_METRICS_PORT = 6789;

/** What a region's LiveKit configuration depends on. */
export interface LiveKitConfigInputs {
  /** Name of the region, a label only. */
  readonly region: string;
  readonly valkey: { readonly host: string; readonly port: number; readonly authToken: string };
  /**
   * The one key. With a second one LiveKit renews people's tokens with either (livekit/livekit,
   * pkg/service/roommanager.go, getFirstKeyPair): ADR 0020.
   */
  readonly keys: { readonly apiKey: string; readonly apiSecret: string };
  readonly turnHost: string;
  readonly udpPorts: { readonly from: number; readonly to: number };
  readonly webhookUrl: string;
}

/** Redis settings as LiveKit's server and Egress both read them (livekit/protocol, redis/redis.go). */
export function redisConfig(valkey: LiveKitConfigInputs["valkey"]): Record<string, unknown> {
  return {
    address: `${valkey.host}:${valkey.port}`,
    password: valkey.authToken,
    // `insecure` is written out: config-sample.yaml says that it defaults to true, the code that it does not.
    tls: { enabled: true, insecure: false, server_name: valkey.host },
  };
}

/** Ports of the UDP mux: a range of one port is written as that port, `a-a` stops the server. */
export function udpPortRange(ports: LiveKitConfigInputs["udpPorts"]): string | number {
  return ports.from === ports.to ? ports.from : `${ports.from}-${ports.to}`;
}

/**
 * `livekit.yaml` of one region. The server parses it strictly and does not start with a key it does not know, so it
 * holds only keys of v1.13 (livekit/livekit, pkg/config/config.go). It contains the API secret and Valkey's password
 * and belongs in a Secret.
 */
export function livekitConfig(inputs: LiveKitConfigInputs): string {
  const { keys } = inputs;
  return stringify({
    port: LIVEKIT_PORTS.signal,
    prometheus: { port: LIVEKIT_METRICS_PORT },
    rtc: {
      tcp_port: LIVEKIT_PORTS.iceTcp,
      udp_port: udpPortRange(inputs.udpPorts),
      // The node knows only its private address; browsers need the public one, found by STUN at the start.
      use_external_ip: true,
    },
    redis: redisConfig(inputs.valkey),
    turn: {
      enabled: true,
      domain: inputs.turnHost,
      udp_port: LIVEKIT_PORTS.turnUdp,
      // Behind a balancer that terminates TLS on 443; clients are told `turns:<domain>:443` whatever is said here.
      tls_port: LIVEKIT_PORTS.turnTls,
      external_tls: true,
    },
    keys: { [keys.apiKey]: keys.apiSecret },
    webhook: {
      api_key: keys.apiKey,
      urls: [inputs.webhookUrl],
      // A lost `egress_ended` leaves a recording open for ever; the default drops what the gateway has not taken in 30 s.
      resource_url_notifier: { max_age: "10m" },
    },
    room: {
      // The room gateway makes rooms, in the one region that owns them: a join elsewhere may not make a second one.
      auto_create: false,
      empty_timeout: 300,
      departure_timeout: 20,
    },
    region: inputs.region,
    node_selector: {
      kind: "sysload",
      sort_by: "sysload",
      // Of two nodes at random the less loaded one: `lowest` sends all new rooms to one node between two reports.
      algorithm: "twochoice",
      sysload_limit: 0.7,
    },
    logging: { level: "info", pion_level: "error", json: true, sample: false },
  });
}
