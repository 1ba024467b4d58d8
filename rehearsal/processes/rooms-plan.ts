import { basename } from "node:path";
import type { PodPlan } from "./pod-plan.ts";
import type { Rewrites } from "./rewrites.ts";

/** What a gateway is told here that it is not told where it is deployed. */
export interface RoomsHere {
  /** `host:port` here by the deployed one, for the addresses in its secret files. */
  readonly valkeys: Readonly<Record<string, string>>;
  /** Base URLs of all regions' gateways, as its own region reaches them. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Name of the secret file with Valkey's address. */
export const VALKEY_FILE = "valkey-url";

/** The pod with the addresses of its peers and of its Valkey here. */
export function roomsPlan(
  plan: PodPlan,
  label: string,
  here: RoomsHere,
  rewrites: Rewrites,
): PodPlan {
  rewrites.note(
    label,
    "PEER_URLS",
    "not set: https://livekit.<region>.<domain>",
    Object.keys(here.peers)
      .map((region) => `${region} here`)
      .join(", "),
  );
  // Everybody in a drill comes from one of a few addresses, as no two people do outside.
  const limit = rewrites.note(label, "JOINS_PER_MINUTE_PER_ADDRESS", "not set: 600", "100000");
  return {
    ...plan,
    environment: {
      ...plan.environment,
      PEER_URLS: JSON.stringify(here.peers),
      JOINS_PER_MINUTE_PER_ADDRESS: limit,
    },
    files: Object.fromEntries(
      Object.entries(plan.files).map(([path, content]) =>
        basename(path) === VALKEY_FILE
          ? [path, valkeyAddress(content.toString(), label, here.valkeys, rewrites)]
          : [path, content],
      ),
    ),
  };
}

function valkeyAddress(
  text: string,
  label: string,
  valkeys: RoomsHere["valkeys"],
  rewrites: Rewrites,
): Buffer {
  const url = new URL(text);
  const address = valkeys[url.host];
  if (address === undefined) {
    throw new Error(`${label}: nothing runs here that stands for its Valkey ${url.host}.`);
  }
  rewrites.note(label, VALKEY_FILE, `rediss://…@${url.host}`, `redis://…@${address}`);
  return Buffer.from(`redis://${url.username}:${url.password}@${address}`);
}
