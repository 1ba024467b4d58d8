import { stringify } from "yaml";
import { ConfigError, faultLine } from "../../infra/config-faults.ts";
import { resolveFleet } from "../../infra/config.ts";

/** Settings of one stack file, by key. */
export type Settings = Readonly<Record<string, unknown>>;

/** An identity provider. */
export const OIDC: Settings = {
  clientId: "meet",
  authorizationEndpoint: "https://id.example.org/authorize",
  tokenEndpoint: "https://id.example.org/token",
  userEndpoint: "https://id.example.org/userinfo",
  jwksEndpoint: "https://id.example.org/jwks",
};

/** The least a primary needs. */
export const PRIMARY: Settings = {
  "aws:region": "eu-west-3",
  "meet:role": "primary",
  "meet:network": { cidr: "10.0.0.0/16" },
  "meet:domain": "example.org",
  "meet:dns": { provider: "route53", zoneName: "example.org" },
  "meet:oidc": OIDC,
  "meet:mail": { host: "smtp.example.org", from: "meet@example.org" },
};

/** A standby that goes with it. */
export const STANDBY: Settings = {
  "aws:region": "eu-central-1",
  "meet:role": "standby",
  "meet:network": { cidr: "10.1.0.0/16" },
};

/** A media region that goes with both. */
export const MEDIA: Settings = {
  "aws:region": "us-east-1",
  "meet:network": { cidr: "10.2.0.0/16" },
};

/** A stack file's text. */
export function stackFile(settings: Settings, top: Settings = {}): string {
  return stringify({ ...top, config: settings });
}

/** A fleet's files; a string is a file's text as it is. */
export function fleetFiles(
  stacks: Readonly<Record<string, Settings | string>>,
): Map<string, string> {
  return new Map(
    Object.entries(stacks).map(([stack, content]) => [
      stack.startsWith("Pulumi.") ? stack : `Pulumi.${stack}.yaml`,
      typeof content === "string" ? content : stackFile(content),
    ]),
  );
}

/** What is wrong with a fleet, as the user reads it; empty when nothing is. */
export function faultsOf(files: ReadonlyMap<string, string>): string[] {
  try {
    resolveFleet(files);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.faults.map(faultLine);
    }
    throw error;
  }
}

/** A fleet with one fault, and the sentence it must give. */
export interface BadConfiguration {
  readonly name: string;
  readonly stacks: Readonly<Record<string, Settings | string>>;
  readonly says: string;
}

/** A bad fleet. */
export function bad(
  name: string,
  stacks: Readonly<Record<string, Settings | string>>,
  says: string,
): BadConfiguration {
  return { name, stacks, says };
}

/** A fleet of one whose primary is bad. */
export function primary(name: string, settings: Settings, says: string): BadConfiguration {
  return bad(name, { eu: { ...PRIMARY, ...settings } }, says);
}

/** A good primary and a bad media region. */
export function media(name: string, settings: Settings, says: string): BadConfiguration {
  return bad(name, { eu: PRIMARY, us: { ...MEDIA, ...settings } }, says);
}
