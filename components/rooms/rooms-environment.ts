import * as pulumi from "@pulumi/pulumi";
import { SECRETS_PATH } from "../service-bundle/node-service-pod.ts";
import { meetHost } from "../shared/names.ts";
import type { RoomsArgs, RoomsPlacement } from "./rooms.ts";

/** What the gateway's settings are made from. */
type Settings = Pick<
  RoomsArgs,
  | "region"
  | "domain"
  | "primaryRegion"
  | "primaryEpoch"
  | "standbyRegion"
  | "livekitUrl"
  | "previous"
  | "placement"
>;

/** What its secret files are made from. */
type Secrets = Pick<
  RoomsArgs,
  "valkeyUrl" | "livekitKeys" | "peerSecret" | "operatorSecret" | "previous"
>;

/** The gateway's environment (services/rooms/config.ts): addresses, paths and rules, no secret. */
export function roomsEnvironment(args: Settings): Record<string, pulumi.Input<string>> {
  const { livekitKeys, peerSecret, operatorSecret } = args.previous ?? {};
  return {
    REGION: args.region,
    DOMAIN: args.domain,
    PRIMARY_REGION: args.primaryRegion,
    ...(args.primaryEpoch === undefined ? {} : { PRIMARY_EPOCH: String(args.primaryEpoch) }),
    ...(args.standbyRegion === undefined ? {} : { STANDBY_REGION: args.standbyRegion }),
    LIVEKIT_URL: args.livekitUrl,
    MEET_URL: `https://${meetHost(args.domain)}`,
    VALKEY_URL_FILE: `${SECRETS_PATH}/valkey-url`,
    LIVEKIT_API_KEY_FILE: `${SECRETS_PATH}/livekit-api-key`,
    LIVEKIT_API_SECRET_FILE: `${SECRETS_PATH}/livekit-api-secret`,
    PEER_SECRET_FILE: `${SECRETS_PATH}/peer-secret`,
    OPERATOR_SECRET_FILE: `${SECRETS_PATH}/operator-secret`,
    ...(livekitKeys === undefined
      ? {}
      : {
          LIVEKIT_PREVIOUS_API_KEY_FILE: `${SECRETS_PATH}/livekit-previous-api-key`,
          LIVEKIT_PREVIOUS_API_SECRET_FILE: `${SECRETS_PATH}/livekit-previous-api-secret`,
        }),
    ...(peerSecret === undefined
      ? {}
      : { PEER_PREVIOUS_SECRET_FILE: `${SECRETS_PATH}/peer-previous-secret` }),
    ...(operatorSecret === undefined
      ? {}
      : { OPERATOR_PREVIOUS_SECRET_FILE: `${SECRETS_PATH}/operator-previous-secret` }),
    // Egress has its region's bucket in its own configuration: see components/egress.
    EGRESS_STORAGE: "regional",
    ...placementVariables(args.placement),
  };
}

function placementVariables(placement: RoomsPlacement | undefined): Record<string, string> {
  const { rules = [], countryHeader, order } = placement ?? {};
  return {
    ...(rules.length === 0 ? {} : { PLACEMENT_RULES: JSON.stringify(rules) }),
    ...(countryHeader === undefined ? {} : { COUNTRY_HEADER: countryHeader }),
    ...(order === undefined ? {} : { REGION_ORDER: JSON.stringify(order) }),
  };
}

/** The files that the environment names, by their name. */
export function roomsSecretFiles(args: Secrets): Record<string, pulumi.Output<string>> {
  const { livekitKeys, peerSecret, operatorSecret } = args.previous ?? {};
  return {
    "valkey-url": pulumi.secret(args.valkeyUrl),
    "livekit-api-key": pulumi.secret(args.livekitKeys.apiKey),
    "livekit-api-secret": pulumi.secret(args.livekitKeys.apiSecret),
    "peer-secret": pulumi.secret(args.peerSecret),
    "operator-secret": pulumi.secret(args.operatorSecret),
    ...(livekitKeys === undefined
      ? {}
      : {
          "livekit-previous-api-key": pulumi.secret(livekitKeys.apiKey),
          "livekit-previous-api-secret": pulumi.secret(livekitKeys.apiSecret),
        }),
    ...(peerSecret === undefined ? {} : { "peer-previous-secret": pulumi.secret(peerSecret) }),
    ...(operatorSecret === undefined
      ? {}
      : { "operator-previous-secret": pulumi.secret(operatorSecret) }),
  };
}
