import { parse, stringify } from "yaml";
import {
  livekitConfig,
  type LiveKitConfigInputs,
} from "../../../components/livekit/livekit-config.ts";

/** A key pair that LiveKit, the gateway and Meet share. */
export interface ApiKey {
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** What a LiveKit under test differs in from one that is deployed. */
export interface LocalConfigInputs {
  readonly region: string;
  readonly redis: {
    readonly host: string;
    readonly port: number;
    readonly password?: string | undefined;
  };
  readonly key: ApiKey;
  /** Without it, LiveKit posts no webhooks. */
  readonly webhookUrl?: string;
  readonly nodeAddress: string;
  /** On the loopback address only, where several regions share a machine. */
  readonly bindAddress?: string;
  readonly ports: {
    readonly signal: number;
    readonly iceTcp: number;
    readonly iceUdp: number;
    readonly metrics: number;
  };
  /** False makes joins create rooms, for measurements without a gateway. @default as deployed: false */
  readonly roomsByJoin?: boolean;
}

/**
 * The configuration that `components/livekit` deploys, with these changes and no others: ports and addresses of this
 * machine instead of STUN's; no TURN; Redis without TLS; no webhook where none is wanted; rooms made by joins where a
 * test asks for it.
 */
export function localLiveKitConfig(inputs: LocalConfigInputs): string {
  const deployed: LiveKitConfigInputs = {
    region: inputs.region,
    valkey: {
      host: inputs.redis.host,
      port: inputs.redis.port,
      authToken: inputs.redis.password ?? "",
    },
    keys: inputs.key,
    turnHost: "turn.invalid",
    udpPorts: { from: inputs.ports.iceUdp, to: inputs.ports.iceUdp },
    webhookUrl: inputs.webhookUrl ?? "http://none.invalid",
  };
  const config = parse(livekitConfig(deployed)) as Record<string, Record<string, unknown>>;
  const { webhook, ...kept } = without("turn", config);
  return stringify({
    ...kept,
    port: inputs.ports.signal,
    ...(inputs.bindAddress === undefined ? {} : { bind_addresses: [inputs.bindAddress] }),
    prometheus: { ...kept["prometheus"], port: inputs.ports.metrics },
    rtc: {
      ...kept["rtc"],
      tcp_port: inputs.ports.iceTcp,
      use_external_ip: false,
      node_ip: inputs.nodeAddress,
    },
    redis: without("tls", kept["redis"] ?? {}),
    room: { ...kept["room"], ...(inputs.roomsByJoin === true ? { auto_create: true } : {}) },
    ...(inputs.webhookUrl === undefined ? {} : { webhook }),
  });
}

function without<T>(key: string, record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
