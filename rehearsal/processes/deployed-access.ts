import type { DeployedRegion } from "./deployed-region.ts";
import type { LiveKitKey } from "./running-fleet.ts";

/** What the deployed gateways of a region hold, and whoever works with them needs. */
export interface DeployedAccess {
  readonly domain: string;
  readonly meetUrl: string;
  readonly operatorSecret: string;
  /** The current one first; then the previous one, where there is one. */
  readonly keys: readonly [LiveKitKey, ...LiveKitKey[]];
}

/** Reads it from the gateway's Deployment and its Secret. @throws Error if there is no gateway */
export function deployedAccess(region: DeployedRegion): DeployedAccess {
  const rooms = region.deployments.find(({ metadata }) => metadata.name === "rooms");
  const [container] = rooms?.spec.template.spec.containers ?? [];
  if (rooms === undefined || container === undefined) {
    throw new Error(`Region "${region.name}": it has no gateway. Deploy it whole.`);
  }
  const volumes = rooms.spec.template.spec.volumes.filter(({ secret }) => secret !== undefined);
  const files = new Map(
    volumes.flatMap((volume) => Object.entries(region.filesOf(rooms.metadata.namespace, volume))),
  );
  const secret = (name: string): string => files.get(name)?.toString() ?? "";
  const variable = (name: string): string =>
    container.env.find((one) => one.name === name)?.value ?? "";
  const previous = {
    apiKey: secret("livekit-previous-api-key"),
    apiSecret: secret("livekit-previous-api-secret"),
  };
  return {
    domain: variable("DOMAIN"),
    meetUrl: variable("MEET_URL"),
    operatorSecret: secret("operator-secret"),
    keys: [
      { apiKey: secret("livekit-api-key"), apiSecret: secret("livekit-api-secret") },
      ...(previous.apiKey === "" ? [] : [previous]),
    ],
  };
}
