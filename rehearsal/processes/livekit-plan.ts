import { join } from "node:path";
import { parse, stringify } from "yaml";
import * as z from "zod";
import type { PodPlan } from "./pod-plan.ts";
import type { Rewrites } from "./rewrites.ts";

/** The parts of `livekit.yaml` that are changed here, or that say what else has to run. */
export const livekitFileSchema = z.looseObject({
  port: z.number(),
  bind_addresses: z.array(z.string()).optional(),
  prometheus: z.looseObject({ port: z.number() }),
  rtc: z.looseObject({
    tcp_port: z.number(),
    udp_port: z.union([z.number(), z.string()]),
    use_external_ip: z.boolean(),
  }),
  redis: z.looseObject({ address: z.string(), tls: z.unknown().optional() }),
  turn: z.looseObject({ domain: z.string().optional() }).optional(),
  keys: z.record(z.string(), z.string()),
  webhook: z.looseObject({ urls: z.array(z.string()) }).optional(),
});
/** A deployed `livekit.yaml`. */
export type LiveKitFile = z.output<typeof livekitFileSchema>;

/** What a LiveKit's file is changed to. */
export interface LiveKitHere {
  readonly redisAddress: string;
  /** Where media is sent to. */
  readonly mediaAddress: string;
  /** On the loopback address only, where several regions share one machine. */
  readonly bindAddress?: string;
  readonly udpPort: number;
  /** Base URLs here by the deployed ones, for its webhooks. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** The configuration file in a planned pod, and what is in it. @throws Error if there is none, or it has another shape */
export function livekitFile(plan: PodPlan): { readonly path: string; readonly file: LiveKitFile } {
  const at = plan.args.indexOf("--config");
  const path = plan.args[at + 1];
  const content = at === -1 || path === undefined ? undefined : plan.files[join(path)];
  if (path === undefined || content === undefined) {
    throw new Error(`Pod "${plan.name}": its command names no configuration file that is mounted.`);
  }
  const parsed = livekitFileSchema.safeParse(parse(content.toString()));
  if (!parsed.success) {
    throw new Error(
      `Pod "${plan.name}": its configuration is not as the rehearsal reads it: ${z.prettifyError(parsed.error)}`,
    );
  }
  return { path, file: parsed.data };
}

/** The pod with the deployed file changed in ports and addresses, without TURN and without TLS to Redis. */
export function livekitPlan(
  plan: PodPlan,
  label: string,
  here: LiveKitHere,
  rewrites: Rewrites,
): PodPlan {
  const { path, file } = livekitFile(plan);
  const note = <T extends string | number | boolean>(
    key: string,
    from: string | number | boolean,
    to: T,
  ): T => rewrites.note(label, `livekit.yaml ${key}`, from, to);
  const { turn, ...kept } = file;
  if (turn !== undefined) {
    note("turn", turn.domain ?? "enabled", "left out: there is no balancer that ends its TLS");
  }
  const { tls, ...redis } = file.redis;
  if (tls !== undefined) {
    note("redis.tls", "required", "none");
  }
  note("port, prometheus.port, rtc.tcp_port", file.port, "the pod's own ports");
  note("rtc.udp_port", file.rtc.udp_port, "one port for each pod");
  const changed = {
    ...kept,
    port: plan.ports["signal"],
    ...(here.bindAddress === undefined
      ? {}
      : { bind_addresses: [note("bind_addresses", "all", here.bindAddress)] }),
    prometheus: { ...file.prometheus, port: plan.ports["metrics"] },
    rtc: {
      ...file.rtc,
      tcp_port: plan.ports["ice-tcp"],
      udp_port: here.udpPort,
      use_external_ip: note("rtc.use_external_ip", file.rtc.use_external_ip, false),
      node_ip: note("rtc.node_ip", "found by STUN", here.mediaAddress),
    },
    redis: { ...redis, address: note("redis.address", redis.address, here.redisAddress) },
    ...(file.webhook === undefined
      ? {}
      : {
          webhook: {
            ...file.webhook,
            urls: file.webhook.urls.map((url) => {
              const moved = movedUrl(url, here.addresses);
              return note("webhook.urls", url, moved);
            }),
          },
        }),
  };
  return { ...plan, files: { ...plan.files, [path]: Buffer.from(stringify(changed)) } };
}

/** A URL at the address here of its deployed origin. @throws Error if there is none */
export function movedUrl(url: string, addresses: Readonly<Record<string, string>>): string {
  const { origin, pathname, search } = new URL(url);
  const address = addresses[origin];
  if (address === undefined) {
    throw new Error(`Address "${origin}": nothing runs here that stands for it.`);
  }
  return `${address}${pathname === "/" ? "" : pathname}${search}`;
}
