import * as pulumi from "@pulumi/pulumi";
import { Names } from "../components/dns/names.ts";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import { SharedSecrets } from "../components/secrets/shared-secrets.ts";
import { meetHost } from "../components/shared/names.ts";
import type { StackConfig, StackSecrets } from "./config.ts";
import { layFoundation } from "./foundation.ts";
import { deployActive, deployFenced, deployPrimary, deployStandby, type Home } from "./home.ts";
import type { Lookups } from "./lookups.ts";
import { deployMediaRegion, type MediaRegion } from "./media-region.ts";
import { guardResidency } from "./residency.ts";
import { scopeOf, type Scope } from "./scope.ts";

/** What `pulumi stack output` shows. */
export interface StackOutputs {
  readonly urls: Record<string, pulumi.Output<string> | string>;
  readonly buckets: Record<string, pulumi.Output<string>>;
  /** Names and addresses that firewalls of users may have to allow. */
  readonly recordsToSet: Record<string, pulumi.Output<string> | pulumi.Output<string>[]>;
  readonly cluster: pulumi.Output<string>;
  /** Secret. Its user authenticates with `aws eks get-token`; it holds no credential. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Secret, and only in the primary: what the other stacks read. */
  readonly sharedSecrets: pulumi.Output<unknown> | undefined;
}

/** One region, from the ground up: network and cluster, media, in the homes Meet and its data, and last the names. */
export function deploy(config: StackConfig, secrets: StackSecrets, lookups: Lookups): StackOutputs {
  guardResidency(config);
  const scope = scopeOf(config, lookups);
  const made = config.role === "primary" ? makeSharedSecrets(config, secrets) : undefined;
  const { storageKeys } = secrets;
  const shared =
    made === undefined
      ? sharedWith(config, lookups)
      : { ...made.current(), ...(storageKeys === undefined ? {} : { storageKeys }) };

  const foundation = layFoundation(scope);
  const region = deployMediaRegion(scope, foundation, shared);
  const home = deployHome();
  const names = nameRegion(scope, region, home);

  return {
    urls: {
      livekit: names.livekitHost.apply((host) => `wss://${host}`),
      ...(home === undefined ? {} : { meet: `https://${meetHost(config.fleet.domain)}` }),
    },
    buckets: { recordings: pulumi.output(region.bucket.name) },
    recordsToSet: { gateway: region.rooms.dnsName, turn: region.turn.addresses },
    cluster: foundation.cluster.clusterName,
    kubeconfig: foundation.cluster.kubeconfig,
    sharedSecrets:
      made === undefined
        ? undefined
        : pulumi
            .all({ all: made.toOutputs(), given: pulumi.output(givenToOthers(config, secrets)) })
            .apply(({ all, given }) => ({ ...all, ...given })),
  };

  function deployHome(): Home | undefined {
    if (config.home === undefined) {
      return undefined;
    }
    if (config.role === "fenced") {
      return deployFenced(scope, foundation, config.home);
    }
    if (config.role === "active") {
      return deployActive(scope, foundation, region, config.home, { ...secrets, shared });
    }
    return made === undefined
      ? deployStandby(scope, foundation, region, config.home)
      : deployPrimary(scope, foundation, region, config.home, primarySecrets(made, shared));
  }

  function primarySecrets(own: SharedSecrets, current: SharedSecretOutputs) {
    const { administratorPassword } = own;
    return {
      ...secrets,
      shared: current,
      ...(administratorPassword === undefined ? {} : { administratorPassword }),
    };
  }
}

/** What was set by hand in the primary, and other regions need as well. */
function givenToOthers({ fleet }: StackConfig, secrets: StackSecrets): pulumi.Inputs {
  const { storageKeys, oidcClientSecret, mailPassword, valkeyUrl } = secrets;
  return {
    ...(storageKeys === undefined ? {} : { storageKeys }),
    // Also while no other region has Meet: one that is added finds them, and the primary is not deployed for it.
    ...(fleet.stores.kind !== "external" || valkeyUrl === undefined
      ? {}
      : {
          meet: {
            oidcClientSecret,
            valkeyUrl,
            ...(mailPassword === undefined ? {} : { mailPassword }),
          },
        }),
  };
}

/** What a stack that is not the primary was given before anything is made. */
function sharedWith({ stack }: StackConfig, { sharedSecrets }: Lookups): SharedSecretOutputs {
  if (sharedSecrets === undefined) {
    throw new Error(`Stack "${stack}": the primary's secrets are missing. Await lookUp first.`);
  }
  return sharedSecrets;
}

function makeSharedSecrets(config: StackConfig, { handedOver }: StackSecrets): SharedSecrets {
  const { administrator, secrets, promotion } = config.fleet;
  return new SharedSecrets("shared-secrets", {
    administrator: administrator !== undefined,
    generations: {
      livekit: secrets.livekitKeys,
      peer: secrets.peer,
      operator: secrets.operator,
      django: secrets.django,
      database: secrets.database,
    },
    ...(handedOver === undefined || promotion === undefined
      ? {}
      : { handedOver: { values: handedOver, ...promotion } }),
  });
}

/** The records come last: a health check counts as healthy until it has been asked, so a region must be there first. */
function nameRegion(scope: Scope, region: MediaRegion, home: Home | undefined): Names {
  const { config, lookups, tags } = scope;
  const { actives, dns, domain, primary, standby, fenced } = config.fleet;
  const isFenced = config.role === "fenced";
  const other = standby ?? fenced;
  return new Names("names", {
    zone: lookups.dnsZone,
    domain,
    stack: config.stack,
    awsRegion: config.awsRegion,
    // A fenced region has no part in meet.<domain>: its record is free for whoever was promoted.
    role: config.role === "fenced" ? "media" : config.role,
    gateway: region.rooms,
    turn: region.turn,
    ...(home === undefined || isFenced ? {} : { meet: home.web }),
    homes: {
      primary: primary.stack,
      ...(other === undefined ? {} : { standby: other.stack }),
      ...(config.fleet.stores.kind === "external"
        ? { actives: actives.map(({ stack }) => stack) }
        : {}),
    },
    // Route 53 refuses a second PRIMARY: the region before has it until it returns.
    ...(config.role === "primary" && fenced !== undefined
      ? { failover: "SECONDARY" as const }
      : {}),
    regions: [config, ...config.siblings],
    ...(dns.provider === "cloudflare"
      ? { cloudflare: { intervalSeconds: dns.monitorIntervalSeconds, plan: dns.plan } }
      : {}),
    globalAfter: [region.rooms, region.turn, ...(home === undefined ? [] : [home.web])],
    tags,
  });
}
